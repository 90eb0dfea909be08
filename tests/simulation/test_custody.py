"""Custody under every fault at once: whole worlds from a seed, and the same worlds with one rule switched off."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from simulators.custody.campaign import run_seed
from simulators.custody.mutants import MUTANTS
from simulators.custody.regressions import REGRESSIONS

SEEDS = range(8)


@pytest.mark.parametrize("seed", sorted({*SEEDS, *REGRESSIONS}))
def test_no_reading_is_lost_doubled_or_stuck(seed: int) -> None:
    """Whatever the seed breaks, every invariant holds; `meter-sim custody --first SEED --seeds 1` replays it."""
    outcome = run_seed(seed)
    assert outcome.breach is None
    assert outcome.readings > 1000


def test_a_seed_is_a_world() -> None:
    """The same seed gives the same messages at the same instants, so that what failed can be looked at again."""
    first, again, other = run_seed(4), run_seed(4), run_seed(8)
    assert first == again
    assert first.trace != other.trace


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_switched_off_is_missed(name: str) -> None:
    """An invariant notices every mutant within the number of seeds that is stated for it, its known seed first."""
    mutant = MUTANTS[name]
    seeds = chain([mutant.known_seed], range(mutant.seeds_max))
    breach = next((found for seed in seeds if (found := run_seed(seed, name).breach) is not None), None)
    assert breach is not None
    assert not breach.invariant.startswith("I0"), "a rule is missed by what it protects, not by a crash"


def test_the_documentation_names_every_mutant() -> None:
    """The table in the documentation says of each mutant what the code says."""
    page = Path(__file__).parents[2] / "docs" / "custody_simulation.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    for mutant in MUTANTS.values():
        row = (mutant.name, mutant.instead, mutant.invariant, str(mutant.known_seed), str(mutant.seeds_max))
        assert f"| {' | '.join(row)} |" in lines
