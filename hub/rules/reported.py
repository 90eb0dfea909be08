"""What was reported of a meter, and what it produced by that: differences of the readings that count for its months."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from hub.rules.estimation import DAY_WEIGHTS, divide_energy
from hub.rules.periods import date_at, month_of, months_through

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth


class Origin(StrEnum):
    """How a reading came to be reported: by a device, by hand, out of a file, or in place of one that was wrong."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    IMPORTED = "imported"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class AcceptedReading:
    """The one reading of a meter that counts for a production month: its cumulative register, in exact Wh.

    `id` is its number in the ledger, `read_at` (UTC ms) when it was read.
    """

    id: int
    meter: int
    month: ProductionMonth
    read_at: int
    register_wh: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class MeterTerms:
    """What a meter's readings are counted from and until.

    It began at `initial_at` (UTC ms) with `initial_wh` on its register; where nobody said so they are None, and its
    first reading is what it is counted from. An exchanged or removed meter ended at `ended_at` with `final_wh`; both
    are None for one that goes on. `modulus_wh` is the energy at which the register starts again, None where nobody
    declared one: then a lower reading is refused.
    """

    meter: int
    initial_at: int | None
    initial_wh: int | None
    ended_at: int | None = None
    final_wh: int | None = None
    modulus_wh: int | None = None


def terms_of(meter: MeterFacts) -> MeterTerms:
    """Return what a meter's readings are counted from and until, by what is known of it."""
    return MeterTerms(
        meter=meter.meter,
        initial_at=meter.initial_at,
        initial_wh=meter.initial_wh,
        ended_at=meter.ended_at,
        final_wh=meter.final_wh,
        modulus_wh=meter.modulus_wh,
    )


class NumberKind(StrEnum):
    """How a meter's number for a month came about.

    MEASURED: from a reading for the month before and one for this. ALLOCATED: this month was read, and months before it
    were not: the part of what was measured that falls on it. ESTIMATED: the part that falls on a month not read.
    """

    MEASURED = "measured"
    ALLOCATED = "allocated"
    ESTIMATED = "estimated"


class ReportState(StrEnum):
    """How far a system's month is reported: of all its meters, of some, with an estimate among them, of none."""

    REPORTED = "reported"
    PARTIAL = "partial"
    ESTIMATED = "estimated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Bound:
    """A register that a number is counted from or to: an accepted reading, or what a meter began or ended with.

    `id` is the reading's number in the ledger, None for a beginning or an end; `month` is the one that it closes.
    """

    id: int | None
    month: ProductionMonth
    at: int
    register_wh: int


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """What one meter produced in a month by what was reported of it, in exact Wh, and from what.

    `production_wh` is None where the register went down and nothing declared explains it.
    """

    meter: int
    month: ProductionMonth
    production_wh: int | None
    kind: NumberKind
    opening: Bound
    closing: Bound
    method: str


@dataclass(frozen=True, slots=True)
class SystemReport:
    """A system's month by what was reported; a number stands only where every one of its meters has one."""

    month: ProductionMonth
    state: ReportState
    production_wh: int | None
    parts: tuple[MeterMonth, ...]
    missing: tuple[int, ...]


DIFFERENCE = "difference"


def register_energy(opening_wh: int, closing_wh: int, modulus_wh: int | None) -> int | None:
    """Return the energy in Wh between two registers of one meter, None where it went down and no modulus is declared.

    Citation: `citations.MONTHLY_PRODUCTION`.
    """
    difference = closing_wh - opening_wh
    if difference >= 0:
        return difference
    if modulus_wh is None or difference + modulus_wh < 0:
        return None
    return difference + modulus_wh


def meter_months(terms: MeterTerms, readings: Sequence[AcceptedReading]) -> tuple[MeterMonth, ...]:
    """Return what a meter produced in each month, from its first to the last that is read, given its readings by month.

    Its first month counts from its initial register and may be part of a month, and its last, where it ended, to its
    final one. Months between two readings share what was measured, by their days. Months after the last reading have no
    number. Citation: `citations.MONTHLY_PRODUCTION`.
    """
    bounds = _bounds(terms, readings)
    return tuple(part for opening, closing in pairwise(bounds) for part in _divide(terms, opening, closing))


