"""What the edge must say of a meter that fails: which readings count for nothing, which events stand in the chain.

The polls are the edge's own over a bus in virtual time, and its own judgement follows each. No energy is ever counted
that the sun did not give; what a fault takes away stands between the two readings of an event.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge.metering.judge import MeterTerms, judge
from edge.metering.outcome import PollOutcome, Taken
from protocol.identity import BootId
from protocol.records import STATUS_HELD, STATUS_STALE, STATUS_SUSPECT, MeterEventKind
from simulators.faults import FaultKind
from simulators.faults.kinds import LIFE_KINDS, WORD_KINDS
from tests.simulators.faults.world import METER, SHARK, WATTNODE, World, during, energy_wh, true_ms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROFILES = (WATTNODE, SHARK)
POLLS = 9
INITIAL_WH = 300_000_000
SUN_W = Fraction(36_000_000)
SUN_WH_PER_MS = 10
BOOT = BootId(b"boot")
CONFIRMED, SUSPECT = MeterEventKind.CONFIRMED, MeterEventKind.SUSPECT
SEGMENT_BEGINS = frozenset({CONFIRMED, MeterEventKind.EXCHANGE, MeterEventKind.RESET, MeterEventKind.SCALE_CHANGE})


class Case(NamedTuple):
    """A fault from poll 2 until `last`, the events by number of the poll that states them, and the polls in doubt."""

    kind: FaultKind
    last: int
    events: Mapping[int, list[MeterEventKind]]
    doubted: set[int]
    amount: int = 0
    save_minutes: int = 0


CASES = [
    Case(
        FaultKind.FROZEN,
        3,
        {3: [MeterEventKind.STALE], 4: [SUSPECT, MeterEventKind.MOVING], 7: [CONFIRMED]},
        {3, 4, 5, 6},
    ),
    Case(FaultKind.ZERO_AT_BOOT, 2, {2: [SUSPECT]}, {2}),
    Case(FaultKind.ZERO_AT_BOOT, 3, {2: [SUSPECT]}, {2, 3}),
    Case(FaultKind.ALL_ONES_AT_BOOT, 2, {2: [SUSPECT]}, {2}),
    Case(FaultKind.ALL_ONES_AT_BOOT, 3, {2: [SUSPECT]}, {2, 3}),
    Case(FaultKind.WORD_SWAP, 3, {2: [SUSPECT]}, {2, 3}),
    Case(FaultKind.ROLLOVER, 3, {2: [MeterEventKind.ROLLOVER]}, set()),
    Case(FaultKind.ROLLBACK, 2, {}, set(), amount=7),
    Case(FaultKind.ROLLBACK, 2, {3: [SUSPECT]}, {3}, amount=60),
    Case(FaultKind.ROLLBACK, 2, {3: [MeterEventKind.ROLLBACK]}, {3}, amount=60, save_minutes=60),
    Case(FaultKind.RESET, 3, {2: [SUSPECT], 5: [CONFIRMED]}, {2, 3, 4}),
    Case(FaultKind.EXCHANGE, 3, {2: [MeterEventKind.EXCHANGE]}, set(), amount=500),
    Case(FaultKind.CT_CHANGE, 3, {2: [MeterEventKind.CONFIGURATION_CHANGE]}, set(), amount=50),
]
# The Shark's map states no transformers that could be seen to change.
SEEN = [
    (case, profile) for case in CASES for profile in PROFILES if (case.kind, profile) != (FaultKind.CT_CHANGE, SHARK)
]


def test_no_kind_of_meter_fault_is_left_out() -> None:
    """Every fault that bends what a meter shows or holds has a case."""
    assert {case.kind for case in CASES} == WORD_KINDS | LIFE_KINDS


def watch(case: Case, profile: str, work_dir: Path) -> list[PollOutcome]:
    """Return the judged polls of a meter with this fault."""
    fault = during(case.kind, 2, case.last, case.amount)
    world = World(work_dir, [fault], polls=POLLS, profile=profile, identify_every=1, initial_wh=INITIAL_WH)
    terms = MeterTerms(power_w_max=SUN_W, save_interval_ms=case.save_minutes * 60_000)
    judged: list[PollOutcome] = []
    memory = None
    world.run()
    for glimpse in world.glimpses[METER]:
        judged.append(judge(memory, glimpse.outcome, terms, BOOT).outcome)
        memory = judged[-1].memory or memory
    return judged


def is_doubted(outcome: PollOutcome) -> bool:
    """Return whether a reading must not decide a month."""
    bits = STATUS_HELD | STATUS_SUSPECT | STATUS_STALE
    return isinstance(outcome.result, Taken) and bool(outcome.result.status & bits)


@pytest.mark.parametrize(("case", "profile"), SEEN)
def test_a_fault_of_a_meter_is_stated_and_its_readings_doubted(case: Case, profile: str, tmp_path: Path) -> None:
    """The chain says once what happened, at the poll that shows it; just the untrue readings count for nothing.

    Whether a map also has a power that contradicts a false register, or a tick that stands still with it, is its own
    affair.
    """
    judged = watch(case, profile, tmp_path)
    beside = {MeterEventKind.INCONSISTENT}
    if case.kind is not FaultKind.FROZEN:
        beside |= {MeterEventKind.STALE, MeterEventKind.MOVING}
    stated = {
        number: kinds
        for number, outcome in enumerate(judged)
        if (kinds := [event.kind for event in outcome.events if event.kind not in beside])
    }
    assert stated == case.events
    assert {number for number, outcome in enumerate(judged) if is_doubted(outcome)} == case.doubted


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES)
def test_no_energy_is_counted_that_the_sun_did_not_give(case: Case, profile: str, tmp_path: Path) -> None:
    """From one good reading to the next the register grew by no more than what was generated in between.

    By as much, unless the meter itself was frozen, dead or configured to count less.
    """
    is_lossless = case.kind not in (FaultKind.FROZEN, FaultKind.ROLLBACK, FaultKind.CT_CHANGE)
    good: tuple[int, int] | None = None
    steps = 0
    for outcome in watch(case, profile, tmp_path):
        if not isinstance(outcome.result, Taken) or is_doubted(outcome):
            continue
        register = outcome.result.descriptor.registers[0]
        seen = true_ms(outcome.before), energy_wh(outcome.result.counts[0], register)
        begins = any(event.kind in SEGMENT_BEGINS for event in outcome.events)
        if good is not None and not begins:
            given_wh = (seen[0] - good[0]) * SUN_WH_PER_MS
            counted_wh = (seen[1] - good[1]) % (register.rollover_counts * 10**register.scale_exponent)
            assert counted_wh == given_wh if is_lossless else counted_wh <= given_wh
            steps += 1
        good = seen
    assert steps >= 3
