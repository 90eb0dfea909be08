"""Device ids have one text form and one partition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import IdentityError
from protocol.identity import DeviceId, derive_device_id, format_device_id, parse_device_id, partition
from tests.protocol.strategies import DEVICE_KEY, devices


@given(devices)
def test_text_round_trip(device: DeviceId) -> None:
    """Every device id is 16 characters and comes back from them."""
    assert len(format_device_id(device)) == 16
    assert parse_device_id(format_device_id(device)) == device


@given(st.text(max_size=20))
def test_only_the_one_text_is_accepted(text: str) -> None:
    """A text is either refused or is exactly how its device is written."""
    try:
        device = parse_device_id(text)
    except IdentityError:
        return
    assert format_device_id(device) == text


@pytest.mark.parametrize(
    "text", ["", "aaaaaaaa", "AAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaa1", "aaaaaaaaaaaaaaa=", "\u017f" * 16]
)
def test_near_misses_are_refused(text: str) -> None:
    """A shorter id, capitals, digits that base32 lacks and padding are not device ids."""
    with pytest.raises(IdentityError):
        parse_device_id(text)


def test_derivation_is_fixed() -> None:
    """The id and partition of a known key never change: topics and certificates depend on them."""
    device = derive_device_id(DEVICE_KEY.spki)
    assert (format_device_id(device), partition(device)) == ("ubiig7mfa4cyfthx", "c")
