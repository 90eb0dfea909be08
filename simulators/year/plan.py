"""What a year has in store: the faults of meters, lines and clock, and when the agent does not run."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from simulators.errors import SimulatorError
from simulators.faults import Fault, FaultKind, FaultPlan, draw_plan
from simulators.faults.kinds import LIFE_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulators.faults import Target

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
INTERVAL_MS = 15 * MINUTE_MS
START_MS = 1_781_481_600_000
"""2026-06-15, midnight UTC: a month is over soon, and the days are long."""
DAYS_MIN = 14
ROUND_DAYS = 10
"""Every kind of fault comes once in so many days."""
OUTAGE_DAYS = 4
"""So often the agent does not run for a while."""
QUIET_MS = 4 * HOUR_MS
"""What one fault leaves behind is over when the next begins, where this module has the choice."""
CLEAR_OF_EDGE_MS = 2 * MINUTE_MS
BOOT_MS_MAX = 25 * MINUTE_MS
_SUN_UP_HOURS = range(14, 21)
"""Hours of the day, UTC, in which any array of the site gives power all year round."""
_OUTAGE_MS = (MINUTE_MS, 7 * MINUTE_MS, 25 * MINUTE_MS, 3 * HOUR_MS, 40 * HOUR_MS)
_DOUBLED = (200, 50)


class OutageKind(StrEnum):
    """Why the agent does not run."""

    KILLED = "killed"
    """The program is killed, in the middle of whatever it does."""
    STOPPED = "stopped"
    """The program is told to stop, and seals what is open."""
    POWER_LOST = "power-lost"
    """The program is killed with its machine, which boots anew afterwards."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The agent does not run from `from_ms` until before `until_ms`, UTC ms."""

    kind: OutageKind
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class YearPlan:
    """All that happens from `from_ms` to `to_ms`, UTC ms."""

    seed: int
    from_ms: int
    to_ms: int
    faults: FaultPlan
    outages: tuple[Outage, ...]


def draw_year(seed: int, days: int, targets: Sequence[Target], rollovers: Mapping[str, bool]) -> YearPlan:
    """Return the plan of a seed: every kind of fault once in ten days, and outages in between.

    `rollovers` tells of each meter whether its register can roll over, which each does once that can. Raises
    SimulatorError for fewer than 14 days.
    """
    if days < DAYS_MIN:
        message = f"{days} days are too few for every fault; give {DAYS_MIN} or more"
        raise SimulatorError(message)
    chance = random.Random(f"year/{seed}")  # noqa: S311 - faults are no secrets
    # A minute more, so that the poll of the last interval edge is made.
    to_ms = START_MS + days * DAY_MS + MINUTE_MS
    able = [target for target in targets if rollovers[target.meter]]
    drawn = draw_plan(seed, targets, START_MS + DAY_MS, to_ms - QUIET_MS, rounds=max(days // ROUND_DAYS, 1))
    faults = [fault for fault in drawn.faults if fault.kind is not FaultKind.ROLLOVER]
    faults = [_shorten(fault) for fault in _steady_transformers(faults)]
    for target in able:
        faults.append(_draw_rollover(chance, target.meter, faults, to_ms))
    outages: list[Outage] = []
    for number in range(days // OUTAGE_DAYS):
        around = range(START_MS + number * OUTAGE_DAYS * DAY_MS, START_MS + (number + 1) * OUTAGE_DAYS * DAY_MS)
        outage = _draw_outage(chance, around, faults, to_ms)
        if outage is not None:
            outages.append(outage)
    faults.sort(key=lambda fault: fault.from_ms)
    return YearPlan(seed, START_MS, to_ms, FaultPlan(seed, tuple(faults)), tuple(outages))


def _shorten(fault: Fault) -> Fault:
    """Return the fault as long as it can really be: a meter has loaded its registers minutes after it got power."""
    if fault.kind not in (FaultKind.ZERO_AT_BOOT, FaultKind.ALL_ONES_AT_BOOT):
        return fault
    return replace(fault, until_ms=min(fault.until_ms, fault.from_ms + BOOT_MS_MAX))


def _steady_transformers(faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults with each meter's transformers doubled, and back, in turn."""
    changes: dict[str, int] = {}
    steadied = []
    for fault in faults:
        if fault.kind is not FaultKind.CT_CHANGE:
            steadied.append(fault)
            continue
        number = changes[fault.target] = changes.get(fault.target, -1) + 1
        steadied.append(replace(fault, amount=_DOUBLED[number % 2]))
    return steadied


def _draw_rollover(chance: random.Random, meter: str, faults: Sequence[Fault], to_ms: int) -> Fault:
    """Return when a meter's register passes its end: before anything else bends it, and not during another fault."""
    bent_ms = min(
        (fault.from_ms for fault in faults if fault.target == meter and fault.kind in LIFE_KINDS), default=to_ms
    )
    while True:
        at_ms = chance.randrange(START_MS + HOUR_MS, bent_ms)
        is_day = at_ms % DAY_MS // HOUR_MS in _SUN_UP_HOURS
        if is_day and (bent_ms - START_MS < 2 * DAY_MS or _is_quiet(at_ms, at_ms + 1, faults, MINUTE_MS)):
            return Fault(FaultKind.ROLLOVER, meter, at_ms, at_ms + 1)


def _draw_outage(chance: random.Random, around: range, faults: Sequence[Fault], to_ms: int) -> Outage | None:
    """Return an outage that begins there and is clear of every fault, None if there is no room."""
    kind = chance.choice(list(OutageKind))
    for _ in range(1000):
        from_ms = chance.choice(around) // MINUTE_MS * MINUTE_MS + 1
        until_ms = from_ms + chance.choice(_OUTAGE_MS)
        is_clear = CLEAR_OF_EDGE_MS < from_ms % INTERVAL_MS < INTERVAL_MS - CLEAR_OF_EDGE_MS
        if is_clear and until_ms < to_ms - QUIET_MS and _is_quiet(from_ms, until_ms, faults, HOUR_MS):
            return Outage(kind, from_ms, until_ms)
    return None


def _is_quiet(from_ms: int, until_ms: int, faults: Sequence[Fault], margin_ms: int) -> bool:
    return not any(fault.from_ms < until_ms + margin_ms and from_ms < fault.until_ms + margin_ms for fault in faults)
