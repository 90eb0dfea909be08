"""Who is polled in which order within a cycle: the dead never starve the healthy, and all have an outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from edge.cycle import Cycle
from edge.metering.back_off import BackOff
from edge.metering.outcome import Failed, PollOutcome, Taken
from protocol.messages import Instant, MeterDescriptor, TimeQuality

DESCRIPTOR = MeterDescriptor(1, "Maker", "Model", "S1", "1", (1, 1), "rtu", 1, {})
NO_REPLY = Failed("timeout", "no reply within 1 s")
MINUTE_MS = 60_000


@dataclass(slots=True)
class World:
    """A hand-driven clock, and who was asked when (boottime ms)."""

    at_ms: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)

    def now(self) -> Instant:
        """Return the instant."""
        return Instant(1_700_000_000_000 + self.at_ms, self.at_ms, TimeQuality.SYNCHRONISED)

    def asked_meters(self) -> list[int]:
        """Return who was asked since the last call."""
        meters = [meter for meter, _ in self.asked]
        self.asked.clear()
        return meters


@dataclass(slots=True)
class FakeSettings:
    """The number of a fake meter."""

    index: int


@dataclass(slots=True)
class FakeDriver:
    """A meter that takes `healthy_ms` for a reading and `dead_ms` to find out that there is none."""

    world: World
    settings: FakeSettings
    bus_name: str = "line"
    answered: bool = True
    is_dead: bool = False
    healthy_ms: int = 70
    dead_ms: int = 2000

    async def poll(self) -> PollOutcome:
        """Answer, or time out, as the test says."""
        before = self.world.now()
        self.world.asked.append((self.settings.index, before.boottime_ms))
        self.world.at_ms += self.dead_ms if self.is_dead else self.healthy_ms
        self.answered = not self.is_dead
        result = NO_REPLY if self.is_dead else Taken({0: 1}, DESCRIPTOR)
        return PollOutcome(self.settings.index, before, self.world.now(), result)

    async def look(self) -> PollOutcome:
        """Answer as to a poll."""
        return await self.poll()


def make(world: World, meters: int, **terms: float) -> tuple[list[FakeDriver], Cycle]:
    """Return so many meters on one line, and their cycle."""
    drivers = [FakeDriver(world, FakeSettings(index)) for index in range(1, meters + 1)]
    back_off = BackOff(first_seconds=60.0, max_seconds=240.0)
    return drivers, Cycle(drivers, world.now, seconds_max=terms.get("seconds_max", 30.0), back_off=back_off)


def causes(outcomes: tuple[PollOutcome, ...]) -> dict[int, str]:
    """Return the causes of those that gave no reading, by meter."""
    return {outcome.meter: outcome.result.cause for outcome in outcomes if isinstance(outcome.result, Failed)}


async def test_outcomes_come_in_the_order_of_the_configuration() -> None:
    """A dead meter is asked after the healthy ones, and its outcome still stands in its own place."""
    world = World()
    drivers, cycle = make(world, 3)
    drivers[0].is_dead = True
    for order in ([1, 2, 3], [2, 3, 1], [2, 3, 1]):
        outcomes = await cycle.poll_edge()
        assert [outcome.meter for outcome in outcomes] == [1, 2, 3]
        assert causes(outcomes) == {1: "timeout"}
        assert world.asked_meters() == order


@pytest.mark.parametrize("dead", [(), (1,), (1, 2, 3, 4), (5, 12, 20, 32), tuple(range(1, 17))])
async def test_the_dead_move_no_healthy_instant_and_the_cycle_ends_in_time(dead: tuple[int, ...]) -> None:
    """With any meters dead the others are asked at the same moments of each cycle, and a minute is not used up."""
    world = World()
    drivers, cycle = make(world, 32)
    for number in dead:
        drivers[number - 1].is_dead = True
    await cycle.poll_edge()
    patterns = set()
    for number in range(2, 8):
        begun_at = world.at_ms = number * 5 * MINUTE_MS
        world.asked.clear()
        outcomes = await cycle.poll_edge()
        assert len(outcomes) == 32
        assert set(causes(outcomes)) == set(dead)
        assert world.at_ms - begun_at < MINUTE_MS
        patterns.add(tuple((meter, at - begun_at) for meter, at in world.asked if meter not in dead))
    assert len(patterns) == 1


async def test_a_dead_meter_that_there_is_no_time_for_says_so() -> None:
    """At an edge it has an outcome of its own, with the cause of its last try; and the next time it comes first."""
    world = World()
    drivers, cycle = make(world, 6, seconds_max=5.0)
    for driver in drivers[1:]:
        driver.is_dead = True
    await cycle.poll_edge()
    world.asked.clear()
    outcomes = await cycle.poll_edge()
    assert causes(outcomes) == dict.fromkeys(range(2, 7), "timeout")
    assert world.asked_meters() == [1, 2, 3, 4]
    left_out = outcomes[-1].result
    assert isinstance(left_out, Failed)
    assert left_out.note == (
        "not asked, because the others on its bus took 5 s; when it was asked last: no reply within 1 s"
    )
    assert outcomes[-1].half_width_ms == 0
    await cycle.poll_edge()
    assert world.asked_meters() == [1, 5, 6, 2]


async def test_one_bus_waits_for_no_other() -> None:
    """A bus whose first meter hangs does not keep the meters of another from being asked."""
    world = World()
    hanging = Gated(world, FakeSettings(1), bus_name="other")
    hanging.permits = asyncio.Semaphore(0)
    cycle = Cycle([hanging, FakeDriver(world, FakeSettings(2))], world.now, seconds_max=30.0)
    polling = asyncio.create_task(cycle.poll_edge())
    await settle()
    assert world.asked_meters() == [2]
    hanging.permits.release()
    assert causes(await polling) == {}


async def test_between_edges_a_dead_meter_has_one_try_for_each_step_of_its_back_off() -> None:
    """The pauses double to their limit; an edge asks it all the same; once it answers it is asked every time."""
    world = World()
    drivers, cycle = make(world, 2)
    drivers[1].is_dead = True
    asked_in = []
    for minute in range(14):
        world.at_ms = minute * MINUTE_MS + minute
        outcomes = await cycle.look_between()
        meters = world.asked_meters()
        assert [outcome.meter for outcome in outcomes] == sorted(meters)
        if 2 in meters:
            asked_in.append(minute)
    assert asked_in == [0, 2, 5, 10]
    await cycle.poll_edge()
    assert world.asked_meters() == [1, 2]
    drivers[1].is_dead = False
    await cycle.poll_edge()
    world.asked.clear()
    assert causes(await cycle.look_between()) == {}
    assert world.asked_meters() == [1, 2]


async def test_a_meter_that_failed_beside_the_cycle_is_asked_first_of_the_dead() -> None:
    """A failure that the cycle did not see itself counts as the longest wait."""
    world = World()
    drivers, cycle = make(world, 3)
    for driver in drivers[1:]:
        driver.is_dead = True
    await cycle.poll_meter(2)
    await drivers[2].poll()
    await cycle.poll_edge()
    assert world.asked_meters() == [2, 3, 1, 3, 2]


class Gated(FakeDriver):
    """A meter that waits for a permit at each poll, so that a test sees who waits for whom."""

    permits: asyncio.Semaphore

    async def poll(self) -> PollOutcome:
        """Take a permit, then answer."""
        await self.permits.acquire()
        return await FakeDriver.poll(self)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_ad_hoc_poll_waits_for_the_cycle_and_a_cycle_for_one_ad_hoc_poll() -> None:
    """Whoever asks for many polls gets one in before the next cycle, and none in the middle of one."""
    world = World()
    drivers = [Gated(world, FakeSettings(index)) for index in (1, 2)]
    permits = asyncio.Semaphore(0)
    for driver in drivers:
        driver.permits = permits
    cycle = Cycle(drivers, world.now, seconds_max=30.0)

    async def poll_often() -> None:
        for _ in range(3):
            await cycle.poll_meter(2)
            world.asked.append((-2, 0))

    async def run_cycle() -> None:
        await cycle.poll_edge()
        world.asked.append((0, 0))

    tasks = [asyncio.create_task(run_cycle()), asyncio.create_task(poll_often())]
    await settle()
    tasks.append(asyncio.create_task(run_cycle()))
    await settle()
    assert world.asked_meters() == []
    for _ in range(7):
        permits.release()
        await settle()
    assert world.asked_meters() == [1, 2, 0, 2, -2, 1, 2, 0, 2, -2, 2, -2]
    await asyncio.gather(*tasks)
