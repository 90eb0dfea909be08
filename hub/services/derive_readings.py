"""Derive readings, gaps and other facts from blocks in custody. All of it can be derived again from the bytes.

A block whose content meets a fault here is kept and named (`Underived.FAILED`), and undoes nothing but itself: custody
is unconditional, and one such block must not stop its device or the hub.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from itertools import repeat
from operator import sub
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from hub.errors import UnderivableError
from hub.rules.registers import energies_wh
from hub.services.place_readings import Placer
from hub.store import custody, descriptors, meter_events, ownership, readings, statements
from hub.store.database import attempt
from hub.store.descriptors import Described, Underived
from hub.store.readings import Added, Series
from hub.store.statements import Stated
from protocol import wire
from protocol.identity import BootId, DescriptorId, format_device_id
from protocol.messages import (
    ClockEvent,
    CommandEvent,
    Gap,
    MeterDescriptor,
    MeterEvent,
    PollErrors,
    Readings,
    record_count,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from hub.store.boot_clocks import Boot
    from hub.store.database import Database
    from hub.store.descriptors import DescriptorKey, KnownDescriptor
    from protocol.messages import Block, TimeQuality


log = logging.getLogger("hub.derive")

REMEMBERED_MAX = 65_536


class KnownDescriptors:
    """The descriptors that a database holds, as far as anyone asked: read from what is committed only.

    They need not be forgotten: a descriptor's id is a hash over its content, and its rows never change.
    """

    def __init__(self) -> None:
        self._found: dict[DescriptorKey, KnownDescriptor] = {}

    def get(self, key: DescriptorKey) -> KnownDescriptor | None:
        """Return a descriptor that is remembered."""
        return self._found.get(key)

    def look_up(self, database: Database, blocks: Iterable[Block | None]) -> None:
        """Remember the descriptors of the readings in these blocks; those not committed yet are left out."""
        missing = {
            (block.device, frame.descriptor)
            for block in blocks
            if block is not None
            for frame in block.frames
            if isinstance(frame, Readings) and (block.device, frame.descriptor) not in self._found
        }
        if not missing:
            return
        with database.read() as connection:
            found = descriptors.find_descriptors(connection, missing)
        if len(self._found) + len(found) > REMEMBERED_MAX:
            self._found.clear()
        self._found.update(found)


_REMEMBERED: WeakKeyDictionary[Database, KnownDescriptors] = WeakKeyDictionary()


def known_descriptors(database: Database) -> KnownDescriptors:
    """Return what is remembered of this database's descriptors."""
    return _REMEMBERED.setdefault(database, KnownDescriptors())


class _Place(NamedTuple):
    """An intact block, when it was received (UTC ms), and the stream that holds it."""

    stream: int
    block: Block
    received_at: int


_RunKey = tuple[int, BootId, DescriptorId, int, tuple[int, ...]]
"""What a run's readings have in common: stream, boot, descriptor, index of the meter, and registers."""


@dataclass(frozen=True, slots=True)
class _Run:
    """The readings of one meter's registers in one boot, out of as many blocks of a stream as there are: columns."""

    stream: int
    boot_id: BootId
    known: KnownDescriptor
    counts: dict[int, list[int]]
    read_at: list[int] = field(default_factory=list)
    offsets_ms: list[int] = field(default_factory=list)
    qualities: list[TimeQuality] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    def add(self, seq: int, frame: Readings) -> None:
        """Append the readings of a frame out of block `seq`."""
        self.read_at.extend(frame.read_at)
        self.offsets_ms.extend(frame.offset_ms)
        self.qualities.extend(frame.quality)
        self.statuses.extend(frame.status)
        self.seqs.extend(repeat(seq, len(frame.read_at)))
        for rid, counts in frame.registers.items():
            self.counts[rid].extend(counts)

    def series(self) -> list[Series]:
        """Return the readings by register, as they are stored."""
        boottimes_ms = list(map(sub, self.read_at, self.offsets_ms))
        qualities = list(map(int, self.qualities))
        return [
            Series(
                register_id=self.known.registers[rid].register_id,
                scale_id=self.known.registers[rid].scale_id,
                stream=self.stream,
                boot_id=self.boot_id,
                read_at=self.read_at,
                boottimes_ms=boottimes_ms,
                counts=counts,
                energies_wh=energies_wh(counts, self.known.registers[rid].scale),
                qualities=qualities,
                statuses=self.statuses,
                seqs=self.seqs,
            )
            for rid, counts in self.counts.items()
        ]


