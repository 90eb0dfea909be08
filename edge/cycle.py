"""One cycle: who is polled in which order on which bus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.metering.outcome import PollOutcome
    from edge.settings import MeterSettings


class Driver(Protocol):
    """Whatever reads a meter: `edge.poll.MeterPoller`, or the driver of another kind of input."""

    answered: bool
    """Whether the last poll gave a reading; true before the first."""

    @property
    def settings(self) -> MeterSettings:
        """Which meter this is."""
        ...

    @property
    def bus_name(self) -> str:
        """What the meter shares with others: drivers with one bus name take turns."""
        ...

    async def poll(self) -> PollOutcome:
        """Return what one poll gave; the world's failures are outcomes, never exceptions."""
        ...


async def poll_all(drivers: Sequence[Driver]) -> tuple[PollOutcome, ...]:
    """Poll each meter once and return the outcomes in the order given.

    Buses work side by side; on one bus the meters take turns, those that answered last time first, so that a dead one
    delays no healthy one.
    """
    queues: dict[str, list[Driver]] = {}
    for driver in sorted(drivers, key=lambda driver: not driver.answered):
        queues.setdefault(driver.bus_name, []).append(driver)
    outcomes: dict[int, PollOutcome] = {}

    async def poll_queue(queue: Sequence[Driver]) -> None:
        for driver in queue:
            outcomes[id(driver)] = await driver.poll()

    async with asyncio.TaskGroup() as group:
        for name, queue in queues.items():
            group.create_task(poll_queue(queue), name=f"poll {name}")
    return tuple(outcomes[id(driver)] for driver in drivers)
