"""Months as runs found them: what each system produced, what that comes from, and what a run came to."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, Text, and_, bindparam, func, insert, select, tuple_

from hub.rules.periods import parse_month
from hub.store.dialect import insert_rows
from hub.store.ledger_tables import IS_FOUND, month_result, month_run, system_month
from hub.store.system_meters import SYSTEMS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from hub.rules.periods import ProductionMonth


@dataclass(frozen=True, slots=True)
class Run:
    """One going over a month: `kind` says how binding it is (`hub.rules.closing.RunKind`), `rules` is their version.

    `ledger_until` is the number of the last accepted reading that it saw.
    """

    number: int
    month: ProductionMonth
    kind: str
    run_at: int
    actor: str
    reason: str
    rules: str
    ledger_until: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a run that ended came to: how many systems, of them how many in each state, and the hash over all of it."""

    systems: int
    reported: int
    partial: int
    estimated: int
    missing: int
    production_wh: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SystemMonthRow:
    """A system's month as a run found it; `basis` and `findings` are canonical JSON, `sha256` is over all it says."""

    system: str
    month: ProductionMonth
    version: int
    run: int
    state: str
    production_wh: int | None
    is_true_up: bool
    basis: str
    findings: str
    sha256: str


def add_run(connection: Connection, run: Run) -> Run:
    """Begin a run (its `number` is ignored) and return it with its number."""
    values = {
        "month": str(run.month),
        "kind": run.kind,
        "run_at": run.run_at,
        "actor": run.actor,
        "reason": run.reason,
        "rules": run.rules,
        "ledger_until": run.ledger_until,
    }
    return _run(connection.execute(insert(month_run).values(values).returning(month_run)).one())


def end_run(connection: Connection, run: Run, result: Result) -> None:
    """Keep what a run came to."""
    connection.execute(
        insert(month_result).values(
            run=run.number,
            systems=result.systems,
            reported=result.reported,
            partial=result.partial,
            estimated=result.estimated,
            missing=result.missing,
            production_wh=result.production_wh,
            sha256=result.sha256,
        )
    )


def list_runs(connection: Connection, month: ProductionMonth | None = None) -> tuple[tuple[Run, Result], ...]:
    """Return the runs that ended, of one month or of all, in their order, with what they came to."""
    query = select(month_run, month_result).join(month_result, month_result.c.run == month_run.c.number)
    if month is not None:
        query = query.where(month_run.c.month == str(month))
    rows = connection.execute(query.order_by(month_run.c.number))
    return tuple((_run(row), _result(row)) for row in rows)


def last_month(connection: Connection) -> ProductionMonth | None:
    """Return the last month that a run went over to its end, None before the first."""
    ended = select(func.max(month_run.c.month)).join(month_result, month_result.c.run == month_run.c.number)
    month = connection.execute(ended).scalar_one()
    return None if month is None else parse_month(month)


def add_system_months(connection: Connection, rows: Sequence[SystemMonthRow]) -> None:
    """Keep what a run found of systems."""
    stored = insert_rows(
        connection,
        system_month,
        [
            (
                row.system,
                str(row.month),
                row.version,
                row.run,
                row.state,
                row.production_wh,
                int(row.is_true_up),
                row.basis,
                row.findings,
                row.sha256,
            )
            for row in rows
        ],
    )
    assert stored == len(rows), "a version of a system's month is there already"


def latest_versions(
    connection: Connection, systems: Collection[str], month: ProductionMonth
) -> dict[str, tuple[int, str]]:
    """Return the last version there is of this month of each of these systems, and the SHA-256 of the one that counts.

    A version of a run that never ended counts nothing; the SHA-256 is empty where none counts. Systems without any
    version are left out.
    """
    found: dict[str, tuple[int, str]] = {}
    for row in connection.execute(_versions(), {"systems": list(systems), "month": str(month)}):
        counted = found.get(row.system, (0, ""))[1]
        found[row.system] = (row.version, row.sha256 if row.result is not None else counted)
    return found


def find_system_month(connection: Connection, pts_id: str, month: ProductionMonth) -> SystemMonthRow | None:
    """Return the last version of a system's month that counts."""
    query = select(system_month).where(system_month.c.system == pts_id, system_month.c.month == str(month), _is_last())
    row = connection.execute(query).one_or_none()
    return None if row is None else _system_month(row)


def list_system_months(
    connection: Connection,
    pts_id: str,
    *,
    every_version: bool = False,
    before: tuple[ProductionMonth, int] | None = None,
    limit: int | None = None,
) -> tuple[SystemMonthRow, ...]:
    """Return a system's months, the latest first, each in its last version; with `every_version` in all of them.

    Those before a version of a month, and with `limit` no more than so many.
    """
    query = (
        select(system_month)
        .where(system_month.c.system == pts_id)
        .order_by(system_month.c.month.desc(), system_month.c.version.desc())
        .limit(limit)
    )
    if before is not None:
        month, version = before
        query = query.where(tuple_(system_month.c.month, system_month.c.version) < tuple_(str(month), version))
    if not every_version:
        query = query.where(_is_last())
    return tuple(map(_system_month, connection.execute(query)))


def list_all(connection: Connection, systems: Collection[str]) -> dict[str, tuple[SystemMonthRow, ...]]:
    """Return all months of each of these systems, the earliest first, each in its last version.

    Systems without any are left out.
    """
    return _list_of(connection, system_month.c.system.in_(list(systems)))


