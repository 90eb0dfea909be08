"""The registers of one device: each only counts up, unless it rolled over or the device states what happened to it.

A reading that its device doubts (`STATUS_DOUBTED`) is one that decides nothing: others are not compared with it. A fall
that the device states is a warning, for somebody should know why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from protocol.messages import MeterEventKind
from protocol.records import STATUS_DOUBTED
from protocol.verification.instants import utc
from protocol.verification.report import Findings, Level, Place
from protocol.verification.series import Point, Series, never_falls

if TYPE_CHECKING:
    from protocol.messages import MeterDescriptor, MeterEvent, Readings

_EXPLAINING = frozenset(
    {
        MeterEventKind.ROLLOVER,
        MeterEventKind.RESET,
        MeterEventKind.EXCHANGE,
        MeterEventKind.SCALE_CHANGE,
        MeterEventKind.CONFIRMED,
    }
)
"""What happens to a register after which it may stand below where it was."""

_SeriesKey = tuple[str, str, str, int, str, str]
_Sight = tuple[int, int | None, int]
"""The poll of a meter's register by its index, the register's id and the instant (UTC ms)."""


class _Fall(NamedTuple):
    """A register that went down: at which poll, what is to be said of it, and the block where it shows."""

    sight: _Sight
    message: str
    place: Place


@dataclass(slots=True)
class _OfEpoch:
    """What is compared within one epoch only: after a rollback the next one tells some of the same over again."""

    series: dict[_SeriesKey, Series] = field(default_factory=dict)
    joined: set[_SeriesKey] = field(default_factory=set)
    falls: list[_Fall] = field(default_factory=list)
    stated: dict[_Sight, str] = field(default_factory=dict)


class Registers:
    """Give it the rows and events of one device in chain order, and `end_epoch` after each epoch; then `finish`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._epoch = _OfEpoch()
        self._frontier: dict[_SeriesKey, Point] = {}
        self._doubted: set[tuple[int, int]] = set()

    def state(self, event: MeterEvent) -> None:
        """Take note of what the device states of a register; it may stand before the reading or after it."""
        if event.kind in _EXPLAINING:
            self._epoch.stated[event.meter, event.register, event.at] = event.kind

    def read(self, frame: Readings, row: int, descriptor: MeterDescriptor, place: Place) -> None:
        """Look at a row of readings under its descriptor."""
        is_doubted = bool(frame.status[row] & STATUS_DOUBTED)
        if is_doubted:
            self._doubted.add((frame.meter, frame.read_at[row]))
        for rid, counts in frame.registers.items():
            register = descriptor.registers.get(rid)
            if register is None:
                continue
            point = Point(frame.read_at[row], counts[row], register, descriptor.ratio)
            if not point.is_number:
                message = (
                    f"register {register.obis} of meter {frame.meter} is {point.raw} at {utc(point.read_at)}, which is "
                    f"no number of {register.width_bits} bits and kind {register.kind}"
                )
                self._findings.warning(Level.PLAUSIBILITY, message, place)
            elif never_falls(register.obis) and not is_doubted:
                self._follow(descriptor, (frame.meter, rid, point.read_at), point, place)

    def end_epoch(self) -> None:
        """Say which registers went down in the epoch, and begin another one."""
        epoch = self._epoch
        for fall in epoch.falls:
            kind = epoch.stated.get(fall.sight)
            if kind is None:
                self._findings.error(Level.PLAUSIBILITY, fall.message, fall.place)
            else:
                message = f"{fall.message}; the device states it: {kind}"
                self._findings.warning(Level.PLAUSIBILITY, message, fall.place)
        for key, series in epoch.series.items():
            last, known = series.last, self._frontier.get(key)
            if last is not None and (known is None or last.read_at > known.read_at):
                self._frontier[key] = last
        self._epoch = _OfEpoch()

    def finish(self) -> None:
        """Say how many readings decide nothing."""
        meters = [meter for meter, _ in self._doubted]
        for meter in sorted(set(meters)):
            message = f"the device doubts {meters.count(meter)} of the readings of meter {meter}: they decide nothing"
            self._findings.note(Level.PLAUSIBILITY, message)

    def _follow(self, descriptor: MeterDescriptor, sight: _Sight, point: Point, place: Place) -> None:
        meter, register = sight[0], point.register
        slot = -1 if descriptor.serial else meter
        key = (descriptor.make, descriptor.model, descriptor.serial, slot, register.obis, register.unit)
        series = self._epoch.series.setdefault(key, Series())
        joined = self._join(key, series, point)
        found = series.take(point) or joined
        if found is None:
            return
        is_fault, message = found
        message = f"meter {descriptor.serial or meter}: {message}"
        if is_fault:
            self._epoch.falls.append(_Fall(sight, message, place))
        else:
            self._findings.note(Level.PLAUSIBILITY, message, place)

    def _join(self, key: _SeriesKey, series: Series, point: Point) -> tuple[bool, str] | None:
        """Let a register go on from the epochs before, with the first reading that is after all of theirs."""
        last = self._frontier.get(key)
        if last is None or key in self._epoch.joined or last.read_at >= point.read_at:
            return None
        self._epoch.joined.add(key)
        return series.compare(last, point)
