"""Readings that a later epoch tells again: each must equal the one it repeats, whether or not its block says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocol import wire
from protocol.messages import FLAG_RESEALED, Readings
from protocol.verification.instants import utc
from protocol.verification.report import Findings, Level, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from protocol.identity import BootId, DescriptorId, Epoch
    from protocol.messages import Block, TimeQuality


class _Key(NamedTuple):
    """What makes two rows of readings the same poll of the same meter."""

    meter: int
    boot_id: BootId
    boottime_ms: int


class _Row(NamedTuple):
    """What was read then."""

    read_at: int
    quality: TimeQuality
    status: int
    descriptor: DescriptorId
    counts: tuple[tuple[int, int], ...]


class Resealed:
    """The readings of a device that may repeat others: `take` all blocks in order, then `compare` them.

    Kept are those of blocks that were sealed again, and of boots that an earlier epoch has readings of.
    """

    def __init__(self) -> None:
        self._rows: dict[_Key, tuple[_Row, Place]] = {}
        self._boots: dict[BootId, Epoch] = {}
        self._taken: set[Place] = set()
        self._told: set[Place] = set()
        self.again = 0
        """How many rows repeat one that was shown: they count once."""

    def __bool__(self) -> bool:
        """Whether anything may have been sealed again."""
        return bool(self._rows)

    def take(self, place: Place, block: Block, findings: Findings) -> None:
        """Keep the rows of a block, if they may repeat others; what a third epoch repeats must equal the second."""
        is_known = self._boots.setdefault(block.boot_id, place.epoch) != place.epoch
        if not (is_known or block.flags & FLAG_RESEALED):
            return
        self._taken.add(place)
        for key, row in _rows(block):
            known, first = self._rows.setdefault(key, (row, place))
            if first.epoch != place.epoch:
                self._match(key, (known, first), (row, place), findings)

    def compare(self, copies: Mapping[Place, bytes], findings: Findings) -> None:
        """Compare the other intact blocks with what repeats them."""
        for place, raw in copies.items():
            if place in self._taken:
                continue
            for key, row in _rows(wire.read_block(raw)[0]):
                if key in self._rows:
                    self._match(key, (row, place), self._rows[key], findings)

    def _match(self, key: _Key, first: tuple[_Row, Place], again: tuple[_Row, Place], findings: Findings) -> None:
        self.again += 1
        (row, origin), (repeated, place) = first, again
        if repeated != row and place not in self._told:
            self._told.add(place)
            message = (
                f"block {place.seq} tells again of meter {key.meter} at {utc(row.read_at)}, and not what block "
                f"{origin.seq} of epoch {origin.epoch.hex()} sealed at first"
            )
            findings.error(Level.PLAUSIBILITY, message, place)


def _rows(block: Block) -> Iterator[tuple[_Key, _Row]]:
    for frame in block.frames:
        if not isinstance(frame, Readings):
            continue
        boot_id = block.boot_id if frame.boot_id is None else frame.boot_id
        for number, read_at in enumerate(frame.read_at):
            counts = tuple((rid, column[number]) for rid, column in sorted(frame.registers.items()))
            key = _Key(frame.meter, boot_id, read_at - frame.offset_ms[number])
            yield key, _Row(read_at, frame.quality[number], frame.status[number], frame.descriptor, counts)
