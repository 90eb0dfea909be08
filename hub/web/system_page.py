"""A system's page: what it shows, and where that is loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hub.rules.reported import ReportState
from hub.services.compute_days import compute_days, count_hours, read_courses, read_power
from hub.services.compute_production import compute_months, find_range, find_system
from hub.services.read_events import read_events
from hub.services.read_meters import read_system_meters
from hub.services.read_own import read_own
from hub.services.read_reported import read_reported
from hub.store import changes, facts
from hub.store.changes import Subject, SubjectKind
from hub.web import drawing, headline
from hub.web.own_words import STATES, tell_standing
from hub.web.rendering import watch_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.charts.chart import Chart
    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.services.compute_production import SystemMonth
    from hub.services.read_events import EventView
    from hub.services.read_meters import MeterView
    from hub.services.read_reported import ReportedMonth
    from hub.store.registry import System
    from hub.web.context import Hub
    from hub.web.headline import Headline

EVENTS_SHOWN = 20
_ALL = (
    f"From the first reading to the last, in at most {drawing.COLUMNS_MAX} steps; choose a month below to look closer."
)
_OF_MONTH = f"The readings of this month, in at most {drawing.COLUMNS_MAX} steps."


@dataclass(frozen=True, slots=True)
class ByHand:
    """A system that no device reads, as it was reported: `lead` is the last month with a number; `bars` draws `months`.

    `standing` says what was reported last and what comes next, `has_earlier` whether months come before those listed.
    """

    standing: str
    months: tuple[ReportedMonth, ...]
    lead: ReportedMonth | None
    bars: Chart | None
    has_earlier: bool


@dataclass(frozen=True, slots=True)
class SystemPage:
    """What a system's page shows; `zoom` is the month its register line is limited to, if any.

    `shown` is the month whose days are drawn, `until` the last of the months listed if one was asked for, `first` and
    `last` are the months of its first and last reading. `by_hand` is None where a device reads one of its meters.
    """

    system: System
    meters: tuple[MeterView, ...]
    months: tuple[SystemMonth, ...]
    headline: Headline
    by_hand: ByHand | None
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
    meters = read_system_meters(connection, pts_id)
    is_by_hand = range_ is None and bool(meters) and not any(view.device_id for view in meters)
    said = [one.facts for one in facts.list_system_versions(connection, pts_id)]
    shown = zoom or (months[0].production.month if months else None)
    days = hours = None
    if shown is not None:
        days = drawing.draw_days(compute_days(connection, pts_id, shown), shown, said, system.name)
        hours = drawing.draw_hours(count_hours(connection, pts_id, shown), shown, system.name)
    return SystemPage(
        system=system,
        meters=meters,
        months=months,
        headline=headline.choose_headline(months),
        by_hand=_read_by_hand(connection, pts_id, now, until, said) if is_by_hand else None,
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


def _read_by_hand(
    connection: Connection, pts_id: str, now: int, until: ProductionMonth | None, said: Sequence[SystemFacts]
) -> ByHand:
    """Return what was reported of a system, the months up to `until` if it is given and there are such."""
    # One more than is shown tells whether a way leads on.
    found = read_reported(connection, pts_id, drawing.BARS_MAX + 1, until)
    if not found and until is not None:
        found = read_reported(connection, pts_id, drawing.BARS_MAX + 1)
    shown = found[: drawing.BARS_MAX]
    numbers = {one.month: (one.production_wh, one.state is ReportState.REPORTED, STATES[one.state]) for one in shown}
    return ByHand(
        standing=tell_standing(read_own(connection, pts_id, now, 1)),
        months=shown,
        lead=next((one for one in shown if one.production_wh is not None), None),
        bars=drawing.draw_months(numbers, said, said[-1].name, f"/systems/{quote(pts_id)}/months/{{}}"),
        has_earlier=len(found) > len(shown),
    )


def _tell(months: Sequence[SystemMonth], now: int) -> dict[ProductionMonth, tuple[int | None, bool, str]]:
    """Return of each month its energy, whether that is whole, and how far it has come."""
    produced = [one.production for one in months]
    return {one.month: (one.production_wh, one.complete, str(headline.month_state(one, now))) for one in produced}
