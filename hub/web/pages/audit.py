"""The audit log as a page: who did what to what, when and why, and whether the chain is whole."""

import csv
import io
import json
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from hub.exchange.cells import neutral
from hub.rules.audit_chain import AuditEntry, find_broken
from hub.rules.instants import format_instant
from hub.rules.permissions import Action
from hub.store import audit_log
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

ENTRIES_SHOWN = 50
ENTRIES_SAVED = 10_000
_NUMBER_MAX = (1 << 63) - 1
COLUMNS = ("number", "at", "actor", "action", "subject", "before", "after", "reason", "previous", "sha256")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Asked = Annotated[str, Query(max_length=200)]
Number = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@router.get("/audit")
def show_audit(  # noqa: PLR0913, PLR0917 - by what it is narrowed down
    hub: HubOf,
    viewer: ViewerOf,
    subject: Asked = "",
    actor: Asked = "",
    action: Asked = "",
    before: Number = None,
    *,
    verify: bool = False,
) -> HTMLResponse:
    """Show entries, the latest first; with `verify` check the whole chain too."""
    demand(hub, viewer, Action.READ_AUDIT_LOG)
    asked = {"subject": subject.strip(), "actor": actor.strip(), "action": action.strip()}
    entries = _find(hub, asked, before, ENTRIES_SHOWN)
    return render_page(
        "audit.html",
        frame_for(viewer, hub.now()),
        entries=[(one, _told(one.before), _told(one.after)) for one in entries],
        asked=asked,
        query={name: value for name, value in asked.items() if value},
        before=entries[-1].number if len(entries) == ENTRIES_SHOWN else None,
        is_first=before is None,
        verdict=_verify(hub) if verify else None,
    )


@router.get("/audit.csv")
def save_audit(  # noqa: PLR0913, PLR0917 - by what it is narrowed down
    hub: HubOf, viewer: ViewerOf, subject: Asked = "", actor: Asked = "", action: Asked = "", before: Number = None
) -> Response:
    """Give what the page shows, and what follows it, as a table."""
    demand(hub, viewer, Action.READ_AUDIT_LOG)
    asked = {"subject": subject.strip(), "actor": actor.strip(), "action": action.strip()}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in _find(hub, asked, before, ENTRIES_SAVED):
        cells = {name: str(getattr(entry, name)) for name in COLUMNS} | {"at": format_instant(entry.at)}
        writer.writerow([neutral(cells[name]) for name in COLUMNS])
    headers = {"content-disposition": 'attachment; filename="audit_log.csv"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _find(hub: Hub, asked: dict[str, str], before: int | None, limit: int) -> tuple[AuditEntry, ...]:
    wanted = {name: value or None for name, value in asked.items()}
    with hub.database.read() as connection:
        return audit_log.list_audit(connection, **wanted, before=before, limit=limit)


def _verify(hub: Hub) -> str:
    """Return in a sentence whether the log is whole from its first entry on."""
    with hub.database.read() as connection:
        broken = find_broken(audit_log.iterate_audit(connection))
        latest = audit_log.list_audit(connection, limit=1)
    if broken is not None:
        return broken
    if not latest:
        return "The log has no entry yet."
    return f"The chain is whole through entry {latest[0].number}, whose hash is {latest[0].sha256}."


def _told(content: str) -> list[tuple[str, str]]:
    """Return what an entry says of before or after as names with values; nothing for nothing."""
    said = json.loads(content)
    if said is None:
        return []
    if not isinstance(said, dict):
        return [("", json.dumps(said))]
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in said.items()]
