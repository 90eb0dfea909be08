"""Derive readings, gaps and other facts from blocks in custody. All of it can be derived again from the bytes.

A block whose content meets a fault here is kept and named (`Underived.FAILED`), and undoes nothing but itself: custody
is unconditional, and one such block must not stop its device or the hub.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from hub.errors import UnderivableError
from hub.rules.registers import energy_wh
from hub.store import custody, descriptors, ownership, readings
from hub.store.database import attempt
from hub.store.descriptors import Described, KnownDescriptor, Underived
from hub.store.readings import ReadingRow
from protocol import wire
from protocol.identity import format_device_id
from protocol.messages import ClockEvent, Gap, MeterDescriptor, PollErrors, Readings, record_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from protocol.identity import DescriptorId, DeviceId
    from protocol.messages import Block


log = logging.getLogger("hub.derive")


class _Place(NamedTuple):
    """An intact block, and the stream that holds it."""

    stream: int
    block: Block


class Derivation:
    """The facts of one transaction's blocks: give it blocks in chain order, then `write` what they say at once."""

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self._now = now
        self._added: list[_Place] = []
        self._touched: set[int] = set()
        self._known: dict[tuple[DeviceId, DescriptorId], KnownDescriptor] = {}

    def add(self, stream: int, block: Block) -> None:
        """Have an intact block of this stream derived."""
        self._added.append(_Place(stream, block))

    def add_stored(self, stream: int, seqs: Iterable[int]) -> None:
        """Have blocks derived that are in custody already, in order, leaving out those that are not intact."""
        for _, raw in sorted(custody.read_bytes(self._connection, stream, list(seqs)).items()):
            block, _ = wire.read_block(raw)
            self.add(stream, block)

    def write(self) -> frozenset[str]:
        """Store what the blocks say; return the PTS ids of the systems to which their readings belong.

        Readings without a descriptor yet are left waiting, and derived once it comes.
        """
        while self._added:
            added, self._added = self._added, []
            self._settle(added)
        return ownership.systems_of(self._connection, self._touched) if self._touched else frozenset()

    def _settle(self, places: Sequence[_Place]) -> None:
        """Derive blocks together or, where that meets a fault, each by itself: then only the faulty one is left out."""
        try:
            with attempt(self._connection):
                described, touched = self._derive(places)
        except UnderivableError:
            self._known.clear()
            if len(places) > 1:
                for place in places:
                    self._settle([place])
                return
            stream, block = places[0]
            device = format_device_id(block.device)
            log.exception("block %d of device %s is kept, but deriving what it says met a fault", block.seq, device)
            descriptors.note_underived(self._connection, stream, block.seq, Underived.FAILED)
            return
        self._touched |= touched
        for stream, seq in described:
            self.add_stored(stream, [seq])

    def _derive(self, places: Sequence[_Place]) -> tuple[list[tuple[int, int]], set[int]]:
        """Store what blocks say; return the (stream, seq) that waited for their descriptors, and the registers read."""
        described: list[tuple[int, int]] = []
        rows: list[ReadingRow] = []
        for stream, block in places:
            record = block.first_record
            for frame in block.frames:
                match frame:
                    case MeterDescriptor():
                        described += self._describe(stream, block, frame)
                    case Readings():
                        rows += self._read(stream, block, frame)
                    case Gap():
                        readings.add_gap(self._connection, stream, record, frame)
                    case PollErrors():
                        readings.add_poll_errors(self._connection, stream, record, frame)
                    case ClockEvent():
                        readings.add_clock_event(self._connection, stream, record, frame)
                record += record_count(frame)
        readings.add_readings(self._connection, rows)
        return described, {row.register_id for row in rows}

    def _describe(self, stream: int, block: Block, meter: MeterDescriptor) -> tuple[tuple[int, int], ...]:
        descriptor = wire.describe(meter)
        described = Described(block.device, descriptor, meter, stream, block.seq, self._now)
        if not descriptors.add_descriptor(self._connection, described):
            return ()
        return descriptors.take_underived(self._connection, block.device, descriptor)

    def _read(self, stream: int, block: Block, frame: Readings) -> Iterable[ReadingRow]:
        known = self._find(block.device, frame.descriptor)
        if known is None:
            descriptors.note_underived(self._connection, stream, block.seq, Underived.WAITING, frame.descriptor)
            return ()
        if known.meter_index != frame.meter or not frame.registers.keys() <= known.registers.keys():
            descriptors.note_underived(self._connection, stream, block.seq, Underived.UNEXPLAINED, frame.descriptor)
            return ()
        return _rows(stream, block, frame, known)

    def _find(self, device: DeviceId, descriptor: DescriptorId) -> KnownDescriptor | None:
        known = self._known.get((device, descriptor))
        if known is None:
            known = descriptors.find_descriptor(self._connection, device, descriptor)
            if known is not None:
                self._known[device, descriptor] = known
        return known


def _rows(stream: int, block: Block, frame: Readings, known: KnownDescriptor) -> Iterator[ReadingRow]:
    boot_id = frame.boot_id if frame.boot_id is not None else block.boot_id
    for rid, counts in frame.registers.items():
        register = known.registers[rid]
        for row, raw in enumerate(counts):
            yield ReadingRow(
                register_id=register.register_id,
                read_at=frame.read_at[row],
                boot_id=boot_id,
                boottime_ms=frame.read_at[row] - frame.offset_ms[row],
                raw=raw,
                register_wh=energy_wh(raw, register.scale),
                scale_id=register.scale_id,
                time_quality=int(frame.quality[row]),
                poll_status=frame.status[row],
                stream=stream,
                seq=block.seq,
            )
