"""What every module of `meter-edge` commands shares: the common options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The agent's TOML file.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DEFAULT_CONFIG = Path("/etc/meter-edge/meter-edge.toml")
EXIT_WRONG_INPUT = 2
