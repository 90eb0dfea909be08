"""The pages: each a whole document at its own address, or with the header `X-Fragment` the one element it names.

One template draws both. Pages work without a script; `live.js` only fetches a fragment again when the feed says so.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from hub.errors import UnknownSubjectError
from hub.rules.forwarding import register_kwh
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.permissions import Action, reach
from hub.services import name_commands
from hub.services.compute_production import SystemMonth, compute_months, find_system
from hub.services.read_events import EventView, read_events
from hub.services.read_fleet import Fleet, MeterView, read_fleet, read_meters
from hub.services.read_reporting import current_window, list_reporting
from hub.store import backups, changes, ownership, series
from hub.store.backups import Backup
from hub.store.changes import FLEET, Subject, SubjectKind
from hub.store.registry import System
from hub.web import charts, formats, headline
from hub.web.actors import demand
from hub.web.cards import DeviceRow, SystemCard, device_rows, system_cards
from hub.web.charts import BarChart, StepChart
from hub.web.context import Hub, HubOf
from hub.web.feed import broker_subject
from hub.web.headline import Headline
from hub.web.visitors import ViewerOf
from hub.web.waiting import count_waiting

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    age=formats.age,
    count=formats.count,
    kilowatt_hours=formats.kilowatt_hours,
    local_day=formats.local_day,
    local_time=formats.local_time,
    register_kwh=register_kwh,
    missing_words=headline.missing_words,
    month_abbreviation=formats.month_abbreviation,
    month_name=formats.month_name,
    month_state=headline.month_state,
    shell_word=shlex.quote,
    utc_time=formats.utc_time,
    chart_buckets=charts.BUCKETS_MAX,
    chart_width=charts.WIDTH,
    chart_height=charts.HEIGHT,
)

_TEMPLATES.filters.update(from_json=json.loads)

EVENTS_SHOWN = 20
SYSTEMS_SHOWN = 50
_METHODS = ["GET", "HEAD"]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

FragmentName = Annotated[str | None, Header(alias="X-Fragment")]


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What the operator page shows; `change` is the number of the newest change it includes."""

    fleet: Fleet
    cards: tuple[SystemCard, ...]
    devices: tuple[DeviceRow, ...]
    backup: Backup | None
    hub: Hub
    now: int
    change: int
    watch: str
    commands: object = name_commands


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


@router.api_route("/", methods=_METHODS)
def show_fleet(hub: HubOf, viewer: ViewerOf, fragment: FragmentName = None) -> Response:
    """Show devices, meters, systems, and what wants a decision; to those who do not see all, their own systems."""
    now = hub.now()
    if reach(viewer, Action.VIEW_PRODUCTION, now) is not None:
        return RedirectResponse("/systems", status_code=303)
    with hub.database.read() as connection:
        fleet = read_fleet(connection, now)
        page = FleetPage(
            fleet=fleet,
            cards=system_cards(connection, fleet),
            devices=device_rows(fleet),
            backup=backups.latest_backup(connection),
            hub=hub,
            now=now,
            change=changes.latest_change(connection),
            watch=_watch(FLEET, hub),
        )
    return _render("fleet", page, fragment)


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
        watch=_watch(subject, hub),
    )
    return _render("system", page, fragment)


def render_page(template: str, *, status: int = 200, is_form: bool = False, **content: object) -> HTMLResponse:
    """Return a page that is drawn once and does not go on by itself; nothing keeps a copy of it.

    A form's page may be kept by the browser of who fills it in: going back, they find what they typed.
    """
    text = _TEMPLATES.get_template(template).render(**content)
    kept = "private, no-cache" if is_form else "no-store"
    return HTMLResponse(text, status_code=status, headers={"cache-control": kept})


def render_problem(title: str, detail: str, status: int) -> HTMLResponse:
    """Return a page that says in one sentence what is wrong and what to do."""
    text = _TEMPLATES.get_template("problem.html").render(title=title, detail=detail, status=status)
    return HTMLResponse(text, status_code=status)


def _watch(subject: Subject, hub: Hub) -> str:
    """Return what a page tells the feed that it shows: its subject, and whether the broker is there."""
    return ",".join(name for name in (str(subject), broker_subject(hub.broker_connected)) if name)


def _render(name: str, page: FleetPage | SystemPage, fragment: str | None) -> HTMLResponse:
    """Return the page, or of it the element with the id `fragment`."""
    if fragment is None:
        text = _TEMPLATES.get_template(f"{name}.html").render(page=page)
    elif fragment == name:
        text = _TEMPLATES.get_template(f"_{name}.html").render(page=page)
    else:
        message = f"this page has no fragment {fragment!r:.40}: ask for {name!r}"
        raise UnknownSubjectError(message)
    headers = {"cache-control": "no-store", "vary": "X-Fragment"}
    return HTMLResponse(text, headers=headers)
