"""Bring systems, meters or historic readings in from a CSV file: all of it, or nothing and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.rules.bulk_rows import Layout, RowFinding
from hub.rules.windows import reporting_month
from hub.services.check_text import check_label
from hub.services.close_month import amend_systems
from hub.services.import_meters import MetersTaker
from hub.services.import_readings import ReadingsTaker
from hub.services.import_rows import Outcome, refused
from hub.services.import_systems import SystemsTaker
from hub.services.read_csv import COLUMN_COUNT, CsvRow, read_csv
from hub.store import changes
from hub.store.audit_log import append_audit
from hub.store.changes import KEPT_CHANGES_MAX, Subject, SubjectKind
from hub.store.facts import NAMES_AT_ONCE, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.services.import_readings import MonthAt
    from hub.services.import_rows import RowOutcome, Taker
    from hub.store.database import Database

FINDINGS_MAX = 10_000
"""How many findings a report holds; all are counted."""


@dataclass(frozen=True, slots=True)
class CsvImport:
    """What is to be imported: `source` in the layout, called `name`, by whose word, and whether only to look."""

    layout: Layout
    source: BinaryIO
    name: str
    actor: str
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Watching:
    """Who is told while an import runs: how many bytes a line had, and what becomes of each row."""

    on_bytes: Callable[[int], None] = lambda _: None
    on_row: Callable[[RowOutcome], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What becomes of a file's rows, or would if nothing were wrong: how many are of which outcome.

    `problems` counts the findings, of which `findings` holds the first. Nothing is saved where there are any.
    `amended` are the closed months that come out otherwise by what was imported.
    """

    layout: Layout
    rows: int
    added: int
    completed: int
    unchanged: int
    refused: int
    problems: int
    findings: tuple[RowFinding, ...]
    is_saved: bool
    amended: tuple[ProductionMonth, ...] = ()


class _RefusedError(Exception):
    """Something is wrong with the file: the transaction is undone."""


def import_csv(
    database: Database,
    wanted: CsvImport,
    now: int,
    watching: Watching | None = None,
    month_at: MonthAt = reporting_month,
) -> ImportReport:
    """Import a file in one transaction and report on it; a file with anything wrong in it changes nothing.

    A dry run reports the same and saves nothing. The same file again changes nothing. Closed months that readings touch
    are amended. `month_at` names the month in
    whose reporting window an instant lies. Raises InputError for a malformed actor, and StoreUnavailableError as the
    database does.
    """
    recorded = Recorded(
        check_label(wanted.actor, "an actor"), now, check_label(f"import of {wanted.name[-80:]}", "a name")
    )
    importing = _Importing(wanted, _taker(wanted.layout, recorded, month_at), watching or Watching())
    if wanted.is_dry_run:
        with database.read() as connection:
            importing.run(connection)
        return importing.report(is_saved=False)
    try:
        with database.write() as connection:
            importing.run(connection)
            importing.conclude(connection, recorded)
    except _RefusedError:
        return importing.report(is_saved=False)
    touched = importing.changed_systems() if wanted.layout is Layout.READINGS else ()
    runs = amend_systems(database, touched, actor=recorded.actor, now=now, reason=recorded.reason) if touched else ()
    return replace(importing.report(is_saved=True), amended=tuple(run.month for run in runs))


def _taker(layout: Layout, recorded: Recorded, month_at: MonthAt) -> Taker:
    match layout:
        case Layout.SYSTEMS:
            return SystemsTaker(recorded)
        case Layout.METERS:
            return MetersTaker(recorded)
        case Layout.READINGS:
            return ReadingsTaker(recorded, month_at)


class _Importing:
    """One going through a file."""

    def __init__(self, wanted: CsvImport, taker: Taker, watching: Watching) -> None:
        self._wanted = wanted
        self._taker = taker
        self._watching = watching
        self._outcomes: Counter[Outcome] = Counter()
        self._problems = 0
        self._findings: list[RowFinding] = []
        self._digest = hashlib.sha256()

    def run(self, connection: Connection) -> None:
        """Go through the whole file, and save rows as long as nothing is wrong and it is no dry run."""
        batch: list[CsvRow] = []
        for item in read_csv(self._wanted.source, self._wanted.layout, self._read):
            if isinstance(item, RowFinding):
                self._take(connection, batch)
                batch = []
                self._refuse(item)
                continue
            batch.append(item)
            if len(batch) == NAMES_AT_ONCE:
                self._take(connection, batch)
                batch = []
        self._take(connection, batch)

    def conclude(self, connection: Connection, recorded: Recorded) -> None:
        """Tell the audit log and pages what changed; raises _RefusedError where anything is wrong, so nothing does."""
        if self._problems:
            raise _RefusedError
        if self._outcomes[Outcome.ADDED] or self._outcomes[Outcome.COMPLETED]:
            append_audit(
                connection,
                actor=recorded.actor,
                action=f"import {self._wanted.layout}",
                subject=self._wanted.name[-80:],
                at=recorded.at,
                after={
                    "rows": self._outcomes.total(),
                    "added": self._outcomes[Outcome.ADDED],
                    "completed": self._outcomes[Outcome.COMPLETED],
                    "sha256": self._digest.hexdigest(),
                },
            )
            systems = sorted(self._taker.changed_systems())[: KEPT_CHANGES_MAX - 1]
            subjects = [changes.FLEET, *(Subject(SubjectKind.SYSTEM, one) for one in systems)]
            changes.announce(connection, subjects, recorded.at)

    def changed_systems(self) -> set[str]:
        """Return the PTS ids of the systems that rows changed."""
        return self._taker.changed_systems()

    def report(self, *, is_saved: bool) -> ImportReport:
        """Return what became of the file."""
        of = self._outcomes
        return ImportReport(
            layout=self._wanted.layout,
            rows=of.total(),
            added=of[Outcome.ADDED],
            completed=of[Outcome.COMPLETED],
            unchanged=of[Outcome.UNCHANGED],
            refused=of[Outcome.REFUSED],
            problems=self._problems,
            findings=tuple(self._findings),
            is_saved=is_saved,
        )

    def _read(self, line: bytes) -> None:
        self._digest.update(line)
        self._watching.on_bytes(len(line))

    def _take(self, connection: Connection, rows: list[CsvRow]) -> None:
        if not rows:
            return
        is_saving = not self._wanted.is_dry_run and not self._problems
        for outcome in self._taker.take(connection, rows, is_saving=is_saving):
            self._outcomes[outcome.outcome] += 1
            self._note(outcome.findings)
            self._watching.on_row(outcome)

    def _refuse(self, finding: RowFinding) -> None:
        """Note what is wrong with the form of the file, or of one of its rows."""
        self._outcomes[Outcome.REFUSED] += finding.code == COLUMN_COUNT
        self._note([finding])
        self._watching.on_row(refused(finding.line, "", [finding]))

    def _note(self, findings: list[RowFinding] | tuple[RowFinding, ...]) -> None:
        self._problems += len(findings)
        self._findings += findings[: FINDINGS_MAX - len(self._findings)]
