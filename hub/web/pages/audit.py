"""The audit log as a page: who did what to what, when and why, and whether the chain is whole."""

import json
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.chores import Chore
from hub.errors import HubError
from hub.exchange.cells import table_lines
from hub.rules.audit_chain import AuditEntry
from hub.rules.instants import format_instant
from hub.rules.permissions import Action, Actor
from hub.services.verify_audit import VerifiedAudit, verify_audit
from hub.store import audit_log
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Asked
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.tables import save_table
from hub.web.visitors import PersonOf, ViewerOf

PAGE = "/audit"
ENTRIES_SHOWN = 50
ENTRIES_AT_ONCE = 500
_NUMBER_MAX = (1 << 63) - 1
_SEE_OTHER = 303
COLUMNS = ("number", "at", "actor", "action", "subject", "before", "after", "reason", "previous", "sha256")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Number = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@router.get("/audit")
def show_audit(  # noqa: PLR0913, PLR0917 - by what it is narrowed down
    hub: HubOf,
    viewer: ViewerOf,
    subject: Asked = "",
    actor: Asked = "",
    action: Asked = "",
    before: Number = None,
) -> HTMLResponse:
    """Show entries, the latest first, and how a check of the chain goes on."""
    demand(hub, viewer, Action.READ_AUDIT_LOG)
    return _draw(hub, viewer, {"subject": subject.strip(), "actor": actor.strip(), "action": action.strip()}, before)


@router.post("/audit/verification")
def begin_verification(hub: HubOf, person: PersonOf) -> Response:
    """Begin to check the whole chain; it goes on beside the pages, and changes nothing."""
    demand(hub, person.actor, Action.READ_AUDIT_LOG)
    with hub.database.read() as connection:
        total = audit_log.count_audit(connection)
    chore = Chore(PAGE, "entries", "checking the whole chain", person.actor.name, total)
    try:
        hub.chores.begin(chore, lambda step: _told_of(verify_audit(hub.database, step)))
    except HubError as error:
        return _draw(hub, person.actor, dict.fromkeys(("subject", "actor", "action"), ""), None, error)
    return RedirectResponse(PAGE, status_code=_SEE_OTHER)


def _draw(
    hub: Hub, viewer: Actor, asked: dict[str, str], before: int | None, error: HubError | None = None
) -> HTMLResponse:
    entries, now = _find(hub, asked, before, ENTRIES_SHOWN), hub.now()
    return render_page(
        "audit.html",
        frame_for(viewer, now),
        status=200 if error is None else 422,
        now=now,
        chore=hub.chores.latest_of(PAGE),
        problem="" if error is None else str(error),
        entries=[(one, _told(one.before), _told(one.after)) for one in entries],
        asked=asked,
        query={name: value for name, value in asked.items() if value},
        before=entries[-1].number if len(entries) == ENTRIES_SHOWN else None,
        is_first=before is None,
    )


@router.get("/audit.csv")
def save_audit(  # noqa: PLR0913, PLR0917 - by what it is narrowed down
    hub: HubOf, viewer: ViewerOf, subject: Asked = "", actor: Asked = "", action: Asked = "", before: Number = None
) -> Response:
    """Give what the page shows, and all that follows it, as a table."""
    demand(hub, viewer, Action.READ_AUDIT_LOG)
    asked = {"subject": subject.strip(), "actor": actor.strip(), "action": action.strip()}
    return save_table("audit_log.csv", table_lines([COLUMNS]), _write_table(hub, asked, before))


def _write_table(hub: Hub, asked: dict[str, str], before: int | None) -> Iterator[str]:
    """Yield the lines of all that was asked for; between two parts nothing is held open, however slowly one reads."""
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


def _told_of(verified: VerifiedAudit) -> str:
    """Return in a sentence whether the log is whole from its first entry on."""
    if verified.broken is not None:
        return f"The chain is broken: {verified.broken}."
    if not verified.entries:
        return "The log has no entry yet."
    return f"The chain is whole through entry {verified.entries}, whose hash is {verified.head}."


def _told(content: str) -> list[tuple[str, str]]:
    """Return what an entry says of before or after as names with values; nothing for nothing."""
    said = json.loads(content)
    if said is None:
        return []
    if not isinstance(said, dict):
        return [("", json.dumps(said))]
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in said.items()]
