"""`/events`: the stream of changes for one page."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from hub.rules.permissions import Action, reach
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

WATCHED_MAX = 50
_NUMBER_DIGITS_MAX = 18

router = APIRouter(include_in_schema=False)


@router.get("/events")
async def stream_events(
    hub: HubOf,
    viewer: ViewerOf,
    watch: Annotated[str, Query(max_length=4000)] = "fleet",
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Stream an event whenever one of the subjects in `watch` (by commas) has changed after the number `after`.

    A browser that reconnects sends the number it knows in `Last-Event-ID`, which then counts.
    """
    if hub.feed.has_ended:
        return PlainTextResponse("Pages do not update by themselves until the hub restarts.", status_code=503)
    if hub.feed.is_full:
        return PlainTextResponse("Too many pages are open; this one does not update by itself.", status_code=503)
    known = last_event_id if last_event_id and len(last_event_id) <= _NUMBER_DIGITS_MAX else ""
    number = int(known) if known.isdecimal() else after
    seen = reach(viewer, Action.VIEW_PRODUCTION, hub.now())
    asked = watch.split(",")[:WATCHED_MAX]
    watched = frozenset(one for one in asked if seen is None or one.removeprefix("system:") in seen)
    return StreamingResponse(
        hub.feed.listen(number, watched, lambda: hub.broker_connected),
        media_type="text/event-stream",
        headers={"cache-control": "no-store"},
    )
