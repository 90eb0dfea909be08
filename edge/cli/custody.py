"""Custody by hand: `meter-edge export` and `take-receipts` for a site whose way to the hub is dead, and `new-epoch`."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.author import load_author
from edge.cli.terminal import AsJson, ConfigPath
from edge.clock import SystemClock
from edge.config import DEFAULT_CONFIG, load_config
from edge.export import read_receipt_file, write_whole
from edge.journal import JournalError, Meaning, open_journal, read_export, take_receipts
from edge.keys import load_hub_key
from edge.service import EXIT_WRONG_INPUT
from protocol.custody.sender import RetryPolicy
from protocol.messages import GenesisReason

if TYPE_CHECKING:
    from edge.journal import Export, Taken

_SENTENCES = {
    Meaning.APPLIED: "taken",
    Meaning.KNOWN: "says what was known already",
    Meaning.STALE: "says less than is known, or comes from another life of the hub: the agent will ask the hub itself",
    Meaning.REFUSED: "the hub takes nothing from this device: register it there with `meter-hub device add`",
    Meaning.CONTRADICTS: "the hub holds another history of this log: the agent settles that when it reaches the hub",
    Meaning.FOREIGN: "is of another device, or of a log that is not in this journal",
    Meaning.FORGED: "was not signed by our hub",
}

app = typer.Typer()


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the sealed blocks, such as on a stick.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every block held, not just what the hub lacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the sealed blocks that the hub has not committed to a file, also beside a running agent."""
    taken = read_export(load_config(config).journal_path, everything=everything)
    if taken.blocks:
        write_whole(file, b"".join(taken.blocks))
    if as_json:
        typer.echo(json.dumps(_to_json(file, taken)))
        return
    for epoch in taken.epochs:
        span = f"{epoch.blocks} blocks from {epoch.first} to {epoch.last}"
        lost = f", {epoch.damaged} damaged ones left out" if epoch.damaged else ""
        typer.echo(
            f"epoch {epoch.epoch.hex()}: {span}{lost}; sealed through {epoch.head}, the hub has {epoch.committed}"
        )
    if taken.blocks:
        typer.echo(f"{file} holds {len(taken.blocks)} blocks: take it in with `meter-hub import {file}`")
    else:
        typer.echo("the hub has every sealed block: nothing was written")
    if taken.open_polls:
        typer.echo(f"{taken.open_polls} polls are not sealed yet, and so not among them")


@app.command("take-receipts")
def take(
    file: Annotated[Path, typer.Argument(help="What `meter-hub import --receipts` wrote.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    as_json: AsJson = False,
) -> None:
    """Take the hub's word from a file, while no agent is running; what it had said before is never taken back."""
    agent = load_config(config)
    held = read_receipt_file(file)
    results = take_receipts(agent.journal_path, held.receipts, load_hub_key(agent.hub_key))
    if as_json:
        typer.echo(json.dumps({"receipts": [_taken_json(taken) for taken in results], "broken": held.broken or None}))
    else:
        for number, taken in enumerate(results, start=1):
            typer.echo(f"receipt {number}: {_SENTENCES[taken.meaning]}{_marks(taken)}")
    if held.broken:
        typer.echo(f"meter-edge: {held.broken}; what came before was taken", err=True)
        raise typer.Exit(EXIT_WRONG_INPUT)


@app.command("new-epoch")
def new_epoch(config: ConfigPath = DEFAULT_CONFIG, *, as_json: AsJson = False) -> None:
    """Begin a new epoch of the log, while no agent is running; what is not safe at the hub is sealed again in it."""
    agent = load_config(config)
    if not agent.journal_path.exists():
        message = f"there is no journal at {agent.journal_path} yet: the agent makes it when it runs for the first time"
        raise JournalError(message)
    author, clock = load_author(agent.key_path, agent.journal_path), SystemClock()
    here, copy = (agent.journal_path, author, clock.boot_id, clock.now()), agent.month_copy
    with closing(open_journal(*here, os.urandom, month_copy=copy)) as journal:
        before = journal.sender(RetryPolicy())
        epoch = journal.begin_epoch(GenesisReason.OPERATOR, clock.now(), os.urandom)
        again = journal.sender(RetryPolicy()).head
    if as_json:
        typer.echo(json.dumps({"epoch": epoch.hex(), "predecessor": before.epoch.hex(), "sealed_again": again}))
        return
    typer.echo(
        f"epoch {epoch.hex()} follows {before.epoch.hex()}, which is safe at the hub through block {before.safe};"
        f" {again} blocks above that are sealed again"
    )


def _marks(taken: Taken) -> str:
    if taken.epoch is None or taken.meaning is Meaning.FOREIGN:
        return ""
    return f"; epoch {taken.epoch.hex()} is committed through {taken.committed}, safe through {taken.safe}"


def _to_json(file: Path, taken: Export) -> dict[str, object]:
    return {
        "file": str(file) if taken.blocks else None,
        "blocks": len(taken.blocks),
        "bytes": sum(map(len, taken.blocks)),
        "open_polls": taken.open_polls,
        "epochs": [
            {
                "epoch": epoch.epoch.hex(),
                "head": epoch.head,
                "committed": epoch.committed,
                "blocks": epoch.blocks,
                "first": epoch.first,
                "last": epoch.last,
                "damaged": epoch.damaged,
            }
            for epoch in taken.epochs
        ],
    }


def _taken_json(taken: Taken) -> dict[str, object]:
    return {
        "meaning": str(taken.meaning),
        "epoch": None if taken.epoch is None else taken.epoch.hex(),
        "committed": taken.committed,
        "safe": taken.safe,
    }
