"""Replay a measured series through the real edge, broker and hub, and compare what is reported with the truth."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from simulators.audit import Audit, audit_line
from simulators.clock import AS_FAST_AS_POSSIBLE
from simulators.line import Line, LinePlan, Program
from simulators.measured import STEP_MS
from simulators.site import SYSTEMS
from simulators.sunshine import MeasuredSun
from simulators.watch import LOOK_SECONDS, tell, wait_for_custody

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from simulators.broker import Carrier
    from simulators.measured import MeasuredSeries
    from simulators.meter import SimulatedMeter
    from simulators.site import SimulatedSystem
    from simulators.watch import Progress

OUTAGE_SECONDS = 1.0
SEAL_SECONDS = 3600
RESEND_SECONDS = 2
REGULATOR_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Outage:
    """Kill `program` without warning when `fraction` (0 to 1) of the series has been replayed, then start it again."""

    program: Program
    fraction: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """What to replay, where to work, through which broker, and what to break meanwhile."""

    series: MeasuredSeries
    work_dir: Path
    broker: Carrier = "auto"
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedMonth:
    """A month as the hub reports it, and the truth beside it.

    `integral_wh` is the exact energy of the calendar month; `is_exact` says whether the reported production is the
    difference of what the meter's register shows at the month's two edges: the integral, to the meter's resolution.
    """

    system: str
    capacity_factor: Decimal
    reported: Mapping[str, object]
    integral_wh: Fraction
    is_exact: bool

    def as_json(self) -> dict[str, object]:
        """Return the month as it is printed: the hub's own object, with capacity factor and truth."""
        return {
            **self.reported,
            "capacity_factor": float(self.capacity_factor),
            "integral_wh": str(round(Decimal(self.integral_wh.numerator) / self.integral_wh.denominator, 3)),
            "exact": self.is_exact,
        }


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay gave."""

    audit: Audit
    wall_seconds: float
    broker: str
    killed: tuple[str, ...]
    months: tuple[ReportedMonth, ...]

    @property
    def is_exact(self) -> bool:
        """Whether nothing was lost, doubled or changed, and every month equals the integral to the resolution."""
        audit = self.audit
        return not (audit.lost or audit.duplicated or audit.mismatched) and all(m.is_exact for m in self.months)

    def as_json(self) -> dict[str, object]:
        """Return the result as it is printed."""
        return {
            **asdict(self.audit),
            "wall_seconds": round(self.wall_seconds, 1),
            "broker": self.broker,
            "killed": list(self.killed),
            "months": [month.as_json() for month in self.months],
        }


async def replay(plan: ReplayPlan, progress: Progress) -> ReplayResult:
    """Run the whole line over the series and return what came of it; raises LineError if a part of it fails.

    Readings are taken at the instant of every row, so that the energy of the last row's own 15 minutes is not read.
    """
    started = time.monotonic()
    series = plan.series
    last_ms = series.end_at - STEP_MS
    line_plan = LinePlan(
        work_dir=plan.work_dir,
        start_ms=series.first_at,
        end_ms=last_ms,
        pace=AS_FAST_AS_POSSIBLE,
        sun_of=lambda system: MeasuredSun(series, system.capacity_factor),
        broker=plan.broker,
        seal_seconds=SEAL_SECONDS,
        resend_seconds=RESEND_SECONDS,
    )
    async with Line(line_plan) as line:
        await _run_through(line, plan.outages, progress)
        await wait_for_custody(line, progress)
        await line.stop(Program.EDGE)
        await wait_for_custody(line, progress)
        months = await asyncio.to_thread(_read_months, line, last_ms)
        audit = await asyncio.to_thread(
            audit_line, line.journal, line.hub_database, {m.serial: m for m in line.site.meters.values()}
        )
        broker = line.broker_kind
    return ReplayResult(
        audit=audit,
        wall_seconds=time.monotonic() - started,
        broker=broker,
        killed=tuple(outage.program for outage in plan.outages),
        months=months,
    )


async def _run_through(line: Line, outages: Sequence[Outage], progress: Progress) -> None:
    span_ms = line.plan.end_ms - line.plan.start_ms
    waiting = sorted(outages, key=lambda outage: outage.fraction)
    while not line.clock.finished.is_set():
        line.check()
        if waiting and line.clock.now_ms - line.plan.start_ms >= waiting[0].fraction * span_ms:
            await _suffer(line, waiting.pop(0))
        tell(line, progress)
        await asyncio.sleep(LOOK_SECONDS)
    for outage in waiting:
        await _suffer(line, outage)


async def _suffer(line: Line, outage: Outage) -> None:
    line.kill(outage.program)
    await asyncio.sleep(OUTAGE_SECONDS)
    await line.start(outage.program)


def _read_months(line: Line, last_ms: int) -> tuple[ReportedMonth, ...]:
    return tuple(
        _with_truth(system, month, line.site.meters[system.pts_id], last_ms)
        for system in SYSTEMS
        for month in line.fetch_list(f"/api/v1/systems/{system.pts_id}/months", "months")
    )


def _with_truth(
    system: SimulatedSystem, month: Mapping[str, object], meter: SimulatedMeter, last_ms: int
) -> ReportedMonth:
    """Put what the sun gave in the calendar month beside what the hub reports for it."""
    start_ms, end_ms = _month_edges(str(month["month"]))
    until_ms = min(end_ms, last_ms)
    gained = meter.register_wh_at(until_ms) - meter.register_wh_at(start_ms)
    return ReportedMonth(
        system=system.pts_id,
        capacity_factor=system.capacity_factor,
        reported=month,
        integral_wh=meter.sun.energy_at(until_ms) - meter.sun.energy_at(start_ms),
        is_exact=month["production_wh"] == gained,
    )


def _month_edges(month: str) -> tuple[int, int]:
    """Return the first instant of the calendar month in the regulator's zone and of the next one, UTC ms."""
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=REGULATOR_ZONE)
    after = (first + timedelta(days=32)).replace(day=1)
    return int(first.timestamp()) * 1000, int(after.timestamp()) * 1000
