"""What works in a configuration and could be better."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edge.settings import SerialLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.settings import BusSettings

BY_ID = Path("/dev/serial/by-id")
_NUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+")


def advise(buses: Sequence[BusSettings], by_id: Path = BY_ID) -> tuple[str, ...]:
    """Return one sentence for each bus whose USB adapter is named by a number that a restart may give to another."""
    return tuple(
        _advise_port(bus, by_id) for bus in buses if isinstance(bus, SerialLine) and _NUMBERED.fullmatch(bus.port)
    )


def _advise_port(line: SerialLine, by_id: Path) -> str:
    link = _link_to(Path(line.port), by_id)
    remedy = f"name it by its link in {by_id}" if link is None else f'write port = "{link}"'
    return f"bus {line.name!r}: {line.port} may be another adapter after a restart or on another plug; {remedy}"


def _link_to(port: Path, by_id: Path) -> Path | None:
    try:
        links = sorted(by_id.iterdir())
    except OSError:
        return None
    return next((link for link in links if link.resolve() == port.resolve()), None)
