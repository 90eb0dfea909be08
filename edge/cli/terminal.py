"""What every module of `meter-edge` commands shares: the common options, and what the hub changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
