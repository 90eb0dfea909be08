"""Registration: what is said twice changes nothing, what contradicts is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.rules.details import MeterDetails
from hub.services.accept_blocks import accept_blocks
from hub.services.end_meter import EndRequest, end_meter
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import meter_facts, registry
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW, TERMS, MadeDevice, fetch, made_log

if TYPE_CHECKING:
    from hub.store.database import Database

DEVICE = MadeDevice().text


def test_the_same_registration_again_changes_nothing(registered: Database) -> None:
    """A script may run twice."""
    before = fetch(registered, "SELECT count(*) FROM change")
    assert register_device(registered, MadeDevice().pem, "Barn", NOW + 1).registered_at == NOW
    assert register_system(registered, SYSTEM, "Barn roof", "7.50", NOW + 1).registered_at == NOW
    assert register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-1001"), NOW + 1).registered_at == NOW
    assert fetch(registered, "SELECT count(*) FROM change") == before


@pytest.mark.parametrize("pem", [b"", b"hello", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(database: Database, pem: bytes) -> None:
    """Anything but a public key of our two kinds is named as such."""
    with pytest.raises(InputError, match="no device key"):
        register_device(database, pem, "", NOW)


def test_a_private_key_is_refused(database: Database) -> None:
    """A private key belongs to its device, and the sentence says so."""
    with pytest.raises(InputError, match="must never leave its device"):
        register_device(database, MadeDevice().key.to_pem(), "", NOW)


@pytest.mark.parametrize("pts_id", ["", "a b", "../etc", "é", "x" * 41, "-x"])
def test_a_malformed_pts_id_is_refused(database: Database, pts_id: str) -> None:
    """A PTS id must be usable in an address."""
    with pytest.raises(InputError, match="PTS id"):
        register_system(database, pts_id, "", "5", NOW)


@pytest.mark.parametrize("capacity", ["", "0", "-1", "NaN", "Infinity", "1e9", "7.1234567", "seven"])
def test_a_malformed_capacity_is_refused(database: Database, capacity: str) -> None:
    """A nameplate is a positive plain number."""
    with pytest.raises(InputError, match="capacity"):
        register_system(database, SYSTEM, "", capacity, NOW)


def test_a_system_with_another_nameplate_is_refused(registered: Database) -> None:
    """A registered nameplate is not changed by registering again, and the sentence says what can be done."""
    with pytest.raises(AlreadyRegisteredError, match=r"7\.5 kW DC.*: give that name"):
        register_system(registered, SYSTEM, "Barn roof", "8", NOW)


def test_one_meter_never_counts_twice(registered: Database) -> None:
    """A serial number that counts for a system is not given to another, unless the maker differs."""
    register_system(registered, "OTHER-1", "", "5", NOW)
    with pytest.raises(AlreadyRegisteredError, match="WN-1001"):
        register_meter(registered, MeterRequest("OTHER-1", DEVICE, "WN-1001"), NOW)
    register_meter(registered, MeterRequest("OTHER-1", DEVICE, "X-5", make="CCS"), NOW)
    register_meter(registered, MeterRequest(SYSTEM, DEVICE, "X-5", make="EIG"), NOW)
    with pytest.raises(AlreadyRegisteredError, match="X-5"):
        register_meter(registered, MeterRequest(SYSTEM, DEVICE, "X-5", make="CCS"), NOW)


def test_a_meter_may_be_read_by_one_device_after_another(registered: Database) -> None:
    """A device that replaces another is added to the meter; said again it changes nothing."""
    device = MadeDevice(seed=2)
    register_device(registered, device.pem, "", NOW)
    request = MeterRequest(SYSTEM, device.text, "WN-1001", make="CCS")
    added = register_meter(registered, request, NOW + 1)
    assert (added.devices, added.device, added.make) == ((MadeDevice().id, device.id), device.id, "CCS")
    before = fetch(registered, "SELECT count(*) FROM change")
    assert register_meter(registered, request, NOW + 2) == added
    assert register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-1001"), NOW + 2) == added
    with registered.read() as connection:
        assert registry.list_meters(connection, SYSTEM) == (added,)
    assert fetch(registered, "SELECT count(*) FROM change") == before
    register_meter(registered, replace(request, model="A"), NOW)
    with pytest.raises(AlreadyRegisteredError, match="already registered as model 'A'"):
        register_meter(registered, replace(request, model="B"), NOW)


def test_what_the_refusal_of_a_second_meter_says_can_be_done(registered: Database) -> None:
    """Each sentence, followed, leads to two meters of two makers with one serial number."""
    register_system(registered, "OTHER-1", "", "5", NOW)
    wanted = MeterRequest("OTHER-1", DEVICE, "WN-1001", make="EIG")
    with pytest.raises(AlreadyRegisteredError, match="--serial WN-1001 --make MAKE` which is meant there"):
        register_meter(registered, wanted, NOW)
    register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-1001", make="CCS"), NOW)
    with pytest.raises(AlreadyRegisteredError, match="not the one made by CCS, give its --make"):
        register_meter(registered, replace(wanted, make=""), NOW)
    register_meter(registered, wanted, NOW)
    register_meter(registered, replace(wanted, system=SYSTEM, make="Accuenergy"), NOW)
    with pytest.raises(AlreadyRegisteredError, match="counts for one system only"):
        register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-1001", make="EIG"), NOW)


def test_two_makers_of_one_system_must_be_told_apart(registered: Database) -> None:
    """Where a serial number stands for two meters of the system, neither adding nor ending one may guess."""
    for make in ("CCS", "EIG"):
        register_meter(registered, MeterRequest(SYSTEM, DEVICE, "X-5", make=make), NOW)
    with pytest.raises(AlreadyRegisteredError, match="of CCS and EIG: give --make"):
        register_meter(registered, MeterRequest(SYSTEM, DEVICE, "X-5"), NOW)
    with pytest.raises(InputError, match="of CCS and EIG: give --make"):
        end_meter(registered, EndRequest(SYSTEM, "X-5", "2016-07-12T16:00:00Z"), NOW)
    assert end_meter(registered, EndRequest(SYSTEM, "X-5", "2016-07-12T16:00:00Z", "EIG"), NOW).make == "EIG"


def test_an_end_is_kept_and_can_be_corrected(registered: Database) -> None:
    """The same end again changes nothing, another replaces it, and registering again does not undo it."""
    first = end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T16:00:00Z"), NOW)
    before = fetch(registered, "SELECT count(*) FROM change")
    assert end_meter(registered, EndRequest(SYSTEM, " WN-1001", "2016-07-12T12:00:00-04:00"), NOW) == first
    assert register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-1001"), NOW) == first
    assert fetch(registered, "SELECT count(*) FROM change") == before
    assert end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T17:00:00Z"), NOW) != first


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (EndRequest(SYSTEM, "WN-1001", "yesterday"), InputError, "RFC 3339"),
        (EndRequest(SYSTEM, "WN-1001", "2017-08-01T00:00:00Z"), InputError, "has not come yet"),
        (EndRequest(SYSTEM, "WN-1001", "2016-06-30T00:00:00Z"), InputError, "was first read at 2016-07-01T04:00:00Z"),
        (EndRequest(SYSTEM, "WN-1002", "2016-07-12T16:00:00Z"), UnknownSubjectError, "its meters are WN-1001"),
        (EndRequest("SLF-AB1234-00002", "WN-1001", "2016-07-12T16:00:00Z"), UnknownSubjectError, f"mean {SYSTEM}?"),
    ],
)
def test_an_end_that_cannot_be_is_refused(
    registered: Database, request_: EndRequest, error: type[Exception], words: str
) -> None:
    """An instant that cannot be the end, or a meter that is not there, is named and nothing changes."""
    accept_blocks(registered, made_log([5, 6, 7]).arrivals(), TERMS, NOW)
    with pytest.raises(error) as caught:
        end_meter(registered, request_, NOW)
    assert words in str(caught.value)
    assert fetch(registered, "SELECT read_until FROM meter") == [(None,)]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (MeterRequest("NOPE", DEVICE, "1"), UnknownSubjectError),
        (MeterRequest(SYSTEM, MadeDevice(seed=9).text, "1"), UnknownSubjectError),
        (MeterRequest(SYSTEM, "no-device", "1"), InputError),
        (MeterRequest(SYSTEM, DEVICE, "  "), InputError),
        (MeterRequest(SYSTEM, DEVICE, "1\n2"), InputError),
    ],
)
def test_a_meter_needs_what_it_refers_to(registered: Database, request_: MeterRequest, error: type[Exception]) -> None:
    """An unknown system or device, or no serial number, is refused and nothing is kept."""
    with pytest.raises(error):
        register_meter(registered, request_, NOW)
    assert fetch(registered, "SELECT count(*) FROM meter") == [(1,)]


def test_a_meter_is_registered_with_what_is_known_of_it_or_not_at_all(database: Database) -> None:
    """What cannot be, and what is known otherwise, leaves everything as it was."""
    register_system(database, SYSTEM, "Barn roof", "7.5", NOW)
    request = MeterRequest(SYSTEM, "", "PV-1")
    with pytest.raises(InputError, match="give both or none"):
        register_meter(database, request, NOW, details=MeterDetails(initial_wh=5))
    with database.read() as connection:
        assert registry.list_meters(connection, SYSTEM) == ()
    details = MeterDetails(initial_wh=5, initial_at=NOW - 1, seal="S-1")
    meter = register_meter(database, request, NOW, details=details)
    assert register_meter(database, request, NOW + 1, details=details) == meter
    register_meter(database, request, NOW + 2, details=MeterDetails(ct_ratio="200:5"))
    with pytest.raises(AlreadyRegisteredError, match="another seal"):
        register_meter(database, request, NOW + 3, details=MeterDetails(seal="S-2"))
    with database.read() as connection:
        versions = meter_facts.list_meter_versions(connection, meter.id)
    assert [(one.facts.initial_wh, one.facts.seal, one.facts.ct_ratio) for one in versions] == [
        (5, "S-1", ""),
        (5, "S-1", "200:5"),
    ]
