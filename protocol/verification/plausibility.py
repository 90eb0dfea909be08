"""Level 3, one device at a time: whether what its log says can have happened.

Errors are what cannot be: a register that fell without a word, a meter read twice at once or backwards within a boot.
One whose fall the device states, a meter that was exchanged, a changed ratio, a clock that was moved without a word and
time without readings are warnings: they happen, and somebody should know why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from protocol import wire
from protocol.messages import (
    FLAG_RESEALED,
    ClockEvent,
    Gap,
    MeterDescriptor,
    MeterEvent,
    PollErrors,
    Readings,
    Register,
    TimeQuality,
)
from protocol.verification.holes import Times, is_long
from protocol.verification.instants import utc
from protocol.verification.registers import Registers
from protocol.verification.report import Findings, Level, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from protocol.identity import BootId, DescriptorId
    from protocol.messages import Block
    from protocol.verification.epoch_chain import Shown

CLOCK_STEP_MS = 2_000
"""A wall clock may differ so much from one reading to the next without a statement: agents state steps of a second."""
CLOCK_DRIFT_DIVISOR = 2_000
"""And by this part of the time between them: the kernel slews a clock by at most 500 ppm (adjtimex(2))."""
CLOCK_EVENT_LATE_MS = 3_600_000
"""A step is stated at the poll that first sees it; intervals are an hour at most."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of readings: when, in which boot, and how good its clock was."""

    place: Place
    boot_count: int | None
    boot_id: BootId
    boottime_ms: int
    read_at: int
    quality: TimeQuality

    @property
    def offset_ms(self) -> int:
        return self.read_at - self.boottime_ms


@dataclass(slots=True)
class _OfEpoch:
    """What is compared within one epoch only: after a rollback the next one tells some of the same over again."""

    rows: dict[int, _Row] = field(default_factory=dict)
    in_force: dict[int, MeterDescriptor] = field(default_factory=dict)
    boot: tuple[int, BootId] | None = None
    clock_events: list[tuple[BootId, ClockEvent]] = field(default_factory=list)
    clock_steps: list[tuple[_Row, _Row]] = field(default_factory=list)
    changes: set[str] = field(default_factory=set)


