"""That the benchmark of the edge measures what it says, on the process it means."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from benchmarks.edge import GROWTH, LIMITS, Measured, figures_of, measure_bus
from benchmarks.edge_bus import BusFigures
from benchmarks.edge_rig import METERS, AgentProcess, make_environment, make_systems, unit_environment

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

WRITE = """
import os, sys
with open(sys.argv[1], "wb") as file:
    file.write(bytes(1 << 20))
    file.flush()
    os.fsync(file.fileno())
held = bytearray(os.urandom(1 << 24))
print("written", flush=True)
sys.stdin.read()
"""


def test_a_process_is_charged_with_its_memory_and_its_writing(tmp_path: Path) -> None:
    """What a process of known habits holds and writes is what the benchmark's counters say of it."""
    command = [sys.executable, "-c", WRITE, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        agent = AgentProcess(cast("asyncio.subprocess.Process", SimpleNamespace(pid=process.pid)))
        memory, written, cpu_seconds = agent.memory(), agent.written_bytes(), agent.cpu_seconds()
        process.communicate()
    assert memory.rss > memory.pss > 1 << 24
    assert cpu_seconds >= 0
    if written == 0:
        pytest.skip("the temporary folder is on no block device: nothing can be counted as written there")
    assert 1 << 20 <= written < 1 << 21


def test_the_device_is_the_locks(tmp_path: Path) -> None:
    """The agent is measured with the locked packages and no others, under the unit's variables."""
    python = make_environment(tmp_path / "device")
    names = ("paho", "pymodbus", "pandas", "hub", "pytest")
    probe = f"from importlib.util import find_spec; print(*(name for name in {names} if find_spec(name)))"
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [str(python), "-c", probe], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["paho", "pymodbus"]
    assert unit_environment()["MALLOC_ARENA_MAX"] == "1"


def test_eight_meters_have_eight_serial_numbers() -> None:
    """The measured device has as many meters as the limits are stated for, each its own."""
    systems = make_systems()
    assert len({system.serial for system in systems}) == len(systems) == METERS


def test_growth_counts_as_memory() -> None:
    """The JSON line has a number for every limit, and memory includes what it grew by over days."""
    measured = [*(Measured(key, 1.0, "") for key in LIMITS), Measured(GROWTH, 0.5, "")]
    assert figures_of(measured) == dict.fromkeys(LIMITS, 1.0) | {"rss_mb": 1.5}


@pytest.mark.parametrize("polls", [None, {"edge": 900.0, "pymodbus": 1000.0, "libmodbus": 9000.0}])
def test_the_bus_is_measured_where_it_can_be(monkeypatch: pytest.MonkeyPatch, polls: dict[str, float] | None) -> None:
    """The line is always measured; ratios to other clients are there where these are installed."""
    figures = BusFigures(1.6, 1.1, 9.4, 28, polls)
    monkeypatch.setattr("benchmarks.edge_bus.measure", lambda: figures)
    found = {one.key: one.value for one in measure_bus()}
    ratios = {} if polls is None else {"polls_to_pymodbus": 0.9, "polls_to_libmodbus": 0.1}
    assert found == {"sweep_to_limit": 1.1, "dead_sweep_seconds": 9.4} | ratios
