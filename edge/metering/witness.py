"""What beside the energy registers tells of them: whether the meter lives, and whether its own figures agree. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.counter import elapsed_ms
from protocol.records import MeterEventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.metering.counter import ReadingTime
    from edge.metering.outcome import Beside

TICK_MS_MIN = 60_000
"""A tick or uptime that is the same after so long has stopped; many meters count them in whole seconds or minutes."""
UNMOVED_QUANTA_MAX = 2
"""How many of its smallest steps a register may owe its power before it is taken for frozen."""
WINDOW_POLLS = 16
"""Over how many polls energy is compared with power: four hours at a poll each 15 minutes."""
POWER_GAP_MS_MAX = 2 * 3_600_000
"""Over how long two samples of power say what was between them: seldom ones are an hour apart."""
WINDOW_QUANTA_MIN = 100
"""How many of a register's smallest steps there must be to compare."""
MISMATCH_FACTOR = 100
"""How far energy and power may be apart: samples of a power that comes and goes are far from exact, a wrong unit is
further."""
SUM_GAP_MAX = 1
"""By how many counts a total may differ from its parts: each is rounded by itself, and a slow meter rounds later."""

_MS_PER_HOUR = 3_600_000
_LIVING = ("tick", "uptime")


@dataclass(frozen=True, slots=True)
class WitnessMemory:
    """What is remembered of a meter's witnesses: the newest values, and what was found of them.

    `power` is the newest power (W) and when it was read, `moved_at` when a register was last seen to move. `unmoved_wh`
    is what should have been counted since then. `polls`, `expected_wh` and `gained_wh` belong to the window in which
    energy and power are compared.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    values_at: ReadingTime | None = None
    power_w: Fraction = Fraction(0)
    power_at: ReadingTime | None = None
    moved_at: ReadingTime | None = None
    unmoved_wh: Fraction = Fraction(0)
    polls: int = 0
    expected_wh: Fraction = Fraction(0)
    gained_wh: Fraction = Fraction(0)
    is_stale: bool = False
    is_power_off: bool = False
    is_sum_off: bool = False

    def forgotten(self) -> WitnessMemory:
        """Return this without the values that a next poll would be compared with."""
        return WitnessMemory(is_stale=self.is_stale, is_power_off=self.is_power_off, is_sum_off=self.is_sum_off)


@dataclass(frozen=True, slots=True)
class EnergyStep:
    """What the energy registers did since the poll before: whether one moved, what was gained, and their smallest step.

    `is_partial` says that power can flow which the registers that are read do not count.
    """

    at: ReadingTime
    has_moved: bool
    gained_wh: Fraction
    quantum_wh: Fraction
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class WitnessVerdict:
    """What to remember, and what to state, each with one sentence."""

    memory: WitnessMemory
    events: tuple[tuple[MeterEventKind, str], ...]


def is_restarted(memory: WitnessMemory, beside: Beside) -> bool:
    """Return whether the meter was restarted or reset since: its uptime fell, or its count of resets changed."""
    old, new = memory.values, beside.witnesses
    has_fallen = "uptime" in old and "uptime" in new and new["uptime"] < old["uptime"]
    return has_fallen or ("resets" in old and "resets" in new and new["resets"] != old["resets"])


def hear(memory: WitnessMemory, beside: Beside, step: EnergyStep) -> WitnessVerdict:
    """Return what the witnesses say of a poll that gave a reading; each finding is stated when it begins."""
    unmoved_wh = _owe(memory, beside, step)
    compared, is_power_off = _compare(memory, beside, step)
    is_sum_off = memory.is_sum_off if beside.sum_gap is None else beside.sum_gap > SUM_GAP_MAX
    is_stale = _has_stopped(memory, beside, step, unmoved_wh)
    events = []
    if is_stale and not memory.is_stale:
        events.append((MeterEventKind.STALE, "The meter answers, but nothing in its answers moves."))
    if memory.is_stale and not is_stale:
        events.append((MeterEventKind.MOVING, "The meter's answers move again."))
    if is_power_off and not memory.is_power_off:
        text = f"Energy and power differ by more than {MISMATCH_FACTOR} times; is a unit or ratio wrong?"
        events.append((MeterEventKind.INCONSISTENT, text))
    if is_sum_off and not memory.is_sum_off:
        events.append((MeterEventKind.INCONSISTENT, f"A total differs from its parts by {beside.sum_gap} counts."))
    has_power = beside.power_w is not None
    now = replace(
        compared,
        values={**memory.values, **beside.witnesses},
        values_at=step.at if beside.witnesses else memory.values_at,
        power_w=beside.power_w if beside.power_w is not None else memory.power_w,
        power_at=step.at if has_power else memory.power_at,
        moved_at=step.at if step.has_moved else memory.moved_at,
        unmoved_wh=unmoved_wh,
        is_stale=is_stale,
        is_power_off=is_power_off,
        is_sum_off=is_sum_off,
    )
    return WitnessVerdict(now, tuple(events))


def _living(memory: WitnessMemory, beside: Beside) -> tuple[str, ...]:
    """Return the witnesses of life that were read now and before."""
    return tuple(role for role in _LIVING if role in memory.values and role in beside.witnesses)


def _has_stopped(memory: WitnessMemory, beside: Beside, step: EnergyStep, unmoved_wh: Fraction) -> bool:
    """Return whether nothing in the meter moves: by its tick or uptime, or by energy that its power owes.

    Whatever was found of it lasts until something is seen to move.
    """
    if step.has_moved:
        return False
    roles = _living(memory, beside)
    if roles and memory.values_at is not None:
        elapsed = elapsed_ms(memory.values_at, step.at)
        if elapsed is None or elapsed < TICK_MS_MIN:
            return memory.is_stale
        return all(memory.values[role] == beside.witnesses[role] for role in roles)
    return memory.is_stale or unmoved_wh > UNMOVED_QUANTA_MAX * step.quantum_wh


def _owe(memory: WitnessMemory, beside: Beside, step: EnergyStep) -> Fraction:
    """Return what the registers owe their power since one of them moved, in Wh; a power seen once is not believed.

    Where power is read seldom, a register has moved since: what flowed before that it does not owe.
    """
    if step.has_moved:
        return Fraction(0)
    elapsed = _since_power(memory, step)
    since_move = elapsed if memory.moved_at is None else elapsed_ms(memory.moved_at, step.at)
    # A second look, a moment after a register moved, finds it where it was: no power can owe anything by then.
    if elapsed is None or since_move is None or since_move < TICK_MS_MIN or beside.power_w is None:
        return memory.unmoved_wh
    return memory.unmoved_wh + min(memory.power_w, beside.power_w) * min(elapsed, since_move) / _MS_PER_HOUR


def _since_power(memory: WitnessMemory, step: EnergyStep) -> int | None:
    """Return how many ms it is since power was read; None where it was not, or nobody knows."""
    return None if memory.power_at is None else elapsed_ms(memory.power_at, step.at)


def _compare(memory: WitnessMemory, beside: Beside, step: EnergyStep) -> tuple[WitnessMemory, bool]:
    """Return the window with this poll in it, and whether energy and power disagree; a window has no holes.

    The mean of two powers says nothing of a time in which a day may begin or end.
    """
    elapsed = _since_power(memory, step)
    expected_wh = None
    if elapsed is not None and elapsed <= POWER_GAP_MS_MAX and beside.power_w is not None:
        expected_wh = (memory.power_w + beside.power_w) / 2 * elapsed / _MS_PER_HOUR
    if memory.power_at is None:
        return memory, memory.is_power_off
    window = replace(
        memory,
        polls=memory.polls + 1,
        expected_wh=memory.expected_wh + (expected_wh or 0),
        gained_wh=memory.gained_wh + step.gained_wh,
    )
    if beside.power_w is None:
        return window, memory.is_power_off
    emptied = replace(window, polls=0, expected_wh=Fraction(0), gained_wh=Fraction(0))
    if expected_wh is None:
        return emptied, memory.is_power_off
    if window.polls < WINDOW_POLLS:
        return window, memory.is_power_off
    expected, gained = window.expected_wh, window.gained_wh
    if max(expected, gained) < WINDOW_QUANTA_MIN * step.quantum_wh:
        return emptied, memory.is_power_off
    is_too_much = not step.is_partial and gained > MISMATCH_FACTOR * expected
    return emptied, is_too_much or expected > MISMATCH_FACTOR * gained
