"""`meter-hub`: serve the hub, register systems, devices and meters, look up a month, print the receipt key."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.clock import now_ms
from hub.config import HubSettings, parse_broker, parse_listen
from hub.errors import HubError, InputError
from hub.keys import ensure_receipt_key
from hub.rules.instants import format_instant
from hub.rules.periods import parse_month
from hub.services.compute_production import compute_month
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.services.read_fleet import read_devices, read_meters
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import registry
from hub.web import models
from hub.web.formats import kilowatt_hours
from protocol.custody.receiver import SafePolicy
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from hub.store.database import Database

EXIT_WRONG_INPUT = 2
NO_BROKER = "none"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
system_app = typer.Typer(no_args_is_help=True, help="Generating systems.")
device_app = typer.Typer(no_args_is_help=True, help="Devices that read meters.")
meter_app = typer.Typer(no_args_is_help=True, help="Meters of systems.")
app.add_typer(system_app, name="system")
app.add_typer(device_app, name="device")
app.add_typer(meter_app, name="meter")

Data = Annotated[Path, typer.Option("--data", envvar="METER_HUB_DATA", help="The hub's folder.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DEFAULT_DATA = Path("hub-data")


def main() -> None:
    """Run `meter-hub`; what a person or the world caused is one sentence and exit code 2."""
    try:
        app()
    except HubError as error:
        typer.echo(f"meter-hub: {error}", err=True)
        sys.exit(EXIT_WRONG_INPUT)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"meter-hub {version('meterline')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    pass


@app.command()
def serve(  # noqa: PLR0913 - one option each, Typer calls by name
    data: Data = DEFAULT_DATA,
    broker: Annotated[
        str, typer.Option(help="The broker to hear, or `none` for pages only.")
    ] = "mqtt://127.0.0.1:1883",
    listen: Annotated[
        str, typer.Option(help="Where pages and API answer; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    safe: Annotated[
        SafePolicy,
        typer.Option(
            help="When devices may let go of blocks: `hold`, not before a verified backup; `commit`, once stored here."
        ),
    ] = SafePolicy.HOLD,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more than warnings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take blocks from the broker, and serve pages and API until told to end."""
    # The server and its imports are wanted by this command only.
    from hub.serve import serve as run_server  # noqa: PLC0415

    settings = HubSettings(
        data_folder=data.absolute(),
        broker=None if broker == NO_BROKER else parse_broker(broker),
        listen=parse_listen(listen),
        safe=safe,
    )
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )

    def announce(url: str) -> None:
        typer.echo(json.dumps({"url": url}) if as_json else f"Meterline hub: {url}")
        sys.stdout.flush()

    run_server(settings, announce)


