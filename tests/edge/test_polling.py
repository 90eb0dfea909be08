"""Polling as a whole: what is polled, judged and journaled is one thing, and nothing that has to be said is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.cycle import Cycle
from edge.health import HealthWatch
from edge.journal import JournalFullError
from edge.judging import Judging
from edge.metering.judge import MeterTerms
from edge.notify import ServiceManager
from edge.polling import Polling, PollingTerms, Watches
from edge.space import SpaceWatch
from protocol.messages import ClockEvent, Instant, MeterEvent, Readings, TimeQuality
from tests.edge.making import BOOT, MINUTE_MS, START_MS, audit, good, instant, journal_in_memory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from edge.journal import Journal
    from edge.metering.outcome import PollOutcome
    from protocol.messages import Frame


class Hand:
    """A clock that is moved by hand: minutes since the start, and by how much it was set (ms)."""

    kernel_boot_id = bytes(16)
    boot_id = BOOT

    def __init__(self) -> None:
        self.minute = 0
        self.set_by_ms = 0

    def now(self) -> Instant:
        """Return this moment."""
        known = instant(self.minute)
        return Instant(known.wall_ms + self.set_by_ms, known.boottime_ms, TimeQuality.SYNCHRONISED)

    async def sleep_until(self, wall_ms: int) -> None:
        """Let time pass until then."""
        await asyncio.sleep(0)
        self.minute = max(self.minute, -(-(wall_ms - self.set_by_ms - START_MS) // MINUTE_MS))


@dataclass(frozen=True, slots=True)
class Named:
    """The number of a meter."""

    index: int


@dataclass(slots=True)
class Scripted:
    """A meter that shows these counts one after the other; before `gated` of them it waits for `gate`."""

    settings: Named
    clock: Hand
    counts: list[int]
    gated: int | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    answered: bool = True

    @property
    def bus_name(self) -> str:
        """Each has a bus of its own."""
        return str(self.settings.index)

    async def poll(self) -> PollOutcome:
        """Show the next count."""
        if len(self.counts) == self.gated:
            await self.gate.wait()
        return good(self.settings.index, self.clock.minute, self.counts.pop(0))

    async def look(self) -> PollOutcome:
        """Show the next count, without taking it."""
        return good(self.settings.index, self.clock.minute, self.counts[0])


def polling(folder: Path, journal: Journal, clock: Hand, *meters: Scripted) -> tuple[Polling, asyncio.Event]:
    """Return the polling of these meters each minute, and what ends it."""
    end = asyncio.Event()
    numbers = [meter.settings.index for meter in meters]
    terms = PollingTerms(interval_ms=MINUTE_MS, seal_ms=60 * MINUTE_MS, meters=numbers)
    power = MeterTerms(power_w_max=Fraction(60_000))
    watches = Watches(SpaceWatch(folder, 0), HealthWatch(0), ServiceManager({}), lambda: None, lambda: None)
    cycle = Cycle(meters, clock.now, seconds_max=30)
    judging = Judging(dict.fromkeys(numbers, power), BOOT, journal.memories())
    return Polling(terms, clock, journal, watches, cycle=cycle, judging=judging, ends=(end,)), end


def frames_of(journal: Journal) -> list[Frame]:
    """Return all that was journaled, in the order of the chain."""
    while journal.seal(instant(100)) is not None:
        pass
    return [frame for block in audit(journal, journal.epoch) for frame in block.frames]


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_an_ordered_poll_is_judged_by_what_the_cycle_before_it_found(tmp_path: Path) -> None:
    """A rollover in a cycle that has a doubted meter read again is stated once, whoever asked for more meanwhile."""
    clock, journal = Hand(), journal_in_memory()
    rolling = Scripted(Named(1), clock, [10**9 - 5, 2, 3])
    doubted = Scripted(Named(2), clock, [100, 90_000, 101], gated=2)
    run, end = polling(tmp_path, journal, clock, rolling, doubted)
    task = asyncio.create_task(run.run())
    await settle()
    assert len(doubted.counts) == 2
    order = asyncio.create_task(run.poll_meter(1, lambda outcome: journal.record_beside(outcome, MINUTE_MS)))
    await settle()
    end.set()
    doubted.gate.set()
    async with asyncio.timeout(10):
        await asyncio.gather(task, order)
    frames = frames_of(journal)
    assert [(frame.meter, frame.kind) for frame in frames if isinstance(frame, MeterEvent)] == [
        (1, "rollover"),
        (2, "suspect"),
    ]
    counts = [
        count for frame in frames if isinstance(frame, Readings) and frame.meter == 1 for count in frame.registers[0]
    ]
    assert counts == [10**9 - 5, 2, 3]


async def test_a_clock_event_that_found_no_room_is_stated_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step of the clock is told before the readings that follow it, also if the journal was full at first."""
    clock, journal = Hand(), journal_in_memory()
    meter = Scripted(Named(1), clock, list(range(100, 110)))
    run, end = polling(tmp_path, journal, clock, meter)
    state = journal.state
    refused: list[Frame] = []

    def refuse(frame: Frame) -> None:
        if not refused:
            refused.append(frame)
            message = "no room"
            raise JournalFullError(message)
        state(frame)

    monkeypatch.setattr(journal, "state", refuse)
    task = asyncio.create_task(run.run())
    while len(meter.counts) > 5:
        await asyncio.sleep(0)
    clock.set_by_ms = 2 * MINUTE_MS
    while len(meter.counts) > 2:
        await asyncio.sleep(0)
    end.set()
    await task
    events = [frame for frame in frames_of(journal) if isinstance(frame, ClockEvent)]
    assert len(refused) == 1
    assert [event.new_offset_ms - event.old_offset_ms for event in events] == [2 * MINUTE_MS]
