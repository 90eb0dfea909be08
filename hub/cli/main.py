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
from rich.text import Text

from hub.clock import now_ms
from hub.config import HubSettings, parse_broker, parse_listen
from hub.errors import HubError, InputError
from hub.keys import ensure_receipt_key
from hub.rules.instants import format_instant
from hub.rules.periods import parse_month
from hub.services.compute_production import compute_month
from hub.services.end_meter import EndRequest, end_meter
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.services.read_fleet import read_devices, read_meters
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import registry
from hub.web import models
from hub.web.formats import kilowatt_hours, local_time
from protocol.custody.receiver import SafePolicy
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from hub.store.database import Database

EXIT_WRONG_INPUT = 2
NO_BROKER = "none"
PIPED_WIDTH = 10_000
"""Columns of a table that no terminal shows: more than any row needs, so that nothing is folded or cut."""

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
    if as_json:
        _print_json(models.month_json(computed))
        return
    production = computed.production
    energy = "no number" if production.production_wh is None else kilowatt_hours(production.production_wh)
    completeness = "complete" if production.complete else "not complete"
    lines = [f"{computed.system.pts_id} {production.month}: {energy} ({completeness})"]
    for part in computed.meters:
        for label, reading in (("from", part.production.opening), ("to", part.production.closing)):
            if reading is not None:
                register, read_at = kilowatt_hours(reading.register_wh), local_time(reading.read_at)
                lines.append(f"  meter {part.meter.serial} {label} {register} at {read_at}")
        lines.append(f"  {part.production.basis}")
        lines += [f"  {finding.kind}: {finding.text}" for finding in part.production.findings]
    for line in lines:
        typer.echo(_plain(line))


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
    print_table(("System", "Name", "kW DC", "Meters"), rows)


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
    print_table(("Device", "Name", "Link", "Last heard", "Backlog"), rows)


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
    """Register a meter of a system, or another device that reads it; readings that came before count too."""
    with _open(data) as database:
        meter = register_meter(database, MeterRequest(system, device, serial, make, model), now_ms())
    if as_json:
        typer.echo(
            json.dumps({"meter": meter.serial, "system": meter.system, "device": format_device_id(meter.device)})
        )
    else:
        typer.echo(f"meter {meter.serial} of system {meter.system}, read by device {format_device_id(meter.device)}")


@meter_app.command("end")
def end(  # noqa: PLR0913 - one option each, Typer calls by name
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    system: Annotated[str, typer.Option(help="PTS id of the system it belongs to.")],
    at: Annotated[str, typer.Option(help="When it was removed, such as 2016-07-12T16:00:00Z.")],
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """End a meter that was exchanged or removed: from then on months are complete without it."""
    with _open(data, create=False) as database:
        meter = end_meter(database, EndRequest(system, serial, at, make), now_ms())
    assert meter.read_until is not None, "it has just been ended"
    if as_json:
        until = format_instant(meter.read_until)
        typer.echo(json.dumps({"meter": meter.serial, "system": meter.system, "read_until": until}))
    else:
        typer.echo(_plain(f"meter {meter.serial} of system {meter.system} counts until {local_time(meter.read_until)}"))


@meter_app.command("list")
def list_meters(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the meters, registered or only read."""
    with _open(data, create=False) as database, database.read() as connection:
        views = read_meters(connection)
    if as_json:
        _print_json(models.MetersJson(meters=[models.meter_json(view, None) for view in views]))
        return
    rows = [
        (
            view.serial,
            f"{view.make} {view.model}",
            view.meter.system if view.meter else "not registered",
            local_time(view.meter.read_until) if view.meter and view.meter.read_until is not None else "",
            view.device_id,
            kilowatt_hours(view.last.register_wh) if view.last else "",
            local_time(view.last.read_at) if view.last else "",
        )
        for view in views
    ]
    print_table(("Serial", "Make and model", "System", "Until", "Device", "Register", "Read at"), rows)


@contextmanager
def _open(folder: Path, *, create: bool = True) -> Iterator[Database]:
    database = open_hub(folder, new_timeline=secrets.token_bytes(TIMELINE_LENGTH), at=now_ms(), create=create)
    try:
        yield database
    finally:
        database.close()


def _print_json(shown: BaseModel) -> None:
    typer.echo(shown.model_dump_json(by_alias=True))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in which every cell is whole: folded where the terminal is narrow, on one line in a pipe."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def _plain(text: str) -> str:
    """Return text for a terminal: no-break spaces as blanks, and nothing in it that the terminal would obey."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text.replace("\u00a0", " "))
