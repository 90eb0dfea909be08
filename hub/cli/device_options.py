"""Options that say which devices are meant, the same for every command that takes a filter."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.store.device_list import Heard

Search = Annotated[str, typer.Option(help="A part of their name, or the serial number of a meter they read.")]
Link = Annotated[Heard | None, typer.Option(help="How they are heard.")]
Version = Annotated[str, typer.Option(help="The agent that they run.")]
Tag = Annotated[str, typer.Option(help="A tag that they have.")]
