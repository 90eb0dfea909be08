"""A whole line of meters, some of them dead: what one cycle asks, over a real pseudo-terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge.bus import open_bus
from edge.clock import SystemClock
from edge.cycle import Cycle
from edge.metering.outcome import Taken
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings, RtuLine
from tests.edge.fake_meter import AT_ONCE, Reply, WattNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.metering.outcome import PollOutcome

METERS = 32
DEAD = (1, 9, 17, 32)
BOUND = 30.0


def given(outcomes: Sequence[PollOutcome]) -> list[int]:
    """Return which meters gave a reading."""
    return [outcome.meter for outcome in outcomes if isinstance(outcome.result, Taken)]


async def test_a_dead_meter_costs_one_request_a_cycle_and_comes_last() -> None:
    """With 4 of 32 dead a steady cycle is 28 good requests in the same order as ever, then 4 that time out."""
    line = WattNode(0, 320)
    dead: set[int] = set()

    def answer(_: int, body: bytes) -> Reply | None:
        line.words[1700] = body[0]
        return None if body[0] in dead else line.answer(body)

    line.script = answer
    await line.start()
    bus = open_bus(RtuLine(name="line", port=str(line.port), silence_ms=0, timeout_seconds=0.25), AT_ONCE)
    profile, now = load_profile("ccs.wattnode-modbus"), SystemClock().now
    meters = [
        MeterSettings(
            name=f"meter {index}", index=index, bus="line", unit=index, profile=profile.id, generated="energy_in_nr"
        )
        for index in range(1, METERS + 1)
    ]
    cycle = Cycle([MeterPoller(meter, profile, bus, now) for meter in meters], now, seconds_max=BOUND)
    healthy = [meter.index for meter in meters if meter.index not in DEAD]
    async with asyncio.timeout(BOUND):
        assert given(await cycle.poll_edge()) == [meter.index for meter in meters]
        dead.update(DEAD)
        assert given(await cycle.poll_edge()) == healthy
        for _ in range(2):
            line.bodies.clear()
            before = bus.tally
            assert given(await cycle.poll_edge()) == healthy
            assert [body[0] for body in line.bodies] == [*healthy, *DEAD]
            assert bus.tally.timeouts - before.timeouts == len(DEAD)
            assert bus.tally.requests - before.requests == METERS
        dead.clear()
        assert given(await cycle.poll_edge()) == [meter.index for meter in meters]
        line.bodies.clear()
        await cycle.poll_edge()
        assert [body[0] for body in line.bodies] == [meter.index for meter in meters]
        assert bus.connections == 1
        await bus.close()
    await line.stop()