def list_recent(
    connection: Connection, systems: Collection[str], since: ProductionMonth
) -> dict[str, tuple[SystemMonthRow, ...]]:
    """Return the months of each of these systems from one on, the earliest first, each in its last version.

    Systems without any are left out.
    """
    return _list_of(connection, system_month.c.system.in_(list(systems)), system_month.c.month >= str(since))


def _list_of(connection: Connection, *wanted: ColumnElement[bool]) -> dict[str, tuple[SystemMonthRow, ...]]:
    query = select(system_month).where(*wanted, _is_last()).order_by(system_month.c.system, system_month.c.month)
    rows = map(_system_month, connection.execute(query))
    return {name: tuple(group) for name, group in itertools.groupby(rows, key=lambda row: row.system)}


def iterate_month(
    connection: Connection, month: ProductionMonth, limit: int = SYSTEMS_AT_ONCE
) -> Iterator[SystemMonthRow]:
    """Yield the last version of every system's month, by system."""
    after = ""
    while True:
        query = (
            select(system_month)
            .where(system_month.c.month == str(month), system_month.c.system > after, _is_last())
            .order_by(system_month.c.system)
            .limit(limit)
        )
        rows = connection.execute(query).all()
        yield from map(_system_month, rows)
        if len(rows) < limit:
            return
        after = rows[-1].system


def list_month(
    connection: Connection, month: ProductionMonth, *, state: str | None, after: str, limit: int
) -> tuple[SystemMonthRow, ...]:
    """Return the last version of the next systems' months after a PTS id, those of one state if given, by system."""
    query = (
        select(system_month)
        .where(system_month.c.month == str(month), system_month.c.system > after, _is_last())
        .order_by(system_month.c.system)
        .limit(limit)
    )
    if state is not None:
        query = query.where(system_month.c.state == state)
    return tuple(map(_system_month, connection.execute(query)))


def sum_before(connection: Connection, month: ProductionMonth) -> dict[str, int]:
    """Return what each system produced in all its months before this one, in Wh, estimates for true-up left out."""
    query = (
        select(system_month.c.system, func.sum(system_month.c.production_wh))
        .where(
            system_month.c.month < str(month),
            system_month.c.production_wh.is_not(None),
            system_month.c.is_true_up == 0,
            _is_last(),
        )
        .group_by(system_month.c.system)
    )
    return {system: int(energy_wh) for system, energy_wh in connection.execute(query)}


def list_doubtful(
    connection: Connection, month: ProductionMonth, *, after: str = "", limit: int | None = None
) -> tuple[SystemMonthRow, ...]:
    """Return the systems' months of which something is found, in their last version, by system.

    Those after a PTS id, with `limit` no more than so many.
    """
    query = (
        select(system_month)
        .where(system_month.c.month == str(month), system_month.c.system > after, IS_FOUND, _is_last())
        .order_by(system_month.c.system)
        .limit(limit)
    )
    return tuple(map(_system_month, connection.execute(query)))


def iterate_of_run(connection: Connection, run: int) -> Iterator[SystemMonthRow]:
    """Yield what a run found, by system."""
    query = select(system_month).where(system_month.c.run == run).order_by(system_month.c.system)
    return map(_system_month, connection.execute(query))


@functools.cache
def _versions() -> Select[tuple[str, int, str, int]]:
    return (
        select(
            system_month.c.system, system_month.c.version, system_month.c.sha256, month_result.c.number.label("result")
        )
        .outerjoin(month_result, month_result.c.run == system_month.c.run)
        .where(
            system_month.c.system.in_(bindparam("systems", expanding=True)),
            system_month.c.month == bindparam("month", type_=Text),
        )
        .order_by(system_month.c.system, system_month.c.version)
    )


@functools.cache
def _is_last() -> ColumnElement[bool]:
    """Return whether a version is the last one of a run that ended."""
    # Built once: to build it takes longer than to look up the months of a system.
    later = system_month.alias("later")
    newer = select(later.c.version).where(
        later.c.system == system_month.c.system,
        later.c.month == system_month.c.month,
        later.c.version > system_month.c.version,
    )
    ended = select(month_result.c.number).where(month_result.c.run == later.c.run).exists()
    counts = select(month_result.c.number).where(month_result.c.run == system_month.c.run)
    return and_(
        counts.correlate(system_month).exists(), ~newer.where(ended.correlate(later)).correlate(system_month).exists()
    )


def _run(row: Row[tuple[object, ...]]) -> Run:
    return Run(
        number=row.number,
        month=parse_month(row.month),
        kind=row.kind,
        run_at=row.run_at,
        actor=row.actor,
        reason=row.reason,
        rules=row.rules,
        ledger_until=row.ledger_until,
    )


def _result(row: Row[tuple[object, ...]]) -> Result:
    return Result(
        systems=row.systems,
        reported=row.reported,
        partial=row.partial,
        estimated=row.estimated,
        missing=row.missing,
        production_wh=row.production_wh,
        sha256=row.sha256,
    )


def _system_month(row: Row[tuple[object, ...]]) -> SystemMonthRow:
    return SystemMonthRow(
        system=row.system,
        month=parse_month(row.month),
        version=row.version,
        run=row.run,
        state=row.state,
        production_wh=row.production_wh,
        is_true_up=bool(row.is_true_up),
        basis=row.basis,
        findings=row.findings,
        sha256=row.sha256,
    )
