"""`meter-sim custody`: exit codes and the line for machines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from simulators.cli import app
from simulators.custody import cli
from simulators.custody.campaign import Tally, run_seed
from simulators.custody.invariants import Breach, Harm
from simulators.custody.mutants import MUTANTS
from simulators.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from simulators.custody.world import Outcome


def test_a_seed_that_holds_ends_with_its_numbers() -> None:
    """The last line says how many readings there were and that none was harmed."""
    result = CliRunner().invoke(app, ["custody", "--seeds", "1", "--first", "4", "--jobs", "1", "--json"])
    assert result.exit_code == 0
    numbers = json.loads(result.stdout.splitlines()[-1])
    assert numbers["seeds"] == 1
    assert numbers["readings"] > 1000
    assert (numbers["lost"], numbers["doubled"], numbers["stuck"], numbers["wrong"]) == (0, 0, 0, 0)


def test_a_mutant_that_is_caught_is_a_success() -> None:
    """A mutant is named with the seed and the invariant that caught it."""
    arguments = ["custody", "--seeds", "2", "--jobs", "1", "--mutant", "receipt-before-commit", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    caught = json.loads(result.stdout.splitlines()[-1])
    assert (caught["mutant"], caught["seeds"], caught["caught_by_seed"]) == ("receipt-before-commit", 1, 0)
    assert caught["invariant"] == "I2 no receipt precedes its commit"


def test_a_mutant_that_survives_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that nobody misses fails the run."""
    monkeypatch.setattr(cli, "run_seeds", lambda *_arguments, **_named: iter(()))
    result = CliRunner().invoke(app, ["custody", "--seeds", "1", "--mutant", "R1", "--json"])
    assert result.exit_code == cli.EXIT_BROKEN
    assert json.loads(result.stdout.splitlines()[-1])["caught_by_seed"] is None


def test_all_mutants_follow_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --mutants the last line holds both: what the seeds came to, and which seed caught each mutant."""
    whole = run_seed(4)
    broken = replace(whole, breach=Breach("I1 every fact arrives", "3 readings are gone", Harm.LOST, 3))

    def run(_seeds: range, *, jobs: int, mutant: str | None = None) -> Iterator[Outcome]:
        assert jobs == 1
        return iter([whole if mutant is None else broken])

    monkeypatch.setattr(cli, "run_seeds", run)
    result = CliRunner().invoke(app, ["custody", "--seeds", "1", "--jobs", "1", "--mutants", "--json"])
    assert result.exit_code == 0
    numbers = json.loads(result.stdout.splitlines()[-1])
    assert (numbers["seeds"], numbers["lost"]) == (1, 0)
    assert {name: hunt["caught_by_seed"] for name, hunt in numbers["mutants"].items()} == dict.fromkeys(MUTANTS, 4)


def test_a_broken_seed_is_a_failure_that_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed that breaks an invariant is printed with the one command that shows it again."""
    outcome = replace(run_seed(4), breach=Breach("I1 every fact arrives", "3 readings are gone", Harm.LOST, 3))
    monkeypatch.setattr(cli, "run_seeds", lambda *_arguments, **_named: iter([outcome]))
    result = CliRunner().invoke(app, ["custody", "--seeds", "1", "--first", "4", "--json"])
    assert result.exit_code == cli.EXIT_BROKEN
    assert json.loads(result.stdout.splitlines()[-1])["lost"] == 3
    assert "meter-sim custody --first 4 --seeds 1" in " ".join(result.output.split())


def test_an_unknown_mutant_is_wrong_input() -> None:
    """The sentence names the mutants that there are."""
    result = CliRunner().invoke(app, ["custody", "--mutant", "R9"])
    assert isinstance(result.exception, SimulatorError)
    assert "receipt-before-commit" in str(result.exception)


def test_a_tally_adds_up() -> None:
    """Readings and harms of all seeds are summed by their kinds."""
    outcome = run_seed(4)
    tally = Tally()
    tally.add(outcome)
    tally.add(replace(outcome, breach=Breach("I6", "stuck", Harm.STUCK, 2)))
    numbers = tally.as_json()
    assert (numbers["seeds"], numbers["readings"], numbers["stuck"]) == (2, 2 * outcome.readings, 2)
    assert numbers["failed_seeds"] == [outcome.seed]
