"""The JSON API of exported quarters: which files were made, what is in them, and their bytes."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response

from hub.models import exports as models
from hub.rules.permissions import Action
from hub.rules.quarters import gis_calendar, parse_quarter
from hub.services.export_quarter import find_export, name_file
from hub.services.read_certificates import read_certificates
from hub.store import exports
from hub.web.actors import demand
from hub.web.api.kinds import Number
from hub.web.api.paging import Page, PageByNumber, by_name
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

MONTHS_PER_PAGE_MAX = 10_000

router = APIRouter(prefix="/api/v1", tags=["exports"])

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "The file as it was made, to be saved."}
}


@router.get("/quarters/{quarter}")
def get_quarter(hub: HubOf, viewer: ViewerOf, quarter: str) -> models.QuarterJson:
    """Return the months of a production quarter, `YYYY-Qn`, and the dates of its certificates, and its files."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = parse_quarter(quarter)
    with hub.database.read() as connection:
        return models.quarter_json(wanted, gis_calendar(wanted), exports.list_files(connection, wanted))


@router.get("/systems/{pts_id}/certificates")
def list_certificates(hub: HubOf, viewer: ViewerOf, pts_id: str) -> models.AssetJson:
    """Return the certificates of the asset that a system has now, month by month, with what is left over."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.asset_json(read_certificates(connection, pts_id, hub.now()))


@router.get("/exports")
def list_exports(hub: HubOf, viewer: ViewerOf, page: PageByNumber, quarter: str | None = None) -> models.ExportsJson:
    """Return the files that were made, of one quarter or of all, in their order; for those who see all."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = None if quarter is None else parse_quarter(quarter)
    with hub.database.read() as connection:
        files = exports.list_files(connection, wanted, after=page.cursor or 0, limit=page.limit)
    following = page.next(files, lambda one: one.number)
    return models.ExportsJson(exports=[models.export_json(file) for file in files], next=following)


@router.get("/exports/{number}")
def get_export(hub: HubOf, viewer: ViewerOf, number: Number) -> models.ExportJson:
    """Return one file's description; 404 if there is none of this number."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return models.export_json(find_export(connection, number))


@router.get("/exports/{number}/months")
def list_export_months(
    hub: HubOf,
    viewer: ViewerOf,
    number: Number,
    page: Annotated[Page[str], Depends(by_name(MONTHS_PER_PAGE_MAX, 1000))],
    system: str | None = None,
) -> models.ExportMonthsJson:
    """Return what of each system's month is in a file, or of one system's; so many systems a page."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        find_export(connection, number)
        found = exports.list_exported_systems(connection, number, page.cursor or "", page.limit)
        systems = found if system is None else (system,)
        months = exports.list_exported_months(connection, number, systems)
    return models.ExportMonthsJson(
        export=number,
        months=[models.sent_json(month) for month in months],
        next=page.next(systems, str) if system is None else None,
    )


@router.get("/exports/{number}/content", response_class=Response, responses=_FILE)
def get_export_content(hub: HubOf, viewer: ViewerOf, number: Number) -> Response:
    """Return a file's bytes as they were made, to be saved under its name."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        file = find_export(connection, number)
        content = exports.content_of(connection, number)
    disposition = f"attachment; filename*=UTF-8''{quote(name_file(file))}"
    return Response(content, media_type="text/csv", headers={"Content-Disposition": disposition})
