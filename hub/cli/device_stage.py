"""`meter-hub device maintain`, `retire`, `resume` and `tag`: what people say of a device in the field."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json
from hub.clock import now_ms
from hub.fleet.lifecycle import Said, Word
from hub.fleet.tags import Retagging, parse_tag
from hub.formats import local_time
from hub.models.device_stages import DeviceTagsJson, staged_json
from hub.rules.instants import parse_instant
from hub.services.say_of_device import Staged, say_of_device
from hub.services.tag_device import tag_device
from protocol.identity import format_device_id

app = typer.Typer()

Device = Annotated[str, typer.Argument(help="Id of the device.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]


@app.command("maintain")
def maintain(
    device: Device,
    until: Annotated[str, typer.Option(help="When it ends by itself, such as 2026-12-01T12:00:00Z.")],
    reason: Reason,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Put a device under maintenance until an instant: until then nobody is told that it is silent."""
    _say(device, Said(Word.MAINTAIN, parse_instant(until)), reason, data, as_json=as_json)


@app.command("retire")
def retire(device: Device, reason: Reason, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Decommission a device: it is not watched any more; what it still sends is taken into custody as ever."""
    _say(device, Said(Word.RETIRE), reason, data, as_json=as_json)


@app.command("resume")
def resume(device: Device, reason: Reason, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Take a device out of maintenance early, or into service again after it was decommissioned."""
    _say(device, Said(Word.RESUME), reason, data, as_json=as_json)


@app.command("tag")
def tag(
    device: Device,
    put_on: Annotated[list[str] | None, typer.Option("--add", help="A tag to put on; may be repeated.")] = None,
    take_off: Annotated[list[str] | None, typer.Option("--remove", help="A tag to take off; may be repeated.")] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Put tags on a device or take them off, and show those that it has."""
    wish = Retagging(tuple(map(parse_tag, put_on or ())), tuple(map(parse_tag, take_off or ())))
    with open_data(data, create=False) as database:
        tags = tag_device(database, device, wish, actor=actor(), now=now_ms())
    if as_json:
        print_json(DeviceTagsJson(device=device, tags=list(tags)))
    else:
        typer.echo(plain(f"device {device}: {' '.join(tags) or 'no tag'}"))


def _say(device: str, said: Said, reason: str, data: Data, *, as_json: bool) -> None:
    with open_data(data, create=False) as database:
        staged = say_of_device(database, device, said, actor=actor(), now=now_ms(), reason=reason)
    if as_json:
        print_json(staged_json(staged))
    else:
        typer.echo(plain(_tell(staged)))


def _tell(staged: Staged) -> str:
    until = "" if staged.until_at is None else f" until {local_time(staged.until_at)}"
    return f"device {format_device_id(staged.device.id)} {staged.device.name!r}: {staged.stage}{until}"
