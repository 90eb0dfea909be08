"""A line that cannot start says why and leaves nothing running."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulators.clock import AS_FAST_AS_POSSIBLE
from simulators.errors import LineError
from simulators.line import Line, LinePlan, Program
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


def plan_in(folder: Path, hub_port: int = 0) -> LinePlan:
    """Return the plan of a short line that works in this folder."""
    return LinePlan(
        work_dir=folder,
        start_ms=0,
        end_ms=STEP_MS,
        pace=AS_FAST_AS_POSSIBLE,
        sun_of=lambda _system: MeasuredSun(SERIES),
        hub_port=hub_port,
    )


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
    """A taken port is one sentence, before anything is started that would have to be ended."""
    with pytest.raises(LineError, match=rf"port {taken_port} of 127\.0\.0\.1 is taken .*the hub's page"):
        async with Line(plan_in(tmp_path, taken_port)):
            pytest.fail("the line must not start")
    assert programs_in(tmp_path) == []
    assert not (tmp_path / "rs485").exists()


async def test_a_program_that_cannot_start_is_named_and_all_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence carries the program's own last words; broker, hub and bus are gone afterwards."""
    monkeypatch.setattr(
        Line, "_edge_command", lambda _line: [sys.executable, "-c", "raise SystemExit('no edge today')"]
    )
    with pytest.raises(LineError, match=r"the edge ended by itself with exit code 1.*no edge today"):
        async with Line(plan_in(tmp_path)):
            pytest.fail("the line must not start")
    assert programs_in(tmp_path) == []
    assert not (tmp_path / "rs485").exists()


async def test_a_program_that_is_killed_by_others_is_noticed(tmp_path: Path) -> None:
    """What the line did not kill itself is a failure, also without a word in the log."""
    async with Line(plan_in(tmp_path)) as line:
        line.check()
        process = line._processes[Program.HUB]
        process.kill()
        process.wait()
        with pytest.raises(LineError, match="the hub ended by itself with exit code -9"):
            line.check()
    assert programs_in(tmp_path) == []
