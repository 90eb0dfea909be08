"""`meter-verify`: check files of sealed blocks and evidence bundles with nothing but their bytes.

Exit code 0: every level asked holds. 1: one does not. 2: a file cannot be read, or is none of ours.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from protocol import sequence
from protocol.cose import VerifyingKey
from protocol.errors import ProtocolError
from protocol.evidence import is_head, read_head
from protocol.identity import format_device_id
from protocol.verification import Finding, Level, Report, Terms, arrange, verify
from protocol.verification.instants import utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.evidence import Claim

EXIT_NOT_VERIFIED = 1
EXIT_NOT_READABLE = 2
FILE_BYTES_MAX = 1 << 30
"""More than a century of one site; beyond it, it is not one of our files."""
FINDINGS_SHOWN_MAX = 100
PROGRESS_BLOCKS_MIN = 500
_LEVEL_NAMES = {Level.SIGNATURE: "signatures", Level.CHAIN: "chain", Level.PLAUSIBILITY: "plausibility"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class NotReadableError(Exception):
    """A file that cannot be read or holds nothing of ours; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: sealed messages, for an evidence bundle also claims and keys, and where it breaks off."""

    messages: tuple[bytes, ...]
    claims: tuple[Claim, ...] = ()
    hub_keys: tuple[VerifyingKey, ...] = ()
    enrolment_keys: tuple[VerifyingKey, ...] = ()
    broken: tuple[str, ...] = ()


def read_content(name: str, data: bytes) -> Content:
    """Return what the bytes of the file `name` hold; raises NotReadableError if no item of it can be read."""
    items, fault = sequence.split_whole(data)
    broken = (f"{name} can be read through its item {len(items)} only: {fault}",) if fault else ()
    if not items:
        message = f"{name} holds no sealed blocks: give a file from `meter-edge export` or `meter-hub evidence`"
        raise NotReadableError(message)
    if not is_head(items[0]):
        return Content(items, broken=broken)
    try:
        head = read_head(items[0])
        return Content(
            messages=items[1:],
            claims=head.claims,
            hub_keys=(VerifyingKey.from_spki(head.hub_key),),
            enrolment_keys=tuple(VerifyingKey.from_spki(spki) for spki in head.enrolment_keys),
            broken=broken,
        )
    except ProtocolError as error:
        message = f"{name} is neither a file of sealed blocks nor an evidence bundle: {error}"
        raise NotReadableError(message) from error


def _join(contents: Sequence[Content]) -> Content:
    return Content(
        messages=tuple(message for one in contents for message in one.messages),
        claims=tuple(claim for one in contents for claim in one.claims),
        hub_keys=tuple(key for one in contents for key in one.hub_keys),
        enrolment_keys=tuple(key for one in contents for key in one.enrolment_keys),
        broken=tuple(sentence for one in contents for sentence in one.broken),
    )


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # Not by its stated size: a pipe or a device has none.
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise NotReadableError(message) from error
    if len(data) > FILE_BYTES_MAX:
        message = f"{path} has more than {FILE_BYTES_MAX} bytes: that is none of our files"
        raise NotReadableError(message)
    return data


def _read_key(path: Path) -> VerifyingKey:
    try:
        return VerifyingKey.from_pem(_read_file(path))
    except ProtocolError as error:
        message = f"{path} is no public key: {error}"
        raise NotReadableError(message) from error


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"meter-verify {version('meterline')}")
        raise typer.Exit


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files of sealed blocks, or evidence bundles.")],
    hub_key: Annotated[Path | None, typer.Option(help="The hub's public receipt key, PEM, from its operator.")] = None,
    device_key: Annotated[
        list[Path] | None, typer.Option(help="A device's enrolment key, PEM, where its genesis is not in the file.")
    ] = None,
    level: Annotated[
        int, typer.Option(min=1, max=3, help="1: signatures, 2: the chain too, 3: plausibility too.")
    ] = int(Level.PLAUSIBILITY),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Verify sealed blocks: who signed them, that none is missing or moved, and that what they say can be true."""
    content = _join([read_content(str(path), _read_file(path)) for path in files])
    shelf = arrange(content.messages)
    if not shelf.blocks:
        message = f"{', '.join(map(str, files))}: no sealed block in {len(content.messages)} items"
        raise NotReadableError(message)
    given = None if hub_key is None else _read_key(hub_key)
    terms = Terms(
        level=Level(level),
        hub_key=given or next(iter(content.hub_keys), None),
        enrolment_keys=(*content.enrolment_keys, *map(_read_key, device_key or ())),
        claims=content.claims,
    )
    hidden = not sys.stderr.isatty() or shelf.block_count < PROGRESS_BLOCKS_MIN
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as progress:
        task = progress.add_task("Verifying", total=shelf.block_count)
        report = verify(shelf, terms, lambda: progress.advance(task))
    is_verified = report.verified and not content.broken
    from_bundle = given is None and terms.hub_key is not None
    if as_json:
        typer.echo(json.dumps(_to_json(report, content.broken, terms.hub_key, from_bundle=from_bundle)))
    else:
        for line in _lines(report, content.broken):
            typer.echo(_plain(line))
        if from_bundle and terms.hub_key is not None and shelf.receipts:
            key_id = terms.hub_key.key_id.hex()
            typer.echo(f"The receipt was checked with the hub key {key_id} out of the bundle itself: is it the hub's?")
    if not is_verified:
        raise typer.Exit(EXIT_NOT_VERIFIED)


