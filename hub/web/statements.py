"""A system's monthly statement as a file: found for those who may see the system, and answered as a download."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from fastapi.responses import Response

from hub.exchange.statement import statement_name
from hub.exchange.statement_csv import statement_csv
from hub.exchange.statement_pdf import statement_pdf
from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.services.draw_statement import draw_statement
from hub.web.actors import demand

if TYPE_CHECKING:
    from hub.exchange.statement import Statement
    from hub.rules.permissions import Actor
    from hub.web.context import Hub


class Form(StrEnum):
    """The forms that a statement is given in."""

    PDF = "pdf"
    CSV = "csv"


def find_statement(hub: Hub, viewer: Actor, pts_id: str, month: str) -> Statement:
    """Return the statement of a system's month to who may see the system."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return draw_statement(connection, pts_id, parse_month(month), hub.now())


def give_statement(statement: Statement, form: Form) -> Response:
    """Answer with the statement as a file to be saved under its name."""
    name = statement_name(statement, form.value)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    if form is Form.PDF:
        return Response(statement_pdf(statement), media_type="application/pdf", headers=headers)
    return Response(statement_csv(statement), media_type="text/csv; charset=utf-8", headers=headers)
