"""Whether a reading from before the hub can join those that count for its meter already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth


class HistoricCode(StrEnum):
    """Why a historic reading is refused."""

    TIMESTAMP_FUTURE = "TIMESTAMP_FUTURE"
    TIMESTAMP_OUTSIDE_WINDOW = "TIMESTAMP_OUTSIDE_WINDOW"
    BEFORE_METER = "BEFORE_METER"
    AFTER_METER = "AFTER_METER"
    BELOW_INITIAL = "BELOW_INITIAL"
    ABOVE_FINAL = "ABOVE_FINAL"
    BEYOND_MODULUS = "BEYOND_MODULUS"
    MONTH_TAKEN = "MONTH_TAKEN"
    REGISTER_DECREASED = "REGISTER_DECREASED"


@dataclass(frozen=True, slots=True)
class HistoricReading:
    """A cumulative register (Wh) at `read_at` (UTC ms), for a month."""

    month: ProductionMonth
    read_at: int
    register_wh: int


@dataclass(frozen=True, slots=True)
class HistoricRefusal:
    """Why a reading cannot join the others, and what to do."""

    code: HistoricCode
    text: str


def refuse_undated(read_at: int, month: ProductionMonth | None, now: int) -> HistoricRefusal | None:
    """Return why an instant can be no reading's, given the month in whose window it lies and the present (UTC ms).

    Citation: `citations.HISTORIC_READINGS`.
    """
    if read_at > now:
        text = f"{format_local(read_at)} has not come yet: check date and zone"
        return HistoricRefusal(HistoricCode.TIMESTAMP_FUTURE, text)
    if month is None:
        text = (
            f"{format_local(read_at)} lies in no reporting window: give a reading of the month's last five days, or "
            "of the next month's first five, or leave the row out"
        )
        return HistoricRefusal(HistoricCode.TIMESTAMP_OUTSIDE_WINDOW, text)
    return None


def refuse_historic(
    reading: HistoricReading, held: Iterable[HistoricReading], meter: MeterFacts
) -> HistoricRefusal | None:
    """Return why a reading cannot join those `held` of its meter, in whatever order; None where it can, or is held.

    Citation: `citations.HISTORIC_READINGS`.
    """
    before: HistoricReading | None = None
    after: HistoricReading | None = None
    for one in held:
        if one.month == reading.month:
            return None if one == reading else _taken(one)
        if one.month < reading.month:
            before = one if before is None or before.month < one.month else before
        else:
            after = one if after is None or one.month < after.month else after
    refusal = _refuse_by_meter(reading, meter)
    if refusal is not None or meter.modulus_wh is not None:
        return refusal
    if before is not None and reading.register_wh < before.register_wh:
        return _decreased(reading, before)
    if after is not None and after.register_wh < reading.register_wh:
        return _decreased(after, reading)
    return None


def _refuse_by_meter(reading: HistoricReading, meter: MeterFacts) -> HistoricRefusal | None:
    """Return why a reading cannot be this meter's, by what is known of how it began and ended."""
    if meter.initial_at is not None and reading.read_at < meter.initial_at:
        began = f"before meter {meter.serial} began at {format_local(meter.initial_at)}"
        return _out_of_service(HistoricCode.BEFORE_METER, reading, began)
    if meter.ended_at is not None and reading.read_at > meter.ended_at:
        ended = f"after meter {meter.serial} ended at {format_local(meter.ended_at)}"
        return _out_of_service(HistoricCode.AFTER_METER, reading, ended)
    if meter.modulus_wh is not None:
        again = f"meter {meter.serial} starts again at {_kwh(meter.modulus_wh)}"
        is_beyond = reading.register_wh >= meter.modulus_wh
        return _impossible(HistoricCode.BEYOND_MODULUS, reading, again) if is_beyond else None
    if meter.initial_wh is not None and reading.register_wh < meter.initial_wh:
        began = f"meter {meter.serial} began with {_kwh(meter.initial_wh)}"
        return _impossible(HistoricCode.BELOW_INITIAL, reading, began)
    if meter.final_wh is not None and reading.register_wh > meter.final_wh:
        ended = f"meter {meter.serial} ended with {_kwh(meter.final_wh)}"
        return _impossible(HistoricCode.ABOVE_FINAL, reading, ended)
    return None


def _out_of_service(code: HistoricCode, reading: HistoricReading, when: str) -> HistoricRefusal:
    text = f"{format_local(reading.read_at)} is {when}: check the time and the serial number"
    return HistoricRefusal(code, text)


def _impossible(code: HistoricCode, reading: HistoricReading, why: str) -> HistoricRefusal:
    text = f"{_kwh(reading.register_wh)} cannot be, as {why}: check the reading and what is known of the meter"
    return HistoricRefusal(code, text)


def _taken(held: HistoricReading) -> HistoricRefusal:
    text = (
        f"{held.month} has a reading already, {_kwh(held.register_wh)} at {format_local(held.read_at)}: leave the row "
        "out, or correct that month by an adjustment"
    )
    return HistoricRefusal(HistoricCode.MONTH_TAKEN, text)


def _decreased(later: HistoricReading, earlier: HistoricReading) -> HistoricRefusal:
    text = (
        f"the register stands lower in {later.month} ({_kwh(later.register_wh)}) than in {earlier.month} "
        f"({_kwh(earlier.register_wh)}): check both, or declare the meter's exchange or rollover first"
    )
    return HistoricRefusal(HistoricCode.REGISTER_DECREASED, text)


def _kwh(energy_wh: int) -> str:
    whole, rest = divmod(energy_wh, 1000)
    return f"{whole}.{rest:03d} kWh" if rest else f"{whole} kWh"
