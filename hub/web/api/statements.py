"""The JSON API of monthly statements: as JSON, and as the files that people save."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from hub.models import statements as models
from hub.web.context import HubOf
from hub.web.statements import Form, find_statement, give_statement
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["statements"])

_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}, "text/csv": {}}, "description": "The statement, to be saved."},
}


@router.get("/systems/{pts_id}/statements/{month}")
def get_statement(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str) -> models.StatementJson:
    """Return what a system produced in a month, `YYYY-MM`, with the two readings that each number came from."""
    return models.statement_json(find_statement(hub, viewer, pts_id, month))


@router.get("/systems/{pts_id}/statements/{month}/{form}", response_class=Response, responses=_FILES)
def get_statement_file(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str, form: Form) -> Response:
    """Return the statement as the file that people save, `pdf` or `csv`."""
    return give_statement(find_statement(hub, viewer, pts_id, month), form)
