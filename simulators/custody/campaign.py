"""Many seeds, one after the other or several at a time."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from simulators.custody.mutants import MUTANTS
from simulators.custody.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.custody.world import Outcome


@dataclass(slots=True)
class Tally:
    """What a campaign came to; `failed` are the outcomes in which an invariant did not hold."""

    seeds: int = 0
    readings: int = 0
    destroyed: int = 0
    harm: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take one more seed into account."""
        self.seeds += 1
        self.readings += outcome.readings
        self.destroyed += outcome.destroyed
        self.counts.update(outcome.counts)
        if outcome.breach is not None:
            self.harm[outcome.breach.harm] += outcome.breach.readings
            self.failed.append(outcome)

    def as_json(self) -> dict[str, object]:
        """Return the tally for machines."""
        return {
            "seeds": self.seeds,
            "readings": self.readings,
            "lost": self.harm["lost"],
            "doubled": self.harm["doubled"],
            "stuck": self.harm["stuck"],
            "wrong": self.harm["wrong"],
            "destroyed": self.destroyed,
            "failed_seeds": [outcome.seed for outcome in self.failed],
            "counts": dict(sorted(self.counts.items())),
        }


def run_seed(seed: int, mutant: str | None = None) -> Outcome:
    """Return what one seed comes to, with the real code or with a mutant of it."""
    with _quiet():
        world = World(seed)
        with MUTANTS[mutant].patch(world.hub) if mutant is not None else nullcontext():
            return world.run()


def run_seeds(seeds: Sequence[int], *, mutant: str | None = None, jobs: int = 1) -> Iterator[Outcome]:
    """Yield what the seeds come to, in their order, working on up to `jobs` of them at a time."""
    task = partial(run_seed, mutant=mutant)
    if jobs == 1:
        yield from map(task, seeds)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("forkserver"))
    try:
        yield from pool.map(task, seeds)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the programs log: in here everything goes wrong, and is meant to."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
