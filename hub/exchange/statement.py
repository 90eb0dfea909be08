"""The monthly statement of a system: what it produced, and the two readings that each number came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.rules.closing import MonthState
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import NumberKind, ReportState


@dataclass(frozen=True, slots=True)
class StatedReading:
    """A register that a number is counted from or to: exact Wh at `at` (UTC ms), and where it is from in words."""

    at: int
    register_wh: int
    source: str


@dataclass(frozen=True, slots=True)
class StatedMeter:
    """A meter's part of the month; `production_wh` is None where its register went down and nothing explains it."""

    serial: str
    name: str
    opening: StatedReading
    closing: StatedReading
    production_wh: int | None
    kind: NumberKind
    method: str


@dataclass(frozen=True, slots=True)
class StatedMonth:
    """A month in the row that the statement shows beside its own; `production_wh` is None where it has no number.

    `expected_wh` is what a usual year gives, None where nothing was said of the system yet.
    """

    month: ProductionMonth
    production_wh: int | None
    state: ReportState
    expected_wh: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a statement says of a system's month.

    `run` and `version` name the going over the month that the number is from; both are None where nobody has gone over
    it yet, and the number is what the ledger comes to at `drawn_at` (UTC ms). `sha256` seals the number and its basis.
    `missing` are serial numbers of meters without a reading, `findings` what speaks against the number.
    """

    system: str
    name: str
    place: str
    capacity_w_dc: int
    month: ProductionMonth
    standing: MonthState
    state: ReportState
    production_wh: int | None
    is_true_up: bool
    run: int | None
    version: int | None
    drawn_at: int
    sha256: str
    meters: tuple[StatedMeter, ...]
    missing: tuple[str, ...]
    findings: tuple[str, ...]
    months: tuple[StatedMonth, ...]


def statement_name(statement: Statement, suffix: str) -> str:
    """Return what the statement's file is called: `statement_SLF-AB1234-00001_2026-10.pdf`."""
    return f"statement_{statement.system}_{statement.month}.{suffix}"