def is_active(terms: MeterTerms, month: ProductionMonth) -> bool:
    """Return whether a meter counted in a month, if only for a part of it. Citation: `citations.SEVERAL_METERS`."""
    has_begun = terms.initial_at is None or terms.initial_at < month.ends_at
    return has_begun and (terms.ended_at is None or terms.ended_at > month.starts_at)


def report_system(month: ProductionMonth, meters: Mapping[int, MeterMonth | None]) -> SystemReport:
    """Return a system's month from the parts of its active meters, by meter; None stands for one without a reading.

    Citation: `citations.SEVERAL_METERS`.
    """
    parts = tuple(part for part in meters.values() if part is not None)
    missing = tuple(meter for meter, part in meters.items() if part is None)
    numbers = [part.production_wh for part in parts if part.production_wh is not None]
    if not parts:
        state = ReportState.MISSING
    elif missing or len(numbers) < len(parts):
        state = ReportState.PARTIAL
    elif any(part.kind is NumberKind.ESTIMATED for part in parts):
        state = ReportState.ESTIMATED
    else:
        state = ReportState.REPORTED
    is_whole = state in {ReportState.REPORTED, ReportState.ESTIMATED}
    return SystemReport(month, state, sum(numbers) if is_whole else None, parts, missing)


def needs_true_up(state: ReportState, *, is_sent: bool) -> bool:
    """Return whether a month's number can reach certificates only by a true-up: an estimate of a quarter sent already.

    Citation: `citations.TRUE_UP`.
    """
    return state is ReportState.ESTIMATED and is_sent


def _bounds(terms: MeterTerms, readings: Sequence[AcceptedReading]) -> list[Bound]:
    """Return what a meter's months are counted between: its beginning, its readings, and its end."""
    bounds = [Bound(one.id, one.month, one.read_at, one.register_wh) for one in readings]
    if terms.initial_at is not None and terms.initial_wh is not None:
        begins = Bound(None, month_of(terms.initial_at).previous(), terms.initial_at, terms.initial_wh)
        bounds = [begins, *(bound for bound in bounds if bound.month > begins.month)]
    if terms.ended_at is not None and terms.final_wh is not None:
        last = month_of(terms.ended_at)
        # The end closes its month, in place of a reading that was taken for the month before it.
        bounds = [bound for bound in bounds if bound.month < last]
        bounds.append(Bound(None, last, terms.ended_at, terms.final_wh))
    return bounds


def _divide(terms: MeterTerms, opening: Bound, closing: Bound) -> Iterator[MeterMonth]:
    """Yield the months that end with `closing` and come after `opening`, with their parts of the energy between."""
    months = tuple(months_through(opening.month.next(), closing.month))
    energy_wh = register_energy(opening.register_wh, closing.register_wh, terms.modulus_wh)
    weights = [_days(month, opening, closing) for month in months]
    parts = [None] * len(months) if energy_wh is None else divide_energy(energy_wh, weights)
    for month, part in zip(months, parts, strict=True):
        kind = NumberKind.ESTIMATED if month != closing.month else NumberKind.ALLOCATED
        yield MeterMonth(
            meter=terms.meter,
            month=month,
            production_wh=part,
            kind=kind if len(months) > 1 else NumberKind.MEASURED,
            opening=opening,
            closing=closing,
            method=DAY_WEIGHTS if len(months) > 1 else DIFFERENCE,
        )


def _days(month: ProductionMonth, opening: Bound, closing: Bound) -> int:
    """Return how many days of a month a meter counted; readings are taken for their whole month."""
    first, last = 1, month.last_day.day
    if opening.id is None and opening.at > month.starts_at:
        first = date_at(opening.at).day
    if closing.id is None and closing.at < month.ends_at:
        last = date_at(closing.at).day
    return last - first + 1
