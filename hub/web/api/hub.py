"""The JSON API of the hub itself: whether it can work, what its jobs did, and which agents run in the field."""

from fastapi import APIRouter

from hub.models import health as models
from hub.rules.permissions import Action
from hub.services.read_hub import read_hub
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["hub"])


@router.get("/hub")
def get_hub(hub: HubOf, viewer: ViewerOf) -> models.HubJson:
    """Return how the hub does."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    view = read_hub(hub.database, hub.counting, hub.now(), broker_connected=hub.broker_connected)
    return models.hub_json(view, hub.counting.versions)
