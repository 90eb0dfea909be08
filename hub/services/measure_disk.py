"""Measure how much room the hub's disk has, and for how long."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """How many bytes of a disk are free, of how many."""

    free: int
    total: int

    @property
    def free_per_cent(self) -> int:
        """How much of it is free, rounded down."""
        return 100 * self.free // self.total

    def days_left(self, bytes_per_day: int | None) -> int | None:
        """Return for how many days it has room if so much more is written each day; None where nobody can tell."""
        return None if bytes_per_day is None or bytes_per_day <= 0 else self.free // bytes_per_day


def measure_disk(database: Database) -> DiskRoom | None:
    """Return the room of the disk that a database is on; None where it is not there."""
    try:
        usage = shutil.disk_usage(database.path.parent)
    except OSError:
        return None
    return DiskRoom(usage.free, usage.total)
