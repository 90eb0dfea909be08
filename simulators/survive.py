"""Kill the real programs at random, for as long as one likes, and look whether a reading was lost or doubled.

Edge, hub and broker are processes of their own and die by SIGKILL, in an order and at moments that a seed decides: one
after the other, two at once, or again while they are still starting. Time at the site passes quickly meanwhile. In the
end everything is brought up, the hub takes what it has not yet, and the audit compares the edge's log, the hub's tables
and the meters' own truth.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from simulators.audit import Audit, audit_line
from simulators.clock import Pace
from simulators.line import Line, LinePlan, Program
from simulators.measured import STEP_MS
from simulators.sunshine import SeededSun
from simulators.watch import LOOK_SECONDS, tell, wait_for_custody

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from simulators.broker import Carrier
    from simulators.site import SimulatedSystem
    from simulators.watch import Progress

START_MS = 1_780_272_000_000
"""Midnight UTC of 2026-06-01: a month in which the sun moves registers every day."""
SPAN_MS = 5 * 365 * 24 * 3_600_000
SPEED = 22_500
"""Simulated seconds per second: a reading of every meter each 40 ms."""
SEAL_SECONDS = 3600
RESEND_SECONDS = 1
CALM_SECONDS = (0.2, 4.0)
"""The least and the longest time between two attacks."""
OUTAGE_SECONDS = (0.0, 1.5)
STARTING_SECONDS = (0.02, 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalPlan:
    """How long to kill (real seconds), under which seed's chance, through which broker, working where."""

    seconds: float
    seed: int
    chance: random.Random
    work_dir: Path
    broker: Carrier = "auto"


@dataclass(slots=True)
class Kills:
    """How often each program was killed, and how many of these deaths came while it was starting."""

    by_program: dict[Program, int] = field(default_factory=lambda: dict.fromkeys(Program, 0))
    while_starting: int = 0

    def note(self, program: Program) -> None:
        """Count one more death."""
        self.by_program[program] += 1


@dataclass(frozen=True, slots=True)
class Survival:
    """What came of it."""

    audit: Audit
    kills: Kills
    seed: int
    broker: str
    wall_seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether every reading arrived once, as the meter showed it, and there were any."""
        audit = self.audit
        return audit.readings_taken > 0 and not (audit.lost or audit.duplicated or audit.mismatched)

    def as_json(self) -> dict[str, object]:
        """Return the result as it is printed."""
        return {
            **asdict(self.audit),
            "kills": {str(program): count for program, count in self.kills.by_program.items()},
            "killed_while_starting": self.kills.while_starting,
            "seed": self.seed,
            "broker": self.broker,
            "wall_seconds": round(self.wall_seconds, 1),
        }


async def survive(plan: SurvivalPlan, progress: Progress) -> Survival:
    """Run the whole line and kill its programs at random; raises LineError if a part of it fails by itself."""
    started = time.monotonic()

    def sun_of(system: SimulatedSystem) -> SeededSun:
        return SeededSun(seed=plan.seed, kilowatts=round(system.capacity_kw_dc), start_ms=START_MS)

    line_plan = LinePlan(
        work_dir=plan.work_dir,
        start_ms=START_MS,
        end_ms=START_MS + SPAN_MS - SPAN_MS % STEP_MS,
        pace=Pace(speed=SPEED),
        sun_of=sun_of,
        broker=plan.broker,
        seal_seconds=SEAL_SECONDS,
        resend_seconds=RESEND_SECONDS,
    )
    kills = Kills()
    async with Line(line_plan) as line:
        while time.monotonic() - started < plan.seconds:
            for victims in _draw_round(line, plan.chance):
                await _rest(plan.chance.uniform(*CALM_SECONDS), line, progress)
                await _attack(line, victims, plan.chance, kills)
        # Time nearly stands still from here on, or there would always be one more block.
        line.clock.set_pace(Pace(speed=1))
        await wait_for_custody(line, progress)
        # What is open is sealed at a graceful end, so that the audit can find every reading at the hub.
        await line.stop(Program.EDGE)
        await wait_for_custody(line, progress)
        meters = {meter.serial: meter for meter in line.site.meters.values()}
        audit = await asyncio.to_thread(audit_line, line.journal, line.hub_database, meters)
        broker = line.broker_kind
    return Survival(audit, kills, plan.seed, broker, time.monotonic() - started)


async def _rest(seconds: float, line: Line, progress: Progress) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        line.check()
        tell(line, progress)
        await asyncio.sleep(LOOK_SECONDS)


def _draw_round(line: Line, chance: random.Random) -> list[list[Program]]:
    """Return all programs in a random order, one by one or two of them at once."""
    order = chance.sample(line.programs, len(line.programs))
    return [[victim] for victim in order] if chance.random() < 1 / 2 else [order[:2], order[2:]]


async def _attack(line: Line, victims: list[Program], chance: random.Random, kills: Kills) -> None:
    """Kill the victims at once, some again while they come up, and leave everything running."""
    for victim in victims:
        line.kill(victim)
        kills.note(victim)
    await asyncio.sleep(chance.uniform(*OUTAGE_SECONDS))
    for victim in victims:
        if victim is not Program.BROKER and chance.random() < 1 / 3:
            line.launch(victim)
            await asyncio.sleep(chance.uniform(*STARTING_SECONDS))
            line.kill(victim)
            kills.note(victim)
            kills.while_starting += 1
        await line.start(victim)
