"""`meter-hub backup`, `restore` and `drill`: a copy that was proved by reading it back, and a hub from such a copy."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain
from hub.clock import now_ms
from hub.formats import count
from hub.rules.instants import format_instant
from hub.services.back_up import back_up
from hub.services.drill_restore import DrillRequest, drill_restore
from hub.services.open_hub import TIMELINE_LENGTH
from hub.services.restore_backup import RestoreRequest, describe_next, restore_backup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.services.check_backup import Progress, Step

app = typer.Typer()


@app.command()
def backup(
    target: Annotated[Path, typer.Option("--to", help="Folder of the backups, on another disk.")],
    keep: Annotated[int | None, typer.Option(help="Keep no more than this many; all unless given.", min=1)] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Back the hub up beside a running `serve`, read the backup back, and let devices release what it holds."""
    with open_data(data, create=False) as database, _bars() as progress:
        done = back_up(database, target, keep=keep, now=now_ms, progress=progress)
    made = done.backup
    if as_json:
        shown = {
            "path": made.path,
            "made_at": format_instant(made.made_at),
            "verified_at": format_instant(made.verified_at),
            "streams": done.streams,
            "streams_advanced": done.streams_advanced,
            "blocks": made.blocks,
            "readings": made.readings,
            "removed": [str(path) for path in done.removed],
            "same_disk": done.same_disk,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"backup {made.path} holds {_held(made.blocks, done.streams, made.readings)}, read back and found whole")
    typer.echo(plain(f"devices may let go of more of {count(done.streams_advanced, 'stream')} since"))
    for path in done.removed:
        typer.echo(f"removed {path}")
    if done.same_disk:
        typer.echo("it lies on the same disk as the hub, and would be lost with it: name a folder on another", err=True)


@app.command()
def restore(
    source: Annotated[Path, typer.Option("--from", help="A backup's folder, as `backup` printed it.")],
    data: Annotated[Path, typer.Option("--data", help="The new hub's folder, empty or not there yet.")],
    *,
    older: Annotated[bool, typer.Option("--older", help="Although a newer backup lies beside it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin a new hub from a backup; devices then send again what came after it."""
    request = RestoreRequest(source, data, secrets.token_bytes(TIMELINE_LENGTH), now_ms(), older, actor())
    with _bars() as progress:
        restored = restore_backup(request, progress)
    if as_json:
        shown = {
            "data": str(data.absolute()),
            "made_at": format_instant(restored.made_at),
            "timeline": request.timeline.hex(),
            "streams": restored.streams,
            "blocks": restored.blocks,
            "readings": restored.readings,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"{data} holds {_held(restored.blocks, restored.streams, restored.readings)}")
    typer.echo(f"next: {describe_next(restored)}")


@app.command()
def drill(
    source: Annotated[Path, typer.Option("--from", help="A backup's folder, as `backup` printed it.")],
    room: Annotated[
        Path, typer.Option("--in", help="A folder with room for the whole hub; the copy in it goes again.")
    ],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Restore a backup beside a running `serve` as if the hub were lost, throw it away, and keep that it went well."""
    request = DrillRequest(source, room, secrets.token_bytes(TIMELINE_LENGTH), now_ms(), actor())
    with open_data(data, create=False) as database, _bars() as progress:
        done = drill_restore(database, request, progress)
    if as_json:
        shown = {
            "path": done.path,
            "made_at": format_instant(done.made_at),
            "drilled_at": format_instant(done.drilled_at),
            "blocks": done.blocks,
            "readings": done.readings,
        }
        typer.echo(json.dumps(shown))
        return
    typer.echo(
        plain(
            f"{done.path} could be restored: {count(done.blocks, 'block')} and {count(done.readings, 'reading')}; the "
            "copy is gone again"
        )
    )


def _held(blocks: int, streams: int, readings: int) -> str:
    return plain(f"{count(blocks, 'block')} of {count(streams, 'stream')} and {count(readings, 'reading')}")


@contextmanager
def _bars() -> Iterator[Progress]:
    """Yield a function that shows on a terminal how far each step has come."""
    console = Console(stderr=True)
    with Bars(console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks: dict[Step, TaskID] = {}

        def show(step: Step, number: int, of: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(str(step), total=of)
            bars.update(tasks[step], completed=number, total=of)

        yield show
