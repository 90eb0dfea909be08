"""Options that say which devices are meant, the same for every command that takes a filter."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.fleet.axes import Axis

Search = Annotated[str, typer.Option(help="A part of their name, or the serial number of a meter they read.")]
Version = Annotated[str, typer.Option(help="The agent that they run.")]
Tag = Annotated[str, typer.Option(help="A tag that they have.")]
OfAxis = Annotated[Axis | None, typer.Option("--axis", help="An axis on which they stand as --stands says.")]
Stands = Annotated[str, typer.Option(help="Where on it they stood when the hub last looked, such as silent.")]
