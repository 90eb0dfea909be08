"""Which systems lack months of a quarter: kept as it was looked at, and shown as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError
from hub.rules.instants import parse_instant
from hub.rules.quarters import parse_quarter
from hub.services import draw_missing as drawing
from hub.services import report_missing as reporting
from hub.services.draw_missing import EARLY_EVERY_MS, LATE_EVERY_MS, draw_missing
from hub.services.notice_sources import SOURCES
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.report_missing import QUARTERS, iterate_missing, page_missing, report_missing
from hub.store import missing_lines
from tests.hub.making import fetch
from tests.hub.reporting import FEB, JAN, MAR, enter

if TYPE_CHECKING:
    from hub.services.report_missing import MissingPage
    from hub.store.database import Database

SYSTEMS = [f"S-{number}" for number in range(1, 6)]
QUARTER = parse_quarter("2024-Q1")
REGISTERED_AT = parse_instant("2024-01-05T12:00:00-05:00")
NOW = MAR.ends_at + 10 * 86_400_000
"""After the windows of the quarter have closed."""


@pytest.fixture
def lacking(database: Database) -> Database:
    """Return a hub with five systems that nobody has reported for since the year began."""
    for name in SYSTEMS:
        register_system(database, name, f"Site {name}", "7.5", REGISTERED_AT)
        register_meter(database, MeterRequest(name, "", f"M-{name}"), REGISTERED_AT)
    return database


def page(
    database: Database, now: int = NOW, after: str = "", limit: int = 2, only: set[str] | None = None
) -> MissingPage:
    """Return a page of the quarter."""
    seen = None if only is None else frozenset(only)
    with database.read() as connection:
        return page_missing(connection, QUARTER, now, only=seen, after=after, limit=limit)


def names(found: MissingPage) -> list[str]:
    """Return its systems."""
    return [row.system for row in found.rows]


def report_all(database: Database, meter: int) -> None:
    """Report the quarter of a meter."""
    for month, wh in ((JAN, 1_000), (FEB, 2_000), (MAR, 3_000)):
        enter(database, meter, month, wh)


def test_pages_have_each_system_once(lacking: Database) -> None:
    """In order, with what they lack, and the number of all; as the whole report has them, and the table in pieces."""
    draw_missing(lacking, NOW)
    first = page(lacking)
    assert (first.systems, first.looked_at, first.after) == (5, NOW, "S-2")
    assert first.rows[0].months == first.months == (JAN, FEB, MAR)
    second = page(lacking, after="S-2")
    last = page(lacking, after="S-4")
    assert names(first) + names(second) + names(last) == SYSTEMS
    assert last.after is None
    with lacking.read() as connection:
        whole = report_missing(connection, QUARTER, SOURCES, NOW)
    assert whole.rows == (*first.rows, *second.rows, *last.rows)
    assert tuple(row for rows in iterate_missing(lacking, QUARTER, NOW, None) for row in rows) == whole.rows


def test_the_table_is_written_in_pieces(lacking: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all systems, or of those that somebody may see, and without a look before."""
    monkeypatch.setattr(reporting, "SYSTEMS_AT_ONCE", 2)
    pieces = [[row.system for row in rows] for rows in iterate_missing(lacking, QUARTER, NOW, None)]
    assert pieces == [["S-1", "S-2"], ["S-3", "S-4"], ["S-5"]]
    mine = [[row.system for row in rows] for rows in iterate_missing(lacking, QUARTER, NOW, frozenset({"S-5", "S-2"}))]
    assert mine == [["S-2", "S-5"], []]
    assert list(iterate_missing(lacking, QUARTER, JAN.starts_at, None)) == []


def test_what_is_reported_is_gone_at_once(lacking: Database) -> None:
    """Before the next look, which the number is of; and after it the number too."""
    draw_missing(lacking, NOW)
    report_all(lacking, 1)
    assert (names(page(lacking)), page(lacking).systems) == (["S-2"], 5)
    draw_missing(lacking, NOW + LATE_EVERY_MS - 1)
    assert page(lacking).systems == 5
    draw_missing(lacking, NOW + LATE_EVERY_MS)
    assert (names(page(lacking)), page(lacking).systems) == (["S-2", "S-3"], 4)


def test_one_sees_one_s_own(lacking: Database) -> None:
    """And their number."""
    draw_missing(lacking, NOW)
    found = page(lacking, only={"S-5", "S-2", "S-9"}, limit=10)
    assert (names(found), found.systems) == (["S-2", "S-5"], 2)
    assert page(lacking, only=set()).systems == 0


def test_a_look_is_taken_when_it_is_due(lacking: Database) -> None:
    """Of eight quarters; again after an hour, of those long past after a day, and as soon as a window has closed."""
    assert draw_missing(lacking, NOW) == QUARTERS - 1
    assert draw_missing(lacking, NOW) == 0
    assert draw_missing(lacking, NOW + LATE_EVERY_MS) == 2
    fetched = "SELECT quarter, months FROM missing_look ORDER BY quarter DESC LIMIT 1"
    assert fetch(lacking, fetched) == [("2024-Q1", 3)]
    assert draw_missing(lacking, NOW + EARLY_EVERY_MS) == QUARTERS - 1


def test_a_closed_window_is_looked_at_without_delay(lacking: Database) -> None:
    """A month more of the quarter is missing then."""
    early = FEB.ends_at + 10 * 86_400_000
    draw_missing(lacking, early)
    assert page(lacking, early).months == (JAN, FEB)
    draw_missing(lacking, early + 1)
    assert page(lacking, NOW).months == (JAN, FEB)
    assert fetch(lacking, "SELECT months FROM missing_look WHERE quarter = '2024-Q1'") == [(2,)]
    draw_missing(lacking, NOW)
    assert page(lacking).rows[0].months == (JAN, FEB, MAR)


def test_a_look_that_is_stopped_leaves_the_one_before(lacking: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a fleet is no report."""
    monkeypatch.setattr(drawing, "SYSTEMS_AT_ONCE", 2)
    asked = iter([False, True])
    assert draw_missing(lacking, NOW, lambda: next(asked)) == 0
    assert page(lacking).looked_at is None
    assert fetch(lacking, "SELECT count(*) FROM missing_line") == [(0,)]


def test_what_is_not_kept_is_said(lacking: Database) -> None:
    """Nothing before the first look or window; a quarter long past has its command; old ones are forgotten."""
    assert (page(lacking).rows, page(lacking).systems, page(lacking).months) == ((), None, (JAN, FEB, MAR))
    assert page(lacking, JAN.starts_at).months == ()
    with lacking.read() as connection, pytest.raises(InputError, match="notices missing 2020-Q1"):
        page_missing(connection, parse_quarter("2020-Q1"), NOW, only=None, limit=2)
    draw_missing(lacking, NOW)
    many = {f"S-{number}" for number in range(2_500)}
    assert (names(page(lacking, only=many, limit=10)), page(lacking, only=many).systems) == (SYSTEMS, 5)
    draw_missing(lacking, NOW + 3 * 366 * 86_400_000)
    with lacking.read() as connection:
        assert missing_lines.find_look(connection, QUARTER) is None
        assert missing_lines.list_lines(connection, QUARTER) == ()
