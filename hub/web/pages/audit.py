"""The audit log as a page: who did what to what, when and why, and whether the chain is whole."""

import json
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from hub.exchange.cells import table_lines
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
ENTRIES_AT_ONCE = 500
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
    """Give what the page shows, and all that follows it, as a table."""
    demand(hub, viewer, Action.READ_AUDIT_LOG)
    asked = {"subject": subject.strip(), "actor": actor.strip(), "action": action.strip()}
    headers = {"content-disposition": 'attachment; filename="audit_log.csv"', "cache-control": "no-store"}
    lines = _write_table(hub, asked, before)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _write_table(hub: Hub, asked: dict[str, str], before: int | None) -> Iterator[str]:
    """Yield the lines of all that was asked for; between two parts nothing is held open, however slowly one reads."""
    yield table_lines([COLUMNS])
    while True:
        entries = _find(hub, asked, before, ENTRIES_AT_ONCE)
        yield table_lines(map(_cells, entries))
        if len(entries) < ENTRIES_AT_ONCE:
            return
        before = entries[-1].number


def _cells(entry: AuditEntry) -> list[str]:
    cells = {name: str(getattr(entry, name)) for name in COLUMNS} | {"at": format_instant(entry.at)}
    return [cells[name] for name in COLUMNS]


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
