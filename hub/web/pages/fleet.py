"""The operator's first page: devices, meters and systems, and what wants a decision."""

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.rules.permissions import Action, is_owner_only, reach
from hub.services import name_commands
from hub.services.read_fleet import Fleet, read_fleet
from hub.store import backups, changes
from hub.store.backups import Backup
from hub.store.changes import FLEET
from hub.web.cards import DeviceRow, SystemCard, device_rows, system_cards
from hub.web.context import Hub, HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import FragmentName, render_live, watch_of
from hub.web.visitors import ViewerOf

_METHODS = ["GET", "HEAD"]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What the operator page shows; `change` is the number of the newest change it includes."""

    fleet: Fleet
    cards: tuple[SystemCard, ...]
    devices: tuple[DeviceRow, ...]
    backup: Backup | None
    hub: Hub
    now: int
    change: int
    watch: str
    commands: object = name_commands


@router.api_route("/", methods=_METHODS)
def show_fleet(hub: HubOf, viewer: ViewerOf, fragment: FragmentName = None) -> Response:
    """Show devices, meters, systems, and what wants a decision; to those who do not see all, their own systems."""
    now = hub.now()
    if reach(viewer, Action.VIEW_PRODUCTION, now) is not None:
        return RedirectResponse("/mine" if is_owner_only(viewer, now) else "/systems", status_code=303)
    with hub.database.read() as connection:
        fleet = read_fleet(connection, now)
        page = FleetPage(
            fleet=fleet,
            cards=system_cards(connection, fleet),
            devices=device_rows(fleet),
            backup=backups.latest_backup(connection),
            hub=hub,
            now=now,
            change=changes.latest_change(connection),
            watch=watch_of(FLEET, hub),
        )
    return render_live("fleet", frame_for(viewer, now), page, fragment)
