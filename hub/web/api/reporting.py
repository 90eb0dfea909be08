"""The JSON API of reporting: the window, systems with and without their reading, periods before, and submissions."""

from typing import Annotated

from fastapi import APIRouter, Depends

from hub.models import reporting as models
from hub.rules.acceptance import Outcome
from hub.rules.periods import parse_month
from hub.rules.permissions import Action, reach
from hub.services.read_reporting import SYSTEMS_MAX, current_window, list_reporting, read_history
from hub.services.report_devices import list_waiting_of
from hub.store import submissions
from hub.store.submissions import LISTED_MAX
from hub.web.actors import demand
from hub.web.api.paging import Page, by_name, by_number, latest_first
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

SYSTEMS_LOOKED_AT = 20

router = APIRouter(prefix="/api/v1", tags=["reporting"])


@router.get("/reporting")
def list_systems_to_report(
    hub: HubOf,
    viewer: ViewerOf,
    page: Annotated[Page[str], Depends(by_name(SYSTEMS_MAX))],
    month: str = "",
) -> models.ReportingJson:
    """Return the open or next window, and which meters of systems have a reading for its month, or for `month`.

    The systems are those that one may see.
    """
    now = hub.now()
    window, is_open = current_window(now)
    with hub.database.read() as connection:
        wanted = parse_month(month) if month else window.month
        only = reach(viewer, Action.VIEW_PRODUCTION, now)
        lines = list_reporting(connection, wanted, now, only=only, after=page.cursor or "", limit=page.limit)
    return models.ReportingJson(
        window=models.window_json(window, is_open=is_open),
        systems=[models.line_json(line) for line in lines],
        next=page.next(lines, lambda one: one.system),
    )


@router.get("/systems/{pts_id}/periods")
def list_periods(hub: HubOf, viewer: ViewerOf, pts_id: str) -> models.HistoryJson:
    """Return the last three periods of each of a system's meters and its experience in them, the latest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.history_json(pts_id, read_history(connection, pts_id))


@router.get("/reporting/devices")
def list_devices_to_report(
    hub: HubOf, viewer: ViewerOf, page: Annotated[Page[str], Depends(by_name(SYSTEMS_MAX, SYSTEMS_LOOKED_AT))]
) -> models.DeviceReportsJson:
    """Return the meters that devices have yet to report for the open window, each with what reports it or why not.

    A page is of the meters of `limit` systems: it may be empty, and yet not the last. Go on while there is a `next`.
    """
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found, following = list_waiting_of(connection, hub.now(), page.cursor or "", page.limit)
    return models.DeviceReportsJson(meters=[models.device_report_json(one) for one in found], next=page.link(following))


@router.get("/submissions")
def list_submissions(
    hub: HubOf,
    viewer: ViewerOf,
    page: Annotated[Page[int], Depends(latest_first(LISTED_MAX))],
    system: str = "",
) -> models.SubmissionsJson:
    """Return acts of reporting, of one system or of all, the latest first; go on with `next` as `before`."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, system or None)
    with hub.database.read() as connection:
        found = submissions.list_submissions(connection, system=system or None, before=page.cursor, limit=page.limit)
    following = page.next(found, lambda one: one.number)
    return models.SubmissionsJson(submissions=[models.submission_json(one) for one in found], next=following)


@router.get("/submissions/waiting")
def list_waiting_submissions(
    hub: HubOf, viewer: ViewerOf, page: Annotated[Page[int], Depends(by_number(LISTED_MAX))]
) -> models.SubmissionsJson:
    """Return the submissions on which staff have to decide, oldest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found = submissions.list_undecided(connection, Outcome.REVIEW.value, page.limit, after=page.cursor or 0)
    following = page.next(found, lambda one: one.number)
    return models.SubmissionsJson(submissions=[models.submission_json(one) for one in found], next=following)
