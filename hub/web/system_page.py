"""A system's page: what it shows, and where that is loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hub.services.compute_days import compute_days, count_hours, read_courses, read_power
from hub.services.compute_production import compute_months, find_range, find_system
from hub.services.read_events import read_events
from hub.services.read_meters import read_system_meters
from hub.store import changes, facts
from hub.store.changes import Subject, SubjectKind
from hub.web import drawing, headline
from hub.web.rendering import watch_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.charts.chart import Chart
    from hub.rules.periods import ProductionMonth
    from hub.services.compute_production import SystemMonth
    from hub.services.read_events import EventView
    from hub.services.read_meters import MeterView
    from hub.store.registry import System
    from hub.web.context import Hub
    from hub.web.headline import Headline

EVENTS_SHOWN = 20
_ALL = (
    f"From the first reading to the last, in at most {drawing.COLUMNS_MAX} steps; choose a month below to look closer."
)
_OF_MONTH = f"The readings of this month, in at most {drawing.COLUMNS_MAX} steps."


@dataclass(frozen=True, slots=True)
class SystemPage:
    """What a system's page shows; `zoom` is the month its register line is limited to, if any.

    `shown` is the month whose days are drawn, `until` the last of the months listed if one was asked for, `first` and
    `last` are the months of its first and last reading.
    """

    system: System
    meters: tuple[MeterView, ...]
    months: tuple[SystemMonth, ...]
    headline: Headline
    register: Chart | None
    bars: Chart | None
    days: Chart | None
    hours: Chart | None
    power: Chart | None
    events: tuple[EventView, ...]
    zoom: ProductionMonth | None
    shown: ProductionMonth | None
    until: ProductionMonth | None
    first: ProductionMonth | None
    last: ProductionMonth | None
    hub: Hub
    now: int
    change: int
    watch: str


def load_page(
    connection: Connection, hub: Hub, pts_id: str, zoom: ProductionMonth | None, until: ProductionMonth | None
) -> SystemPage:
    """Return what a system's page shows, at a cost that is bounded by what is drawn, whatever the system's age.

    Raises UnknownSubjectError for an unregistered system.
    """
    now = hub.now()
    system = find_system(connection, pts_id)
    change = changes.latest_change(connection)
    range_ = find_range(connection, pts_id)
    if range_ is not None and until is not None:
        # Before the first month there is nothing to list: then it is the last one shown.
        until = max(until, range_[0])
    months = compute_months(connection, pts_id, until=until, limit=drawing.BARS_MAX)
    said = [one.facts for one in facts.list_system_versions(connection, pts_id)]
    shown = zoom or (months[0].production.month if months else None)
    days = hours = None
    if shown is not None:
        days = drawing.draw_days(compute_days(connection, pts_id, shown), shown, said, system.name)
        hours = drawing.draw_hours(count_hours(connection, pts_id, shown), shown, system.name)
    return SystemPage(
        system=system,
        meters=read_system_meters(connection, pts_id),
        months=months,
        headline=headline.choose_headline(months),
        register=drawing.draw_register(
            read_courses(connection, pts_id, zoom, drawing.COLUMNS_MAX),
            system.name,
            _ALL if zoom is None else _OF_MONTH,
        ),
        bars=drawing.draw_months(_tell(months, now), said, system.name, f"/systems/{quote(pts_id)}?month={{}}"),
        days=days,
        hours=hours,
        power=drawing.draw_power(read_power(connection, pts_id), system.name),
        events=read_events(connection, pts_id, EVENTS_SHOWN),
        zoom=zoom,
        shown=shown,
        until=until,
        first=range_[0] if range_ else None,
        last=range_[1] if range_ else None,
        hub=hub,
        now=now,
        change=change,
        watch=watch_of(Subject(SubjectKind.SYSTEM, pts_id), hub),
    )


def _tell(months: Sequence[SystemMonth], now: int) -> dict[ProductionMonth, tuple[int | None, bool, str]]:
    """Return of each month its energy, whether that is whole, and how far it has come."""
    produced = [one.production for one in months]
    return {one.month: (one.production_wh, one.complete, str(headline.month_state(one, now))) for one in produced}
