"""A system's months as they were reported: closed or not, each with the registers that its number lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.closing import RunKind
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.read_reported import ReportedMonth, read_reported
from tests.hub.reporting import APR, FEB, JAN, MAR, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database


def _read(database: Database, limit: int = 12, until: ProductionMonth | None = None) -> tuple[ReportedMonth, ...]:
    with database.read() as connection:
        return read_reported(connection, SYSTEM, limit, until)


def test_months_that_nobody_went_over_are_there_too(database: Database) -> None:
    """A number stands with what it is counted between, whether a run has kept it or not; a gap is an estimate."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 612_000)
    close_month(database, JAN, RunKind.CLOSE, actor="test", now=window_of(JAN).closes_at)
    enter(database, meter.meter, MAR, 1_812_000)
    march, february, january = _read(database)
    assert [(one.month, one.state, one.is_closed) for one in (march, february, january)] == [
        (MAR, ReportState.REPORTED, False),
        (FEB, ReportState.ESTIMATED, False),
        (JAN, ReportState.REPORTED, True),
    ]
    assert (march.production_wh or 0) + (february.production_wh or 0) == 1_200_000
    assert january.production_wh == 612_000
    (part,) = february.parts
    assert part.reading is None
    assert part.produced is not None
    assert (part.produced.opening.register_wh, part.produced.closing.register_wh) == (612_000, 1_812_000)


def test_a_first_reading_is_no_number(database: Database) -> None:
    """Where nobody told what a meter began with, its first reading stands there alone."""
    add_system(database)
    meter = add_meter(database, initial_wh=None, initial_at=None)
    enter(database, meter.meter, JAN, 612_000)
    (january,) = _read(database)
    (part,) = january.parts
    assert (january.production_wh, part.produced) == (None, None)
    assert part.reading is not None
    assert part.reading.register_wh == 612_000


def test_a_month_of_a_meter_that_had_ended_names_the_other(database: Database) -> None:
    """Only meters in service have a part, and a closed month without a reading is a month all the same."""
    add_system(database)
    first = add_meter(database, "PV-1", ended_at=FEB.starts_at, final_wh=500_000)
    second = add_meter(database, "PV-2", initial_at=FEB.starts_at)
    enter(database, first.meter, JAN, 500_000)
    enter(database, second.meter, FEB, 300_000)
    close_month(database, MAR, RunKind.CLOSE, actor="test", now=window_of(MAR).closes_at)
    march, february, january = _read(database)
    assert (march.state, march.parts) == (ReportState.MISSING, ())
    assert [[part.serial for part in one.parts] for one in (february, january)] == [["PV-2"], ["PV-1"]]


def test_so_many_months_up_to_one(database: Database) -> None:
    """The limit counts from the month that was asked for."""
    add_system(database)
    meter = add_meter(database)
    for place, month in enumerate((JAN, FEB, MAR, APR), start=1):
        enter(database, meter.meter, month, 600_000 * place)
    close_month(database, MAR, RunKind.CLOSE, actor="test", now=window_of(MAR).closes_at)
    assert [one.month for one in _read(database, 2, MAR)] == [MAR, FEB]
    assert [one.month for one in _read(database, 3)] == [APR, MAR, FEB]
    assert _read(database, 3, JAN.previous()) == ()