class Plausibility:
    """The log of one device: give it intact blocks in chain order, epoch after epoch, then `finish`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._epoch = _OfEpoch()
        self._times: dict[int, Times] = {}
        self._registers = Registers(findings)
        self._changes: set[str] = set()
        self._stated: set[DescriptorId] = set()
        self._described: dict[int, MeterDescriptor] = {}
        self.serials: set[str] = set()
        self.rows = 0
        self.from_at: int | None = None
        self.to_at: int | None = None

    def begin_epoch(self, *, goes_on: bool) -> None:
        """Take note that another epoch follows, and whether it goes on right where what was shown of the last ended."""
        self._end_epoch()
        self._epoch = _OfEpoch()
        if not goes_on:
            self._break_off()

    def take(self, shown: Shown) -> None:
        """Look at the next intact block."""
        if not shown.follows_on and shown.block.seq:
            self._break_off()
        for frame in shown.block.frames:
            match frame:
                case MeterDescriptor():
                    self._describe(frame, shown)
                case Readings():
                    self._read(frame, shown)
                case Gap() | PollErrors():
                    self._times.setdefault(frame.meter, Times()).explain(frame.from_at, frame.to_at)
                case ClockEvent():
                    self._epoch.clock_events.append((shown.block.boot_id, frame))
                case MeterEvent():
                    self._registers.state(frame)

    def finish(self) -> None:
        """Say what only the whole log can tell."""
        self._end_epoch()
        self._registers.finish()
        for meter, times in sorted(self._times.items()):
            self._name_holes(meter, times)

    def _end_epoch(self) -> None:
        epoch = self._epoch
        for before, row in epoch.clock_steps:
            if not any(_states(event, boot, before, row) for boot, event in epoch.clock_events):
                message = (
                    f"the wall clock moved by {row.offset_ms - before.offset_ms} ms between the readings at "
                    f"{utc(before.read_at)} and {utc(row.read_at)} without a clock event"
                )
                self._warn(message, row.place)
        self._registers.end_epoch()
        self._described |= epoch.in_force
        self._changes |= epoch.changes

    def _break_off(self) -> None:
        for times in self._times.values():
            times.break_off()

    def _describe(self, frame: MeterDescriptor, shown: Shown) -> None:
        self.serials.add(frame.serial or f"meter {frame.meter}")
        epoch, identity = self._epoch, wire.describe(frame)
        # An epoch that seals records again first states descriptors anew: that is no change, nor are those it repeats.
        begins_anew = frame.meter not in epoch.in_force and identity in self._stated
        before = epoch.in_force.get(frame.meter, self._described.get(frame.meter))
        epoch.in_force[frame.meter] = frame
        self._stated.add(identity)
        if before is None or begins_anew:
            return
        for message in _changes(before, frame):
            epoch.changes.add(message)
            if message not in self._changes:
                self._warn(message, shown.place)

    def _read(self, frame: Readings, shown: Shown) -> None:
        descriptor = shown.descriptors.get(frame.descriptor)
        if frame.boot_id is not None and not shown.block.flags & FLAG_RESEALED:
            message = f"readings of meter {frame.meter} are said to be of another boot than the block that took them"
            self._findings.error(Level.PLAUSIBILITY, message, shown.place)
        for number, row in enumerate(_rows(frame, shown)):
            self._place_in_time(frame.meter, row)
            if descriptor is not None:
                self._registers.read(frame, number, descriptor, shown.place)

    def _place_in_time(self, meter: int, row: _Row) -> None:
        """Compare a row with the one before it of the same meter, in the same epoch."""
        self.rows += 1
        times = self._times.setdefault(meter, Times())
        if row.quality is TimeQuality.UNKNOWN:
            times.break_off()
        else:
            times.read(row.read_at)
            self.from_at = row.read_at if self.from_at is None else min(self.from_at, row.read_at)
            self.to_at = row.read_at if self.to_at is None else max(self.to_at, row.read_at)
        self._compare_boots(row)
        before = self._epoch.rows.get(meter)
        self._epoch.rows[meter] = row
        if before is not None and before.boot_id == row.boot_id:
            self._compare_in_boot(meter, before, row)
        elif before is not None and _went_back(before, row):
            message = (
                f"meter {meter} was read at {utc(row.read_at)}, in a later boot than the reading of "
                f"{utc(before.read_at)} and yet before it, though both clocks were synchronised"
            )
            self._warn(message, row.place)

    def _compare_boots(self, row: _Row) -> None:
        """Compare the boot of a row with that of the row before it, of whichever meter, in the same epoch."""
        if row.boot_count is None:
            return
        before, self._epoch.boot = self._epoch.boot, (row.boot_count, row.boot_id)
        if before is not None and row.boot_count < before[0]:
            message = f"boot {row.boot_count} stands after boot {before[0]} in the log"
            self._findings.error(Level.PLAUSIBILITY, message, row.place)
        elif before is not None and row.boot_count == before[0] and row.boot_id != before[1]:
            message = f"two boots are both numbered {row.boot_count} in the log"
            self._findings.error(Level.PLAUSIBILITY, message, row.place)

    def _compare_in_boot(self, meter: int, before: _Row, row: _Row) -> None:
        elapsed_ms = row.boottime_ms - before.boottime_ms
        if elapsed_ms <= 0:
            message = (
                f"meter {meter} was read at {utc(row.read_at)}, which in the time since boot is not after the reading "
                "that stands before it in the log"
            )
            self._findings.error(Level.PLAUSIBILITY, message, row.place)
            return
        moved_ms = abs(row.offset_ms - before.offset_ms)
        if moved_ms > CLOCK_STEP_MS + elapsed_ms // CLOCK_DRIFT_DIVISOR:
            self._epoch.clock_steps.append((before, row))

    def _name_holes(self, meter: int, times: Times) -> None:
        explained = 0
        for hole in times.holes():
            if not is_long(hole.unexplained_ms, hole.usual_ms):
                explained += 1
                continue
            message = (
                f"meter {meter} has no reading from {utc(hole.from_at)} to {utc(hole.to_at)}, where one every "
                f"{hole.usual_ms // 1000} s is usual, and nothing in the log says why"
            )
            self._warn(message)
        if explained:
            message = (
                f"meter {meter} was not read in {explained} {'stretch' if explained == 1 else 'stretches'} of time: "
                "the log says why, or the blocks were not shown"
            )
            self._findings.note(Level.PLAUSIBILITY, message)

    def _warn(self, message: str, place: Place | None = None) -> None:
        self._findings.warning(Level.PLAUSIBILITY, message, place)


def _rows(frame: Readings, shown: Shown) -> Iterator[_Row]:
    block: Block = shown.block
    boot_id = block.boot_id if frame.boot_id is None else frame.boot_id
    boot_count = block.boot_count if frame.boot_id is None else None
    for read_at, offset_ms, quality in zip(frame.read_at, frame.offset_ms, frame.quality, strict=True):
        yield _Row(shown.place, boot_count, boot_id, read_at - offset_ms, read_at, quality)


def _went_back(before: _Row, row: _Row) -> bool:
    """Return whether the wall clock says that a row was read before the one that stands before it."""
    is_vouched = min(before.quality, row.quality) >= TimeQuality.SYNCHRONISED
    return is_vouched and row.read_at < before.read_at - CLOCK_STEP_MS


def _states(event: ClockEvent, boot: BootId, before: _Row, row: _Row) -> bool:
    """Return whether a clock event accounts for a step between two rows."""
    in_time = before.boottime_ms <= event.boottime_ms <= row.boottime_ms + CLOCK_EVENT_LATE_MS
    return boot == row.boot_id and in_time and abs(event.new_offset_ms - row.offset_ms) <= CLOCK_STEP_MS


def _changes(before: MeterDescriptor, after: MeterDescriptor) -> Iterator[str]:
    """Yield a sentence for each thing that a new descriptor says differently of a meter."""
    meter = after.meter
    if (before.make, before.model, before.serial) != (after.make, after.model, after.serial):
        was, now = (f"{one.make} {one.model} {one.serial or 'without serial number'}" for one in (before, after))
        yield f"meter {meter} was {was} and is {now} from here on"
        return
    if before.ratio != after.ratio:
        was, now = (f"{one.ratio[0]}:{one.ratio[1]}" for one in (before, after))
        yield f"the transformer ratio of meter {meter} changed from {was} to {now}"
    if before.firmware != after.firmware:
        yield f"the firmware of meter {meter} changed from {before.firmware!r} to {after.firmware!r}"
    if before.registers != after.registers:
        changed = "; ".join(_register_changes(before.registers, after.registers))
        yield f"the registers of meter {meter} are to be read in another way from here on: {changed}"


def _register_changes(before: Mapping[int, Register], after: Mapping[int, Register]) -> Iterator[str]:
    """Yield what is said differently of each register that both descriptors have, and which only one of them has."""
    for rid in sorted(before.keys() | after.keys()):
        was, now = before.get(rid), after.get(rid)
        if was is None or now is None:
            yield f"register {rid} was {'added' if was is None else 'left out'}"
            continue
        for one in fields(Register):
            old, new = getattr(was, one.name), getattr(now, one.name)
            if old != new:
                yield f"{was.obis} {one.name.replace('_', ' ')} {old} is now {new}"
