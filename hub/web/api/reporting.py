"""The JSON API of reporting: the window, systems with and without their reading, periods before, and submissions."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.models import reporting as models
from hub.rules.acceptance import Outcome
from hub.rules.periods import parse_month
from hub.rules.permissions import Action, reach
from hub.services.read_reporting import SYSTEMS_MAX, current_window, list_reporting, read_history
from hub.services.report_devices import list_waiting
from hub.store import submissions
from hub.store.submissions import LISTED_MAX
from hub.web.actors import demand
from hub.web.api.kinds import Before
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["reporting"])


@router.get("/reporting")
def list_systems_to_report(
    hub: HubOf,
    viewer: ViewerOf,
    month: str = "",
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=SYSTEMS_MAX)] = 100,
) -> models.ReportingJson:
    """Return the open or next window, and which meters of systems have a reading for its month, or for `month`.

    The systems are those that one may see.
    """
    now = hub.now()
    window, is_open = current_window(now)
    with hub.database.read() as connection:
        wanted = parse_month(month) if month else window.month
        only = reach(viewer, Action.VIEW_PRODUCTION, now)
        lines = list_reporting(connection, wanted, now, only=only, after=after, limit=limit)
    return models.ReportingJson(
        window=models.window_json(window, is_open=is_open),
        systems=[models.line_json(line) for line in lines],
        next=lines[-1].system if len(lines) == limit else None,
    )


@router.get("/systems/{pts_id}/periods")
def list_periods(hub: HubOf, viewer: ViewerOf, pts_id: str) -> models.HistoryJson:
    """Return the last three periods of each of a system's meters and its experience in them, the latest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.history_json(pts_id, read_history(connection, pts_id))


@router.get("/reporting/devices")
def list_devices_to_report(hub: HubOf, viewer: ViewerOf) -> models.DeviceReportsJson:
    """Return the meters that devices have yet to report for the open window, each with what reports it or why not."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found = list(list_waiting(connection, hub.now()))
    return models.DeviceReportsJson(meters=[models.device_report_json(one) for one in found])


@router.get("/submissions")
def list_submissions(
    hub: HubOf,
    viewer: ViewerOf,
    system: str = "",
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100,
) -> models.SubmissionsJson:
    """Return acts of reporting, of one system or of all, the latest first; go on with the last number as `before`."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, system or None)
    with hub.database.read() as connection:
        found = submissions.list_submissions(connection, system=system or None, before=before, limit=limit)
    return models.SubmissionsJson(submissions=[models.submission_json(one) for one in found])


@router.get("/submissions/waiting")
def list_waiting_submissions(hub: HubOf, viewer: ViewerOf) -> models.SubmissionsJson:
    """Return the submissions on which staff have to decide, oldest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found = submissions.list_undecided(connection, Outcome.REVIEW.value)
    return models.SubmissionsJson(submissions=[models.submission_json(one) for one in found])
