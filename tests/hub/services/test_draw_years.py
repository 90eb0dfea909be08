"""The last year in a mail: the same drawing as on a page, with ink of its own, for few systems only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hub.rules.closing import RunKind
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.draw_years import SYSTEMS_DRAWN_MAX, draw_years
from hub.services.queue_notices import queue_notices
from hub.store import notices_outbox
from tests.hub.notice_making import Clock, Fleet
from tests.hub.reporting import APR, FEB, JAN, MAR, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.store.database import Database


def closed(database: Database, *, months: int) -> None:
    """Close the first months of 2024 of a system that is read by hand."""
    add_system(database)
    meter = add_meter(database)
    for number, month in enumerate((JAN, FEB, MAR)[:months], 1):
        enter(database, meter.meter, month, 400_000 * number)
        close_month(database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)


def test_a_reminder_shows_the_months_before(database: Database) -> None:
    """As a picture with a name and a text, in the part of the mail that shows pictures, without a class or script."""
    closed(database, months=3)
    with database.read() as connection:
        svg = draw_years(connection, [SYSTEM], APR)[SYSTEM]
    root = ET.fromstring(svg)  # noqa: S314 - our own drawing
    assert root.attrib["role"] == "img"
    assert "Production of SLF-AB1234-00001 by month" in svg
    assert ("class=" in svg, "<script" in svg, 'fill="#' in svg) == (False, False, True)
    fleet = Fleet({SYSTEM: ("ann@example.org",)})
    clock = Clock()
    clock.set("2024-04-27T00:00:00-04:00")
    assert queue_notices(database, fleet.sources, "https://hub.example.org", clock()) == 1
    with database.read() as connection:
        (kept,) = notices_outbox.list_notices(connection, 10)
    assert svg in kept.notice.html
    assert "<svg" not in kept.notice.text


def test_one_month_is_no_picture_and_many_systems_are_a_list(database: Database) -> None:
    """Neither helps anybody."""
    closed(database, months=1)
    with database.read() as connection:
        assert draw_years(connection, [SYSTEM], APR) == {}
        assert draw_years(connection, ["NOWHERE"], APR) == {}
        assert draw_years(connection, [SYSTEM] * (SYSTEMS_DRAWN_MAX + 1), APR) == {}