def _lines(report: Report, broken: Sequence[str]) -> list[str]:
    """Return the report in plain words, its verdict last."""
    counts = report.counts
    span = "" if counts.from_at is None or counts.to_at is None else f", {utc(counts.from_at)} to {utc(counts.to_at)}"
    held = f"{_number(counts.blocks, 'block')}, {_number(counts.receipts, 'receipt')}"
    lines = [f"{held}, {_number(counts.readings, 'reading')} of {_number(counts.meters, 'meter')}{span}"]
    for epoch in report.epochs:
        blocks = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in epoch.stretches)
        shown = f"blocks {blocks}" if blocks else "no intact block"
        lines.append(f"device {format_device_id(epoch.device)}, epoch {epoch.epoch.hex()}: {shown}")
    lines += [f"error: {sentence}" for sentence in broken]
    lines += [_sentence(finding) for finding in report.findings[:FINDINGS_SHOWN_MAX]]
    if len(report.findings) > FINDINGS_SHOWN_MAX:
        lines.append(f"and {len(report.findings) - FINDINGS_SHOWN_MAX} findings more: --json shows all")
    for level in Level:
        if level <= report.asked:
            lines.append(f"level {level:d} ({_LEVEL_NAMES[level]}): {_verdict(report, level)}")
    if broken:
        lines.append("NOT VERIFIED: the file is not whole")
    elif report.verified:
        lines.append(f"verified through level {report.asked:d}")
    else:
        lines.append("NOT VERIFIED")
    return lines


def _verdict(report: Report, level: Level) -> str:
    if not report.holds(level):
        return "DOES NOT HOLD"
    rests_on_less = any(lower < level and not report.holds(lower) for lower in Level)
    return "no fault in what is intact" if rests_on_less else "holds"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _sentence(finding: Finding) -> str:
    place = finding.place
    where = "" if place is None else f"{format_device_id(place.device)} {place.epoch.hex()} block {place.seq}: "
    return f"{finding.severity}: {where}{finding.message}"


def _to_json(
    report: Report, broken: Sequence[str], hub_key: VerifyingKey | None, *, from_bundle: bool
) -> dict[str, object]:
    counts = report.counts
    return {
        "verified": report.verified and not broken,
        "levels": {
            str(level.value): {"name": _LEVEL_NAMES[level], "holds": report.holds(level)}
            for level in Level
            if level <= report.asked
        },
        "broken": list(broken),
        "blocks": counts.blocks,
        "receipts": counts.receipts,
        "readings": counts.readings,
        "meters": counts.meters,
        "from": None if counts.from_at is None else utc(counts.from_at),
        "to": None if counts.to_at is None else utc(counts.to_at),
        "hub_key": None if hub_key is None else {"key_id": hub_key.key_id.hex(), "from_bundle": from_bundle},
        "epochs": [
            {
                "device": format_device_id(epoch.device),
                "epoch": epoch.epoch.hex(),
                "stretches": [list(stretch) for stretch in epoch.stretches],
            }
            for epoch in report.epochs
        ],
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, object]:
    place = finding.place
    return {
        "severity": str(finding.severity),
        "level": finding.level.value,
        "device": None if place is None else format_device_id(place.device),
        "epoch": None if place is None else place.epoch.hex(),
        "seq": None if place is None else place.seq,
        "message": finding.message,
    }


def _plain(text: str) -> str:
    """Return text with nothing in it that a terminal would obey: part of it comes out of files."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def main() -> None:
    """Run `meter-verify`; a file that cannot be read ends with one sentence and exit code 2."""
    try:
        app()
    except NotReadableError as error:
        typer.echo(f"meter-verify: {_plain(str(error))}", err=True)
        sys.exit(EXIT_NOT_READABLE)
