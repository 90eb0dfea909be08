"""Take rows of systems: new ones are registered, what registered ones left open is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.bulk_rows import read_system_row
from hub.rules.details import contradictions, lay_over
from hub.rules.facts import SystemFacts
from hub.services.import_rows import Outcome, RowOutcome, refused, wrong
from hub.services.register_system import describe_contradiction
from hub.store import bulk, facts
from hub.store.facts import BEGINNING
from hub.store.registry import System

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.bulk_rows import RowFinding, SystemRow
    from hub.rules.facts import Programme
    from hub.services.read_csv import CsvRow
    from hub.store.facts import Recorded


class SystemsTaker:
    """Takes the rows of a file of systems, in their order."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._lines: dict[str, int] = {}
        self._completed: set[str] = set()

    def changed_systems(self) -> set[str]:
        """Return the PTS ids of registered systems about which something was filled in."""
        return self._completed

    def take(self, connection: Connection, rows: Sequence[CsvRow], *, is_saving: bool) -> list[RowOutcome]:
        """Return what becomes of each row, see `hub.services.import_rows.Taker`."""
        read = [self._read(row) for row in rows]
        said = {row.pts_id: row for row in read if not isinstance(row, RowOutcome)}
        known = {one.system: one for one in facts.list_system_facts(connection, said, BEGINNING)}
        programmes = facts.list_all_programmes(connection, known)
        batch = _Batch()
        outcomes = [
            row
            if isinstance(row, RowOutcome)
            else batch.decide(row, known.get(row.pts_id), programmes.get(row.pts_id, {}))
            for row in read
        ]
        if is_saving:
            self._completed.update(one.subject for one in outcomes if one.outcome is Outcome.COMPLETED)
            batch.save(connection, self._recorded)
        return outcomes

    def _read(self, row: CsvRow) -> SystemRow | RowOutcome:
        read = read_system_row(row.line, row.cells)
        if isinstance(read, tuple):
            return refused(row.line, row.cells.get("pts_id", ""), read)
        before = self._lines.setdefault(read.pts_id, row.line)
        if before == row.line:
            return read
        text = f"system {read.pts_id} stands on line {before} already: keep one of them"
        return refused(row.line, read.pts_id, wrong(row.line, "pts_id", "TWICE", text))


class _Batch:
    """What is to be saved of some rows."""

    def __init__(self) -> None:
        self.systems: list[SystemFacts] = []
        self.versions: list[SystemFacts] = []
        self.programmes: list[Programme] = []

    def decide(self, row: SystemRow, known: SystemFacts | None, programmes: Mapping[date, Programme]) -> RowOutcome:
        """Return what becomes of a row, given what is known of its system, and its programmes by their first day."""
        findings = [] if known is None else _contradicted(row, known, programmes)
        if findings:
            return refused(row.line, row.pts_id, findings)
        named = SystemFacts(row.pts_id, row.name or row.pts_id, BEGINNING, capacity_w_dc=0)
        said = lay_over(known or named, row.details)
        is_completed = said != known
        if known is None:
            self.systems.append(said)
        if is_completed:
            self.versions.append(said)
        if row.programme is not None and row.programme.from_on not in programmes:
            self.programmes.append(row.programme)
            is_completed = True
        outcome = Outcome.ADDED if known is None else Outcome.COMPLETED if is_completed else Outcome.UNCHANGED
        return RowOutcome(row.line, row.pts_id, outcome)

    def save(self, connection: Connection, recorded: Recorded) -> None:
        """Register the new systems, and append what is new of all."""
        new = [System(one.system, one.name, _kilowatts(one.capacity_w_dc), recorded.at) for one in self.systems]
        bulk.add_systems(connection, new)
        facts.add_system_versions(connection, self.versions, recorded)
        facts.add_programmes(connection, self.programmes, recorded)


def _contradicted(row: SystemRow, known: SystemFacts, programmes: Mapping[date, Programme]) -> list[RowFinding]:
    names = contradictions(known, row.details)
    if row.name and row.name != known.name:
        names = ("name", *names)
    found = list(wrong(row.line, "", "CONTRADICTION", describe_contradiction(row.pts_id, names))) if names else []
    programme = row.programme
    if programme is not None and programmes.get(programme.from_on, programme) != programme:
        text = (
            f"system {row.pts_id} has another programme or factor from {programme.from_on} on: leave it out, or change "
            "it with `meter-hub system programme`"
        )
        found += wrong(row.line, "programme", "CONTRADICTION", text)
    return found


def _kilowatts(watts: int) -> str:
    whole, rest = divmod(watts, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)
