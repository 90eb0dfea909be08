"""Take rows of meters: new ones are registered, what registered ones left open is filled in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hub.rules.bulk_rows import read_meter_row
from hub.rules.details import contradictions, inconsistency, lay_over
from hub.rules.facts import MeterFacts
from hub.services.import_rows import Outcome, RowOutcome, refused, wrong
from hub.store import bulk, meter_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.bulk_rows import MeterRow, RowFinding
    from hub.services.read_csv import CsvRow
    from hub.store.facts import Recorded


@dataclass(slots=True)
class _Batch:
    """What is known around some rows, and what is to be saved of them."""

    systems: frozenset[str]
    known: dict[str, list[MeterFacts]]
    added: list[MeterFacts] = field(default_factory=list)
    completed: list[MeterFacts] = field(default_factory=list)


class MetersTaker:
    """Takes the rows of a file of meters, in their order."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._said: dict[str, list[MeterRow]] = {}
        self._matched: set[int] = set()
        self._changed: set[str] = set()

    def changed_systems(self) -> set[str]:
        """Return the PTS ids of the systems whose meters are new or better known."""
        return self._changed

    def take(self, connection: Connection, rows: Sequence[CsvRow], *, is_saving: bool) -> list[RowOutcome]:
        """Return what becomes of each row, see `hub.services.import_rows.Taker`."""
        read = [_read(row) for row in rows]
        said = [row for row in read if not isinstance(row, RowOutcome)]
        batch = _Batch(
            systems=bulk.find_known(connection, {row.system for row in said}),
            known=self._known(connection, {row.serial for row in said}),
        )
        outcomes = [row if isinstance(row, RowOutcome) else self._decide(row, batch) for row in read]
        if is_saving:
            self._changed.update(one.system for one in (*batch.added, *batch.completed))
            bulk.name_meters(connection, batch.completed)
            new = bulk.add_unread_meters(connection, batch.added, self._recorded.at)
            meter_facts.add_meter_versions(connection, [*new, *batch.completed], self._recorded)
        return outcomes

    def _known(self, connection: Connection, serials: set[str]) -> dict[str, list[MeterFacts]]:
        """Return the registered meters with these serial numbers, but for those that stand in the file before."""
        found: dict[str, list[MeterFacts]] = {}
        for one in meter_facts.list_with_serials(connection, serials):
            is_said = any(row.make == one.make for row in self._said.get(one.serial, ()))
            if not is_said and one.meter not in self._matched:
                found.setdefault(one.serial, []).append(one)
        return found

    def _decide(self, row: MeterRow, batch: _Batch) -> RowOutcome:
        rivals = [one for one in batch.known.get(row.serial, ()) if _may_be_same(one.make, row.make)]
        subject = f"{row.system} {row.serial}"
        findings = self._find_twice(row) or _refuse(row, rivals, batch.systems)
        self._said.setdefault(row.serial, []).append(row)
        if findings:
            return refused(row.line, subject, findings)
        known = rivals[0] if rivals else None
        base = known or MeterFacts(0, row.system, row.serial, row.make, row.model)
        said = replace(lay_over(base, row.details), make=base.make or row.make, model=base.model or row.model)
        if impossible := inconsistency(said, self._recorded.at):
            return refused(row.line, subject, wrong(row.line, "", "INCONSISTENT", impossible))
        if known is None:
            batch.added.append(said)
            return RowOutcome(row.line, subject, Outcome.ADDED)
        self._matched.add(known.meter)
        if said == known:
            return RowOutcome(row.line, subject, Outcome.UNCHANGED)
        batch.completed.append(said)
        return RowOutcome(row.line, subject, Outcome.COMPLETED)

    def _find_twice(self, row: MeterRow) -> Sequence[RowFinding]:
        before = next((one for one in self._said.get(row.serial, ()) if _may_be_same(one.make, row.make)), None)
        if before is None:
            return ()
        text = (
            f"meter {row.serial} stands on line {before.line} already: keep one of them, or give the make on both "
            "lines if two makers use the same serial number"
        )
        return wrong(row.line, "serial", "TWICE", text)


def _read(row: CsvRow) -> MeterRow | RowOutcome:
    read = read_meter_row(row.line, row.cells)
    if isinstance(read, tuple):
        return refused(row.line, f"{row.cells.get('system', '')} {row.cells.get('serial', '')}".strip(), read)
    return read


def _may_be_same(make: str, other: str) -> bool:
    return not make or not other or make == other


def _refuse(row: MeterRow, rivals: Sequence[MeterFacts], systems: frozenset[str]) -> Sequence[RowFinding]:
    """Return why a row cannot be taken, given the registered meters that it may be."""
    if row.system not in systems:
        text = f"system {row.system} is not registered: import or add it first, or check its PTS id"
        return wrong(row.line, "system", "UNKNOWN_SYSTEM", text)
    elsewhere = next((one for one in rivals if one.system != row.system), None)
    if elsewhere is not None:
        text = (
            f"meter {row.serial} already counts for system {elsewhere.system}, and a meter counts for one system only: "
            "check the serial number, or give the make of both if two makers use the same one"
        )
        return wrong(row.line, "serial", "ELSEWHERE", text)
    if len(rivals) > 1:
        makes = " and ".join(one.make for one in rivals)
        text = f"system {row.system} has meters with serial number {row.serial} of {makes}: give the make"
        return wrong(row.line, "make", "AMBIGUOUS", text)
    if not rivals:
        return ()
    names = contradictions(rivals[0], row.details)
    if row.model and rivals[0].model and row.model != rivals[0].model:
        names = ("model", *names)
    if not names:
        return ()
    text = (
        f"meter {row.serial} is already registered with another {', '.join(names)}: leave that out, or change it with "
        "`meter-hub meter describe`"
    )
    return wrong(row.line, "", "CONTRADICTION", text)
