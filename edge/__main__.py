"""`meter-edge`, also as `python -m edge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Run the command line; where the edge's libraries are not installed, say in one sentence how to install them.

    `run` goes straight to the agent, which then never loads what the other commands need. Whatever is not a plain
    `run` or `run --config FILE` (a mistake, `--help`) is for the command line proper, which knows the same command.
    """
    try:
        if _is_plain_run(sys.argv[1:]):
            from edge.lean import lean_imports  # noqa: PLC0415 - loaded only here

            with lean_imports():
                from edge.service import main as serve  # noqa: PLC0415 - loaded only here

            serve(*map(Path, sys.argv[3:]))
            return
        from edge.cli import main as run  # noqa: PLC0415 - the import is what may fail
    except ModuleNotFoundError as error:
        sys.exit(
            f"meter-edge: {error.name} is not installed here; install the agent with: pip install 'meterline[edge]'"
        )
    run()


def _is_plain_run(arguments: Sequence[str]) -> bool:
    match arguments:
        case ["run"]:
            return True
        case ["run", "--config" | "-c", path]:
            return not path.startswith("-")
    return False


if __name__ == "__main__":
    main()
