"""What was sent of a month: what counts, with what it comes to, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import UnknownSubjectError
from hub.services.read_sent import Sent, read_sent
from hub.services.submit_reading import parse_reported, submit_reading
from tests.hub.reporting import FEB, JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
PHOTO = "0" * 64


def _read(database: Database, month: ProductionMonth, system: str = SYSTEM) -> Sent:
    with database.read() as connection:
        return read_sent(connection, system, month)


def test_what_counts_and_what_waits_stand_side_by_side(database: Database) -> None:
    """Of each meter its own, the production from the reading before or from how the meter began."""
    add_system(database)
    first, second = add_meter(database), add_meter(database, "PV-2")
    entry = enter(database, first.meter, JAN, 500_000)
    for _ in range(2):
        reported = parse_reported(SYSTEM, second.serial, "3000", "", now=NOW, photo=PHOTO)
        submit_reading(database, reported, actor="ann", now=NOW)
    sent = _read(database, JAN)
    (counting,) = sent.counting
    assert (counting.serial, counting.entry) == ("PV-1", entry)
    assert counting.produced is not None
    assert counting.produced.production_wh == 500_000
    assert [(one.serial, one.register_wh) for one in sent.waiting] == [("PV-2", 3_000_000)]
    enter(database, first.meter, FEB, 700_000)
    (later,) = _read(database, FEB).counting
    assert later.produced is not None
    assert later.produced.production_wh == 200_000


def test_a_month_of_which_nothing_was_sent_is_not_there(database: Database) -> None:
    """With what to do; a first reading without a beginning counts and comes to nothing."""
    add_system(database, OTHER)
    meter = add_meter(database, "PV-9", OTHER, initial_wh=None, initial_at=None)
    with pytest.raises(UnknownSubjectError, match="counts or waits for 2024-01: enter it"):
        _read(database, JAN, OTHER)
    enter(database, meter.meter, JAN, 500_000)
    (counting,) = _read(database, JAN, OTHER).counting
    assert counting.produced is None