@app.command()
def key(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Print the public key of the hub's receipts as PEM, for the devices; made on first use."""
    public = ensure_receipt_key(data).public
    pem = public.to_pem().decode("ascii")
    typer.echo(json.dumps({"key_id": public.key_id.hex(), "pem": pem}) if as_json else pem, nl=as_json)


@app.command()
def month(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    production_month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Print what a system generated in a month, and the two readings it comes from."""
    wanted = parse_month(production_month)
    with _open(data, create=False) as database, database.read() as connection:
        computed = compute_month(connection, system, wanted)
    shown = models.month_json(computed)
    if as_json:
        _print_json(shown)
        return
    energy = "no number" if shown.production_wh is None else kilowatt_hours(shown.production_wh)
    typer.echo(f"{shown.system} {shown.month}: {energy} ({'complete' if shown.complete else 'not complete'})")
    for meter in shown.meters:
        for label, reading in (("from", meter.opening), ("to", meter.closing)):
            if reading is not None:
                typer.echo(f"  meter {meter.meter} {label} {kilowatt_hours(reading.register_wh)} at {reading.read_at}")
        typer.echo(f"  {meter.basis}")
        for finding in meter.findings:
            typer.echo(f"  {finding.code}: {finding.text}")


@system_app.command("add")
def add_system(
    pts_id: Annotated[str, typer.Argument(help="PTS id of the system.")],
    capacity_kw_dc: Annotated[str, typer.Option(help="Nameplate in kW DC, such as 7.5.")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a generating system."""
    with _open(data) as database:
        system = register_system(database, pts_id, name, capacity_kw_dc, now_ms())
    if as_json:
        _print_json(models.system_json(system, ()))
    else:
        typer.echo(f"system {system.pts_id} {system.name!r}, {system.capacity_kw_dc} kW DC")


@system_app.command("list")
def list_systems(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the registered systems."""
    with _open(data, create=False) as database, database.read() as connection:
        systems = [
            models.system_json(system, registry.list_meters(connection, system.pts_id))
            for system in registry.list_systems(connection)
        ]
    if as_json:
        _print_json(models.SystemsJson(systems=systems))
        return
    rows = [(one.system, one.name, one.capacity_kw_dc, ", ".join(one.meters)) for one in systems]
    _print_table(("System", "Name", "kW DC", "Meters"), rows)


@device_app.command("add")
def add_device(
    key_file: Annotated[Path, typer.Option("--key", help="The device's public key, PEM.")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a device by its public key."""
    try:
        pem = key_file.read_bytes()
    except OSError as error:
        message = f"the key file {key_file} cannot be read: {error.strerror}; give the device's public key"
        raise InputError(message) from error
    with _open(data) as database:
        device = register_device(database, pem, name, now_ms())
    if as_json:
        typer.echo(json.dumps({"device": format_device_id(device.id), "name": device.name}))
    else:
        typer.echo(f"device {format_device_id(device.id)} {device.name!r}")


@device_app.command("list")
def list_devices(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the registered devices, and those heard but not registered."""
    with _open(data, create=False) as database, database.read() as connection:
        views = [models.device_json(view) for view in read_devices(connection, now_ms())]
        unknown = registry.list_unknown_devices(connection)
    if as_json:
        names = [format_device_id(device.id) for device in unknown]
        typer.echo(json.dumps({"devices": [view.model_dump() for view in views], "unknown": names}))
        return
    rows = [(view.device, view.name, view.link, view.heard_at or "", str(view.backlog_blocks)) for view in views]
    rows += [
        (format_device_id(device.id), "not registered", "", format_instant(device.last_seen_at), "")
        for device in unknown
    ]
    _print_table(("Device", "Name", "Link", "Last heard", "Backlog"), rows)


@meter_app.command("add")
def add_meter(  # noqa: PLR0913, PLR0917 - one option each, Typer calls by name
    system: Annotated[str, typer.Option(help="PTS id of the system the meter belongs to.")],
    device: Annotated[str, typer.Option(help="Id of the device that reads it.")],
    serial: Annotated[str, typer.Option(help="Serial number, as read from the meter.")],
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    model: Annotated[str, typer.Option(help="Model, likewise.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a meter of a system; readings that came before count too."""
    with _open(data) as database:
        meter = register_meter(database, MeterRequest(system, device, serial, make, model), now_ms())
    if as_json:
        typer.echo(
            json.dumps({"meter": meter.serial, "system": meter.system, "device": format_device_id(meter.device)})
        )
    else:
        typer.echo(f"meter {meter.serial} of system {meter.system}, read by device {format_device_id(meter.device)}")


@meter_app.command("list")
def list_meters(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the meters, registered or only read."""
    with _open(data, create=False) as database, database.read() as connection:
        meters = [models.meter_json(view, None) for view in read_meters(connection)]
    if as_json:
        _print_json(models.MetersJson(meters=meters))
        return
    rows = [
        (
            one.serial,
            f"{one.make} {one.model}",
            one.system or "not registered",
            one.device,
            kilowatt_hours(one.last_reading.register_wh) if one.last_reading else "",
            one.last_reading.read_at if one.last_reading else "",
        )
        for one in meters
    ]
    _print_table(("Serial", "Make and model", "System", "Device", "Register", "Read at"), rows)


@contextmanager
def _open(folder: Path, *, create: bool = True) -> Iterator[Database]:
    database = open_hub(folder, new_timeline=secrets.token_bytes(TIMELINE_LENGTH), at=now_ms(), create=create)
    try:
        yield database
    finally:
        database.close()


def _print_json(shown: BaseModel) -> None:
    typer.echo(shown.model_dump_json(by_alias=True))


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
