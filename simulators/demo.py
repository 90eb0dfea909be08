"""The whole system on one machine, to look at: two past months at full speed, then readings arriving live."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from simulators.audit import count_stored
from simulators.clock import Pace
from simulators.line import Line, LinePlan
from simulators.sunshine import SeededSun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulators.broker import BrokerChoice
    from simulators.site import SimulatedSystem

INTERVAL = timedelta(minutes=15)
HISTORY_MONTHS = 2
LIVE_DAYS = 3
"""How many of the days before the present pass slowly, so that readings can be watched arriving."""
LIVE_SPEED = 450
"""Simulated seconds per second in the live part: one reading of every meter every two seconds."""
FUTURE_DAYS = 3650
LOOK_SECONDS = 0.25


class Audience(Protocol):
    """Who watches the demonstration."""

    def opened(self, url: str, broker: str) -> None:
        """Hear that everything runs and where the hub's page is."""
        ...

    def progressed(self, *, at: datetime, stored: int) -> None:
        """Hear what time it is at the site and how many readings the hub has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """Where to work, which port the page gets (0: a free one), which broker, which weather, and the real time."""

    work_dir: Path
    port: int
    broker: BrokerChoice
    seed: int
    now: Callable[[], datetime]


async def run_demo(plan: DemoPlan, audience: Audience) -> None:
    """Run until Ctrl-C or SIGTERM; every program is ended in order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = plan.now()
    start = first_instant(began)
    start_ms = _ms(start)

    def sun_of(system: SimulatedSystem) -> SeededSun:
        return SeededSun(seed=plan.seed, kilowatts=round(system.capacity_kw_dc), start_ms=start_ms)

    line_plan = LinePlan(
        work_dir=plan.work_dir,
        start_ms=start_ms,
        end_ms=_ms(start + timedelta(days=FUTURE_DAYS)),
        pace=Pace(speed=LIVE_SPEED, from_ms=_ms(began - timedelta(days=LIVE_DAYS))),
        sun_of=sun_of,
        broker=plan.broker,
        seal_seconds=int(INTERVAL.total_seconds()),
        hub_port=plan.port,
    )
    async with Line(line_plan) as line:
        audience.opened(line.url, line.broker_kind)
        is_present = False
        while not stop.is_set():
            line.check()
            if not is_present and line.clock.now_ms >= _ms(plan.now()):
                # Readings must not be dated in the future: from here on time passes as it does.
                is_present = True
                line.clock.set_pace(Pace(speed=1))
            audience.progressed(
                at=datetime.fromtimestamp(line.clock.now_ms / 1000, UTC), stored=count_stored(line.hub_database)
            )
            await asyncio.sleep(LOOK_SECONDS)


def first_instant(now: datetime) -> datetime:
    """Return midnight UTC of the day before the first of the month `HISTORY_MONTHS` ago.

    The day before, so that the first month opens with a reading at its very edge in the regulator's zone.
    """
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(HISTORY_MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
    return first - timedelta(days=1)


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000
