"""A made-up series is one that the replay accepts, the same for the same seed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulators.measured import STEP_MS, read_measured_csv
from simulators.series import write_series

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 6, 1, tzinfo=UTC)


def test_what_is_written_can_be_replayed(tmp_path: Path) -> None:
    """Every quarter hour has a row, from the instant asked for, and the sun shines on some of them."""
    path = tmp_path / "series.csv"
    assert write_series(path, start=START, days=2, seed=1) == 192
    series = read_measured_csv(path)
    assert series.first_at == START.timestamp() * 1000
    assert series.end_at - series.first_at == 192 * STEP_MS
    assert 0 < sum(power > 0 for power in series.power) < 192


def test_the_seed_is_the_weather(tmp_path: Path) -> None:
    """The same seed gives the same bytes, another one another sky."""
    paths = [tmp_path / f"{n}.csv" for n in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        write_series(path, start=START, days=1, seed=seed)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


def test_the_command_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there is refused in one sentence and stays as it is."""
    path = tmp_path / "series.csv"
    command = [sys.executable, "-m", "simulators", "series", str(path), "--days", "1", "--json"]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(first.stdout) == {"file": str(path), "rows": 96}
    before = path.read_bytes()
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert path.read_bytes() == before
