"""Draw up a month again from the ledger as it was then, and compare with what was closed, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.closing import seal_run
from hub.services.account_months import account_months
from hub.store import months, system_meters
from hub.store.system_meters import SYSTEMS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database
    from hub.store.months import Result, Run, SystemMonthRow

DIFFERENCES_MAX = 1_000
"""The most differences that are told of a month; more of them say nothing new."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How a month came out again: how many systems' months of how many runs, and in a sentence each what differs."""

    month: ProductionMonth
    runs: int
    systems: int
    differences: tuple[str, ...]


def verify_month(
    database: Database, month: ProductionMonth, on_progress: Callable[[int], object] = lambda _systems: None
) -> Verified:
    """Draw up every run of a month again, and return what comes out otherwise than it was kept.

    Raises UnknownSubjectError for a month that nobody went over.
    """
    with database.read() as connection:
        runs = months.list_runs(connection, month)
        if not runs:
            message = f"nobody went over {month} yet: close it, or look at it with `meter-hub months run {month}`"
            raise UnknownSubjectError(message)
        differences: list[str] = []
        systems = 0
        for run, result in runs:
            hashes: list[str] = []
            rows = months.iterate_of_run(connection, run.number)
            while piece := list(islice(rows, SYSTEMS_AT_ONCE)):
                differences += _compare(connection, run, piece)
                hashes += [row.sha256 for row in piece]
                on_progress(len(piece))
            systems += len(hashes)
            differences += _compare_run(run, result, hashes)
    return Verified(month, len(runs), systems, tuple(differences[:DIFFERENCES_MAX]))


def _compare(connection: Connection, run: Run, kept: Sequence[SystemMonthRow]) -> list[str]:
    meters = system_meters.list_meters_between(connection, kept[0].system, kept[-1].system)
    systems = {row.system: meters.get(row.system, ()) for row in kept}
    again = account_months(connection, systems, run.month, until=run.ledger_until, at=run.run_at)
    return [
        f"{row.system} in {run.month}: {_say(row.production_wh)} was kept by run {run.number}, and the ledger gives "
        f"{_say(account.production_wh)} ({account.state})"
        for row, account in zip(kept, again, strict=True)
        if (row.sha256, row.production_wh, row.state, row.basis)
        != (account.sha256, account.production_wh, account.state.value, account.basis)
    ]


def _compare_run(run: Run, result: Result, hashes: Sequence[str]) -> list[str]:
    if (result.systems, result.sha256) == (len(hashes), seal_run(hashes)):
        return []
    sealed = f"run {run.number} of {run.month} was sealed over {result.systems} systems"
    return [f"{sealed}, and {len(hashes)} are kept of it that give another hash"]


def _say(production_wh: int | None) -> str:
    return "no number" if production_wh is None else f"{production_wh} Wh"
