"""What people say of systems and meters: laid over what is known, with a reason; exchanges by the word of two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hub.errors import AlreadyRegisteredError, HubError, InputError, UnknownSubjectError
from hub.rules.details import MeterDetails, SystemDetails
from hub.rules.facts import Programme, ProgrammeName, ReportingMode, SystemFacts
from hub.services.amend_system import Amendment, amend_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.describe_meter import Description, describe_meter
from hub.services.end_meter import EndRequest, end_meter
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.set_programme import set_programme
from hub.store import exchanges, facts, meter_facts, registry
from hub.store.facts import BEGINNING
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, MadeDevice, fetch

if TYPE_CHECKING:
    from hub.rules.facts import MeterFacts
    from hub.store.database import Database

GREW_ON = date(2018, 3, 1)
GREW = Amendment(SYSTEM, GREW_ON, "four modules more", SystemDetails(capacity_w_dc=9000))
PROGRAMME = Programme(SYSTEM, ProgrammeName.SREC_2, date(2014, 5, 1), factor_percent=80)
EVIDENCE = "ab" * 32
EXCHANGE = ExchangeRequest(SYSTEM, "WN-1001", JULY_AT, 5_000_000, "WN-2002", 12, EVIDENCE, new_make="CCS")


def known_of(database: Database, on: date = BEGINNING) -> SystemFacts:
    """Return what is known of the test's system on a day."""
    with database.read() as connection:
        found = facts.find_system_facts(connection, SYSTEM, on)
    assert found is not None
    return found


def meters_of(database: Database) -> tuple[MeterFacts, ...]:
    """Return what is known of the meters of the test's system."""
    with database.read() as connection:
        return meter_facts.list_meter_facts(connection, [SYSTEM])[SYSTEM]


def versions(database: Database) -> object:
    """Return how many facts there are."""
    counts = (
        "SELECT count(*) FROM system_version",
        "SELECT count(*) FROM system_programme",
        "SELECT count(*) FROM meter_version",
        "SELECT count(*) FROM meter_exchange",
        "SELECT count(*) FROM meter_exchange_decision",
        "SELECT count(*) FROM change",
    )
    return [fetch(database, count) for count in counts]


def test_a_system_is_registered_with_what_is_known_of_it(database: Database) -> None:
    """What is said at first holds from the beginning; what was left open is filled in later, and nothing twice."""
    details = SystemDetails(capacity_w_ac=6000, reporting_mode=ReportingMode.MANUAL, town="Worcester")
    register_system(database, SYSTEM, "Barn", "7.5", NOW, details=details, programme=PROGRAMME, actor="Ada")
    first = SystemFacts(
        SYSTEM, "Barn", BEGINNING, 7500, capacity_w_ac=6000, reporting_mode=ReportingMode.MANUAL, town="Worcester"
    )
    assert known_of(database) == first
    more = replace(details, zip_code="01608")
    register_system(database, SYSTEM, "Barn", "7.5", NOW + 1, details=more, actor="Bob")
    assert known_of(database) == replace(first, zip_code="01608")
    before = versions(database)
    register_system(database, SYSTEM, "Barn", "7.5", NOW + 2, details=more, programme=PROGRAMME, actor="Bob")
    assert versions(database) == before
    with pytest.raises(AlreadyRegisteredError, match="with another town: leave that out, or change it with"):
        register_system(database, SYSTEM, "Barn", "7.5", NOW, details=replace(details, town="Boston"))
    with database.read() as connection:
        actors = [one.recorded.actor for one in facts.list_system_versions(connection, SYSTEM)]
    assert actors == ["Ada", "Bob"]


def test_an_amendment_holds_from_its_day(registered: Database) -> None:
    """What held before goes on to hold before; the same amendment again changes nothing."""
    done = amend_system(registered, GREW, NOW, "Ada")
    assert (done.is_new, done.until_on) == (True, None)
    assert known_of(registered, GREW_ON) == SystemFacts(SYSTEM, "Barn roof", GREW_ON, 9000)
    assert known_of(registered, date(2018, 2, 28)).capacity_w_dc == 7500
    before = versions(registered)
    assert not amend_system(registered, GREW, NOW, "Ada").is_new
    assert versions(registered) == before


