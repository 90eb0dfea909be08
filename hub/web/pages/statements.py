"""A system's monthly statement, to be saved: the same address with `.pdf` or `.csv` at its end."""

from fastapi import APIRouter
from fastapi.responses import Response

from hub.web.context import HubOf
from hub.web.statements import Form, find_statement, give_statement
from hub.web.visitors import ViewerOf

router = APIRouter(include_in_schema=False)


@router.get("/systems/{pts_id}/statements/{month}.{form}")
def save_statement(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str, form: Form) -> Response:
    """Give the statement as a file."""
    return give_statement(find_statement(hub, viewer, pts_id, month), form)
