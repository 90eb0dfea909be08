"""What every module of `meter-edge` commands shares: the common options, and what the hub changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from edge.journal import Configuration

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The agent's TOML file.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def spell_configuration(in_force: Configuration) -> dict[str, object]:
    """Return what the hub changed, for machines."""
    return {
        "config_version": in_force.version,
        "config_changes": dict(in_force.changes),
        "config_on_trial": in_force.trial is not None,
    }


def show_configuration(in_force: Configuration) -> None:
    """Say what the hub changed, if it did."""
    if in_force.version:
        trial = ", on trial until the hub is heard" if in_force.trial else ""
        changes = ", ".join(f"{name} = {value}" for name, value in in_force.changes.items())
        typer.echo(f"configuration {in_force.version} of command {in_force.command} is in force{trial}: {changes}")


def narrow_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, folding: Container[str]) -> Table:
    """Return a table whose columns `folding` alone give up width: a number or an id cut short is worse than none."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for head in heads:
        table.add_column(head, no_wrap=head not in folding, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
