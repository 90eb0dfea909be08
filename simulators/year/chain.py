"""What the journal's blocks say, meter by meter and in order, read as any outsider can: by the wire format alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol import wire
from protocol.descriptor import describe
from protocol.messages import ClockEvent, Gap, MeterDescriptor, MeterEvent, PollErrors, Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from protocol.identity import BootId, DescriptorId
    from protocol.messages import Block, Frame


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: its stated instant by the wall clock (UTC ms), and the same by the boot's steady clock, truly."""

    read_at: int
    true_ms: int
    raws: Mapping[int, int]
    status: int
    descriptor: MeterDescriptor


@dataclass(frozen=True, slots=True)
class Failures:
    """Polls without a reading, one after the other: the first and the last by the wall clock, and how many by cause."""

    from_at: int
    to_at: int
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many polls they are."""
        return sum(self.counts.values())


@dataclass(slots=True)
class MeterLog:
    """All that the chain says of one meter; `polls` and `events` are in the order taken."""

    polls: list[Reading | Failures] = field(default_factory=list)
    events: list[MeterEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def readings(self) -> list[Reading]:
        """The readings."""
        return [poll for poll in self.polls if isinstance(poll, Reading)]


@dataclass(slots=True)
class ChainLog:
    """All that the chain says."""

    meters: dict[int, MeterLog] = field(default_factory=lambda: defaultdict(MeterLog))
    clock_events: list[ClockEvent] = field(default_factory=list)
    frames: Counter[str] = field(default_factory=Counter)


def read_chain(blocks: Iterable[bytes], began_ms: Mapping[BootId, int]) -> ChainLog:
    """Return what sealed blocks say, in their order; `began_ms` says when each boot truly began, UTC ms."""
    log = ChainLog()
    known: dict[DescriptorId, MeterDescriptor] = {}
    for raw in blocks:
        block, _ = wire.read_block(raw)
        for frame in block.frames:
            log.frames[type(frame).__name__] += 1
            _take(log, known, block, frame, began_ms)
    return log


def _take(
    log: ChainLog,
    known: dict[DescriptorId, MeterDescriptor],
    block: Block,
    frame: Frame,
    began_ms: Mapping[BootId, int],
) -> None:
    match frame:
        case MeterDescriptor():
            known[describe(frame)] = frame
        case Readings():
            log.meters[frame.meter].polls += _rows(frame, known[frame.descriptor], began_ms[block.boot_id])
        case PollErrors():
            log.meters[frame.meter].polls.append(Failures(frame.from_at, frame.to_at, frame.counts))
        case MeterEvent():
            log.meters[frame.meter].events.append(frame)
        case Gap():
            log.meters[frame.meter].gaps.append(frame)
        case ClockEvent():
            log.clock_events.append(frame)


def _rows(frame: Readings, descriptor: MeterDescriptor, began_ms: int) -> Iterable[Reading]:
    for row, (read_at, offset_ms, status) in enumerate(zip(frame.read_at, frame.offset_ms, frame.status, strict=True)):
        raws = {register: counts[row] for register, counts in frame.registers.items()}
        yield Reading(read_at, began_ms + read_at - offset_ms, raws, status, descriptor)
