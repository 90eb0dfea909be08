"""How exact a system's meter has to be, by the system's nameplate and by how it reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.facts import ProgrammeName

if TYPE_CHECKING:
    from datetime import date

    from hub.rules.facts import MeterFacts, Programme, SystemFacts

MANUAL_W_MAX = 10_000
LARGE_W = 1_000_000
TESTED_W = 500_000
TEST_DAYS_MAX = 731
"""Two years: above `TESTED_W` a meter is tested at least so often."""

_PERCENT_PPM = 10_000


@dataclass(frozen=True, slots=True)
class MeterClass:
    """What a meter must be: accuracy in parts per million, standard, and that of its transformers (None: not said)."""

    accuracy_ppm: int
    standard: str
    ct_class_ppm: int | None


HOME = MeterClass(20_000, "ANSI C12.1", None)
COMMERCIAL = MeterClass(10_000, "ANSI C12.16", 6_000)
UTILITY = MeterClass(5_000, "ANSI C12.20", 3_000)


class MeterCode(StrEnum):
    """What a check says of a meter."""

    ACCURACY_UNKNOWN = "ACCURACY_UNKNOWN"
    ACCURACY_TOO_LOW = "ACCURACY_TOO_LOW"
    CT_CLASS_TOO_LOW = "CT_CLASS_TOO_LOW"
    NOT_REVENUE_GRADE = "NOT_REVENUE_GRADE"
    TEST_OVERDUE = "TEST_OVERDUE"


@dataclass(frozen=True, slots=True)
class MeterFinding:
    """What a check says of a meter, in one sentence that says what to do. It warns, and refuses nothing."""

    code: MeterCode
    text: str


def required_class(capacity_w_dc: int, *, is_das: bool) -> MeterClass:
    """Return what the meter of a system of this DC nameplate (W) must be; `is_das` for one that a device reads.

    A meter of a data acquisition system is never below the one per cent tier. Citation: `citations.METER_ACCURACY`.
    """
    if capacity_w_dc > LARGE_W:
        return UTILITY
    return COMMERCIAL if is_das or capacity_w_dc > MANUAL_W_MAX else HOME


def check_meter(
    system: SystemFacts, meter: MeterFacts, programme: Programme | None, on: date
) -> tuple[MeterFinding, ...]:
    """Return what speaks against a meter of a system on a day. Citation: `citations.METER_ACCURACY`."""
    needed = required_class(system.capacity_w_dc, is_das=meter.is_das)
    found = (
        _check_accuracy(meter, needed),
        _check_transformers(meter, needed),
        _check_grade(system, meter, programme),
        _check_test(system, meter, on),
    )
    return tuple(finding for finding in found if finding is not None)


def _check_accuracy(meter: MeterFacts, needed: MeterClass) -> MeterFinding | None:
    asked = f"{_percent(needed.accuracy_ppm)} or better by {needed.standard}"
    if meter.accuracy_class_ppm is None:
        told = f"nobody said how exact meter {meter.serial} is, and {asked} is asked"
        text = f"{told}: say it with `meter-hub meter describe`"
        return MeterFinding(MeterCode.ACCURACY_UNKNOWN, text)
    if meter.accuracy_class_ppm > needed.accuracy_ppm:
        has = _percent(meter.accuracy_class_ppm)
        text = f"meter {meter.serial} is exact to {has}, and {asked} is asked: exchange it for one that is"
        return MeterFinding(MeterCode.ACCURACY_TOO_LOW, text)
    return None


def _check_transformers(meter: MeterFacts, needed: MeterClass) -> MeterFinding | None:
    """Return what speaks against the transformers of a meter that has some."""
    if needed.ct_class_ppm is None or meter.ct_class_ppm is None or meter.ct_class_ppm <= needed.ct_class_ppm:
        return None
    text = (
        f"the current transformers of meter {meter.serial} are of class {_percent(meter.ct_class_ppm)}, and "
        f"{_percent(needed.ct_class_ppm)} is asked: exchange them, or have meter and transformers tested together"
    )
    return MeterFinding(MeterCode.CT_CLASS_TOO_LOW, text)


def _check_grade(system: SystemFacts, meter: MeterFacts, programme: Programme | None) -> MeterFinding | None:
    is_srec = programme is not None and programme.programme in {ProgrammeName.SREC_1, ProgrammeName.SREC_2}
    if meter.is_revenue_grade or not (system.is_funded or is_srec):
        return None
    why = "sells SRECs" if is_srec else "was funded"
    text = f"system {system.system} {why} and has to report from a revenue-grade meter: exchange {meter.serial} for one"
    return MeterFinding(MeterCode.NOT_REVENUE_GRADE, text)


def _check_test(system: SystemFacts, meter: MeterFacts, on: date) -> MeterFinding | None:
    if system.capacity_w_dc <= TESTED_W:
        return None
    if meter.tested_on is not None and (on - meter.tested_on).days <= TEST_DAYS_MAX:
        return None
    last = "never, as far as is known" if meter.tested_on is None else f"on {meter.tested_on.isoformat()}"
    text = f"meter {meter.serial} is to be tested every two years, and was tested {last}: have it tested, and say when"
    return MeterFinding(MeterCode.TEST_OVERDUE, text)


def _percent(ppm: int) -> str:
    whole, rest = divmod(ppm, _PERCENT_PPM)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %"
