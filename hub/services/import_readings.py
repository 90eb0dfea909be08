"""Take rows of historic readings: each joins those that count for its meter, for the month in whose window it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.bulk_rows import read_reading_row
from hub.rules.historic import HistoricReading, refuse_historic, refuse_undated
from hub.rules.reported import Origin
from hub.services.import_rows import Outcome, RowOutcome, refused, wrong
from hub.store import bulk, ledger, meter_facts
from hub.store.ledger import NewEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.bulk_rows import ReadingRow, RowFinding
    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth
    from hub.services.read_csv import CsvRow
    from hub.store.facts import Recorded

MonthAt = Callable[[int], "ProductionMonth | None"]
"""Names the month in whose reporting window an instant (UTC ms) lies, None between windows."""
SaveReadings = Callable[["Connection", "Sequence[NewEntry]", int], None]
"""Enters readings for months that have none, at an instant (UTC ms)."""


@dataclass(frozen=True, slots=True)
class _Dated:
    row: ReadingRow
    meter: MeterFacts
    reading: HistoricReading


class ReadingsTaker:
    """Takes the rows of a file of historic readings, in their order."""

    def __init__(
        self, recorded: Recorded, month_at: MonthAt, save_readings: SaveReadings = ledger.add_first_entries
    ) -> None:
        self._recorded = recorded
        self._month_at = month_at
        self._save_readings = save_readings
        self._meters: dict[str, tuple[MeterFacts, ...]] = {}
        self._last: dict[int, _Dated] = {}
        self._changed: set[str] = set()

    def changed_systems(self) -> set[str]:
        """Return the PTS ids of the systems whose meters have more readings."""
        return self._changed

    def take(self, connection: Connection, rows: Sequence[CsvRow], *, is_saving: bool) -> list[RowOutcome]:
        """Return what becomes of each row, see `hub.services.import_rows.Taker`."""
        read = [_read(row) for row in rows]
        self._learn(connection, {row.system for row in read if not isinstance(row, RowOutcome)})
        dated = [row if isinstance(row, RowOutcome) else self._date(row) for row in read]
        held = bulk.list_held(connection, {one.meter.meter for one in dated if isinstance(one, _Dated)})
        new: list[_Dated] = []
        outcomes = []
        for one in dated:
            outcome = one if isinstance(one, RowOutcome) else self._decide(one, held)
            if isinstance(one, _Dated) and outcome.outcome is Outcome.ADDED:
                new.append(one)
            outcomes.append(outcome)
        if is_saving and new:
            self._changed.update(one.row.system for one in new)
            entries = [self._entry(one) for one in new]
            self._save_readings(connection, entries, self._recorded.at)
        return outcomes

    def _learn(self, connection: Connection, systems: Iterable[str]) -> None:
        """Remember the meters of systems that come up for the first time."""
        unknown = [one for one in systems if one not in self._meters]
        found = meter_facts.list_meter_facts(connection, unknown)
        registered = bulk.find_known(connection, unknown)
        self._meters.update({system: found.get(system, ()) for system in registered})

    def _date(self, row: ReadingRow) -> _Dated | RowOutcome:
        """Return a row with its meter and month, or why it has none."""
        meter = self._find_meter(row)
        if isinstance(meter, tuple):
            return refused(row.line, _subject(row), meter)
        month = self._month_at(row.read_at)
        refusal = refuse_undated(row.read_at, month, self._recorded.at)
        if refusal is not None or month is None:
            assert refusal is not None, "a reading without month is refused"
            return refused(row.line, _subject(row), wrong(row.line, "read_at", refusal.code, refusal.text))
        return _Dated(row, meter, HistoricReading(month, row.read_at, row.register_wh))

    def _find_meter(self, row: ReadingRow) -> MeterFacts | tuple[RowFinding, ...]:
        meters = self._meters.get(row.system)
        if meters is None:
            text = f"system {row.system} is not registered: import or add it first, or check its PTS id"
            return wrong(row.line, "system", "UNKNOWN_SYSTEM", text)
        found = [one for one in meters if one.serial == row.serial and row.make in {"", one.make}]
        if len(found) == 1:
            return found[0]
        if found:
            makes = " and ".join(one.make for one in found)
            text = f"system {row.system} has meters with serial number {row.serial} of {makes}: give the make"
            return wrong(row.line, "make", "AMBIGUOUS", text)
        known = ", ".join(one.serial for one in meters) or "none"
        text = f"{row.serial!r:.60} is no meter of system {row.system}: its meters are {known}"
        return wrong(row.line, "serial", "UNKNOWN_METER", text)

    def _decide(self, dated: _Dated, held: Mapping[int, Sequence[HistoricReading]]) -> RowOutcome:
        row, reading, meter = dated.row, dated.reading, dated.meter
        subject = f"{_subject(row)} {reading.month}"
        last = self._last.get(meter.meter)
        if last is not None and reading.month <= last.reading.month:
            return refused(row.line, subject, _out_of_turn(dated, last))
        self._last[meter.meter] = dated
        counting = held[meter.meter]
        refusal = refuse_historic(reading, counting if last is None else [*counting, last.reading], meter)
        if refusal is not None:
            return refused(row.line, subject, wrong(row.line, "", refusal.code, refusal.text))
        is_held = reading in counting
        return RowOutcome(row.line, subject, Outcome.UNCHANGED if is_held else Outcome.ADDED)

    def _entry(self, dated: _Dated) -> NewEntry:
        return NewEntry(
            meter=dated.meter.meter,
            month=dated.reading.month,
            read_at=dated.reading.read_at,
            register_wh=dated.reading.register_wh,
            origin=Origin.IMPORTED,
            actor=self._recorded.actor,
            reason=self._recorded.reason,
        )


def _read(row: CsvRow) -> ReadingRow | RowOutcome:
    read = read_reading_row(row.line, row.cells)
    if isinstance(read, tuple):
        return refused(row.line, f"{row.cells.get('system', '')} {row.cells.get('serial', '')}".strip(), read)
    return read


def _subject(row: ReadingRow) -> str:
    return f"{row.system} {row.serial}"


def _out_of_turn(dated: _Dated, last: _Dated) -> tuple[RowFinding, ...]:
    line, month = dated.row.line, dated.reading.month
    if month == last.reading.month:
        text = f"line {last.row.line} has a reading of that meter for {month} already: keep the one that counts"
        return wrong(line, "read_at", "TWICE", text)
    text = (
        f"line {last.row.line} has a later reading of that meter: let the rows of a meter follow one another in time "
        "(sort the file by read_at)"
    )
    return wrong(line, "read_at", "NOT_IN_ORDER", text)
