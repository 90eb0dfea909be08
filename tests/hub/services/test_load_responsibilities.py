"""Who lacks what: out of registered systems and meters, and of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from hub.rules.facts import ReportingMode
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.reported import Origin
from hub.services.load_responsibilities import load_responsibilities
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import facts, ledger, meter_facts
from hub.store.facts import Recorded
from hub.store.ledger import NewEntry

if TYPE_CHECKING:
    from hub.rules.responsibilities import Responsibility
    from hub.store.database import Database
    from hub.store.registry import Meter

AUGUST, SEPTEMBER, OCTOBER = map(parse_month, ("2023-08", "2023-09", "2023-10"))
REGISTERED_AT = parse_instant("2023-09-10T12:00:00-04:00")


@pytest.fixture
def meter(database: Database) -> Meter:
    """Return the one meter of system A, registered in September 2023 and read by people."""
    register_system(database, "A", "Barn roof", "7.5", REGISTERED_AT)
    return register_meter(database, MeterRequest("A", "", "M-1"), REGISTERED_AT)


def load(database: Database, *months: str) -> dict[str, Responsibility]:
    """Return what is lacking, by system."""
    with database.read() as connection:
        return {one.system: one for one in load_responsibilities(connection, [parse_month(each) for each in months])}


def accept(database: Database, meter: Meter, month: str, register_wh: int) -> None:
    """Enter a reading into the ledger, taken on the month's last instant."""
    wanted = parse_month(month)
    with database.write() as connection:
        ledger.add_entry(
            connection, NewEntry(meter.id, wanted, wanted.ends_at, register_wh, Origin.MANUAL, "ann"), wanted.ends_at
        )


def test_what_is_accepted_is_not_lacking(database: Database, meter: Meter) -> None:
    """A month counts once its reading is accepted; the latest one, of whatever month, is told."""
    before = load(database, "2023-09", "2023-10")["A"]
    assert (before.missing, before.last) == ((SEPTEMBER, OCTOBER), None)
    assert (before.name, before.capacity_w_dc, before.mode) == ("Barn roof", 7500, ReportingMode.AUTOMATIC)
    accept(database, meter, "2023-09", 1000)
    found = load(database, "2023-09", "2023-10")["A"]
    assert found.missing == (OCTOBER,)
    assert found.last is not None
    assert (found.last.month, found.last.register_wh) == (SEPTEMBER, 1000)
    accept(database, meter, "2023-10", 2000)
    assert load(database, "2023-09", "2023-10") == {}


def test_one_silent_meter_is_enough(database: Database, meter: Meter) -> None:
    """A system of two meters lacks the month until both are read."""
    register_meter(database, MeterRequest("A", "", "M-2"), REGISTERED_AT)
    accept(database, meter, "2023-10", 2000)
    found = load(database, "2023-10")["A"]
    assert found.last is not None
    assert (found.missing, found.last.register_wh) == ((OCTOBER,), 2000)


def test_nothing_is_lacking_from_before_a_system_was_there(database: Database, meter: Meter) -> None:
    """Unless its meter is known to count since earlier, as with what is taken over from elsewhere."""
    assert load(database, "2023-08") == {}
    say(database, meter, initial_at=parse_instant("2023-08-31T12:00:00-04:00"), initial_wh=0)
    assert load(database, "2023-08")["A"].missing == (AUGUST,)


def test_nothing_is_lacking_from_after_a_meter_ended(database: Database, meter: Meter) -> None:
    """One that ended with September lacks no October; one that ended a moment later does."""
    say(database, meter, ended_at=OCTOBER.starts_at, final_wh=5)
    assert load(database, "2023-09", "2023-10")["A"].missing == (SEPTEMBER,)
    say(database, meter, ended_at=OCTOBER.starts_at + 1, final_wh=5)
    assert load(database, "2023-10")["A"].missing == (OCTOBER,)


def test_a_system_without_meter_lacks_nothing(database: Database) -> None:
    """There is nothing to read; and no month is asked of nobody."""
    register_system(database, "B", "", "5", REGISTERED_AT)
    assert load(database, "2023-10") == {}
    assert load(database) == {}


def test_what_held_in_the_month_counts(database: Database, meter: Meter) -> None:
    """A system that became one by hand in November was an automatic one in October."""
    with database.write() as connection:
        (known,) = facts.list_system_facts(connection, ["A"], date(2023, 10, 31))
        changed = replace(known, effective_on=date(2023, 11, 1), reporting_mode=ReportingMode.MANUAL)
        facts.add_system_versions(connection, [changed], Recorded("ann", REGISTERED_AT))
    assert load(database, "2023-10")["A"].mode is ReportingMode.AUTOMATIC
    assert load(database, "2023-11")["A"].mode is ReportingMode.MANUAL
    assert meter.system == "A"


def test_a_large_fleet_is_read_in_pieces(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system passes by once."""
    monkeypatch.setattr("hub.services.load_responsibilities.SYSTEMS_AT_ONCE", 2)
    for number in range(5):
        register_system(database, f"S-{number}", "", "5", REGISTERED_AT)
        register_meter(database, MeterRequest(f"S-{number}", "", f"M-{number}"), REGISTERED_AT)
    assert list(load(database, "2023-10")) == [f"S-{number}" for number in range(5)]


def say(database: Database, meter: Meter, **known: Any) -> None:  # noqa: ANN401 - of several types
    """Say anew what is known of a meter."""
    with database.write() as connection:
        held = meter_facts.find_meter_facts(connection, meter.id)
        assert held is not None
        meter_facts.add_meter_versions(connection, [replace(held, **known)], Recorded("ann", REGISTERED_AT))
