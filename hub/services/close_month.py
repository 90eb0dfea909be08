"""Go over a month: look at it provisionally, close it, or amend it where a number has to change.

A run works through the systems in pieces, each stored by itself, so that neither memory nor those who write beside it
feel how many there are. What a run stored counts only once the run has ended; one that was broken off counts nothing,
and is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.errors import InputError
from hub.rules.closing import RULES_VERSION, RunKind, is_binding, month_state, refuse_run, seal_run
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.account_months import account_months
from hub.services.check_text import check_label
from hub.services.submit_reading import write_findings
from hub.store import changes, ledger, months, system_meters
from hub.store.audit_log import append_audit
from hub.store.months import Result, Run, SystemMonthRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

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
    """Go over a month of all systems and return the run and what it came to; an amendment keeps what changed only.

    Months before it that were not reported of a system, and can be estimated now, are amended where they are closed.
    `on_progress` is told how many systems were done, piece by piece. Raises InputError where the month cannot be run
    so, or an amendment has no reason.
    """
    going = _Going(database, actor=actor, now=now)
    run = going.begin(month, kind, _check_reason(month, kind, reason))
    gaps: dict[ProductionMonth, dict[str, tuple[int, ...]]] = {}
    for piece in going.pieces():
        drawn = going.draw(month, piece)
        going.keep(run, drawn.changed if kind is RunKind.AMEND else drawn.every)
        for account, _ in drawn.every:
            for gap in account.gaps:
                gaps.setdefault(gap, {})[account.system] = piece[account.system]
        on_progress(len(piece))
    if kind is not RunKind.PROVISIONAL:
        for gap in sorted(gaps):
            going.amend(gap, gaps[gap], f"estimated by what was read for {month}")
    return run, going.end(run)


def amend_months(  # noqa: PLR0913 - what is done to which months of a system, by whom, when and why
    database: Database, system: str, concerned: Iterable[ProductionMonth], *, actor: str, now: int, reason: str
) -> tuple[Run, ...]:
    """Amend those of a system's months that are closed and come out otherwise now; return the runs that did it."""
    going = _Going(database, actor=actor, now=now)
    with database.read() as connection:
        meters = system_meters.list_meters_of(connection, system)
    runs = (going.amend(month, {system: meters}, reason) for month in sorted(concerned))
    return tuple(run for run in runs if run is not None)


def amend_systems(
    database: Database, systems: Collection[str], *, actor: str, now: int, reason: str
) -> tuple[Run, ...]:
    """Amend every closed month of these systems that comes out otherwise now; return the runs that did it."""
    going = _Going(database, actor=actor, now=now)
    with database.read() as connection:
        meters = {system: system_meters.list_meters_of(connection, system) for system in sorted(systems)}
        closed = sorted({run.month for run, _ in months.list_runs(connection) if run.kind == RunKind.CLOSE})
    runs = (going.amend(month, meters, reason) for month in closed)
    return tuple(run for run in runs if run is not None)


class _Drawn(NamedTuple):
    """Accounts of a month, each with the version that it would be; `changed` are those that say something new."""

    every: list[tuple[Account, int]]
    changed: list[tuple[Account, int]]


class _Going:
    """One going over months: what it keeps counts once `end` was called for its run."""

    def __init__(self, database: Database, *, actor: str, now: int) -> None:
        self._database = database
        self._actor = actor
        self._now = now
        with database.read() as connection:
            self._until = ledger.last_number(connection)

    def begin(self, month: ProductionMonth, kind: RunKind, reason: str) -> Run:
        """Begin a run, which does not count yet; raises InputError where the month cannot be run so."""
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
            _check(connection, month, kind, self._now)
            return months.add_run(connection, run)

    def pieces(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Yield every system with the ids of its meters, some thousands at a time."""
        after = ""
        while True:
            with self._database.read() as connection:
                piece = system_meters.list_meters_after(connection, after)
            if not piece:
                return
            yield piece
            after = next(reversed(piece))

    def draw(self, month: ProductionMonth, systems: Mapping[str, Sequence[int]]) -> _Drawn:
        """Draw up a month of these systems."""
        with self._database.read() as connection:
            accounts = account_months(connection, systems, month, until=self._until, at=self._now)
            held = months.latest_versions(connection, systems, month)
            every = [(account, held.get(account.system, (0, ""))[0] + 1) for account in accounts]
        return _Drawn(every, [one for one in every if held.get(one[0].system, (0, ""))[1] != one[0].sha256])

    def keep(self, run: Run, drawn: Sequence[tuple[Account, int]]) -> None:
        """Store what was drawn up as a run's."""
        with self._database.write() as connection:
            months.add_system_months(connection, [_row(run, account, version) for account, version in drawn])

    def amend(self, month: ProductionMonth, systems: Mapping[str, Sequence[int]], reason: str) -> Run | None:
        """Amend a month of these systems, if it is closed and comes out otherwise now."""
        with self._database.read() as connection:
            if not is_binding(_state(connection, month)):
                return None
        changed = self.draw(month, systems).changed
        if not changed:
            return None
        run = self.begin(month, RunKind.AMEND, reason)
        self.keep(run, changed)
        self.end(run)
        return run

    def end(self, run: Run) -> Result:
        """Let a run count, unless the month was run otherwise in the meantime; raises InputError then."""
        with self._database.write() as connection:
            _check(connection, run.month, RunKind(run.kind), self._now)
            result = _sum_up(months.iterate_of_run(connection, run.number))
            months.end_run(connection, run, result)
            append_audit(
                connection,
                actor=run.actor,
                action=f"{run.kind} month",
                subject=str(run.month),
                at=self._now,
                after={"run": run.number, "systems": result.systems, "sha256": result.sha256},
                reason=run.reason,
            )
            changes.announce(connection, [changes.FLEET], self._now)
        return result


def _check_reason(month: ProductionMonth, kind: RunKind, reason: str) -> str:
    reason = check_label(reason, "a reason")
    if kind is RunKind.AMEND and not reason:
        message = f"an amendment of {month} needs its reason: say why the number changes, with --reason"
        raise InputError(message)
    return reason


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
        findings=write_findings(account.findings),
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
