"""`meter-sim custody`: try to lose or double a reading, seed by seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulators.custody.campaign import Tally, run_seeds
from simulators.custody.mutants import MUTANTS
from simulators.errors import SimulatorError

if TYPE_CHECKING:
    from simulators.custody.mutants import Mutant
    from simulators.custody.world import Outcome

EXIT_BROKEN = 1

stderr = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of a mutant: the outcomes up to the one that noticed it, if one did."""

    mutant: Mutant
    tally: Tally

    @property
    def caught(self) -> Outcome | None:
        """The outcome in which an invariant noticed."""
        return self.tally.failed[0] if self.tally.failed else None

    def as_json(self) -> dict[str, object]:
        """Return the hunt for machines."""
        breach = self.caught.breach if self.caught is not None else None
        return {
            "instead": self.mutant.instead,
            "caught_by_seed": None if self.caught is None else self.caught.seed,
            "invariant": None if breach is None else breach.invariant,
        }


def custody_command(  # noqa: PLR0913 - options of one command
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds; each is a few days of one device.")] = 20,
    first: Annotated[int, typer.Option(min=0, help="The first seed; each decides its own weather and faults.")] = 0,
    mutant: Annotated[
        str | None, typer.Option(help=f"Switch one rule off until it is missed: {', '.join(MUTANTS)}.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many seeds to work on at a time.")] = 2,
    *,
    mutants: Annotated[bool, typer.Option("--mutants", help="Then switch every rule off, one by one.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON; all else goes to stderr.")
    ] = False,
) -> None:
    """Try to lose or double a reading: the real device, wire and hub under every fault, in virtual time."""
    if mutant is not None and mutant not in MUTANTS:
        message = f"there is no mutant {mutant!r}: take one of {', '.join(MUTANTS)}"
        raise SimulatorError(message)
    console = stderr if as_json else Console()
    chosen = range(first, first + seeds)
    if mutant is not None:
        hunt = _hunt(MUTANTS[mutant], chosen, jobs)
        _print_hunts([hunt], console)
        numbers = hunt.tally.as_json() | {"mutant": mutant} | hunt.as_json()
        is_good = hunt.caught is not None
    else:
        tally = _run(chosen, jobs)
        _print_tally(tally, console)
        numbers, is_good = tally.as_json(), not tally.failed
        if mutants:
            hunts = [_hunt(one, range(one.seeds_max), jobs) for one in MUTANTS.values()]
            _print_hunts(hunts, console)
            numbers["mutants"] = {hunt.mutant.name: hunt.as_json() for hunt in hunts}
            is_good = is_good and all(hunt.caught is not None for hunt in hunts)
    if as_json:
        typer.echo(json.dumps(numbers))
    if not is_good:
        raise typer.Exit(EXIT_BROKEN)


def _run(seeds: range, jobs: int) -> Tally:
    tally = Tally()
    with _progress_bar() as bar:
        task = bar.add_task("seeds", total=len(seeds))
        for outcome in run_seeds(seeds, jobs=jobs):
            tally.add(outcome)
            if outcome.breach is not None:
                bar.console.print(_describe(outcome), highlight=False)
            bar.advance(task)
    return tally


def _hunt(mutant: Mutant, seeds: range, jobs: int) -> Hunt:
    hunt = Hunt(mutant, Tally())
    with _progress_bar() as bar:
        task = bar.add_task(mutant.name, total=len(seeds))
        for outcome in run_seeds(seeds, mutant=mutant.name, jobs=jobs):
            hunt.tally.add(outcome)
            bar.advance(task)
            if hunt.caught is not None:
                break
    return hunt


def _describe(outcome: Outcome) -> str:
    """Return why a seed failed, and the one command that replays it."""
    assert outcome.breach is not None, "only a failed seed is described"
    return (
        f"seed {outcome.seed} breaks {outcome.breach.invariant}: {outcome.breach.sentence};"
        f" replay it with `meter-sim custody --first {outcome.seed} --seeds 1`"
    )


def _print_tally(tally: Tally, console: Console) -> None:
    table = Table("what happened", "how often", box=None)
    for what, number in sorted(tally.counts.items()):
        table.add_row(what, f"{number:,}")
    console.print(table)
    harm = ", ".join(f"{tally.harm[kind]} {kind}" for kind in ("lost", "doubled", "stuck", "wrong"))
    console.print(
        f"{tally.seeds} seeds, {tally.readings:,} readings ({tally.destroyed:,} destroyed with the only storage that"
        f" held them): {harm}",
        highlight=False,
    )


def _print_hunts(hunts: list[Hunt], console: Console) -> None:
    table = Table("mutant", "what it does instead", "caught by seed", "invariant", box=None)
    for hunt in hunts:
        caught = hunt.caught
        seed = "NONE" if caught is None else str(caught.seed)
        invariant = "" if caught is None or caught.breach is None else caught.breach.invariant
        table.add_row(hunt.mutant.name, hunt.mutant.instead, seed, invariant)
    console.print(table)


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=stderr
    )
