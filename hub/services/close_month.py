"""Go over a month: look at it provisionally, close it, or amend it where a number has to change.

A run works through the systems in pieces, each stored by itself, so that neither memory nor those who write beside it
feel how many there are. What a run stored counts only once the run has ended; one that was broken off counts nothing,
and is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.closing import RULES_VERSION, RunKind, month_state, refuse_run, seal_run
from hub.rules.quarters import is_exported
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.account_months import account_months
from hub.services.check_text import check_label
from hub.store import changes, ledger, months
from hub.store.months import Result, Run, SystemMonthRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.closing import MonthState
    from hub.rules.periods import ProductionMonth
    from hub.services.account_months import Account
    from hub.store.database import Database


def close_month(  # noqa: PLR0913 - what is done to which month, by whom, when and why
    database: Database,
    month: ProductionMonth,
    kind: RunKind,
    *,
    actor: str,
    now: int,
    reason: str = "",
    on_progress: Callable[[int], object] = lambda _systems: None,
) -> tuple[Run, Result]:
    """Go over a month of all systems and return the run and what it came to.

    Months before it that were not reported of a system, and can be estimated now, are amended first where they are
    closed. `on_progress` is told how many systems were done, piece by piece. Raises InputError where the month cannot
    be run so, or an amendment has no reason.
    """
    reason = check_label(reason, "a reason")
    if kind is RunKind.AMEND and not reason:
        message = f"an amendment of {month} needs its reason: say why the number changes, with --reason"
        raise InputError(message)
    with database.read() as connection:
        _check(connection, month, kind, now)
        until = ledger.last_number(connection)
    going = _Going(database, actor=actor, now=now, until=until)
    run = going.begin(month, kind, reason)
    gaps: dict[ProductionMonth, dict[str, tuple[int, ...]]] = {}
    for piece in going.pieces():
        for account in going.keep(run, piece, only_changed=kind is RunKind.AMEND):
            for gap in account.gaps:
                gaps.setdefault(gap, {})[account.system] = piece[account.system]
        on_progress(len(piece))
    if kind is not RunKind.PROVISIONAL:
        for gap in sorted(gaps):
            going.fill_gap(gap, gaps[gap], month)
    return run, going.end(run)


class _Going:
    """One going over a month and those before it: what it stores counts once `end` was called for its run."""

    def __init__(self, database: Database, *, actor: str, now: int, until: int) -> None:
        self._database = database
        self._actor = actor
        self._now = now
        self._until = until

    def begin(self, month: ProductionMonth, kind: RunKind, reason: str) -> Run:
        """Begin a run, which does not count yet."""
        run = Run(
            number=0,
            month=month,
            kind=kind.value,
            run_at=self._now,
            actor=self._actor,
            reason=reason,
            rules=RULES_VERSION,
            ledger_until=self._until,
        )
        with self._database.write() as connection:
            return months.add_run(connection, run)

    def pieces(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Yield every system with the ids of its meters, some thousands at a time."""
        after = ""
        while True:
            with self._database.read() as connection:
                piece = months.list_meters_after(connection, after)
            if not piece:
                return
            yield piece
            after = next(reversed(piece))

    def keep(self, run: Run, systems: Mapping[str, Sequence[int]], *, only_changed: bool) -> list[Account]:
        """Draw up and store the run's month of these systems; return the accounts."""
        with self._database.read() as connection:
            accounts = list(
                account_months(
                    connection,
                    systems,
                    run.month,
                    until=run.ledger_until,
                    is_sent=is_exported(run.month, run.run_at),
                )
            )
            held = months.latest_versions(connection, systems, run.month)
        rows = [
            _row(run, account, version + 1)
            for account in accounts
            for version, sha256 in [held.get(account.system, (0, ""))]
            if not (only_changed and sha256 == account.sha256)
        ]
        with self._database.write() as connection:
            months.add_system_months(connection, rows)
        return accounts

    def fill_gap(self, gap: ProductionMonth, systems: Mapping[str, Sequence[int]], after: ProductionMonth) -> None:
        """Amend a closed month with what a later reading lets estimate of it."""
        with self._database.read() as connection:
            if refuse_run(RunKind.AMEND, _state(connection, gap), gap, window_of(gap).closes_at, self._now):
                return
        run = self.begin(gap, RunKind.AMEND, f"estimated by what was read for {after}")
        self.keep(run, systems, only_changed=True)
        self.end(run)

    def end(self, run: Run) -> Result:
        """Let a run count, unless the month was run otherwise in the meantime; raises InputError then."""
        with self._database.write() as connection:
            _check(connection, run.month, RunKind(run.kind), self._now)
            result = _sum_up(months.iterate_of_run(connection, run.number))
            months.end_run(connection, run, result)
            changes.announce(connection, [changes.FLEET], self._now)
        return result


def _check(connection: Connection, month: ProductionMonth, kind: RunKind, now: int) -> None:
    refusal = refuse_run(kind, _state(connection, month), month, window_of(month).closes_at, now)
    if refusal is not None:
        raise InputError(refusal)


def _state(connection: Connection, month: ProductionMonth) -> MonthState:
    return month_state(RunKind(run.kind) for run, _ in months.list_runs(connection, month))


def _row(run: Run, account: Account, version: int) -> SystemMonthRow:
    return SystemMonthRow(
        system=account.system,
        month=account.month,
        version=version,
        run=run.number,
        state=account.state.value,
        production_wh=account.production_wh,
        is_true_up=account.is_true_up,
        basis=account.basis,
        findings="[]",
        sha256=account.sha256,
    )


def _sum_up(rows: Iterable[SystemMonthRow]) -> Result:
    counts = dict.fromkeys(ReportState, 0)
    production_wh, hashes = 0, []
    for row in rows:
        counts[ReportState(row.state)] += 1
        production_wh += row.production_wh or 0
        hashes.append(row.sha256)
    return Result(
        systems=len(hashes),
        reported=counts[ReportState.REPORTED],
        partial=counts[ReportState.PARTIAL],
        estimated=counts[ReportState.ESTIMATED],
        missing=counts[ReportState.MISSING],
        production_wh=production_wh,
        sha256=seal_run(hashes),
    )
