"""Month-edge readings of the second copy that a lost or salvaged journal has no more, sealed again under their boots.

The hub knows a reading by its boot and boottime: one that it has already is not counted twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge.journal.descriptors import remember_descriptor
from edge.journal.settling import held_blocks
from protocol.messages import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlite_utils import Database

    from edge.journal.chain_end import Boot
    from edge.journal.month_copy import Copied
    from edge.journal.resealing import Resealing

FRAMES_PER_BLOCK = 100

_Moment = tuple[int, int, int]
"""Meter, instant (UTC ms) and boottime (ms) of a reading."""


def restore_copies(db: Database, resealing: Resealing, boot: Boot, copies: Sequence[Copied]) -> int:
    """Seal those of `copies` that the journal lacks in the epoch of `resealing`; return how many these were.

    `boot` is the present one. What is not newer than a released block is safe at the hub, and let be. The caller holds
    the transaction.
    """
    (safe_at,) = db.execute("select coalesce(max(last_at), 0) from block where raw is null").fetchone()
    lacking = {
        moment: copied
        for copied in copies
        for moment in _moments(copied.reading)
        if moment[1] > safe_at and db.execute(_IS_OPEN, moment).fetchone() is None
    }
    for block in held_blocks(db) if lacking else ():
        for frame in block.frames:
            if isinstance(frame, Readings):
                for moment in _moments(frame):
                    lacking.pop(moment, None)
    frames: list[Readings] = []
    for copied in lacking.values():
        remember_descriptor(db, copied.descriptor)
        is_present = copied.reading.boot_id == boot.id
        frames.append(replace(copied.reading, boot_id=None) if is_present else copied.reading)
    for start in range(0, len(frames), FRAMES_PER_BLOCK):
        resealing.append(boot, frames[start : start + FRAMES_PER_BLOCK])
    return len(frames)


def _moments(frame: Readings) -> Iterator[_Moment]:
    for read_at, offset_ms in zip(frame.read_at, frame.offset_ms, strict=True):
        yield frame.meter, read_at, read_at - offset_ms


_IS_OPEN = "select 1 from poll where meter = ? and read_at = ? and boottime_ms = ?"
