"""Lists that grow with the fleet are read by index: no statement of a page goes over a whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from hub.rules.closing import RunKind
from hub.rules.periods import parse_month
from hub.rules.windows import window_of
from hub.services.accept_blocks import accept_blocks
from hub.services.analyse_month import analyse_systems
from hub.services.close_month import close_month
from hub.services.read_alerts import page_open, read_over
from hub.services.read_events import page_events
from hub.services.read_meters import FIRST, MeterPlace, page_meters
from hub.services.report_devices import list_waiting_of
from hub.store import alerts, commissionings, device_words, facts, months
from hub.store.meter_events import EventPlace
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW, TERMS, MadeDevice, made_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from hub.store.database import Database

JULY = parse_month("2016-07")
OPENS_AT = window_of(JULY).opens_at
LISTS: dict[str, tuple[Callable[[Connection], object], str]] = {
    "registered meters": (lambda reader: page_meters(reader, FIRST, 1), "meter USING INTEGER PRIMARY KEY (rowid>?)"),
    "strangers' meters": (
        lambda reader: page_meters(reader, MeterPlace(is_stranger=True, number=0), 1),
        "register USING INTEGER PRIMARY KEY (rowid>?)",
    ),
    "systems of assets": (lambda reader: facts.list_with_assets(reader, ["10001"]), "system_version_unit (<expr>=?)"),
    "months of a state": (
        lambda reader: months.list_month(reader, JULY, state="missing", after="A", limit=1),
        "system_month_by_state (month=? AND state=? AND system>?)",
    ),
    "events": (lambda reader: page_events(reader, SYSTEM, EventPlace(NOW, 1, 1), 1), "meter_event_by_time"),
    "what was found": (lambda reader: analyse_systems(reader, JULY, "A", 1), "system_month_found"),
    "what devices have to report": (lambda reader: list_waiting_of(reader, OPENS_AT, "A", 1), "ix_meter_system"),
    "dials that wait": (lambda reader: commissionings.list_waiting(reader, 9, 1), "meter_unmatched (id>?)"),
    "open alerts": (lambda reader: page_open(reader, NOW, 9, 1), "ix_alert_ended_at (ended_at=? AND number<?)"),
    "rules that fire": (alerts.find_firing, "alert_open (code=?)"),
    "alerts that are over": (lambda reader: read_over(reader, 9, 1), "alert USING INTEGER PRIMARY KEY (rowid<?)"),
    "silences": (
        lambda reader: alerts.list_silences(reader, NOW, after=(NOW, 1), limit=1),
        "ix_alert_silence_until_at",
    ),
    "words": (lambda reader: device_words.list_words(reader, MadeDevice().id, before=9, limit=1), "ix_device_word_"),
    "reported months": (
        lambda reader: months.list_system_months(reader, SYSTEM, before=(JULY, 9), limit=1),
        "system_month USING PRIMARY KEY (system=? AND (month,version)<(?,?))",
    ),
}

BOUNDED = ("SCAN CONSTANT ROW", "SCAN (subquery", "SCAN contest USING INDEX contest_open")
"""Of what is read whole: what was asked for by name, and the few devices that are contested now."""


@pytest.fixture
def closed(registered: Database) -> Database:
    """Return a hub that went over July, with a device that reads a meter."""
    accept_blocks(registered, made_log([5, 9]).arrivals(), TERMS, NOW)
    close_month(registered, JULY, RunKind.PROVISIONAL, actor="test", now=OPENS_AT)
    return registered


@pytest.mark.parametrize(("ask", "index"), LISTS.values(), ids=LISTS)
def test_a_page_is_found_by_index(closed: Database, ask: Callable[[Connection], object], index: str) -> None:
    """The one named begins where the page does, and nothing beside it is read whole."""
    asked: list[tuple[str, Sequence[object]]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        asked.append((statement, parameters))

    with closed.read() as connection:
        event.listen(connection, "before_cursor_execute", hear)
        ask(connection)
        event.remove(connection, "before_cursor_execute", hear)
        plan = [
            row.detail
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))
        ]
    assert any(index in step for step in plan), plan
    assert [step for step in plan if step.startswith("SCAN") and not step.startswith(BOUNDED)] == []
