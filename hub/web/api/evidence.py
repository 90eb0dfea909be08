"""The API's door to the evidence behind a month: the same bundle that `meter-hub evidence` writes."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from hub.web.bundles import give_bundle
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["evidence"])

_BUNDLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The bundle, to be checked by meter-verify."},
}


@router.get("/systems/{pts_id}/months/{month}/evidence", response_class=Response, responses=_BUNDLE)
def get_evidence(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str, *, full: bool = False) -> Response:
    """Return the claim, the blocks that bear it out, keys and a receipt; with `full` the whole chain."""
    return give_bundle(hub, viewer, pts_id, month, full=full)