def test_an_amendment_of_the_past_ends_where_later_facts_begin(registered: Database) -> None:
    """Whoever corrects the past is told from when on other facts were said."""
    amend_system(registered, GREW, NOW, "Ada")
    town = replace(GREW, effective_on=BEGINNING, details=SystemDetails(town="Worcester"))
    assert amend_system(registered, town, NOW, "Ada").until_on == GREW_ON
    assert (known_of(registered).town, known_of(registered, GREW_ON).town) == ("Worcester", "")


def test_what_was_wrong_can_be_forgotten(registered: Database) -> None:
    """A GIS asset of another system is taken away again, not replaced by a guess."""
    amend_system(registered, replace(GREW, details=SystemDetails(gis_asset="NON1")), NOW, "Ada")
    amend_system(registered, replace(GREW, details=SystemDetails(), forget=("gis_asset",)), NOW, "Ada")
    assert known_of(registered, GREW_ON).gis_asset == ""


@pytest.mark.parametrize(
    ("amendment", "error", "words"),
    [
        (replace(GREW, system="OTHER"), UnknownSubjectError, "'OTHER' is not registered"),
        (replace(GREW, reason=" "), InputError, "say why"),
        (replace(GREW, effective_on=date(1969, 12, 31)), InputError, "give 1970-01-01"),
        (replace(GREW, forget=("capacity_w_dc",)), InputError, "cannot be forgotten"),
    ],
)
def test_an_amendment_that_cannot_be_is_refused(
    registered: Database, amendment: Amendment, error: type[HubError], words: str
) -> None:
    """One sentence, and nothing changes."""
    before = versions(registered)
    with pytest.raises(error, match=words):
        amend_system(registered, amendment, NOW, "Ada")
    assert versions(registered) == before


def test_a_programme_is_set_and_corrected(registered: Database) -> None:
    """What begins on the same day replaces; said again it changes nothing."""
    assert set_programme(registered, PROGRAMME, NOW, "Ada")
    assert not set_programme(registered, PROGRAMME, NOW, "Ada")
    corrected = replace(PROGRAMME, factor_percent=90)
    assert set_programme(registered, corrected, NOW, "Ada", "letter of 2 May")
    with registered.read() as connection:
        assert facts.find_programme(connection, SYSTEM, GREW_ON) == corrected
    with pytest.raises(UnknownSubjectError, match="not registered"):
        set_programme(registered, replace(PROGRAMME, system="OTHER"), NOW, "Ada")


def test_a_meter_is_described(registered: Database) -> None:
    """What is said is laid over what is known; the same again changes nothing."""
    said = MeterDetails(accuracy_class_ppm=5000, initial_wh=0, initial_at=JULY_AT)
    first = describe_meter(registered, Description(SYSTEM, "WN-1001", details=said), NOW, "Ada")
    assert (first.accuracy_class_ppm, first.initial_wh, first.is_das) == (5000, 0, True)
    before = versions(registered)
    assert describe_meter(registered, Description(SYSTEM, " WN-1001", details=said), NOW, "Ada") == first
    assert versions(registered) == before
    more = Description(
        SYSTEM, "WN-1001", reason="tested", details=MeterDetails(seal="451"), forget=("accuracy_class_ppm",)
    )
    second = describe_meter(registered, more, NOW, "Bob")
    assert (second.seal, second.accuracy_class_ppm, second.initial_at) == ("451", None, JULY_AT)
    assert meters_of(registered) == (second,)


