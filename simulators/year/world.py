"""One seed's year: the site, the machine on it, and what both leave behind for the audit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.config import load_config
from edge.journal import read_export
from edge.keys import ensure_signing_key, public_pem
from simulators.faults import clock_ahead, play_site_faults
from simulators.virtual_loop import run_virtually
from simulators.virtual_time import VirtualTime
from simulators.year.machine import Machine
from simulators.year.plan import DAY_MS, draw_year
from simulators.year.site import METERS, YearSite, can_roll_over, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.journal import Export
    from simulators.year.machine import AgentRun, Boot
    from simulators.year.plan import YearPlan


@dataclass(frozen=True, slots=True)
class LivedYear:
    """What is left of a year: the truth, and what the journal holds."""

    plan: YearPlan
    site: YearSite
    boots: tuple[Boot, ...]
    runs: tuple[AgentRun, ...]
    export: Export


def live_year(
    seed: int, *, days: int, meters: int, folder: Path, on_day: Callable[[int], None] = lambda _: None
) -> LivedYear:
    """Live the year of a seed and return what is left of it; `on_day` is told how many days are over."""
    chosen = METERS[:meters]
    plan = draw_year(seed, days, targets_of(chosen), {meter.name: can_roll_over(meter) for meter in chosen})
    return run_virtually(_live(plan, meters, folder, on_day))


async def _live(plan: YearPlan, meters: int, folder: Path, on_day: Callable[[int], None]) -> LivedYear:
    time = VirtualTime(plan.from_ms)
    site = YearSite(METERS[:meters], plan.faults, time, folder)
    async with site:
        path = folder / "meter-edge.toml"
        site.write_config(path)
        (folder / "hub-key.pem").write_bytes(public_pem(ensure_signing_key(folder / "hub" / "key.pem")))
        ensure_signing_key(folder / "edge" / "signing-key.pem")
        config = load_config(path)
        ahead_ms = clock_ahead(plan.faults)
        machine = Machine(config, time, plan, ahead_ms)
        beside = [
            asyncio.create_task(play_site_faults(plan.faults, time, {name: line}, site.strange_lines))
            for name, line in site.lines.items()
        ]
        beside.append(asyncio.create_task(_tell(plan, time, on_day)))
        await machine.live()
        for task in beside:
            task.cancel()
        for [result] in [await asyncio.gather(task, return_exceptions=True) for task in beside]:
            if isinstance(result, Exception):
                raise result
    return LivedYear(
        plan, site, tuple(machine.boots), tuple(machine.runs), read_export(config.journal_path, everything=True)
    )


async def _tell(plan: YearPlan, time: VirtualTime, on_day: Callable[[int], None]) -> None:
    for day in range(1, (plan.to_ms - plan.from_ms) // DAY_MS + 1):
        await time.sleep_until(plan.from_ms + day * DAY_MS)
        on_day(day)
