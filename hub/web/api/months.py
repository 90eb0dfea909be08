"""The JSON API of reported months: what a month is, what runs over it found, and where a system's number comes from."""

from fastapi import APIRouter

from hub.models import months as models
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.permissions import Action
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.analyse_month import analyse_systems
from hub.services.compute_production import find_system
from hub.store import months
from hub.web.actors import demand
from hub.web.api.paging import PageBackByName, PageByName, format_place, parse_place
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["months"])


@router.get("/months/{month}")
def get_month_state(hub: HubOf, viewer: ViewerOf, month: str) -> models.MonthStateJson:
    """Return what a production month, `YYYY-MM`, is: open, provisional, closed or amended, and the runs over it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        return models.state_json(wanted, window_of(wanted), months.list_runs(connection, wanted))


@router.get("/months/{month}/systems")
def list_systems_of_month(
    hub: HubOf, viewer: ViewerOf, month: str, page: PageByName, state: ReportState | None = None
) -> models.MonthOfSystemsJson:
    """Return the month of every system as it was kept last, or of those in one state, by PTS id."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        found = months.list_month(connection, wanted, state=state, after=page.cursor or "", limit=page.limit)
    return models.MonthOfSystemsJson(
        month=str(wanted),
        systems=[models.reported_json(row) for row in found],
        next=page.next(found, lambda row: row.system),
    )


@router.get("/months/{month}/erratic")
def list_erratic(hub: HubOf, viewer: ViewerOf, month: str, page: PageByName) -> models.ErraticsJson:
    """Return what was found of the month of each of `limit` systems, by PTS id; 404 if nobody went over it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        found, following = analyse_systems(connection, wanted, page.cursor or "", page.limit)
    return models.ErraticsJson(
        month=str(wanted), found=[models.erratic_json(one) for one in found], next=page.link(following)
    )


@router.get("/systems/{pts_id}/reported-months")
def list_reported_months(
    hub: HubOf, viewer: ViewerOf, pts_id: str, page: PageBackByName, *, every_version: bool = False
) -> models.ReportedMonthsJson:
    """Return a system's months as they were reported, the latest first; with `every_version` also what was replaced."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    before = None
    if page.cursor is not None:
        year, month, version = parse_place(page.cursor, 3)
        before = ProductionMonth(year, month), version
    with hub.database.read() as connection:
        system = find_system(connection, pts_id).pts_id
        found = months.list_system_months(
            connection, system, every_version=every_version, before=before, limit=page.limit
        )
    return models.ReportedMonthsJson(
        system=pts_id,
        months=[models.reported_json(row) for row in found],
        next=page.next(found, lambda row: format_place(row.month.year, row.month.month, row.version)),
    )
