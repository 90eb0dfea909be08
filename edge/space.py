"""Thrift while the disk runs full: what the agent gives up first, so that nothing the hub lacks is ever dropped.

    NORMAL      every interval edge is polled
    RELEASE     blocks that are safe at the hub are let go at once, whatever the retention
    COARSEN     only the edge of each hour is polled
    STOP        nothing is polled; what is left of the reserve is for saying so

What was left out is stated in the log as a gap with its cause, also after a restart, as soon as a poll is taken again.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR_MS = 3_600_000
RESERVE_BYTES = 16 << 20
"""Room that is left alone: several times what SQLite's write-ahead log and one large block take."""


_log = logging.getLogger(__name__)


class Thrift(IntEnum):
    """How sparing the agent is; see the module."""

    NORMAL = 0
    RELEASE = 1
    COARSEN = 2
    STOP = 3

    @property
    def is_skipping(self) -> bool:
        """Whether some interval edges are not polled."""
        return self >= Thrift.COARSEN


_RESERVES = {Thrift.RELEASE: 4, Thrift.COARSEN: 2, Thrift.STOP: 1}
"""A level begins when fewer reserves than these are free."""
_SAID = {
    Thrift.NORMAL: "there is room again, and every interval edge is polled",
    Thrift.RELEASE: "room gets scarce, and blocks that are safe at the hub are let go at once",
    Thrift.COARSEN: "the disk is nearly full, and only the edge of each hour is polled",
    Thrift.STOP: "the disk is full, and polling stops until there is room",
}
_QUARTERS_TO_ENTER = 4
_QUARTERS_TO_LEAVE = 5
"""A level ends only with a quarter more room than began it: some comes and goes with every checkpoint."""


@dataclass(frozen=True, slots=True)
class Room:
    """Free bytes: `disk` on the file system, `inside` the journal's own file, where released blocks were."""

    disk: int
    inside: int

    def usable(self, reserve: int) -> int:
        """Return how many bytes can be counted on.

        Room inside the journal is reached through its write-ahead log, which must be able to grow on the disk first.
        """
        return self.disk + self.inside if self.disk * 2 >= reserve else self.disk


def judge_thrift(room: Room, reserve: int, before: Thrift) -> Thrift:
    """Return how sparing to be with so much room, a reserve in bytes, and the level until now."""
    usable = room.usable(reserve)
    levels = (
        level
        for level, reserves in _RESERVES.items()
        if usable * 4 < reserve * reserves * (_QUARTERS_TO_LEAVE if level <= before else _QUARTERS_TO_ENTER)
    )
    return max(levels, default=Thrift.NORMAL)


def is_polled(thrift: Thrift, edge_ms: int) -> bool:
    """Return whether an interval edge (UTC ms) is polled.

    Intervals divide an hour, so that the edge of each hour is there in all of them; and the edge of a month is among
    those, in every zone whose midnight is a full hour of UTC.
    """
    match thrift:
        case Thrift.STOP:
            return False
        case Thrift.COARSEN:
            return edge_ms % HOUR_MS == 0
        case _:
            return True


def free_bytes(folder: Path) -> int:
    """Return the bytes that this user may still write on the file system of a folder; raises OSError."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class SpaceWatch:
    """Looks at the room there is for a journal in `folder`; `free` is asked for the bytes free there."""

    def __init__(self, folder: Path, reserve: int, free: Callable[[Path], int] = free_bytes) -> None:
        self.thrift = Thrift.NORMAL
        self._folder = folder
        self._reserve = reserve
        self._free = free

    def look(self, inside: int) -> Thrift:
        """Return how sparing to be now, with `inside` bytes free in the journal's file, and log when that changes."""
        room = Room(self.disk_free_bytes(), inside)
        before, self.thrift = self.thrift, judge_thrift(room, self._reserve, self.thrift)
        if self.thrift is not before:
            _log.warning("%s: %d MiB are free on the disk of %s", _SAID[self.thrift], room.disk >> 20, self._folder)
        return self.thrift

    def disk_free_bytes(self) -> int:
        """Return the bytes free on the journal's disk."""
        return self._free(self._folder)
