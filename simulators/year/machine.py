"""The machine: its clocks over boots, and the real agent on it, run, stopped, killed and cut off as planned."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

from edge.agent import Agent, Ending
from edge.clock import SystemClock
from edge.custody import custodian
from edge.uplink import Uplink
from simulators.errors import SimulatorError
from simulators.faults import FaultKind
from simulators.faults.plan import MACHINE
from simulators.virtual_time import VirtualKernel
from simulators.year.plan import INTERVAL_MS, OutageKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from edge.config import AgentConfig
    from protocol.topics import Channel
    from simulators.virtual_time import VirtualTime
    from simulators.year.plan import YearPlan

BOOT_SECONDS = 40
_LOOK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the machine: its random id, and when its kernel started, UTC ms, truly."""

    boot_id: bytes
    began_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BootedKernel(VirtualKernel):
    """The clocks of a machine in one of its boots."""

    boot: Boot

    def boot_id(self) -> bytes:
        """Return the 16 bytes that tell this boot."""
        return self.boot.boot_id

    def boottime_ms(self) -> int:
        """Return milliseconds since the boot."""
        return self.time.now_ms - self.boot.began_ms


@dataclass(frozen=True, slots=True)
class AgentRun:
    """The agent ran from `from_ms` until before `until_ms`, true UTC ms."""

    from_ms: int
    until_ms: int


class DeafUplink(Uplink):
    """A way to a hub that is never there."""

    async def __aenter__(self) -> Self:
        """Begin to be deaf."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Let it fall."""


class Machine:
    """Lives through a plan once. `boots` and `runs` say afterwards what there was."""

    def __init__(self, config: AgentConfig, time: VirtualTime, plan: YearPlan, ahead_ms: Callable[[int], int]) -> None:
        self.boots: list[Boot] = []
        self.runs: list[AgentRun] = []
        self._config = config
        self._time = time
        self._plan = plan
        self._ahead_ms = ahead_ms
        self._steps = clock_settings(plan)
        self._chance = random.Random(f"boots/{plan.seed}")  # noqa: S311 - a simulation has to be repeatable

    async def live(self) -> None:
        """Run the agent through the plan; raises SimulatorError if it ends by itself."""
        with patch.object(custodian, "open_uplink", lambda *_: DeafUplink()):
            self._boot()
            for outage in self._plan.outages:
                await self._run_until(outage.from_ms, is_graceful=outage.kind is OutageKind.STOPPED)
                await self._time.sleep_until(outage.until_ms)
                if outage.kind is OutageKind.POWER_LOST:
                    self._boot()
            await self._run_until(self._plan.to_ms, is_graceful=True)

    def _boot(self) -> None:
        self.boots.append(Boot(self._chance.randbytes(16), self._time.now_ms - BOOT_SECONDS * 1000))

    async def _run_until(self, until_ms: int, *, is_graceful: bool) -> None:
        kernel = BootedKernel(time=self._time, ahead_ms=self._ahead_ms, boot=self.boots[-1])
        stop = asyncio.Event()
        from_ms = self._time.now_ms
        agent = asyncio.create_task(Agent(self._config, SystemClock(kernel, self._sleep), stop).run(), name="agent")
        alarm = asyncio.create_task(self._time.sleep_until(until_ms), name="alarm")
        await asyncio.wait({agent, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if is_graceful:
            stop.set()
        else:
            agent.cancel()
        alarm.cancel()
        [ending] = await asyncio.gather(agent, return_exceptions=True)
        is_killed = isinstance(ending, asyncio.CancelledError) and not is_graceful
        if not is_killed and ending is not Ending.STOPPED:
            message = f"the agent ended by itself at {self._time.now_ms}: {ending!r}"
            raise SimulatorError(message) from (ending if isinstance(ending, Exception) else None)
        self.runs.append(AgentRun(from_ms, until_ms))

    async def _sleep(self, seconds: float) -> None:
        """Sleep so long; or, where the clock only looks whether it was set, through all looks at which it was not."""
        if seconds == _LOOK_SECONDS:
            now_ms = self._time.now_ms
            wall_ms = now_ms + self._ahead_ms(now_ms)
            nothing_ms = INTERVAL_MS - wall_ms % INTERVAL_MS
            step_ms = next((at_ms - now_ms for at_ms in self._steps if at_ms > now_ms), nothing_ms)
            looks = (min(nothing_ms, step_ms) - 1) // int(_LOOK_SECONDS * 1000)
            seconds *= max(looks, 1)
        await asyncio.sleep(seconds)


def clock_settings(plan: YearPlan) -> list[int]:
    """Return when the wall clock is set, UTC ms in order: at the beginning and end of each fault of the machine."""
    steps = plan.faults.of(MACHINE, {FaultKind.CLOCK_STEP})
    return sorted(at_ms for step in steps for at_ms in (step.from_ms, step.until_ms))
