"""A reading's name says which register of which meter and when, and reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.rules.reading_names import ReadingName, parse_reading_name


@given(st.text(min_size=1, max_size=20), st.integers(0, 4_000_000_000_000))
def test_names_read_back(serial: str, read_at: int) -> None:
    """Whatever stands in a serial number, slashes and at-signs too, the name gives back the same reading."""
    name = ReadingName(serial, "1-0:2.8.0", read_at)
    assert parse_reading_name(str(name)) == name


@pytest.mark.parametrize("text", ["", "WN-1", "WN-1/1-0:2.8.0", "WN-1@2016-07-01T04:00:00Z", "/@2016-07-01T04:00:00Z"])
def test_what_names_no_reading_is_refused(text: str) -> None:
    """The sentence shows how a name is written."""
    with pytest.raises(InputError, match="SERIAL/OBIS@INSTANT"):
        parse_reading_name(text)


def test_an_instant_needs_its_zone() -> None:
    """A name without a time zone could mean two instants."""
    with pytest.raises(InputError, match="has no time zone"):
        parse_reading_name("WN-1/1-0:2.8.0@2016-07-01T04:00:00")
