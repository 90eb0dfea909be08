"""Registration: what is said twice changes nothing, what contradicts is refused in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW, MadeDevice, fetch

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
    """A registered nameplate is not changed by registering again."""
    with pytest.raises(AlreadyRegisteredError, match=r"7\.5 kW DC"):
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
