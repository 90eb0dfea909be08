"""`meter-hub device` and `meter`: what the hub knows because somebody told it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.device_options import OfAxis, Search, Stands, Tag, Version
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError
from hub.fleet.axes import stand_at
from hub.formats import kilowatt_hours, local_time
from hub.models import fleet as models
from hub.rules.instants import format_instant
from hub.services.end_meter import EndRequest, end_meter
from hub.services.read_devices import read_devices
from hub.services.read_meters import read_meters
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.resolve_device import resolve_device
from hub.store import device_list, device_tags, registry
from hub.store.device_list import EVERY_DEVICE, DeviceFilter
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_DEVICES_AT_ONCE = 500

device_app = typer.Typer(no_args_is_help=True, help="Devices that read meters.")
meter_app = typer.Typer(no_args_is_help=True, help="Meters of systems.")


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
    with open_data(data) as database:
        device = register_device(database, pem, name, now_ms(), actor())
    if as_json:
        typer.echo(json.dumps({"device": format_device_id(device.id), "name": device.name}))
    else:
        typer.echo(f"device {format_device_id(device.id)} {device.name!r}")


@device_app.command("list")
def list_devices(
    search: Search = "",
    version: Version = "",
    tag: Tag = "",
    axis: OfAxis = None,
    stands: Stands = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List the registered devices that match; without a filter also those that were heard and are not registered."""
    wanted = DeviceFilter(search.strip(), version, tag, stand_at(axis, stands))
    with open_data(data, create=False) as database, database.read() as connection:
        views = list(_each_device(connection, wanted, now_ms()))
        unknown = registry.list_unknown_devices(connection) if wanted == EVERY_DEVICE else ()
    if as_json:
        names = [format_device_id(device.id) for device in unknown]
        typer.echo(json.dumps({"devices": [view.model_dump() for view in views], "unknown": names}))
        return
    rows = [
        (view.device, view.name, view.link, view.heard_at or "", str(view.backlog_blocks), " ".join(view.tags))
        for view in views
    ]
    rows += [
        (format_device_id(device.id), "not registered", "", format_instant(device.last_seen_at), "", "")
        for device in unknown
    ]
    print_table(("Device", "Name", "Link", "Last heard", "Backlog", "Tags"), rows)


def _each_device(connection: Connection, wanted: DeviceFilter, now: int) -> Iterator[models.DeviceJson]:
    after = None
    while True:
        found = device_list.list_page(connection, wanted, after=after, limit=_DEVICES_AT_ONCE)
        tags = device_tags.tags_of(connection, [one.id for one in found])
        for view in read_devices(connection, now, found):
            yield models.device_json(view, tags.get(view.device.id, ()))
        if len(found) < _DEVICES_AT_ONCE:
            return
        after = (found[-1].name, bytes(found[-1].id))


@device_app.command("resolve")
def resolve(
    device: Annotated[str, typer.Argument(help="Id of the contested device.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Hold a contested device for itself again, once only one of the two that spoke for it is left."""
    with open_data(data, create=False) as database:
        resolved = resolve_device(database, device, now_ms(), actor())
    if as_json:
        typer.echo(json.dumps({"device": format_device_id(resolved.id), "contested": False}))
    else:
        typer.echo(plain(f"device {format_device_id(resolved.id)} {resolved.name!r} is contested no longer"))


@meter_app.command("add")
def add_meter(
    system: Annotated[str, typer.Option(help="PTS id of the system the meter belongs to.")],
    serial: Annotated[str, typer.Option(help="Serial number, as read from the meter.")],
    device: Annotated[str, typer.Option(help="Id of the device that reads it; none where people do.")] = "",
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    model: Annotated[str, typer.Option(help="Model, likewise.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a meter of a system, or another device that reads it; readings that came before count too."""
    with open_data(data) as database:
        meter = register_meter(database, MeterRequest(system, device, serial, make, model), now_ms(), actor())
    reader = "" if meter.device is None else format_device_id(meter.device)
    if as_json:
        typer.echo(json.dumps({"meter": meter.serial, "system": meter.system, "device": reader}))
    else:
        by = f"device {reader}" if reader else "people"
        typer.echo(f"meter {meter.serial} of system {meter.system}, read by {by}")


@meter_app.command("end")
def end(
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    system: Annotated[str, typer.Option(help="PTS id of the system it belongs to.")],
    at: Annotated[str, typer.Option(help="When it was removed, such as 2016-07-12T16:00:00Z.")],
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """End a meter that was exchanged or removed: from then on months are complete without it."""
    with open_data(data, create=False) as database:
        meter = end_meter(database, EndRequest(system, serial, at, make), now_ms(), actor())
    assert meter.read_until is not None, "it has just been ended"
    if as_json:
        until = format_instant(meter.read_until)
        typer.echo(json.dumps({"meter": meter.serial, "system": meter.system, "read_until": until}))
    else:
        typer.echo(plain(f"meter {meter.serial} of system {meter.system} counts until {local_time(meter.read_until)}"))


@meter_app.command("list")
def list_meters(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the meters, registered or only read."""
    with open_data(data, create=False) as database, database.read() as connection:
        views = read_meters(connection)
    if as_json:
        print_json(models.MetersJson(meters=[models.meter_json(view, None) for view in views]))
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