class Derivation:
    """The facts of one transaction's blocks: give it blocks in chain order, then `write` what they say at once.

    `waiting` are the streams some of whose readings have been found to wait for a descriptor, `readings` counts those
    that were derived by what became of them.
    """

    def __init__(self, connection: Connection, known: KnownDescriptors, now: int) -> None:
        self.waiting: set[int] = set()
        self.readings: Counter[str] = Counter()
        self._connection = connection
        self._now = now
        self._added: list[_Place] = []
        self._touched: set[int] = set()
        self._remembered = known
        self._known: dict[DescriptorKey, KnownDescriptor] = {}
        self._clocks_learnt: set[Boot] = set()

    def add(self, stream: int, block: Block, received_at: int) -> None:
        """Have an intact block of this stream derived, which was received at `received_at` (UTC ms)."""
        self._added.append(_Place(stream, block, received_at))

    def add_stored(self, stream: int, seq: int) -> None:
        """Have a block derived that is in custody already, unless it is not intact."""
        for raw, received_at in custody.read_bytes(self._connection, stream, [seq]).values():
            self.add(stream, wire.read_block(raw)[0], received_at)

    def write(self) -> frozenset[str]:
        """Store what the blocks say; return the PTS ids of the systems of whose meters they say it.

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
                described, touched, derived = self._derive(places)
        except UnderivableError:
            self._known.clear()
            if len(places) > 1:
                for place in places:
                    self._settle([place])
                return
            stream, block, _ = places[0]
            device = format_device_id(block.device)
            log.exception("block %d of device %s is kept, but deriving what it says met a fault", block.seq, device)
            descriptors.note_underived(self._connection, stream, block.seq, Underived.FAILED)
            return
        self._touched |= touched
        self.readings.update({"stored": derived.new, "duplicate": derived.known, "conflict": derived.conflicting})
        for stream, seq in described:
            self.add_stored(stream, seq)

    def _derive(self, places: Sequence[_Place]) -> tuple[list[tuple[int, int]], set[int], Added]:
        """Store what blocks say.

        Return the (stream, seq) that waited for a descriptor, the registers concerned, and what became of readings.
        """
        described: list[tuple[int, int]] = []
        runs: dict[_RunKey, _Run] = {}
        stated: list[Stated] = []
        placer = Placer(self._connection, self._clocks_learnt)
        for stream, block, _ in places:
            record = block.first_record
            for frame in block.frames:
                match frame:
                    case Readings():
                        placer.see((block.device, frame.boot_id or block.boot_id), frame)
                        self._read(runs, stream, block, frame)
                    case MeterDescriptor():
                        described += self._describe(stream, block, frame)
                    case Gap() | PollErrors() | ClockEvent() | CommandEvent() | MeterEvent():
                        sealed_at = block.sealed.wall_ms
                        if isinstance(frame, ClockEvent):
                            placer.see((block.device, block.boot_id), frame)
                        stated.append(Stated(block.device, block.boot_id, stream, record, sealed_at, frame))
                record += record_count(frame)
        placer.learn()
        series = [one for run in runs.values() for one in run.series()]
        added = readings.add_readings(self._connection, series, min(place.received_at for place in places))
        statements.add_statements(self._connection, stated)
        touched = {one.register_id for one in series} | placer.place()
        happened = {(one.device, one.said.meter) for one in stated if isinstance(one.said, MeterEvent)}
        if happened:
            touched |= meter_events.find_registers(self._connection, happened)
        return described, touched, added

    def _describe(self, stream: int, block: Block, meter: MeterDescriptor) -> tuple[tuple[int, int], ...]:
        descriptor = wire.describe(meter)
        described = Described(block.device, descriptor, meter, stream, block.seq, self._now)
        if not descriptors.add_descriptor(self._connection, described):
            return ()
        return descriptors.take_underived(self._connection, block.device, descriptor)

    def _read(self, runs: dict[_RunKey, _Run], stream: int, block: Block, frame: Readings) -> None:
        """Add readings to their run, unless they wait for their descriptor or go beyond it."""
        boot_id = block.boot_id if frame.boot_id is None else frame.boot_id
        key = (stream, boot_id, frame.descriptor, frame.meter, tuple(frame.registers))
        run = runs.get(key)
        if run is None:
            known = self._find((block.device, frame.descriptor))
            if known is None:
                self.waiting.add(stream)
                descriptors.note_underived(self._connection, stream, block.seq, Underived.WAITING, frame.descriptor)
                return
            if known.meter_index != frame.meter or not frame.registers.keys() <= known.registers.keys():
                descriptors.note_underived(self._connection, stream, block.seq, Underived.UNEXPLAINED, frame.descriptor)
                return
            run = runs[key] = _Run(stream, boot_id, known, {rid: [] for rid in frame.registers})
        run.add(block.seq, frame)

    def _find(self, key: DescriptorKey) -> KnownDescriptor | None:
        known = self._remembered.get(key) or self._known.get(key)
        if known is None:
            known = descriptors.find_descriptors(self._connection, {key}).get(key)
            if known is not None:
                self._known[key] = known
        return known
