"""The window board: drawn once for all systems, only what changed is written, and paged by what is at stake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnknownSubjectError
from hub.fleet.standing import Standing
from hub.rules.facts import ReportingMode
from hub.services.draw_board import board_window, draw_board
from hub.services.read_board import Board, read_board
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.submit_reading import parse_reported, submit_reading
from hub.store import board
from tests.hub.making import MadeDevice
from tests.hub.reporting import FEB, JAN, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from hub.store.board import Line
    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
HAND = ReportingMode.MANUAL


def read(database: Database, now: int = NOW, *, limit: int = 50, after: str = "", of: Standing | None = None) -> Board:
    """Return the board."""
    with database.read() as connection:
        return read_board(connection, now, standing=of, after=after, limit=limit)


def counts(found: Board) -> dict[str, int]:
    """Return how many stand how, without those that nobody does."""
    return {one.value: count.systems for one, count in found.counts.items() if count.systems}


def test_before_the_first_look_there_is_nothing(database: Database) -> None:
    """And it says when there will be."""
    with pytest.raises(UnknownSubjectError, match="within a minute"):
        read(database)


def test_every_kind_of_standing_is_found(database: Database) -> None:
    """By hand and by devices; the worst is what is shown first."""
    for place in range(1, 6):
        add_system(database, f"S-{place}", reporting_mode=HAND, capacity_w_dc=1_000 * place)
    for place in range(1, 5):
        add_meter(database, f"PV-{place}", f"S-{place}", initial_at=JAN.previous().starts_at)
        enter(database, place, JAN.previous(), 400_000)
    enter(database, 1, JAN, 500_000)
    submit_reading(database, parse_reported("S-2", "", "401", "2024-01-31 15:00", now=NOW), actor="ann", now=NOW)
    add_system(database, "S-6")
    device = MadeDevice()
    register_device(database, device.pem, "Barn", NOW)
    register_meter(database, MeterRequest("S-6", device.text, "WN-1"), NOW)
    missing = draw_board(database, NOW)
    found = read(database)
    assert counts(found) == {"accepted": 1, "held": 1, "waiting": 2, "not due": 1, "at risk": 1}
    assert missing == 4
    assert found.standing is Standing.AT_RISK
    assert [(one.line.system, one.name) for one in found.lines] == [("S-6", "Roof 6")]
    assert "Barn" in found.lines[0].line.reason
    assert found.counts[Standing.WAITING].capacity_w == 7_000
    assert found.is_open


def test_a_look_that_finds_nothing_new_writes_no_line(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when it was looked at."""
    add_system(database, SYSTEM, reporting_mode=HAND)
    add_meter(database, initial_at=JAN.previous().starts_at)
    saved: list[int] = []
    save = board.save_lines

    def noted(connection: Connection, lines: Collection[Line]) -> None:
        saved.append(len(lines))
        save(connection, lines)

    monkeypatch.setattr(board, "save_lines", noted)
    draw_board(database, NOW)
    draw_board(database, NOW + 60_000)
    assert saved == [1]
    assert read(database).looked_at == NOW + 60_000
    enter(database, 1, JAN, 500_000)
    draw_board(database, NOW + 120_000)
    assert saved == [1, 1]
    assert counts(read(database)) == {"accepted": 1}


def test_after_the_window_what_lacks_is_missing_until_the_next_one_opens(database: Database) -> None:
    """The board goes on to the next month as soon as that can be reported."""
    add_system(database, SYSTEM, reporting_mode=HAND)
    add_meter(database, initial_at=JAN.previous().starts_at)
    later = JAN.ends_at + 10 * 86_400_000
    assert draw_board(database, later) == 1
    found = read(database, later)
    assert (found.window.month, found.is_open, counts(found)) == (JAN, False, {"missing": 1})
    opened = FEB.ends_at - 86_400_000
    assert board_window(opened).month == FEB
    draw_board(database, opened)
    assert counts(read(database, opened)) == {"waiting": 1}


def test_it_is_paged_by_what_is_at_stake(database: Database) -> None:
    """Without a gap or a double, also where two have as much at stake."""
    for place in range(7):
        add_system(database, f"S-{place}", reporting_mode=HAND, capacity_w_dc=1_000 * (1 + place // 3))
        add_meter(database, f"PV-{place}", f"S-{place}", initial_at=JAN.previous().starts_at)
    draw_board(database, NOW)
    seen, after = [], ""
    while True:
        page = read(database, limit=2, after=after, of=Standing.WAITING)
        seen += [one.line for one in page.lines]
        if page.next is None:
            break
        after = page.next
    assert len({line.system for line in seen}) == len(seen) == 7
    stakes = [line.expected_wh for line in seen]
    assert stakes == sorted(stakes, reverse=True)
    for wrong in ("x", "1", "-1,S-1", "9" * 40 + ",S-1"):
        with pytest.raises(InputError, match="no place in this list"):
            read(database, after=wrong)


def test_one_that_is_stopped_leaves_the_board_as_it_was(database: Database) -> None:
    """Half a look is none."""
    add_system(database, SYSTEM, reporting_mode=HAND)
    assert draw_board(database, NOW, lambda: True) is None
    with pytest.raises(UnknownSubjectError):
        read(database)
