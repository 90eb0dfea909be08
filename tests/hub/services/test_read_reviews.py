"""What stands beside a reading that waits: what came before it, what it comes to, and what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.plausibility import expected_band
from hub.rules.reported import Origin
from hub.services.read_reviews import Review, read_reviews
from hub.store import submissions
from hub.store.submissions import Submission
from tests.hub.reporting import APR, FEB, JAN, MAR, OTHER, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database

NOW = APR.ends_at


def _wait(database: Database, meter: MeterFacts, month: ProductionMonth, register_wh: int) -> Submission:
    made = Submission(
        number=0,
        system=meter.system,
        serial=meter.serial,
        meter=meter.meter,
        month=month,
        read_at=month.ends_at,
        register_wh=register_wh,
        origin=Origin.MANUAL,
        submitted_at=month.ends_at,
        actor="ann",
        photo=None,
        reason="",
        outcome="review",
        findings="[]",
        accepted=None,
    )
    with database.write() as connection:
        return submissions.add_submission(connection, made)


def _read(database: Database, limit: int = 9) -> tuple[Review, ...]:
    with database.read() as connection:
        return read_reviews(connection, NOW, limit)


def test_the_last_readings_and_what_is_expected_stand_beside_it(database: Database) -> None:
    """Of its own meter, before its own month, the latest first and in their last version."""
    system = add_system(database)
    add_system(database, OTHER)
    first, other = add_meter(database), add_meter(database, "PV-2", OTHER)
    for place, month in enumerate((JAN.previous(), JAN, FEB, MAR), start=1):
        enter(database, first.meter, month, 600_000 * place)
        enter(database, other.meter, month, 700_000 * place)
    corrected = enter(database, first.meter, MAR, 2_500_000)
    held = _wait(database, first, APR, 2_600_000)
    earlier = _wait(database, other, FEB, 2_000_000)
    april, february = _read(database)
    assert (april.submission, april.name, april.production_wh) == (held, "Roof 1", 100_000)
    assert [one.month for one in april.before] == [MAR, FEB, JAN]
    assert april.before[0] == corrected.accepted
    assert april.expected_wh == expected_band(system, corrected.accepted.read_at, held.read_at)
    assert (february.submission, [one.month for one in february.before]) == (earlier, [JAN, JAN.previous()])
    assert _read(database, 1) == (april,)


def test_a_first_reading_is_held_against_how_its_meter_began(database: Database) -> None:
    """Where nobody told that either, there is nothing to hold it against."""
    add_system(database)
    add_system(database, OTHER)
    told, untold = add_meter(database), add_meter(database, "PV-2", OTHER, initial_wh=None, initial_at=None)
    _wait(database, told, JAN, 90_000)
    _wait(database, untold, JAN, 90_000)
    first, second = _read(database)
    assert (first.before, first.production_wh, first.expected_wh is None) == ((), 90_000, False)
    assert (second.before, second.production_wh, second.expected_wh) == ((), None, None)
