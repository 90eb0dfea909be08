"""A line that cannot start says why and leaves nothing running."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulators.clock import AS_FAST_AS_POSSIBLE
from simulators.errors import LineError
from simulators.line import Line, LinePlan
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIES = MeasuredSeries(starts_at=(0, STEP_MS), power=(1, 1), decimals=0)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Hold a port that the hub will then not get."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


def programs_in(folder: Path) -> list[str]:
    """Return the command lines of running programs that name this folder."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in words:
            found.append(words)
    return found


async def test_a_hub_without_its_port_is_named_and_all_is_ended(tmp_path: Path, taken_port: int) -> None:
    """The sentence carries the program's own last words; broker and bus are gone afterwards."""
    plan = LinePlan(
        work_dir=tmp_path,
        start_ms=0,
        end_ms=STEP_MS,
        pace=AS_FAST_AS_POSSIBLE,
        sun_of=lambda _system: MeasuredSun(SERIES),
        hub_port=taken_port,
    )
    with pytest.raises(LineError, match=rf"the hub ended by itself .*{taken_port}"):
        async with Line(plan):
            pytest.fail("the line must not start")
    assert programs_in(tmp_path) == []
    assert not (tmp_path / "rs485").exists()
