"""`meter-hub import` and `meter-hub evidence`: blocks in from a file, and the proof of a reported number out to one."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, open_data, plain
from hub.clock import now_ms
from hub.errors import InputError
from hub.files import sync_folder, write_synced
from hub.keys import ensure_receipt_key
from hub.rules.periods import parse_month
from hub.rules.reading_names import ReadingName, parse_reading_name
from hub.services.accept_blocks import Terms
from hub.services.export_evidence import Issuer, choose_readings, export_evidence, month_readings
from hub.services.import_file import BlockFile, Imported, import_file
from hub.store import registry
from protocol import sequence, wire
from protocol.custody.receiver import SafePolicy
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.services.export_evidence import Evidence
    from hub.store.database import Database
    from hub.store.named_readings import NamedReading
    from protocol.identity import DeviceId

EXIT_BROKEN = 2
FILE_BYTES_MAX = 1 << 30
"""More than a century of one site; beyond it, it is not one of our files."""
PROGRESS_BYTES_MIN = 1 << 20
WINDOW = 16
"""Blocks a device may offer next over the network, as `serve` grants: a file has no use for it."""

app = typer.Typer()


@app.command("import")
def import_blocks(
    file: Annotated[Path, typer.Argument(help="What `meter-edge export` wrote.")],
    receipts: Annotated[
        Path | None, typer.Option(help="Write the receipts here, for `meter-edge take-receipts`.")
    ] = None,
    safe: Annotated[
        SafePolicy, typer.Option(help="As for `serve`: `commit` only where each commit is replicated.")
    ] = SafePolicy.HOLD,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Take custody of the blocks in a file, also beside a running `serve`; doing it again changes nothing."""
    source = BlockFile(str(file), _read_file(file))
    hidden = not sys.stderr.isatty() or len(source.data) < PROGRESS_BYTES_MIN
    with (
        open_data(data, create=False) as database,
        Progress(console=Console(stderr=True), transient=True, disable=hidden) as progress,
    ):
        task = progress.add_task("Taking blocks", total=len(source.data))
        terms = Terms(safe=safe, window=WINDOW, window_backfill=WINDOW, pace_ms=0, timeline=_timeline(database))
        imported = import_file(database, source, terms, now_ms, lambda at: progress.update(task, completed=at))
    # Told first: if the receipts cannot be written, the blocks were taken all the same.
    _tell_imported(imported, as_json=as_json)
    if receipts is not None and imported.receipts:
        key = ensure_receipt_key(data)
        write_whole(receipts, sequence.join(wire.seal_receipt(one, key) for one in imported.receipts))
    if imported.broken:
        typer.echo(plain(f"meter-hub: {imported.broken}; what came before was taken"), err=True)
        raise typer.Exit(EXIT_BROKEN)


@app.command()
def evidence(
    out: Annotated[Path, typer.Option(help="Write the bundle here; it is checked with `meter-verify`.")],
    reading: Annotated[
        list[str] | None, typer.Option(help="Name of a reading, as `month --json` and the API show it.")
    ] = None,
    month: Annotated[
        tuple[str, str] | None, typer.Option(metavar="PTS_ID YYYY-MM", help="Both readings of each meter of a month.")
    ] = None,
    device: Annotated[str, typer.Option(help="Id of the device, if several read a meter of that name.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    full: Annotated[bool, typer.Option("--full", help="Put in the whole chain from the genesis on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the evidence behind reported readings: blocks, keys, descriptor, and a receipt, to be checked by anyone."""
    if bool(reading) == (month is not None):
        message = "say whose evidence: either --reading NAME, once or more, or --month PTS_ID YYYY-MM"
        raise InputError(message)
    taken_by = _parse_device(device) if device else None
    names = [parse_reading_name(name) for name in reading or ()]
    with open_data(data, create=False) as database:
        issuer = Issuer(ensure_receipt_key(data), _timeline(database), now_ms())
        with database.read() as connection:
            chosen = _choose(connection, names, month, taken_by)
            made = export_evidence(connection, chosen, issuer, full=full)
    write_whole(out, made.bundle)
    _tell_evidence(out, made, as_json=as_json)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, replacing a file of that name; raises InputError.

    A folder or a device is not replaced.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        if path.exists() and not path.is_file():
            message = f"{path} is no ordinary file: name a new one, in a folder that you may write to"
            raise InputError(message)
        try:
            write_synced(draft, content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; name a file in a folder that you may write to"
        raise InputError(message) from error


def _choose(
    connection: Connection, names: list[ReadingName], month: tuple[str, str] | None, device: DeviceId | None
) -> tuple[NamedReading, ...]:
    if month is not None:
        pts_id, production_month = month
        return month_readings(connection, pts_id, parse_month(production_month))
    return tuple(one for name in dict.fromkeys(names) for one in choose_readings(connection, name, device))


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # Not by its stated size: a pipe or a device has none.
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; name a file that `meter-edge export` wrote"
        raise InputError(message) from error
    if len(data) > FILE_BYTES_MAX:
        message = f"{path} has more than {FILE_BYTES_MAX} bytes: that is none of our files"
        raise InputError(message)
    return data


def _parse_device(text: str) -> DeviceId:
    try:
        return parse_device_id(text)
    except IdentityError as error:
        raise InputError(str(error)) from error


def _timeline(database: Database) -> bytes:
    with database.read() as connection:
        timeline = registry.find_timeline(connection)
    assert timeline is not None, "an opened hub has a timeline"
    return timeline


def _tell_imported(imported: Imported, *, as_json: bool) -> None:
    if as_json:
        shown = {
            "blocks": imported.blocks,
            "new": imported.new,
            "held": imported.held,
            "aside": imported.aside,
            "refused": imported.refused,
            "damaged": imported.damaged,
            "rejected": imported.rejected,
            "reasons": list(imported.reasons),
            "receipts": [
                {
                    "device": format_device_id(receipt.device),
                    "epoch": receipt.epoch.hex(),
                    "committed": receipt.committed,
                    "safe": receipt.safe,
                    "code": receipt.code.name.lower(),
                }
                for receipt in imported.receipts
            ],
            "broken": imported.broken or None,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(
        f"{imported.blocks} blocks: {imported.new} new, {imported.held} already held, {imported.aside} set aside, "
        f"{imported.refused} refused, {imported.rejected} left out; {imported.damaged} of them damaged"
    )
    for sentence in imported.reasons:
        typer.echo(plain(f"  {sentence}"))
    for receipt in imported.receipts:
        typer.echo(
            f"device {format_device_id(receipt.device)}, epoch {receipt.epoch.hex()}: committed through "
            f"{receipt.committed}, safe through {receipt.safe}"
        )


def _tell_evidence(path: Path, made: Evidence, *, as_json: bool) -> None:
    names = [str(ReadingName(claim.serial, claim.obis, claim.read_at)) for claim in made.claims]
    if as_json:
        claims = [
            {
                "name": name,
                "raw": claim.raw,
                "register_wh": claim.value,
                "device": format_device_id(claim.device),
                "epoch": claim.epoch.hex(),
                "seq": claim.seq,
            }
            for name, claim in zip(names, made.claims, strict=True)
        ]
        shown = {"file": str(path), "claims": claims, "blocks": made.blocks, "receipts": made.receipts}
        typer.echo(json.dumps(shown))
        return
    for name, claim in zip(names, made.claims, strict=True):
        typer.echo(plain(f"{name} = {claim.value} Wh (count {claim.raw}), block {claim.seq}"))
    typer.echo(plain(f"{path}: {made.blocks} blocks, {made.receipts} receipts; check it with `meter-verify {path}`"))
