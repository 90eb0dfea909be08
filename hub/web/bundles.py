"""The evidence bundle of a month as a download, for pages and programs alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.services.export_evidence import Issuer, export_evidence, month_readings
from hub.store import registry
from hub.web.actors import demand

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from hub.rules.permissions import Actor
    from hub.web.context import Hub


def bundle_name(pts_id: str, month: ProductionMonth) -> str:
    """Return what the bundle of a system's month is called as a file."""
    return f"{pts_id}-{month}.evidence"


def give_bundle(hub: Hub, viewer: Actor, pts_id: str, month: str, *, full: bool) -> Response:
    """Answer with the bundle to who may see the system: the claim, the blocks that bear it out, keys, and a receipt.

    With `full` it has the whole chain from the device's first block on.
    """
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        timeline = registry.find_timeline(connection)
        assert timeline is not None, "an opened hub has a timeline"
        issuer = Issuer(hub.receipt_key, timeline, hub.now())
        made = export_evidence(connection, month_readings(connection, pts_id, wanted), issuer, full=full)
    headers = {
        "content-disposition": f'attachment; filename="{bundle_name(pts_id, wanted)}"',
        "cache-control": "no-store",
    }
    return Response(made.bundle, media_type="application/octet-stream", headers=headers)
