"""The operator's first page: devices, meters and systems, and what wants a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.alerting.rules import Severity
from hub.charts.chart import Chart
from hub.fleet.standing import Standing
from hub.rules.permissions import Action, reach
from hub.services import name_commands
from hub.services.read_alerts import read_first
from hub.services.read_fleet import Fleet, read_fleet
from hub.services.read_fleet_board import FleetBoard, read_fleet_board
from hub.services.read_window_head import WindowHead, read_window_head
from hub.store import backups, changes, registry, system_meters
from hub.store import board as window_board
from hub.store.backups import Backup
from hub.store.board import Count
from hub.store.changes import FLEET
from hub.web.cards import DeviceRow, SystemCard, device_rows, system_cards
from hub.web.context import Hub, HubOf
from hub.web.fleet_drawing import draw_heard, draw_ingest
from hub.web.navigation import frame_for, has_jobs, is_owner_only
from hub.web.rendering import FragmentName, render_live, watch_of
from hub.web.visitors import ViewerOf

if TYPE_CHECKING:
    from sqlalchemy import Connection

SHOWN_WHOLE = 60
"""A fleet of more devices or systems is shown in counts."""
_METHODS = ["GET", "HEAD"]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What the operator page shows; `change` is the number of the newest change it includes."""

    fleet: Fleet
    cards: tuple[SystemCard, ...]
    devices: tuple[DeviceRow, ...]
    head: WindowHead | None
    board: FleetBoard
    heard: Chart | None
    ingest: Chart | None
    backup: Backup | None
    hub: Hub
    now: int
    change: int
    watch: str
    commands: object = name_commands


@dataclass(frozen=True, slots=True)
class LargeFleetPage:
    """What the operator page shows of a fleet that is too large to be shown whole: counts, and the ways to the rest."""

    systems: int
    devices: int
    head: WindowHead | None
    board: FleetBoard
    heard: Chart | None
    ingest: Chart | None
    standings: Mapping[Standing, Count] | None
    alerts: Mapping[Severity, int]
    unknown: int
    backup: Backup | None
    hub: Hub
    now: int
    change: int
    watch: str


@router.api_route("/", methods=_METHODS)
def show_fleet(hub: HubOf, viewer: ViewerOf, fragment: FragmentName = None) -> Response:
    """Show devices, meters, systems, and what wants a decision; to those who do not see all, their own systems."""
    now = hub.now()
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    if seen is not None:
        home = "/mine" if is_owner_only(viewer, now) else "/systems"
        return RedirectResponse("/jobs" if has_jobs(viewer, now) and not seen else home, status_code=303)
    board = read_fleet_board(hub.database, hub.counting.fleet, now, broker_connected=hub.broker_connected)
    with hub.database.read() as connection:
        devices, systems = registry.count_devices(connection), system_meters.count_systems(connection)
        if max(devices, systems) > SHOWN_WHOLE:
            large = _read_large(connection, hub, board, devices, systems)
            return render_live("large_fleet", frame_for(viewer, now), large, fragment)
        fleet = read_fleet(connection, now)
        page = FleetPage(
            fleet=fleet,
            cards=system_cards(connection, fleet),
            devices=device_rows(fleet),
            head=read_window_head(connection, now),
            board=board,
            heard=draw_heard(board),
            ingest=draw_ingest(board),
            backup=backups.latest_backup(connection),
            hub=hub,
            now=now,
            change=changes.latest_change(connection),
            watch=watch_of(FLEET, hub),
        )
    return render_live("fleet", frame_for(viewer, now), page, fragment)


def _read_large(connection: "Connection", hub: Hub, board: FleetBoard, devices: int, systems: int) -> LargeFleetPage:
    now = hub.now()
    head = read_window_head(connection, now)
    return LargeFleetPage(
        systems=systems,
        devices=devices,
        head=head,
        board=board,
        heard=draw_heard(board),
        ingest=draw_ingest(board),
        standings=None if head is not None else window_board.count_lines(connection),
        alerts=read_first(connection, now).firing,
        unknown=len(registry.list_unknown_devices(connection)),
        backup=backups.latest_backup(connection),
        hub=hub,
        now=now,
        change=changes.latest_change(connection),
        watch=watch_of(FLEET, hub),
    )
