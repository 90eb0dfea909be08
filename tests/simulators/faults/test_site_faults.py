"""What the edge must record when its adapter comes back elsewhere, is another one, or its clock is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol.messages import TimeQuality
from simulators.faults import Fault, FaultKind
from simulators.faults.kinds import ADAPTER_KINDS
from simulators.faults.plan import MACHINE
from tests.simulators.faults.world import (
    BUS,
    SERIALS,
    TAKEN,
    WATTNODE,
    World,
    during,
    edge_at,
    true_ms,
)

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000
TESTED = {FaultKind.PORT_RENUMBERING, FaultKind.ADAPTER_SWAP}


def test_no_kind_of_site_fault_is_left_out() -> None:
    """Every kind of fault of an adapter has a test here."""
    assert TESTED == ADAPTER_KINDS


def test_an_adapter_under_another_device_name_costs_nothing(tmp_path: Path) -> None:
    """The line is opened anew by its link, the meter identified anew, and every reading is taken and true."""
    world = World(tmp_path, [during(FaultKind.PORT_RENUMBERING, 2, 2, target=BUS)])
    assert world.results() == [TAKEN] * 6
    assert world.neighbour_results == [TAKEN] * 6


def test_an_adapter_that_goes_away_in_a_poll_costs_one_poll_at_most(tmp_path: Path) -> None:
    """A line that is renumbered between question and reply gives a true reading or a cause, and then all is well."""
    slow = during(FaultKind.SLOW_METER, 2, 2, 600)
    world = World(tmp_path, [slow, Fault(FaultKind.PORT_RENUMBERING, BUS, edge_at(2) + 300, edge_at(2) + 301)])
    results = world.results()
    assert results[:2] == results[3:5] == [TAKEN, TAKEN]


def test_meters_behind_another_adapter_are_not_taken_for_ours(tmp_path: Path) -> None:
    """Another adapter with the name of ours leads to another meter with our unit id: it is refused by its identity."""
    world = World(tmp_path, [during(FaultKind.ADAPTER_SWAP, 2, 3, target=BUS)], serial=SERIALS[WATTNODE])
    assert world.results() == [TAKEN, TAKEN, "identity", "identity", TAKEN, TAKEN]
    assert world.neighbour_results == [TAKEN, TAKEN, "timeout", "timeout", TAKEN, TAKEN]


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 61_000, 86_400_000])
def test_a_stepped_clock_moves_no_reading(step_ms: int, tmp_path: Path) -> None:
    """Readings under a clock that was set say that it is not to be trusted; boottime still tells the true instant."""
    world = World(tmp_path, [during(FaultKind.CLOCK_STEP, 2, 3, step_ms, target=MACHINE)])
    assert world.results() == [TAKEN] * 6
    outcomes = [glimpse.outcome for glimpse in world.glimpses["roof"]]
    good, unknown = TimeQuality.SYNCHRONISED, TimeQuality.UNKNOWN
    assert [outcome.before.quality for outcome in outcomes] == [good, good, unknown, unknown, good, good]
    for number, outcome in enumerate(outcomes):
        assert outcome.read_at - edge_at(number) - (step_ms if number in (2, 3) else 0) in range(1_000)
        assert true_ms(outcome.before) - edge_at(number) in range(1_000)
