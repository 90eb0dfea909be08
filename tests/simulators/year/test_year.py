"""A stretch of a year under every fault, judged by its chain, and the same with one rule of the edge switched off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.cli import app
from simulators.faults import FaultKind
from simulators.year.causes import REASONS
from simulators.year.cli import live_and_judge
from simulators.year.mutants import MUTANT_DAYS, MUTANT_METERS, MUTANT_SEED, MUTANTS

SEED, DAYS, METERS = 1, 17, 8
PAGE = Path(__file__).parents[3] / "docs" / "field_simulation.md"


@pytest.mark.timeout(480)
def test_weeks_of_every_fault_lose_no_watt_hour() -> None:
    """Eight meters, every kind of fault, a month's edge: all invariants hold, and energy is the registers' own."""
    audit = live_and_judge(SEED, DAYS, METERS)
    assert audit.breaches == []
    assert set(FaultKind) <= set(audit.faults), "a seed that leaves a kind of fault out proves less"
    # A meter whose reading is doubted is read twice at one interval edge.
    assert audit.polls >= DAYS * 96 * METERS - audit.gaps * DAYS * 96
    assert all(meter.wh_by_intervals == meter.wh_by_registers > 0 for meter in audit.meters)
    assert len(audit.meters) == METERS


def test_nothing_is_wrong_where_the_mutants_live() -> None:
    """The stretch in which a mutant must be noticed is whole without one."""
    assert live_and_judge(MUTANT_SEED, MUTANT_DAYS, MUTANT_METERS).breaches == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_switched_off_is_missed(name: str) -> None:
    """An invariant notices every mutant, and it is the one that the table names."""
    mutant = MUTANTS[name]
    with mutant.patch():
        audit = live_and_judge(MUTANT_SEED, MUTANT_DAYS, MUTANT_METERS)
    assert mutant.invariant in {breach.invariant for breach in audit.breaches}


def test_the_command_ends_with_its_numbers() -> None:
    """The last line tells the energies both ways, and that nothing mismatches."""
    arguments = ["year", "--seed", str(MUTANT_SEED), "--days", str(MUTANT_DAYS), "--meters", "1", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout.splitlines()[-1])
    assert numbers["mismatches"] == 0
    assert [meter["wh_by_intervals"] for meter in numbers["meters"]] == [
        meter["wh_by_registers"] for meter in numbers["meters"]
    ]


def test_a_broken_invariant_is_an_exit_code_and_an_unknown_mutant_a_sentence() -> None:
    """Whoever runs the command in a script learns that something is wrong."""
    arguments = ["year", "--seed", str(MUTANT_SEED), "--days", str(MUTANT_DAYS), "--meters", str(MUTANT_METERS)]
    result = CliRunner().invoke(app, [*arguments, "--mutant", "failed-poll"])
    assert result.exit_code == 1
    assert "I1 every poll is in the chain" in result.output
    assert "no mutant" in str(CliRunner().invoke(app, [*arguments, "--mutant", "nonsense"]).exception)


def test_the_documentation_has_both_tables() -> None:
    """The page says of each mutant what the code says, and of each fault why a poll may give no good reading."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for mutant in MUTANTS.values():
        assert f"| `{mutant.name}` | {mutant.instead} | {mutant.invariant} |" in lines
    for kind, reasons in REASONS.items():
        listed = ", ".join(f"`{reason}`" for reason in sorted(reasons)) or "none"
        assert any(line.startswith(f"| `{kind}` | {listed} |") for line in lines), (kind, listed)
