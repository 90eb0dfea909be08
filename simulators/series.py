"""A made-up series of AC power in the form of a measured one, for those who have none at hand."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from simulators.measured import POWER_COLUMN, STEP_MS, TIME_COLUMN
from simulators.sunshine import SeededSun

if TYPE_CHECKING:
    from pathlib import Path

ARRAY_KW = 5
STANDARD_TIME = -timedelta(hours=5)
"""Loggers keep standard time all year; Massachusetts' is five hours behind UTC."""


def write_series(path: Path, *, start: datetime, days: int, seed: int) -> int:
    """Write the AC power of a seeded sky on a 5 kW array, every 15 minutes of `days` days; return how many rows.

    `start` has a zone. Columns as `simulators.measured.read_measured_csv` reads them.
    """
    start_ms = int(start.timestamp()) * 1000
    sun = SeededSun(seed=seed, kilowatts=ARRAY_KW, start_ms=start_ms)
    rows = days * 86_400_000 // STEP_MS
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([TIME_COLUMN, POWER_COLUMN])
        for row in range(rows):
            at_ms = start_ms + row * STEP_MS
            local = datetime.fromtimestamp(at_ms // 1000, UTC) + STANDARD_TIME
            writer.writerow([f"{local:%Y-%m-%d %H:%M:%S}-05:00", str(sun.power_w(at_ms))])
    return rows
