"""The systems that one may see, and the page of each."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hub.charts.chart import Chart
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.permissions import Action, reach
from hub.services.read_reporting import ReportingLine, current_window, list_reporting
from hub.store import months
from hub.store.months import SystemMonthRow
from hub.web import drawing
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_beside, frame_for
from hub.web.rendering import FragmentName, render_live, render_page
from hub.web.system_page import load_page
from hub.web.visitors import ViewerOf
from hub.web.waiting import count_waiting

SYSTEMS_SHOWN = 50
_METHODS = ["GET", "HEAD"]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.api_route("/systems", methods=_METHODS)
def show_systems(hub: HubOf, viewer: ViewerOf, after: str = "") -> HTMLResponse:
    """Show the systems that one may see, with what the open or next window has of each."""
    now = hub.now()
    window, is_open = current_window(now)
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    with hub.database.read() as connection:
        lines = list_reporting(connection, window.month, now, only=seen, after=after, limit=SYSTEMS_SHOWN)
        recent = months.list_recent(connection, [one.system for one in lines], _year_before(window.month))
    enters = reach(viewer, Action.ENTER_PRODUCTION, now)
    return render_page(
        "systems.html",
        frame_for(viewer, now),
        lines=lines,
        sparks=_draw_sparks(lines, recent),
        window=window,
        is_open=is_open,
        now=now,
        after=lines[-1].system if len(lines) == SYSTEMS_SHOWN else None,
        is_first=not after,
        may_enter={one.system for one in lines if enters is None or one.system in enters},
        waiting=count_waiting(hub, viewer),
    )


def _year_before(month: ProductionMonth) -> ProductionMonth:
    return ProductionMonth(month.year - 1, month.month)


def _draw_sparks(
    lines: Sequence[ReportingLine], recent: Mapping[str, Sequence[SystemMonthRow]]
) -> dict[str, Chart | None]:
    """Return a line of the last year's numbers for each system, None where there are too few."""
    return {
        one.system: drawing.draw_spark(
            [row.production_wh for row in recent.get(one.system, ()) if row.production_wh is not None], one.name, place
        )
        for place, one in enumerate(lines)
    }


@router.api_route("/systems/{pts_id}", methods=_METHODS)
def show_system(  # noqa: PLR0913 - which system, of it which month, from where on, and of the page what
    hub: HubOf,
    viewer: ViewerOf,
    pts_id: str,
    *,
    month: Annotated[str | None, Query()] = None,
    until: Annotated[str | None, Query()] = None,
    fragment: FragmentName = None,
) -> HTMLResponse:
    """Show a system's register, what it produced by day and month, and where each number comes from."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    zoom = None if month is None else parse_month(month)
    listed_until = None if until is None else parse_month(until)
    with hub.database.read() as connection:
        page = load_page(connection, hub, pts_id, zoom, listed_until)
    return render_live("system", frame_beside(viewer, pts_id, page.now), page, fragment)
