"""One cycle: who is polled in which order on which bus, so that the dead do not starve the healthy.

Buses work side by side; on one bus the meters take turns. Those that answered last time come first, in the order of the
configuration, so that their instants are the same in every cycle whoever else is dead. Those that did not come after
them, each for one try, whoever waits longest first, and only while the cycle is within its time. At an interval edge
every meter has an outcome: one that was not asked for want of time says so. Between edges a dead meter is asked once
for each step of its back-off.

Cycles and ad-hoc polls take turns in the order in which they were asked for. So an ad-hoc poll waits for the cycle that
is under way, and a cycle waits for one ad-hoc poll at most, as long as whoever makes them awaits each before the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge.metering.back_off import BackOff
from edge.metering.outcome import Failed, PollOutcome
from protocol.messages import PollCause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocol.messages import Instant

DEAD_METERS = BackOff(first_seconds=60.0, max_seconds=900.0)
"""How long a dead meter is left alone between two interval edges."""
_UNKNOWN = Failed(PollCause.TIMEOUT, "it gave no reading")


class Indexed(Protocol):
    """Settings that say which meter they are of."""

    @property
    def index(self) -> int:
        """The meter's number in the device's log."""
        ...


class Driver(Protocol):
    """Whatever reads a meter: `edge.poll.MeterPoller`, or the driver of another kind of input."""

    answered: bool
    """Whether the last poll gave a reading; true before the first."""

    @property
    def settings(self) -> Indexed:
        """Which meter this is."""
        ...

    @property
    def bus_name(self) -> str:
        """What the meter shares with others: drivers with one bus name take turns."""
        ...

    async def poll(self) -> PollOutcome:
        """Return what one poll gave; the world's failures are outcomes, never exceptions."""
        ...

    async def look(self) -> PollOutcome:
        """Return what a poll gave that is only for the meter's health: nothing that it tells once may be in it."""
        ...


@dataclass(frozen=True, slots=True)
class _Absence:
    """A meter that gives no readings: how often in a row, and when it was asked last, boottime."""

    last: Failed = _UNKNOWN
    failures: int = 1
    asked_at_ms: float = float("-inf")


class Cycle:
    """All meters of a device, polled together at each interval edge, and in between as somebody likes.

    `seconds_max` is how long after its begin a cycle may still ask a meter that did not answer last time. With half an
    interval there is always time for the next edge.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        now: Callable[[], Instant],
        *,
        seconds_max: float,
        back_off: BackOff = DEAD_METERS,
    ) -> None:
        self._drivers = drivers
        self._now = now
        self._seconds_max = seconds_max
        self._back_off = back_off
        self._absences: dict[int, _Absence] = {}
        self._turn = asyncio.Lock()

    async def poll_edge(self) -> tuple[PollOutcome, ...]:
        """Return one outcome for each meter, in the order of the configuration."""
        async with self._turn:
            outcomes = await self._poll(self._drivers)
        return tuple(
            outcomes.get(driver.settings.index) or self._left_out(driver.settings.index) for driver in self._drivers
        )

    async def look_between(self) -> tuple[PollOutcome, ...]:
        """Return a look at each meter that answers, and at each of the dead whose back-off is over."""
        async with self._turn:
            due = [driver for driver in self._drivers if driver.answered or self._is_due(driver)]
            outcomes = await self._poll(due, is_look=True)
        return tuple(outcomes[driver.settings.index] for driver in due if driver.settings.index in outcomes)

    async def poll_meter(self, meter: int) -> PollOutcome:
        """Return the outcome of one poll of the meter with this index, which must be one of the cycle's."""
        [driver] = [driver for driver in self._drivers if driver.settings.index == meter]
        async with self._turn:
            return await self._ask(driver)

    async def _poll(self, drivers: Sequence[Driver], *, is_look: bool = False) -> dict[int, PollOutcome]:
        queues: dict[str, list[Driver]] = {}
        for driver in drivers:
            queues.setdefault(driver.bus_name, []).append(driver)
        outcomes: dict[int, PollOutcome] = {}
        async with asyncio.TaskGroup() as group:
            for name, queue in queues.items():
                group.create_task(self._poll_queue(queue, outcomes, is_look=is_look), name=f"poll {name}")
        return outcomes

    async def _poll_queue(self, queue: Sequence[Driver], outcomes: dict[int, PollOutcome], *, is_look: bool) -> None:
        stop_at_ms = self._now().boottime_ms + self._seconds_max * 1000
        healthy = [driver for driver in queue if driver.answered]
        dead = sorted((driver for driver in queue if not driver.answered), key=self._asked_at_ms)
        for driver in healthy:
            outcomes[driver.settings.index] = await self._ask(driver, is_look=is_look)
        for driver in dead:
            if self._now().boottime_ms >= stop_at_ms:
                return
            outcomes[driver.settings.index] = await self._ask(driver, is_look=is_look)

    async def _ask(self, driver: Driver, *, is_look: bool = False) -> PollOutcome:
        outcome = await (driver.look() if is_look else driver.poll())
        earlier = self._absences.pop(outcome.meter, None)
        if isinstance(outcome.result, Failed):
            failures = 1 if earlier is None else earlier.failures + 1
            self._absences[outcome.meter] = _Absence(outcome.result, failures, outcome.after.boottime_ms)
        return outcome

    def _asked_at_ms(self, driver: Driver) -> float:
        return self._absences.get(driver.settings.index, _Absence()).asked_at_ms

    def _is_due(self, driver: Driver) -> bool:
        absence = self._absences.get(driver.settings.index, _Absence())
        pause_ms = self._back_off.delay_seconds(absence.failures) * 1000
        return self._now().boottime_ms >= absence.asked_at_ms + pause_ms

    def _left_out(self, meter: int) -> PollOutcome:
        """Return the outcome of a meter that was dead and not asked, with the cause that it had when it was."""
        last = self._absences.get(meter, _Absence()).last
        seconds = f"{self._seconds_max:g} s"
        note = f"not asked, because the others on its bus took {seconds}; when it was asked last: {last.note}"
        now = self._now()
        return PollOutcome(meter, now, now, Failed(last.cause, note))
