"""The JSON API, version 1: what devices read. Energy is whole Wh, times are RFC 3339 in UTC."""

from typing import Annotated

from fastapi import APIRouter, Depends

from hub.models import fleet as models
from hub.models.device import DeviceCourseJson, DeviceDetailsJson, device_course_json, device_details_json
from hub.models.fleet_board import FleetBoardJson, fleet_board_json
from hub.rules.instants import format_instant
from hub.rules.periods import parse_month
from hub.rules.permissions import Action, reach
from hub.services.compute_production import compute_month, compute_months, find_system
from hub.services.find_device import find_device
from hub.services.name_commands import device_command, meter_command
from hub.services.read_device import read_device
from hub.services.read_device_course import read_device_course
from hub.services.read_devices import read_devices
from hub.services.read_events import page_events
from hub.services.read_fleet import read_systems
from hub.services.read_fleet_board import read_fleet_board
from hub.services.read_meters import FIRST, MeterPlace, page_meters
from hub.store import device_list, device_tags, ownership, registry, series
from hub.store.device_list import EVERY_DEVICE
from hub.store.meter_events import EventPlace
from hub.web.actors import demand
from hub.web.api.paging import Page, PageBackByName, PageByName, by_name, format_place, parse_place
from hub.web.context import HubOf
from hub.web.device_filter import FilterOf
from hub.web.reading_keys import format_key, parse_key
from hub.web.visitors import ViewerOf
from protocol.identity import format_device_id

METERS_PER_PAGE_MAX = 200
READINGS_PER_PAGE_MAX = 10_000

router = APIRouter(prefix="/api/v1", tags=["fleet"])


@router.get("/systems")
def list_systems(hub: HubOf, viewer: ViewerOf, page: PageByName) -> models.SystemsJson:
    """Return the registered systems, those that one may see, by PTS id."""
    seen = reach(viewer, Action.VIEW_PRODUCTION, hub.now())
    with hub.database.read() as connection:
        found = read_systems(connection, only=seen, after=page.cursor or "", limit=page.limit)
    return models.SystemsJson(
        systems=[models.system_json(one, meters) for one, meters in found],
        next=page.next(found, lambda row: row[0].pts_id),
    )


@router.get("/systems/{pts_id}")
def get_system(hub: HubOf, viewer: ViewerOf, pts_id: str) -> models.SystemJson:
    """Return one system; 404 if it is not registered."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.system_json(find_system(connection, pts_id), registry.list_meters(connection, pts_id))


@router.get("/systems/{pts_id}/months")
def list_months(hub: HubOf, viewer: ViewerOf, pts_id: str) -> models.MonthsJson:
    """Return what the system generated in each month since its first reading, the earliest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        months = compute_months(connection, pts_id)
    return models.MonthsJson(system=pts_id, months=[models.month_json(month) for month in reversed(months)])


@router.get("/systems/{pts_id}/months/{month}")
def get_month(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str) -> models.MonthJson:
    """Return what the system generated in one month, `YYYY-MM`; 404 if it was not read in it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.month_json(compute_month(connection, pts_id, parse_month(month)))


@router.get("/systems/{pts_id}/events")
def list_events(hub: HubOf, viewer: ViewerOf, pts_id: str, page: PageBackByName) -> models.EventsJson:
    """Return what happened to the system's meters, the newest first: exchanges, resets, doubted registers."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    before = None if page.cursor is None else EventPlace(*parse_place(page.cursor, 3))
    with hub.database.read() as connection:
        events = page_events(connection, pts_id, before, page.limit)
    return models.EventsJson(
        system=pts_id,
        events=[models.event_json(event) for event in events],
        next=page.next(events, lambda one: format_place(*one.stated.place)),
    )


@router.get("/devices")
def list_devices(hub: HubOf, viewer: ViewerOf, page: PageByName, wanted: FilterOf) -> models.DevicesJson:
    """Return registered devices by name, those that match, for those who see all; `after` is the id of a device.

    Without a filter the first page also has those that were heard and are not registered.
    """
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        last = None if page.cursor is None else find_device(connection, page.cursor)
        place = None if last is None else (last.name, last.id)
        found = device_list.list_page(connection, wanted, after=place, limit=page.limit)
        devices = read_devices(connection, hub.now(), found)
        tags = device_tags.tags_of(connection, [one.id for one in found])
        is_begun = last is None and wanted == EVERY_DEVICE
        unknown = registry.list_unknown_devices(connection) if is_begun else ()
    return models.DevicesJson(
        devices=[models.device_json(view, tags.get(view.device.id, ())) for view in devices],
        unknown=[
            models.UnknownDeviceJson(
                device=format_device_id(device.id),
                first_seen_at=format_instant(device.first_seen_at),
                last_seen_at=format_instant(device.last_seen_at),
                messages=device.messages,
                registration=device_command(hub.settings.data_folder, device.id),
            )
            for device in unknown
        ],
        next=page.next(found, lambda one: format_device_id(one.id)),
    )


@router.get("/devices/{device}")
def get_device(hub: HubOf, viewer: ViewerOf, device: str) -> DeviceDetailsJson:
    """Return all that is known of a device: where it stands on each axis, its clock, and what it reads."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return device_details_json(read_device(connection, device, hub.now()))


@router.get("/devices/{device}/course")
def get_course(hub: HubOf, viewer: ViewerOf, device: str) -> DeviceCourseJson:
    """Return how a device did in the last days: its link, polls that failed, and what it stated of its meters."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return device_course_json(device, read_device_course(connection, device, hub.now()))


@router.get("/fleet")
def get_fleet(hub: HubOf, viewer: ViewerOf) -> FleetBoardJson:
    """Return how many devices stand where, as the hub last looked, and its last seven days; for those who see all."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    board = read_fleet_board(hub.database, hub.counting.fleet, hub.now(), broker_connected=hub.broker_connected)
    return fleet_board_json(board)


@router.get("/meters")
def list_meters(
    hub: HubOf, viewer: ViewerOf, page: Annotated[Page[str], Depends(by_name(METERS_PER_PAGE_MAX))]
) -> models.MetersJson:
    """Return registered meters, then those that are read but not registered; for those who see all.

    A page may be short, and yet not the last: go on while there is a `next`.
    """
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    place = FIRST
    if page.cursor is not None:
        is_stranger, number = parse_place(page.cursor, 2)
        place = MeterPlace(is_stranger=bool(is_stranger), number=number)
    with hub.database.read() as connection:
        views, following = page_meters(connection, place, page.limit)
    folder = hub.settings.data_folder
    return models.MetersJson(
        meters=[models.meter_json(view, None if view.meter else meter_command(folder, view)) for view in views],
        next=page.link(None if following is None else format_place(*map(int, following))),
    )


@router.get("/readings")
def list_readings(
    hub: HubOf,
    viewer: ViewerOf,
    system: str,
    page: Annotated[Page[str], Depends(by_name(READINGS_PER_PAGE_MAX, 1000))],
) -> models.ReadingsJson:
    """Return the readings of a system's meters in order of time, a page at a time."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, system)
    key = None if page.cursor is None else parse_key(page.cursor)
    with hub.database.read() as connection:
        find_system(connection, system)
        owners = {
            register: meter
            for meter in registry.list_meters(connection, system)
            for register in ownership.registers_of(connection, meter)
        }
        rows = series.list_readings(connection, tuple(owners), key, page.limit)
    return models.ReadingsJson(
        system=system,
        readings=[models.reading_json(reading, owners[reading.register_id]) for _, reading in rows],
        next=page.next(rows, lambda row: format_key(row[0])),
    )
