"""Which of a quarter's months are sent, under which of a registry's units, and which are not and why."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.certificates import send_quarter
from hub.rules.facts import ProgrammeName
from hub.rules.registry_files import UnitMonth, unit_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter

_NAMED_MAX = 3
"""How many differing months a refusal names; the rest it counts."""


@dataclass(frozen=True, slots=True)
class MonthToExport:
    """A system's month with a number, the registry's asset that it counts for, and the programme that it is in then."""

    system: str
    gis_asset: str
    programme: ProgrammeName
    factor_percent: int
    month: ProductionMonth
    production_wh: int
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class SentMonth:
    """What is sent of a system's month: whole kWh, under the digits of its unit; empty where a file names none."""

    system: str
    month: ProductionMonth
    unit: str
    kwh: int
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A system's month that is not sent, and in one sentence why and what to do."""

    system: str
    month: ProductionMonth
    why: str


@dataclass(frozen=True, slots=True)
class ChosenMonths:
    """What is sent of a quarter and what is not, by system and month."""

    sent: tuple[SentMonth, ...]
    left_out: tuple[LeftOut, ...]


def choose_months(
    quarter: ProductionQuarter, months: Iterable[MonthToExport], carried_wh: Mapping[str, int]
) -> ChosenMonths:
    """Return what is sent of a quarter, and what cannot be: months without programme or unit.

    `carried_wh` is what earlier quarters kept back of each system, where there is any.
    Citation: `citations.EXPORTED_MONTHS`.
    """
    sent: list[SentMonth] = []
    left_out: list[LeftOut] = []
    ordered = sorted(months, key=lambda month: (month.system, month.month))
    for system, group in groupby(ordered, key=lambda month: month.system):
        sendable: list[tuple[MonthToExport, str]] = []
        for month in group:
            unit = _unit_of(month)
            if isinstance(unit, LeftOut):
                left_out.append(unit)
            else:
                sendable.append((month, unit))
        energies = send_quarter(quarter, [month.production_wh for month, _ in sendable], carried_wh.get(system, 0))
        sent += [
            SentMonth(system, month.month, unit, kwh, month.is_estimated)
            for (month, unit), kwh in zip(sendable, energies.months_kwh, strict=True)
        ]
    return ChosenMonths(tuple(sent), tuple(left_out))


def sum_units(sent: Sequence[SentMonth], entity: str = "") -> tuple[UnitMonth, ...]:
    """Return the lines of a registry's file: one for each unit and month, whose systems are added up.

    `entity` is who reports. Citation: `citations.ASSET_CARRY`.
    """
    energies: dict[tuple[ProductionMonth, str], int] = {}
    for month in sent:
        key = (month.month, month.unit)
        energies[key] = energies.get(key, 0) + month.kwh
    return tuple(UnitMonth(month, unit, kwh, entity) for (month, unit), kwh in energies.items())


def _unit_of(month: MonthToExport) -> str | LeftOut:
    if month.programme is ProgrammeName.NONE:
        why = "it was in no programme then, so no certificates are due: register its programme if it was in one"
        return LeftOut(month.system, month.month, why)
    if not month.gis_asset:
        why = "no asset of the registry is known for it: register its GIS asset id"
        return LeftOut(month.system, month.month, why)
    try:
        return unit_digits(month.gis_asset)
    except InputError as error:
        return LeftOut(month.system, month.month, str(error))


def refuse_final(quarter: ProductionQuarter, still_open: Sequence[ProductionMonth]) -> str | None:
    """Return why no final file of a quarter can be made, None if it can; given its months that are not closed.

    Citation: `citations.FINAL_FILE`.
    """
    if not still_open:
        return None
    months = " and ".join(map(str, still_open))
    return f"{months} of {quarter} can still change: close what is open, or make a preliminary file"


def refuse_another(quarter: ProductionQuarter, changed: Sequence[tuple[str, ProductionMonth]]) -> str:
    """Return why a quarter's final file is not made again, given the systems' months that differ from what was sent.

    Citation: `citations.FINAL_FILE`.
    """
    if not changed:
        return (
            f"the final file of {quarter} was made, and only what stands beside the energy is different now: use that "
            "file, which `meter-hub export get` writes again"
        )
    named = ", ".join(f"{system} {month}" for system, month in changed[:_NAMED_MAX])
    more = f" and {len(changed) - _NAMED_MAX} more" if len(changed) > _NAMED_MAX else ""
    return (
        f"the final file of {quarter} was made, and {len(changed)} of its months are different now ({named}{more}): "
        "ask MassCEC for a true-up; a preliminary file shows what the quarter is now"
    )


def changed_months(before: Sequence[SentMonth], now: Sequence[SentMonth]) -> tuple[tuple[str, ProductionMonth], ...]:
    """Return the systems' months that are sent otherwise now, are new, or are gone; by system and month.

    Citation: `citations.FINAL_FILE`.
    """
    was, became = ({(one.system, one.month): (one.unit, one.kwh) for one in sent} for sent in (before, now))
    return tuple(sorted(key for key in was.keys() | became.keys() if was.get(key) != became.get(key)))