@pytest.mark.parametrize(
    ("description", "error", "words"),
    [
        (Description(SYSTEM, "X"), UnknownSubjectError, "its meters are WN-1001"),
        (Description(SYSTEM, "WN-1001", details=MeterDetails(initial_wh=5)), InputError, "both or none"),
        (
            Description(SYSTEM, "WN-1001", details=MeterDetails(initial_wh=5, initial_at=NOW + 1)),
            InputError,
            "has not come yet",
        ),
        (Description(SYSTEM, "WN-1001", forget=("is_das",)), InputError, "cannot be forgotten"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    registered: Database, description: Description, error: type[HubError], words: str
) -> None:
    """One sentence, and nothing changes."""
    before = versions(registered)
    with pytest.raises(error, match=words):
        describe_meter(registered, description, NOW, "Ada")
    assert versions(registered) == before


def test_a_meter_that_people_read_needs_no_device(registered: Database) -> None:
    """It is listed with the others; a device that is added later makes it one of a data acquisition system."""
    meter = register_meter(registered, MeterRequest(SYSTEM, "", "P-1", make="GE"), NOW)
    assert (meter.devices, meter.device) == ((), None)
    with registered.read() as connection:
        assert registry.list_meters(connection, SYSTEM)[0] == meter
    assert [one.is_das for one in meters_of(registered)] == [False, True]
    register_meter(registered, MeterRequest(SYSTEM, MadeDevice().text, "P-1"), NOW)
    assert [one.is_das for one in meters_of(registered)] == [True, True]


def test_an_end_is_a_fact_of_the_meter(registered: Database) -> None:
    """What ends a meter is kept in its history, without a final register."""
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T16:00:00Z"), NOW, "Ada")
    (known,) = meters_of(registered)
    assert (known.ended_at, known.final_wh) == (1_468_339_200_000, None)


def test_an_exchange_counts_once_somebody_else_approved_it(registered: Database) -> None:
    """Until then nothing changes; then the old meter ends and the new one begins, read by the same device."""
    describe_meter(registered, Description(SYSTEM, "WN-1001", details=MeterDetails(ct_ratio="200:5")), NOW, "Ada")
    before = meters_of(registered)
    asked = exchange_meter(registered, EXCHANGE, NOW, "Ada")
    assert exchange_meter(registered, EXCHANGE, NOW + 1, "Ada") == asked
    assert meters_of(registered) == before
    with pytest.raises(InputError, match="asked for by Ada: somebody else must decide"):
        decide_exchange(registered, ExchangeDecision(asked.number, is_approved=True), NOW, " ada ")
    done = decide_exchange(registered, ExchangeDecision(asked.number, is_approved=True), NOW + 2, "Bob")
    old, new = meters_of(registered)
    assert (old.serial, old.ended_at, old.final_wh, old.ct_ratio) == ("WN-1001", JULY_AT, 5_000_000, "200:5")
    assert (new.serial, new.make, new.initial_at, new.initial_wh, new.is_das) == ("WN-2002", "CCS", JULY_AT, 12, True)
    with registered.read() as connection:
        first, second = registry.list_meters(connection, SYSTEM)
        assert exchanges.list_exchanges(connection, SYSTEM, is_waiting=False) == (done,)
        assert exchanges.list_exchanges(connection, is_waiting=True) == ()
    assert (first.read_until, second.devices, second.read_until) == (JULY_AT, first.devices, None)
    assert done.decision is not None
    assert (done.decision.new_meter, done.decision.decided_by) == (second.id, "Bob")
    with pytest.raises(AlreadyRegisteredError, match="was approved by Bob"):
        decide_exchange(registered, ExchangeDecision(asked.number, is_approved=False, reason="no"), NOW, "Eve")


def test_a_refused_exchange_changes_nothing_and_can_be_asked_again(registered: Database) -> None:
    """A refusal needs a reason; afterwards the meter may be exchanged as it should have been."""
    before = meters_of(registered)
    asked = exchange_meter(registered, EXCHANGE, NOW, "Ada")
    with pytest.raises(InputError, match="say why"):
        decide_exchange(registered, ExchangeDecision(asked.number, is_approved=False), NOW, "Bob")
    with pytest.raises(AlreadyRegisteredError, match=f"exchange {asked.number} of that meter waits"):
        exchange_meter(registered, replace(EXCHANGE, final_wh=1), NOW, "Ada")
    decide_exchange(registered, ExchangeDecision(asked.number, is_approved=False, reason="blurred"), NOW, "Bob")
    assert meters_of(registered) == before
    with pytest.raises(AlreadyRegisteredError, match="was refused by Bob"):
        decide_exchange(registered, ExchangeDecision(asked.number, is_approved=True), NOW, "Bob")
    assert exchange_meter(registered, EXCHANGE, NOW, "Ada").number != asked.number


def test_a_new_meter_that_was_seen_before_the_approval_is_the_one(registered: Database) -> None:
    """A device reported the new meter and somebody registered it, before the exchange was approved."""
    asked = exchange_meter(registered, EXCHANGE, NOW, "Ada")
    added = register_meter(registered, MeterRequest(SYSTEM, MadeDevice().text, "WN-2002", make="CCS"), NOW)
    decide_exchange(registered, ExchangeDecision(asked.number, is_approved=True), NOW, "Bob")
    assert [(one.meter, one.initial_wh) for one in meters_of(registered)][1] == (added.id, 12)


def test_an_approval_that_came_too_late_is_refused(registered: Database) -> None:
    """What has happened to the meters since the request is not overwritten."""
    asked = exchange_meter(registered, EXCHANGE, NOW, "Ada")
    register_system(registered, "OTHER", "", "5", NOW)
    register_meter(registered, MeterRequest("OTHER", "", "WN-2002", make="CCS"), NOW)
    approval = ExchangeDecision(asked.number, is_approved=True)
    with pytest.raises(AlreadyRegisteredError, match="counts or counted for system OTHER"):
        decide_exchange(registered, approval, NOW, "Bob")
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T16:00:00Z"), NOW)
    with pytest.raises(AlreadyRegisteredError, match="has ended since: refuse"):
        decide_exchange(registered, approval, NOW, "Bob")
    with pytest.raises(UnknownSubjectError, match="no exchange 99"):
        decide_exchange(registered, replace(approval, number=99), NOW, "Bob")


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (replace(EXCHANGE, system="OTHER"), UnknownSubjectError, "'OTHER' is not registered"),
        (replace(EXCHANGE, serial="X"), UnknownSubjectError, "its meters are WN-1001"),
        (replace(EXCHANGE, at=NOW + 1), InputError, "has not come yet"),
        (replace(EXCHANGE, new_serial=" "), InputError, "needs a serial number"),
        (replace(EXCHANGE, new_serial="WN-1001"), AlreadyRegisteredError, "check the new serial"),
        (replace(EXCHANGE, evidence="AB" * 32), InputError, "64 hexadecimal digits"),
        (replace(EXCHANGE, final_wh=-1), InputError, "below 0"),
        (replace(EXCHANGE, final_wh=999), InputError, "began with 1000 Wh and cannot have ended with 999 Wh"),
        (replace(EXCHANGE, at=JULY_AT - 2), InputError, "cannot have been replaced before"),
    ],
)
def test_an_exchange_that_cannot_be_is_refused(
    registered: Database, request_: ExchangeRequest, error: type[HubError], words: str
) -> None:
    """One sentence, and nothing changes."""
    began = MeterDetails(initial_wh=1000, initial_at=JULY_AT - 1)
    describe_meter(registered, Description(SYSTEM, "WN-1001", details=began), NOW, "Ada")
    before = versions(registered)
    with pytest.raises(error, match=words):
        exchange_meter(registered, request_, NOW, "Ada")
    assert versions(registered) == before


def test_an_exchange_names_who_says_so_and_fits_the_register(registered: Database) -> None:
    """Nobody is not a person; a register that starts again may end lower than it began, but not beyond."""
    with pytest.raises(InputError, match="say who you are"):
        exchange_meter(registered, EXCHANGE, NOW, " ")
    wraps = MeterDetails(initial_wh=4000, initial_at=JULY_AT - 1, modulus_wh=5000)
    describe_meter(registered, Description(SYSTEM, "WN-1001", details=wraps), NOW, "Ada")
    with pytest.raises(InputError, match="starts again at 5000 Wh"):
        exchange_meter(registered, replace(EXCHANGE, final_wh=5000), NOW, "Ada")
    asked = exchange_meter(registered, replace(EXCHANGE, final_wh=3), NOW, "Ada")
    decide_exchange(registered, ExchangeDecision(asked.number, is_approved=True), NOW, "Bob")
    with pytest.raises(AlreadyRegisteredError, match="ended at 2016-07-01 00:00-04:00 already"):
        exchange_meter(registered, replace(EXCHANGE, new_serial="WN-3003"), NOW, "Ada")
