"""Derived readings: which steps down are known does not depend on the order in which blocks came."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.services.accept_blocks import accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from protocol.identity import BootId
from protocol.messages import Readings, TimeQuality
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    import pytest

    from hub.store.database import Database


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """A reading: in which quarter of an hour, at which boottime, what it showed, and whether its time was verified."""

    quarter: int
    boottime_ms: int
    count: int
    verified: bool = True

    def frame(self) -> Readings:
        """Return it as a frame of its own."""
        read_at = JULY_AT + self.quarter * QUARTER_MS
        quality = TimeQuality.SYNCHRONISED if self.verified else TimeQuality.UNKNOWN
        frame = make_readings(make_meter(), [self.count], read_at)
        # An unverified clock is that of a boot which never knew the time: else the hub would place its readings.
        boot_id = None if self.verified else BootId(b"lost")
        return replace(frame, offset_ms=(read_at - self.boottime_ms,), quality=(quality,), boot_id=boot_id)


def _drops(database: Database) -> list[tuple[object, ...]]:
    return fetch(database, "SELECT read_at FROM register_drop ORDER BY read_at")


def test_two_boots_that_read_at_one_instant_stop_nothing(registered: Database) -> None:
    """A step down at the very instant with which a batch begins is found, and found again by the next batch."""
    device = MadeDevice()
    device.seal(make_meter())
    device.seal(Taken(0, 10, 500).frame(), Taken(0, 20, 400).frame())
    device.seal(Taken(1, 30, 600).frame())
    device.seal(Taken(0, 30, 300).frame())
    for seq in range(4):
        (receipt,) = accept_blocks(registered, device.arrivals(seq), TERMS, NOW).receipts
        assert receipt.committed == seq
    assert _drops(registered) == [(JULY_AT,)]
    assert fetch(registered, "SELECT count(*) FROM underived") == [(0,)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(Taken, st.integers(0, 4), st.integers(0, 3), st.integers(0, 4), st.booleans()),
        min_size=1,
        max_size=9,
        unique_by=lambda taken: (taken.quarter, taken.boottime_ms),
    ),
    st.integers(1, 3),
)
def test_steps_down_are_those_of_the_whole_series(
    tmp_path_factory: pytest.TempPathFactory, taken: list[Taken], size: int
) -> None:
    """However readings come, the steps down kept are those between verified neighbours in order of time."""
    device = MadeDevice()
    database = open_hub(tmp_path_factory.mktemp("drops") / "hub", new_timeline=b"timeline", at=NOW)
    try:
        register_device(database, device.pem, "", NOW)
        device.seal(make_meter())
        for start in range(0, len(taken), size):
            device.seal(*(one.frame() for one in taken[start : start + size]))
        for seq in range(len(device.blocks)):
            accept_blocks(database, device.arrivals(seq), TERMS, NOW)
        series = sorted(one for one in taken if one.verified)
        expected = {JULY_AT + b.quarter * QUARTER_MS for a, b in itertools.pairwise(series) if b.count < a.count}
        assert _drops(database) == [(instant,) for instant in sorted(expected)]
    finally:
        database.close()
