"""Commissioning: a second person's look at the dial, held against custody and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.fleet.commissioning import Verdict
from hub.services.accept_blocks import accept_blocks
from hub.services.commission_meter import Look, commission_meter
from hub.services.register_meter import MeterRequest, register_meter
from hub.store import audit_log, commissionings
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, made_log

if TYPE_CHECKING:
    from hub.store.database import Database

LOOKED_AT = JULY_AT + QUARTER_MS + 1


@pytest.fixture
def read(registered: Database) -> Database:
    """Return a hub whose meter was read every quarter of an hour."""
    accept_blocks(registered, made_log([1_000_000, 1_000_250, 1_000_500, 1_000_750]).arrivals(), TERMS, NOW)
    return registered


def look(dial_wh: int, at: int = LOOKED_AT, serial: str = "WN-1001") -> Look:
    """Return what somebody saw."""
    return Look(SYSTEM, serial, dial_wh, at)


def waiting(database: Database) -> list[str]:
    """Return the serial numbers of the meters that wait."""
    with database.read() as connection:
        return [one.serial for one in commissionings.list_waiting(connection, 0, 10)]


def test_a_dial_that_differs_is_kept_and_the_meter_waits_on(read: Database) -> None:
    """Until somebody finds it to match; then nobody commissions it again."""
    differs = commission_meter(read, look(100_025), actor="ian", now=NOW)
    assert differs.commissioning.verdict is Verdict.DIFFERS
    assert "1000250 Wh before and 1000500 Wh after" in differs.text
    assert waiting(read) == ["WN-1001"]
    matches = commission_meter(read, look(1_000_000), actor="ian", now=NOW + 1)
    assert matches.commissioning.verdict is Verdict.MATCHES
    assert waiting(read) == []
    with pytest.raises(AlreadyRegisteredError, match="by ian already"):
        commission_meter(read, look(1_000_000), actor="eve", now=NOW + 2)
    with read.read() as connection:
        kept = commissionings.list_commissionings(connection, matches.commissioning.meter)
        entries = audit_log.list_audit(connection, subject=SYSTEM, limit=2)
    assert [one.verdict for one in kept] == [Verdict.MATCHES, Verdict.DIFFERS]
    assert [(one.action, one.actor) for one in entries] == [("commission meter", "ian")] * 2


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (look(1_000_000, NOW + 1), "has not come yet"),
        (look(1_000_000, JULY_AT - 1), "within two hours before"),
        (look(1_000_000, JULY_AT + 3 * QUARTER_MS), "within two hours after"),
    ],
)
def test_what_proves_nothing_is_refused_and_leaves_nothing(read: Database, seen: Look, named: str) -> None:
    """It says what to wait for."""
    with pytest.raises(InputError, match=named):
        commission_meter(read, seen, actor="ian", now=NOW)
    with read.read() as connection:
        assert commissionings.list_commissionings(connection, 1) == ()


def test_who_registered_a_meter_does_not_sign_it_off(read: Database) -> None:
    """Whether at a browser or at the machine's own command line."""
    register_meter(read, MeterRequest(SYSTEM, "", "PV-2"), NOW, "ann")
    with pytest.raises(InputError, match="no device reads"):
        commission_meter(read, look(1, serial="PV-2"), actor="ian", now=NOW)
    with pytest.raises(UnknownSubjectError, match="no meter of system"):
        commission_meter(read, look(1, serial="PV-3"), actor="ian", now=NOW)
    with pytest.raises(InputError, match="somebody else looks"):
        commission_meter(read, look(1_000_000), actor="", now=NOW)
