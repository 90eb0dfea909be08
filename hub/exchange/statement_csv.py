"""The monthly statement as CSV: one line a meter, and a last one for the system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.exchange.cells import table_lines
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.exchange.statement import StatedMeter, StatedReading, Statement

COLUMNS = (
    "system",
    "month",
    "meter",
    "production_wh",
    "kind",
    "method",
    "opening_at",
    "opening_register_wh",
    "opening_source",
    "closing_at",
    "closing_register_wh",
    "closing_source",
    "standing",
    "sha256",
)


def statement_csv(statement: Statement) -> str:
    """Return the statement with a heading line; energy in whole Wh, times in UTC.

    The system's own line has no meter; its `kind` says how far the month is reported, and it alone has the hash.
    """
    meters = [_meter_cells(statement, meter) for meter in statement.meters]
    missing = [_line(statement, meter=serial, kind="missing") for serial in statement.missing]
    total = _line(
        statement,
        production_wh=_number(statement.production_wh),
        kind=statement.state.value,
        standing=statement.standing.value,
        sha256=statement.sha256,
    )
    return table_lines([COLUMNS, *meters, *missing, total])


def _meter_cells(statement: Statement, meter: StatedMeter) -> tuple[str, ...]:
    return _line(
        statement,
        meter=meter.serial,
        production_wh=_number(meter.production_wh),
        kind=meter.kind.value,
        method=meter.method,
        **_reading_cells("opening", meter.opening),
        **_reading_cells("closing", meter.closing),
    )


def _reading_cells(edge: str, reading: StatedReading) -> dict[str, str]:
    return {
        f"{edge}_at": format_instant(reading.at),
        f"{edge}_register_wh": str(reading.register_wh),
        f"{edge}_source": reading.source,
    }


def _line(statement: Statement, **cells: str) -> tuple[str, ...]:
    """Return a line of the table; a column that is not named is empty."""
    known = {"system": statement.system, "month": str(statement.month), **cells}
    return tuple(known.get(column, "") for column in COLUMNS)


def _number(energy_wh: int | None) -> str:
    return "" if energy_wh is None else str(energy_wh)
