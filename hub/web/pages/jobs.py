"""The installer's page: the systems they work at, and what is to be done there."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.rules.permissions import Action, reach
from hub.services.read_jobs import read_jobs
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

JOBS_SHOWN = 20

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/jobs")
def show_jobs(hub: HubOf, person: PersonOf, after: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Show one's jobs by system; who may do everywhere what installers do is led to the onboarding queue."""
    now = hub.now()
    mine = reach(person.actor, Action.REQUEST_EXCHANGE, now)
    if mine is None:
        return RedirectResponse("/onboarding", status_code=303)
    wanted = [one for one in sorted(mine) if one > after]
    with hub.database.read() as connection:
        jobs = read_jobs(connection, wanted[:JOBS_SHOWN])
    return render_page(
        "jobs.html",
        frame_for(person.actor, now),
        jobs=jobs,
        me=person.actor.name,
        after=wanted[JOBS_SHOWN - 1] if len(wanted) > JOBS_SHOWN else None,
        is_first=not after,
    )
