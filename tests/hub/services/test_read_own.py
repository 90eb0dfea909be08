"""What an owner is told: months as they were closed, or as they stand before, and the window they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import UnknownSubjectError
from hub.rules.closing import RunKind
from hub.rules.facts import ReportingMode
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.read_own import OwnMonth, OwnSystem, read_own
from tests.hub.reporting import DAY_MS, FEB, JAN, MAR, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database

NOW = window_of(FEB).opens_at + DAY_MS


def _read(database: Database, now: int = NOW, limit: int = 12) -> OwnSystem:
    with database.read() as connection:
        return read_own(connection, SYSTEM, now, limit)


def _own(month: ProductionMonth, energy_wh: int, *, is_closed: bool) -> OwnMonth:
    return OwnMonth(month, ReportState.REPORTED, energy_wh, is_closed)


def test_a_month_counts_as_accepted_before_it_is_closed(database: Database) -> None:
    """It is drawn up from the ledger then, and may still change; a closed one stands as it was closed."""
    add_system(database, reporting_mode=ReportingMode.MANUAL)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 612_000)
    assert _read(database).months == (_own(JAN, 612_000, is_closed=False),)
    close_month(database, JAN, RunKind.CLOSE, actor="test", now=window_of(JAN).closes_at)
    enter(database, meter.meter, FEB, 1_000_000)
    own = _read(database)
    assert own.months == (_own(FEB, 388_000, is_closed=False), _own(JAN, 612_000, is_closed=True))
    assert (own.window.month, own.is_open, own.is_automatic) == (FEB, True, False)
    assert _read(database, limit=1).months == own.months[:1]


def test_nothing_reported_is_no_month(database: Database) -> None:
    """A new system has none, and between two windows the next one is told."""
    add_system(database)
    add_meter(database)
    own = _read(database, window_of(FEB).closes_at + DAY_MS)
    assert (own.months, own.window.month, own.is_open, own.is_automatic) == ((), MAR, False, True)
    with database.read() as connection, pytest.raises(UnknownSubjectError, match="'NOPE' is not registered"):
        read_own(connection, "NOPE", NOW, 12)
