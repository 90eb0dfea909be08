"""Thrift on a full disk: levels follow the room, do not flutter, and never cost the reading of a month's edge."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.space import HOUR_MS, Room, Thrift, free_bytes, is_polled, judge_thrift

if TYPE_CHECKING:
    from pathlib import Path

RESERVE = 1 << 20
QUARTER_MS = 900_000
rooms = st.builds(Room, disk=st.integers(0, 8 * RESERVE), inside=st.integers(0, 8 * RESERVE))


@given(rooms, st.sampled_from(Thrift))
def test_a_level_once_reached_is_kept_while_the_room_is_the_same(room: Room, before: Thrift) -> None:
    """Judged twice with the same room the level is the same: nothing flutters by itself."""
    level = judge_thrift(room, RESERVE, before)
    assert judge_thrift(room, RESERVE, level) is level


@given(rooms, st.integers(0, RESERVE), st.sampled_from(Thrift))
def test_more_room_never_means_more_thrift(room: Room, more: int, before: Thrift) -> None:
    """Whoever frees space is never answered with a stricter level."""
    freed = Room(room.disk + more, room.inside)
    assert judge_thrift(freed, RESERVE, before) <= judge_thrift(room, RESERVE, before)


@given(rooms, st.sampled_from(Thrift), st.sampled_from(Thrift))
def test_who_comes_from_a_stricter_level_stays_stricter(room: Room, one: Thrift, other: Thrift) -> None:
    """Of two agents with the same room, the one that was more sparing is so still."""
    milder, stricter = sorted((one, other))
    assert judge_thrift(room, RESERVE, milder) <= judge_thrift(room, RESERVE, stricter)


@pytest.mark.parametrize(
    ("reserves", "level"),
    [(0.5, Thrift.STOP), (1.5, Thrift.COARSEN), (3, Thrift.RELEASE), (4, Thrift.NORMAL), (400, Thrift.NORMAL)],
)
def test_levels_come_in_order(reserves: float, level: Thrift) -> None:
    """With less and less room first old blocks go, then the readings between hours, then all readings."""
    assert judge_thrift(Room(int(RESERVE * reserves), 0), RESERVE, Thrift.NORMAL) is level


def test_a_level_ends_only_with_a_quarter_more_than_began_it() -> None:
    """What a checkpoint gives and takes does not stop and start the polling."""
    assert judge_thrift(Room(RESERVE, 0), RESERVE, Thrift.NORMAL) is Thrift.COARSEN
    assert judge_thrift(Room(RESERVE * 5 // 4 - 1, 0), RESERVE, Thrift.STOP) is Thrift.STOP
    assert judge_thrift(Room(RESERVE * 5 // 4, 0), RESERVE, Thrift.STOP) is Thrift.COARSEN
    assert judge_thrift(Room(RESERVE * 5, 0), RESERVE, Thrift.STOP) is Thrift.NORMAL


def test_room_inside_the_journal_counts_only_while_its_log_can_grow() -> None:
    """Released blocks leave room in the file, which is of no use when not even the write-ahead log finds some."""
    assert judge_thrift(Room(RESERVE, 9 * RESERVE), RESERVE, Thrift.NORMAL) is Thrift.NORMAL
    assert judge_thrift(Room(RESERVE // 4, 9 * RESERVE), RESERVE, Thrift.NORMAL) is Thrift.STOP


@given(st.integers(2020, 2040), st.integers(1, 12), st.sampled_from([1, 60, 900, 1800, 3600]))
def test_the_edge_of_a_month_is_polled_while_anything_is(year: int, month: int, interval_seconds: int) -> None:
    """Coarse polling keeps the reading between two months of the regulator's zone; it drops the others of the hour."""
    edge = int(datetime(year, month, 1, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 1000
    edges = range(edge, edge + HOUR_MS, interval_seconds * 1000)
    assert [at for at in edges if is_polled(Thrift.COARSEN, at)] == [edge]
    assert not is_polled(Thrift.STOP, edge)


@pytest.mark.parametrize("thrift", [Thrift.NORMAL, Thrift.RELEASE])
def test_every_edge_is_polled_while_there_is_room(thrift: Thrift) -> None:
    """Letting old blocks go costs no reading."""
    assert not thrift.is_skipping
    assert all(is_polled(thrift, edge) for edge in range(0, HOUR_MS, QUARTER_MS))


def test_the_room_of_a_folder_is_what_its_file_system_says(tmp_path: Path) -> None:
    """The free bytes are those an ordinary user may write, in bytes."""
    status = os.statvfs(tmp_path)
    assert 0 < free_bytes(tmp_path) <= status.f_blocks * status.f_frsize
