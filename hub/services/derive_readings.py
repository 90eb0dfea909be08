"""Derive readings, gaps and other facts from blocks in custody. All of it can be derived again from the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.registers import energy_wh
from hub.store import custody, descriptors, readings
from hub.store.descriptors import Described, KnownDescriptor
from hub.store.readings import ReadingRow
from protocol import wire
from protocol.messages import ClockEvent, Gap, MeterDescriptor, PollErrors, Readings, record_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from protocol.identity import DescriptorId, DeviceId
    from protocol.messages import Block


class Derivation:
    """The facts of one transaction's blocks: give it blocks in chain order, then `write` the readings at once."""

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self._now = now
        self._rows: list[ReadingRow] = []
        self._known: dict[tuple[DeviceId, DescriptorId], KnownDescriptor] = {}

    def add(self, stream: int, block: Block) -> None:
        """Derive what an intact block of this stream says; readings without a descriptor yet are left waiting."""
        record = block.first_record
        for frame in block.frames:
            match frame:
                case MeterDescriptor():
                    self._describe(stream, block, frame)
                case Readings():
                    self._read(stream, block, frame)
                case Gap():
                    readings.add_gap(self._connection, stream, record, frame)
                case PollErrors():
                    readings.add_poll_errors(self._connection, stream, record, frame)
                case ClockEvent():
                    readings.add_clock_event(self._connection, stream, record, frame)
            record += record_count(frame)

    def add_stored(self, stream: int, seqs: Iterable[int]) -> None:
        """Derive blocks that are in custody already, in order, leaving out those that are not intact."""
        for _, raw in sorted(custody.read_bytes(self._connection, stream, list(seqs)).items()):
            block, _ = wire.read_block(raw)
            self.add(stream, block)

    def write(self) -> frozenset[str]:
        """Write the readings gathered; return the PTS ids of the systems they belong to."""
        readings.add_readings(self._connection, self._rows)
        touched = {row.register_id for row in self._rows}
        self._rows = []
        return readings.systems_of(self._connection, touched) if touched else frozenset()

    def _describe(self, stream: int, block: Block, meter: MeterDescriptor) -> None:
        descriptor = wire.describe(meter)
        descriptors.add_descriptor(
            self._connection, Described(block.device, descriptor, meter, stream, block.seq, self._now)
        )
        for waiting_stream, seq in descriptors.take_underived(self._connection, block.device, descriptor):
            if (waiting_stream, seq) != (stream, block.seq):
                self.add_stored(waiting_stream, [seq])

    def _read(self, stream: int, block: Block, frame: Readings) -> None:
        known = self._find(block.device, frame.descriptor)
        explained = known is not None and known.meter_index == frame.meter
        if known is None or not explained or not frame.registers.keys() <= known.registers.keys():
            descriptors.note_underived(self._connection, stream, block.seq, frame.descriptor)
            return
        self._rows.extend(_rows(stream, block, frame, known))

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
