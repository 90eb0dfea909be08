"""The bus benchmark measures what it says: a paced line cannot be beaten, and all clients read the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.edge_bus import measure_polls, measure_sweeps
from benchmarks.libmodbus import NotBuildableError, build

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_sweep_is_never_faster_than_its_wire(tmp_path: Path) -> None:
    """Every healthy meter is read, a dead one is not, and the ratio to the physical limit is above one."""
    [sweep] = await measure_sweeps(tmp_path, 4, 1, 1)
    assert (len(sweep.outcomes), sweep.readings) == (4, 3)
    assert sweep.seconds > sweep.limit_seconds > 0


async def test_three_clients_read_one_server(tmp_path: Path) -> None:
    """Each has a speed of its own; without libmodbus there is nothing to compare with, and no figure."""
    speeds = await measure_polls(tmp_path, reads=20, rounds=1)
    try:
        build("client", tmp_path)
    except NotBuildableError:
        assert speeds is None
        return
    assert speeds is not None
    assert set(speeds) == {"edge", "pymodbus", "libmodbus"}
    assert all(speed > 0 for speed in speeds.values())
