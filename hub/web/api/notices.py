"""The JSON API of mail that the hub sends, and of missing production. Reads only."""

from fastapi import APIRouter

from hub.models import notices as models
from hub.rules.permissions import Action
from hub.rules.quarters import parse_quarter
from hub.services.report_missing import page_missing
from hub.store import notices_outbox
from hub.web.actors import ActorOf, demand, demand_any
from hub.web.api.paging import PageBack, PageByName
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["notices"])


@router.get("/notices")
def list_notices(
    hub: HubOf,
    actor: ActorOf,
    page: PageBack,
) -> models.NoticesJson:
    """Return mails and what became of each, the newest first, a page at a time; for those who send them."""
    demand(hub, actor, Action.SEND_NOTICES)
    with hub.database.read() as connection:
        kept = notices_outbox.list_notices(connection, page.limit, page.cursor)
    return models.NoticesJson(
        notices=[models.notice_json(one, hub.now()) for one in kept], next=page.next(kept, lambda one: one.id)
    )


@router.get("/missing/{quarter}")
def get_missing(hub: HubOf, actor: ActorOf, quarter: str, page: PageByName) -> models.MissingQuarterJson:
    """Return the Missing Production Report of one of the last quarters, `YYYY-Qn`, of systems one may see, by PTS id.

    The hub keeps which these are and looks at each hour.
    """
    seen = demand_any(hub, actor, Action.VIEW_MISSING)
    wanted, after = parse_quarter(quarter), page.cursor or ""
    with hub.database.read() as connection:
        found = page_missing(connection, wanted, hub.now(), only=seen, after=after, limit=page.limit)
    page.link(found.after)
    return models.missing_page_json(found)
