"""Pages of what leaves the hub: a quarter's files for the registries, and which months nobody reported."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.exchange.missing_csv import missing_csv, missing_heading
from hub.rules.periods import date_at, month_of
from hub.rules.permissions import Action, Actor
from hub.rules.quarters import ProductionQuarter, gis_calendar, parse_quarter, quarter_of
from hub.rules.verification_file import FileKind
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter, find_export, name_file
from hub.services.report_missing import iterate_missing, last_quarters, page_missing
from hub.store import exports
from hub.web.actors import demand, demand_any, refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import Asked, Typed, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.tables import save_table
from hub.web.visitors import PersonOf, ViewerOf

_SEE_OTHER = 303
ROWS_SHOWN = 50
LEFT_OUT_SHOWN = 20
_NUMBER_MAX = (1 << 63) - 1
Number = Annotated[int, Path(ge=1, le=_NUMBER_MAX)]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/exports")
def show_exports(hub: HubOf, viewer: ViewerOf) -> HTMLResponse:
    """Show the last quarters with their files, and when each is sent and created."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _draw(hub, viewer)


@router.post("/exports")
def make_export(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Make a quarter's file and keep it; the same content again is the same file."""
    demand(hub, person.actor, Action.EXPORT_QUARTER)
    try:
        quarter = read_field("quarter", parse_quarter, typed.get("quarter", ""))
        layout = read_field("layout", _layout, typed.get("layout", ""))
        kind = read_field("kind", _kind, typed.get("kind", ""))
        request = ExportRequest(quarter, layout, kind, person.actor.name, typed.get("reporting_id", "").strip())
        made = export_quarter(hub.database, request, hub.now())
    except HubError as error:
        return _draw(hub, person.actor, error, typed)
    return RedirectResponse(f"/exports/{made.file.number}", status_code=_SEE_OTHER)


@router.get("/exports/{number}")
def show_export(hub: HubOf, viewer: ViewerOf, number: Number) -> HTMLResponse:
    """Show what a file is, and what of it is estimated."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        file = find_export(connection, number)
        content = exports.content_of(connection, number)
    lines = content.decode("utf-8", "replace").splitlines()
    return render_page(
        "export.html",
        frame_for(viewer, hub.now()),
        file=file,
        name=name_file(file),
        lines=lines[:LEFT_OUT_SHOWN],
        more=max(0, len(lines) - LEFT_OUT_SHOWN),
    )


@router.get("/exports/{number}/content")
def save_export(hub: HubOf, viewer: ViewerOf, number: Number) -> Response:
    """Give a file as it was made."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        file = find_export(connection, number)
        content = exports.content_of(connection, number)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name_file(file))}"}
    return Response(content, media_type="text/csv", headers={**headers, "cache-control": "no-store"})


@router.get("/missing")
def show_missing(hub: HubOf, viewer: ViewerOf, quarter: str = "", after: Asked = "") -> HTMLResponse:
    """Show which systems lack which months of a quarter; of none given of the one whose window closed last."""
    seen, wanted, now = demand_any(hub, viewer, Action.VIEW_MISSING), _quarter(hub, quarter), hub.now()
    with hub.database.read() as connection:
        page = page_missing(connection, wanted, now, only=seen, after=after, limit=ROWS_SHOWN)
    return render_page(
        "missing.html", frame_for(viewer, now), page=page, quarters=last_quarters(now), is_first=not after, now=now
    )


@router.get("/missing.csv")
def save_missing(hub: HubOf, viewer: ViewerOf, quarter: str = "") -> Response:
    """Give the Missing Production Report as a table."""
    seen, wanted = demand_any(hub, viewer, Action.VIEW_MISSING), _quarter(hub, quarter)
    pieces = map(missing_csv, iterate_missing(hub.database, wanted, hub.now(), seen))
    return save_table(f"missing_production_{wanted}.csv", missing_heading(), pieces)


def _quarter(hub: Hub, text: str) -> ProductionQuarter:
    return parse_quarter(text) if text else quarter_of(month_of(hub.now()).previous())


def _layout(text: str) -> ExportLayout:
    try:
        return ExportLayout(text)
    except ValueError as error:
        message = f"{text!r:.40} is no layout: choose one of the list"
        raise InputError(message) from error


def _kind(text: str) -> FileKind:
    try:
        return FileKind(text)
    except ValueError as error:
        message = f"{text!r:.40} is no kind of file: choose one of the list"
        raise InputError(message) from error


def _draw(hub: Hub, viewer: Actor, error: HubError | None = None, typed: Typed | None = None) -> HTMLResponse:
    now = hub.now()
    quarters = last_quarters(now)
    with hub.database.read() as connection:
        files = {one: exports.list_files(connection, one) for one in quarters}
    return render_page(
        "exports.html",
        frame_for(viewer, now),
        status=200 if error is None else 422,
        quarters=[(one, gis_calendar(one), files[one]) for one in quarters],
        layouts=list(ExportLayout),
        kinds=list(FileKind),
        may_export=refuse(hub, viewer, Action.EXPORT_QUARTER) is None,
        problem="" if error is None else str(error),
        today=date_at(now),
        typed={"quarter": "", "layout": "", "kind": "", "reporting_id": ""} | (typed or {}),
        name_file=name_file,
    )
