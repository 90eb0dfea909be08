"""The systems that one may see, and the page of each."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.permissions import Action, reach
from hub.services.compute_production import SystemMonth, compute_months, find_system
from hub.services.read_events import EventView, read_events
from hub.services.read_fleet import MeterView, read_meters
from hub.services.read_reporting import current_window, list_reporting
from hub.store import changes, ownership, series
from hub.store.changes import Subject, SubjectKind
from hub.store.registry import System
from hub.web import charts, headline
from hub.web.actors import demand
from hub.web.charts import BarChart, StepChart
from hub.web.context import Hub, HubOf
from hub.web.headline import Headline
from hub.web.navigation import frame_for
from hub.web.rendering import FragmentName, render_live, render_page, watch_of
from hub.web.visitors import ViewerOf
from hub.web.waiting import count_waiting

EVENTS_SHOWN = 20
SYSTEMS_SHOWN = 50
_METHODS = ["GET", "HEAD"]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class SystemPage:
    """What a system's page shows; `zoom` is the month its register line is limited to, if any."""

    system: System
    meters: tuple[MeterView, ...]
    months: tuple[SystemMonth, ...]
    headline: Headline
    register: StepChart | None
    bars: BarChart | None
    events: tuple[EventView, ...]
    zoom: ProductionMonth | None
    hub: Hub
    now: int
    change: int
    watch: str


@router.api_route("/systems", methods=_METHODS)
def show_systems(hub: HubOf, viewer: ViewerOf, after: str = "") -> HTMLResponse:
    """Show the systems that one may see, with what the open or next window has of each."""
    now = hub.now()
    window, is_open = current_window(now)
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    with hub.database.read() as connection:
        lines = list_reporting(connection, window.month, now, only=seen, after=after, limit=SYSTEMS_SHOWN)
    enters = reach(viewer, Action.ENTER_PRODUCTION, now)
    return render_page(
        "systems.html",
        frame_for(viewer, now),
        lines=lines,
        window=window,
        is_open=is_open,
        now=now,
        after=lines[-1].system if len(lines) == SYSTEMS_SHOWN else None,
        is_first=not after,
        may_enter={one.system for one in lines if enters is None or one.system in enters},
        waiting=count_waiting(hub, viewer),
    )


@router.api_route("/systems/{pts_id}", methods=_METHODS)
def show_system(
    hub: HubOf,
    viewer: ViewerOf,
    pts_id: str,
    month: Annotated[str | None, Query()] = None,
    fragment: FragmentName = None,
) -> HTMLResponse:
    """Show a system's register, its monthly production and where each number comes from."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    now = hub.now()
    zoom = None if month is None else parse_month(month)
    subject = Subject(SubjectKind.SYSTEM, pts_id)
    with hub.database.read() as connection:
        system = find_system(connection, pts_id)
        change = changes.latest_change(connection)
        months = compute_months(connection, pts_id)
        meters = tuple(view for view in read_meters(connection) if view.meter and view.meter.system == pts_id)
        events = read_events(connection, pts_id, EVENTS_SHOWN)
        lines = []
        for view in meters:
            assert view.meter is not None, "only registered meters were kept"
            registers = ownership.registers_of(connection, view.meter)
            first, last = series.first_reading(connection, registers), series.last_reading(connection, registers)
            if first is not None and last is not None:
                from_at = first.read_at if zoom is None else zoom.starts_at
                to_at = last.read_at if zoom is None else zoom.ends_at
                thinned = series.buckets(connection, registers, from_at, to_at, charts.BUCKETS_MAX)
                lines.append((view.serial, thinned))
    page = SystemPage(
        system=system,
        meters=meters,
        months=months,
        headline=headline.choose_headline(months),
        register=charts.step_chart(lines),
        bars=charts.bar_chart(months),
        events=events,
        zoom=zoom,
        hub=hub,
        now=now,
        change=change,
        watch=watch_of(subject, hub),
    )
    return render_live("system", frame_for(viewer, now), page, fragment)
