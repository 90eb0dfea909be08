"""Pages of devices: the list, narrowed down by its address, and all that is known of one."""

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.exchange.cells import table_lines
from hub.fleet.axes import Axis, Stand
from hub.fleet.hearing import Link
from hub.fleet.lifecycle import Said, Word
from hub.fleet.tags import Retagging, parse_tags
from hub.rules.instants import format_instant
from hub.rules.permissions import Action, Actor
from hub.services.read_details import parse_time
from hub.services.read_device import read_device
from hub.services.read_device_course import read_device_course
from hub.services.read_devices import DeviceView, read_devices
from hub.services.say_of_device import say_of_device
from hub.services.tag_device import tag_device
from hub.store import device_list, device_tags
from hub.store.device_list import DeviceFilter
from hub.store.registry import Device
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.device_filter import FilterOf, query_of
from hub.web.fleet_drawing import draw_links
from hub.web.forms import Asked, Typed, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.tables import save_table
from hub.web.visitors import PersonOf, ViewerOf
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

_SEE_OTHER = 303
DEVICES_SHOWN = 50
DEVICES_AT_ONCE = 500
COLUMNS = (
    *("device", "name", "link", "contested", "last_heard", "last_block"),
    *("backlog_blocks", "held_through", "version", "tags"),
)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/devices")
def show_devices(hub: HubOf, viewer: ViewerOf, wanted: FilterOf, after: Asked = "") -> HTMLResponse:
    """Show devices by name, those that match; the address says which."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        found = device_list.list_page(connection, wanted, after=_cursor(after), limit=DEVICES_SHOWN)
        views = read_devices(connection, now, found)
        tags = device_tags.tags_of(connection, [one.id for one in found])
    look = hub.counting.fleet
    counts = {} if look is None else look.counts[Axis.LINK]
    return render_page(
        "devices.html",
        frame_for(viewer, now),
        views=views,
        tags=tags,
        links=[(Stand(Axis.LINK, link.value), counts.get(link.value, 0)) for link in Link],
        has_looked=look is not None,
        wanted=wanted,
        query=query_of(wanted),
        may_say=refuse(hub, viewer, Action.REGISTER_SYSTEM) is None,
        after=_place(found[-1]) if len(found) == DEVICES_SHOWN else None,
        is_first=not after,
        device_id=format_device_id,
        now=now,
    )


@router.get("/devices.csv")
def save_devices(hub: HubOf, viewer: ViewerOf, wanted: FilterOf) -> Response:
    """Give all devices that match as a table, written as it is read."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return save_table("devices.csv", table_lines([COLUMNS]), _write_table(hub, wanted))


@router.get("/devices/{device}")
def show_device(hub: HubOf, viewer: ViewerOf, device: str) -> HTMLResponse:
    """Show all that is known of a device."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _draw(hub, viewer, device)


@router.post("/devices/{device}/tags")
def take_tags(hub: HubOf, person: PersonOf, device: str, typed: Typed) -> Response:
    """Put tags on a device, or take them off."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    text = typed.get("tags", "").strip()
    try:
        tags = read_field("tags", parse_tags, text)
        wish = Retagging(take_off=tags) if typed.get("change") == "take off" else Retagging(put_on=tags)
        tag_device(hub.database, device, wish, actor=person.actor.name, now=hub.now())
    except HubError as error:
        return _draw(hub, person.actor, device, tags_error=error, tags=text)
    return RedirectResponse(f"/devices/{device}", status_code=_SEE_OTHER)


@router.post("/devices/{device}")
def take_word(hub: HubOf, person: PersonOf, device: str, typed: Typed) -> Response:
    """Put a device under maintenance, decommission it, or take it into service again."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    reason, until = typed.get("reason", "").strip(), typed.get("until", "").strip()
    try:
        word = read_field("word", _word, typed.get("word", ""))
        until_at = read_field("until", parse_time, until) if until and word is Word.MAINTAIN else None
        said = Said(word, until_at)
        say_of_device(hub.database, device, said, actor=person.actor.name, now=hub.now(), reason=reason)
    except HubError as error:
        return _draw(hub, person.actor, device, error=error, reason=reason, until=until)
    return RedirectResponse(f"/devices/{device}", status_code=_SEE_OTHER)


def _draw(  # noqa: PLR0913 - what was typed before
    hub: Hub,
    viewer: Actor,
    device: str,
    *,
    error: HubError | None = None,
    reason: str = "",
    until: str = "",
    tags_error: HubError | None = None,
    tags: str = "",
) -> HTMLResponse:
    now = hub.now()
    with hub.database.read() as connection:
        found = read_device(connection, device, now)
        course = read_device_course(connection, device, now)
    return render_page(
        "device.html",
        frame_for(viewer, now),
        status=200 if error is None and tags_error is None else 422,
        found=found,
        course=course,
        links=[draw_links(spans, days) for days, spans in course.links.items()],
        name=device,
        may_say=refuse(hub, viewer, Action.REGISTER_SYSTEM) is None,
        problem="" if error is None else str(error),
        reason=reason,
        until=until,
        tags_problem="" if tags_error is None else str(tags_error),
        tags=tags,
        now=now,
    )


def _write_table(hub: Hub, wanted: DeviceFilter) -> Iterator[str]:
    """Yield the lines of all devices that match; between two parts nothing is held open, however slowly one reads."""
    now, after = hub.now(), None
    while True:
        with hub.database.read() as connection:
            found = device_list.list_page(connection, wanted, after=after, limit=DEVICES_AT_ONCE)
            views = read_devices(connection, now, found)
            tags = device_tags.tags_of(connection, [one.id for one in found])
        yield table_lines([_row(view, tags.get(view.device.id, ())) for view in views])
        if len(found) < DEVICES_AT_ONCE:
            return
        after = (found[-1].name, bytes(found[-1].id))


def _row(view: DeviceView, tags: tuple[str, ...]) -> tuple[str, ...]:
    instants = ("" if at is None else format_instant(at) for at in (view.heard_at, view.block_at))
    return (
        *(format_device_id(view.device.id), view.device.name, view.link.value, view.contested, *instants),
        *(str(view.backlog), "" if view.committed < 0 else str(view.committed), view.agent_version, " ".join(tags)),
    )


def _word(text: str) -> Word:
    try:
        return Word(text)
    except ValueError as error:
        message = f"{text!r:.40} cannot be said of a device: maintain, retire or resume it"
        raise InputError(message) from error


def _place(device: Device) -> str:
    return f"{format_device_id(device.id)},{device.name}"


def _cursor(after: str) -> tuple[str, bytes] | None:
    """Return after which device the list goes on; raises InputError for what is no place in it."""
    if not after:
        return None
    device, _, name = after.partition(",")
    try:
        return name, bytes(parse_device_id(device))
    except IdentityError as error:
        message = f"{after!r:.60} is no place in this list: begin without it"
        raise InputError(message) from error
