"""When meters are read and what becomes of it: at interval edges, between them for their health, and once as ordered.

A cycle is polled, judged and journaled as one thing: a poll that was ordered meanwhile waits for all of it. Otherwise
it would be judged by what the cycle has already overtaken, and state once more what the cycle states.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edge.journal import JournalDamagedError, JournalError
from edge.metering.outcome import Failed
from edge.metering.schedule import STEP_MS, Due, edges_due
from edge.space import HOUR_MS, is_polled
from protocol.messages import ClockEvent, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.clock import Clock
    from edge.cycle import Cycle
    from edge.health import HealthWatch
    from edge.journal import Journal
    from edge.judging import Judging
    from edge.metering.outcome import PollOutcome
    from edge.notify import ServiceManager
    from edge.space import SpaceWatch, Thrift
    from protocol.messages import Instant

CLOCK_SOURCE_UNSTATED = 0
CLOCK_SOURCE_NTP = 2
"""Who steers the kernel's clock where it says that somebody does."""
JOURNAL_RETRY_SECONDS = 30
"""How soon a cycle is tried again that the journal could not take, while it is still worth it."""
SECOND_LOOK_SECONDS = 0.1
"""How long a doubted register is given before it is read again: two looks are two instants, however fast the line."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollingTerms:
    """How often the meters are read and what was read is sealed, and their numbers."""

    interval_ms: int
    seal_ms: int
    meters: Sequence[int]


@dataclass(frozen=True, slots=True)
class Watches:
    """Who looks on: at the room on the disk, at the meters' health, and the service manager at all of it.

    `make_room` lets go of blocks that are safe at the hub, `seal` seals what is open.
    """

    space: SpaceWatch
    health: HealthWatch
    manager: ServiceManager
    make_room: Callable[[], None]
    seal: Callable[[], None]


class Polling:
    """Polls until one of `ends` is set; a cycle that has begun is finished, so that no reading is thrown away."""

    def __init__(  # noqa: PLR0913 - what is read, by what time, into what, and who looks on
        self,
        terms: PollingTerms,
        clock: Clock,
        journal: Journal,
        watches: Watches,
        *,
        cycle: Cycle,
        judging: Judging,
        ends: Sequence[asyncio.Event],
    ) -> None:
        self._terms = terms
        self._clock = clock
        self._journal = journal
        self._cycle = cycle
        self._judging = judging
        self._watches = watches
        self._ends = ends
        self._turn = asyncio.Lock()
        self._last_seen: Instant | None = None

    async def run(self) -> None:
        """Poll at every interval edge, and look at the meters' health in between; raises JournalDamagedError."""
        while not self._is_over:
            try:
                due = self._next_due()
                if due.edge_ms is None:
                    await self._wait(due.wake_at)
                else:
                    await self._poll_cycle(due.edge_ms)
            except JournalDamagedError:
                raise
            except JournalError as error:
                # What the journal did not take was not read: the same edge is tried again while it is still worth it.
                _log.error("polling waits for the journal: %s", error)
                await self._sleep_until(self._clock.now().wall_ms + JOURNAL_RETRY_SECONDS * 1000)

    async def poll_meter(self, meter: int, take: Callable[[PollOutcome], None]) -> None:
        """Read one meter beside the interval edges, behind a cycle that is under way; `take` journals what it gave."""
        async with self._turn:
            outcome = await self._cycle.poll_meter(meter)
            self._watch_clock(outcome.before)
            cycle = self._judging.begin()
            (judged,) = cycle.judge([outcome])
            take(judged)
            self._judging.keep(cycle)

    @property
    def _is_over(self) -> bool:
        return any(end.is_set() for end in self._ends)

    def _next_due(self) -> Due:
        """Return which interval edge to poll now, if any, and when to look again; on a full disk edges are left out."""
        due = edges_due(self._last_edge(), self._clock.now().wall_ms, self._terms.interval_ms)
        if due.edge_ms is None or is_polled(self._make_room(), due.edge_ms):
            return due
        self._journal.skip_from(due.edge_ms)
        self._watches.manager.expect("the disk is full: polls are left out", HOUR_MS)
        return Due(None, due.wake_at)

    def _make_room(self) -> Thrift:
        """Let go of what is safe at the hub if room is scarce, and return how sparing to be."""
        space = self._watches.space
        if space.look(self._journal.room()):
            self._watches.make_room()
            space.look(self._journal.room())
        return space.thrift

    def _last_edge(self) -> int | None:
        edges = self._journal.last_edges()
        return max((edges[meter] for meter in self._terms.meters if meter in edges), default=None)

    async def _wait(self, edge_at: int) -> None:
        """Wait for the next interval edge, at most until the meters' health has been looked at once on the way."""
        health = self._watches.health
        look_at = health.next_look(self._clock.now().wall_ms, edge_at)
        await self._sleep_until(edge_at if look_at is None else look_at)
        began = self._clock.now()
        if self._is_over or look_at is None or began.wall_ms < look_at or not health.has_room(began.wall_ms, edge_at):
            return
        outcomes = await self._cycle.look_between()
        health.take(outcomes, self._clock.now().boottime_ms - began.boottime_ms)

    async def _sleep_until(self, wall_ms: int) -> None:
        """Return at `wall_ms`, or when polling is to end."""
        sleep = asyncio.create_task(self._clock.sleep_until(wall_ms), name="sleep")
        ends = [asyncio.create_task(event.wait()) for event in self._ends]
        try:
            await asyncio.wait({sleep, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if sleep.done():
                sleep.result()
        finally:
            for task in (sleep, *ends):
                task.cancel()

    async def _poll_cycle(self, edge_at: int) -> None:
        """Read all meters, take what came of it into the journal in one commit, and seal what is due."""
        async with self._turn:
            outcomes = await self._take_cycle(edge_at)
        latest = {outcome.meter: outcome.result for outcome in outcomes}
        failures = [(meter, result) for meter, result in latest.items() if isinstance(result, Failed)]
        for meter, failure in failures:
            _log.warning("meter %d gave no reading: %s", meter, failure.note)
        spacing_ms = HOUR_MS if self._watches.space.thrift.is_skipping else self._terms.interval_ms
        read, at = len(latest) - len(failures), datetime.fromtimestamp(edge_at // 1000, UTC)
        said = f"{read} of {len(latest)} meters read at {at:%Y-%m-%d %H:%M} UTC"
        self._watches.manager.committed(said, spacing_ms)
        if self._journal.has_open_before(edge_at - edge_at % self._terms.seal_ms):
            self._watches.seal()

    async def _take_cycle(self, edge_at: int) -> Sequence[PollOutcome]:
        """Read all meters, one bus beside the other; a meter whose reading is doubted once more, behind the others."""
        self._watch_clock(self._clock.now())
        outcomes = await self._cycle.poll_edge()
        cycle = self._judging.begin()
        judged = cycle.judge(outcomes)
        if cycle.doubted:
            await asyncio.sleep(SECOND_LOOK_SECONDS)
        again = [await self._cycle.poll_meter(meter) for meter in cycle.doubted]
        taken = (*judged, *cycle.judge(again))
        is_sparing = self._watches.space.thrift.is_skipping
        self._journal.record(edge_at, taken, self._terms.interval_ms, is_sparing=is_sparing)
        self._judging.keep(cycle)
        self._watches.health.take(outcomes)
        return taken

    def _watch_clock(self, now: Instant) -> None:
        """State before the readings that follow that the wall clock was stepped, or became or ceased to be verified."""
        last = self._last_seen
        if last is not None:
            old_offset_ms = last.wall_ms - last.boottime_ms
            new_offset_ms = now.wall_ms - now.boottime_ms
            is_verified, was_verified = (instant.quality is not TimeQuality.UNKNOWN for instant in (now, last))
            if abs(new_offset_ms - old_offset_ms) >= STEP_MS or is_verified != was_verified:
                is_steered = now.quality is TimeQuality.SYNCHRONISED
                source = CLOCK_SOURCE_NTP if is_steered else CLOCK_SOURCE_UNSTATED
                self._journal.state(ClockEvent(now.boottime_ms, old_offset_ms, new_offset_ms, source, error_ms=0))
        # Only what the journal took has been stated.
        self._last_seen = now
