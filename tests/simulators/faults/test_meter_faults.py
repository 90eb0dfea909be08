"""What the edge must read when the meter itself shows, or holds, something else than energy alone would explain.

A poll never judges a count: it gives the register exactly as the meter shows it, with what identifies the meter.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from simulators.faults import FaultKind
from simulators.faults.kinds import LIFE_KINDS, WORD_KINDS
from tests.simulators.faults.world import SERIALS, SHARK, TAKEN, WATTNODE, World, during, edge_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulators.faults.world import Glimpse

PROFILES = (WATTNODE, SHARK)
ALL_ONES = 0xFFFF_FFFF
TESTED = {
    FaultKind.FROZEN,
    FaultKind.ZERO_AT_BOOT,
    FaultKind.ALL_ONES_AT_BOOT,
    FaultKind.WORD_SWAP,
    FaultKind.ROLLOVER,
    FaultKind.ROLLBACK,
    FaultKind.RESET,
    FaultKind.EXCHANGE,
    FaultKind.CT_CHANGE,
}


def test_no_kind_of_meter_fault_is_left_out() -> None:
    """Every kind of fault of a meter has a test here."""
    assert TESTED == WORD_KINDS | LIFE_KINDS


def counts(glimpses: list[Glimpse]) -> list[int]:
    """Return the raw count of each poll."""
    return [glimpse.taken.counts[0] for glimpse in glimpses]


def true_apart_from(glimpses: list[Glimpse], *numbers: int) -> bool:
    """Return whether just these polls gave something else than what the register held."""
    return [number for number, glimpse in enumerate(glimpses) if not glimpse.is_true] == list(numbers)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_frozen_meter_repeats_itself_and_then_goes_on(profile: str, tmp_path: Path) -> None:
    """While nothing in the meter moves its counts are equal; afterwards no energy is missing."""
    world = World(tmp_path, [during(FaultKind.FROZEN, 2, 3)], profile=profile)
    glimpses = world.run()
    assert true_apart_from(glimpses, 2, 3)
    assert counts(glimpses)[2] == counts(glimpses)[3]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("kind", "shown"), [(FaultKind.ZERO_AT_BOOT, 0), (FaultKind.ALL_ONES_AT_BOOT, ALL_ONES)])
def test_a_meter_at_boot_is_read_as_it_shows(profile: str, kind: FaultKind, shown: int, tmp_path: Path) -> None:
    """Zero and all ones reach the chain bit by bit, if at all, and the count behind them is the true one again."""
    glimpses = World(tmp_path, [during(kind, 2, 3)], profile=profile).run()
    assert true_apart_from(glimpses, 2, 3)
    assert counts(glimpses)[2:4] == [shown, shown]


@pytest.mark.parametrize("profile", PROFILES)
def test_swapped_words_are_read_as_they_come(profile: str, tmp_path: Path) -> None:
    """The poll does not put words in order by guess: the raw count is the true one with its halves exchanged."""
    faulty = World(tmp_path, [during(FaultKind.WORD_SWAP, 2, 3)], profile=profile).run()
    sound = World(tmp_path, [], profile=profile).run()
    assert true_apart_from(faulty, 2, 3)
    for read, true in zip(counts(faulty)[2:4], counts(sound)[2:4], strict=True):
        assert read == (true & 0xFFFF) << 16 | true >> 16


@pytest.mark.parametrize("profile", PROFILES)
def test_a_rollover_loses_nothing(profile: str, tmp_path: Path) -> None:
    """The register starts again at zero, and modulo its capacity every interval is what the sun gave."""
    world = World(tmp_path, [during(FaultKind.ROLLOVER, 2, 3)], profile=profile)
    assert world.results() == [TAKEN] * 6
    glimpses = world.glimpses["roof"]
    sound = World(tmp_path, [], profile=profile).run()
    register = glimpses[0].taken.descriptor.registers[0]
    capacity_wh = register.rollover_counts * 10**register.scale_exponent
    grown = [(after.reading_wh - before.reading_wh) % capacity_wh for before, after in pairwise(glimpses)]
    assert glimpses[2].reading_wh < glimpses[1].reading_wh
    assert grown[1:] == [after.reading_wh - before.reading_wh for before, after in pairwise(sound)][1:]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_loss_of_power_is_a_gap_and_a_lower_register(profile: str, tmp_path: Path) -> None:
    """A dead meter is a time-out; back again it shows what it had saved, and the readings say just that."""
    world = World(tmp_path, [during(FaultKind.ROLLBACK, 2, 2, amount=10)], profile=profile)
    assert world.results() == [TAKEN, TAKEN, "timeout", TAKEN, TAKEN, TAKEN]
    glimpses = world.glimpses["roof"]
    saved_ms = (edge_at(2) - 60_000) // 600_000 * 600_000
    off_ms = edge_at(2) + 60_000 - saved_ms
    assert glimpses[3].reading_wh - glimpses[1].reading_wh == (edge_at(3) - edge_at(1) - off_ms) * 10


@pytest.mark.parametrize("profile", PROFILES)
def test_a_reset_register_is_read_as_it_is(profile: str, tmp_path: Path) -> None:
    """After a reset the counts begin anew, and every interval but the one of the reset is whole."""
    world = World(tmp_path, [during(FaultKind.RESET, 2, 2)], profile=profile)
    assert world.results() == [TAKEN] * 6
    readings = [glimpse.reading_wh for glimpse in world.glimpses["roof"]]
    assert readings[2] == 60_000 * 10
    assert readings[3] - readings[2] == 900_000 * 10


@pytest.mark.parametrize("profile", PROFILES)
def test_an_exchanged_meter_has_another_serial_number(profile: str, tmp_path: Path) -> None:
    """Once it is identified, each reading stands under the serial number of the meter that gave it."""
    faults = [during(FaultKind.EXCHANGE, 2, 2, amount=5_000)]
    world = World(tmp_path, faults, profile=profile, identify_every=1)
    assert world.results() == [TAKEN] * 6
    glimpses = world.glimpses["roof"]
    serials = [glimpse.taken.descriptor.serial for glimpse in glimpses]
    old, new = SERIALS[profile], SERIALS[profile][:-1] + str(int(SERIALS[profile][-1]) + 1)
    assert serials == [old, old, new, new, new, new]
    assert glimpses[2].reading_wh == 5_000 + 60_000 * 10


@pytest.mark.parametrize("profile", PROFILES)
def test_an_exchanged_meter_is_refused_where_its_number_is_configured(profile: str, tmp_path: Path) -> None:
    """With the serial number in the configuration, another meter's register is not read at all."""
    faults = [during(FaultKind.EXCHANGE, 2, 2, amount=5_000)]
    world = World(tmp_path, faults, profile=profile, identify_every=1, serial=SERIALS[profile])
    assert world.results() == [TAKEN, TAKEN, *["identity"] * 4]


def test_other_transformers_change_the_description(tmp_path: Path) -> None:
    """The register counts on, faster; the configuration that says so stands beside the readings from then on."""
    world = World(tmp_path, [during(FaultKind.CT_CHANGE, 2, 2, amount=200)], identify_every=1)
    assert world.results() == [TAKEN] * 6
    glimpses = world.glimpses["roof"]
    notes = [glimpse.taken.descriptor.note for glimpse in glimpses]
    assert notes == ["ct_amps=200"] * 2 + ["ct_amps=400"] * 4
    assert glimpses[4].reading_wh - glimpses[3].reading_wh == 2 * (glimpses[1].reading_wh - glimpses[0].reading_wh)
