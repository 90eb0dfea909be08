"""What a log says, as values that can be compared wherever a copy of it is: on a card, in a block, in the hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from protocol import wire
from protocol.errors import ProtocolError
from protocol.identity import hash_block
from protocol.messages import Gap, PollErrors, Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from protocol.identity import BlockHash, DescriptorId
    from protocol.messages import Block
    from simulators.custody.card import Card


class ReadingKey(NamedTuple):
    """Which reading: the accumulator, and the instant at which it was read in which boot."""

    serial: str
    obis: str
    read_at: int
    boot_id: bytes
    boottime_ms: int


class ReadingFact(NamedTuple):
    """A register showed this raw count."""

    key: ReadingKey
    raw: int


class GapFact(NamedTuple):
    """A device states in this boot that a meter has no readings in [from_at, to_at), and why."""

    boot_id: bytes
    meter: int
    from_at: int
    to_at: int
    cause: str


class ErrorsFact(NamedTuple):
    """In this boot so many polls of a meter failed for one cause in [from_at, to_at]."""

    boot_id: bytes
    meter: int
    from_at: int
    to_at: int
    cause: str
    polls: int


Fact = ReadingFact | GapFact | ErrorsFact


class Accumulators(NamedTuple):
    """Of which meter a descriptor speaks: its serial number, and the OBIS codes by register id."""

    serial: str
    obis: Mapping[int, str]


class Library:
    """The facts in sealed blocks, each decoded once. `described` is what the descriptors of all meters say."""

    def __init__(self, described: Mapping[DescriptorId, Accumulators]) -> None:
        self._described = described
        self._known: dict[BlockHash, frozenset[Fact]] = {}

    def facts_of(self, raw: bytes) -> frozenset[Fact]:
        """Return what these bytes say; nothing if they are no block that can be read."""
        identity = hash_block(raw)
        known = self._known.get(identity)
        if known is None:
            known = self._known[identity] = frozenset(self._read(raw))
        return known

    def facts_of_hash(self, identity: BlockHash) -> frozenset[Fact]:
        """Return what a block says that was looked at before."""
        return self._known[identity]

    def facts_on(self, card: Card) -> set[Fact]:
        """Return every fact of which a journal holds the intact bytes, sealed or still open."""
        if not card.peek("select count(*) from sqlite_master where name = 'poll'").fetchone()[0]:
            return set()
        facts: set[Fact] = set(self._open_readings(card))
        for identity, raw in card.peek("select hash, raw from block where raw is not null"):
            if hash_block(raw) == identity:
                facts |= self.facts_of(raw)
        for boot_id, encoded in card.peek("select boot_id, frame from statement join boot using (boot_count)"):
            frame = wire.decode_frame(encoded)
            if isinstance(frame, Gap):
                facts.add(_gap(boot_id, frame))
        return facts

    def facts_in(self, blocks: Iterable[bytes]) -> set[Fact]:
        """Return what all these blocks say."""
        return {fact for raw in blocks for fact in self.facts_of(raw)}

    def _read(self, raw: bytes) -> Iterator[Fact]:
        try:
            block, _ = wire.read_block(raw)
        except ProtocolError:
            return
        for frame in block.frames:
            match frame:
                case Readings():
                    yield from self._readings(block, frame)
                case Gap():
                    yield _gap(block.boot_id, frame)
                case PollErrors():
                    for cause, polls in frame.counts.items():
                        yield ErrorsFact(block.boot_id, frame.meter, frame.from_at, frame.to_at, cause, polls)

    def _readings(self, block: Block, frame: Readings) -> Iterator[ReadingFact]:
        serial, obis = self._described[frame.descriptor]
        boot_id = block.boot_id if frame.boot_id is None else frame.boot_id
        for rid, counts in frame.registers.items():
            for read_at, offset_ms, raw in zip(frame.read_at, frame.offset_ms, counts, strict=True):
                yield ReadingFact(ReadingKey(serial, obis[rid], read_at, boot_id, read_at - offset_ms), raw)

    def _open_readings(self, card: Card) -> Iterator[ReadingFact]:
        for boot_id, read_at, boottime_ms, descriptor, counts in card.peek(_OPEN_READINGS):
            serial, obis = self._described[descriptor]
            for rid, raw in json.loads(counts).items():
                yield ReadingFact(ReadingKey(serial, obis[int(rid)], read_at, boot_id, boottime_ms), raw)


def _gap(boot_id: bytes, frame: Gap) -> GapFact:
    return GapFact(boot_id, frame.meter, frame.from_at, frame.to_at, str(frame.cause))


_OPEN_READINGS = """
select boot.boot_id, poll.read_at, poll.boottime_ms, poll.descriptor, poll.counts
from poll join boot using (boot_count) where poll.counts is not null
"""
