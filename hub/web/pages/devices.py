"""Pages of devices: the list, narrowed down by its address, and all that is known of one."""

import csv
import io
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.exchange.cells import neutral
from hub.fleet.axes import Axis, stand_at
from hub.fleet.lifecycle import Said, Word
from hub.rules.instants import format_instant
from hub.rules.permissions import Action, Actor
from hub.services.read_details import parse_time
from hub.services.read_device import read_device
from hub.services.read_device_course import read_device_course
from hub.services.read_devices import SILENT_AFTER_MS, read_devices
from hub.services.say_of_device import say_of_device
from hub.services.say_of_devices import ManyDevices, count_matching, say_of_devices
from hub.store import device_list
from hub.store.device_list import DeviceFilter, Heard
from hub.store.registry import Device
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.fleet_drawing import draw_links
from hub.web.forms import Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf, ViewerOf
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

_SEE_OTHER = 303
DEVICES_SHOWN = 50
DEVICES_AT_ONCE = 500
COLUMNS = ("device", "name", "link", "last_heard", "last_block", "backlog_blocks", "held_through", "version")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Asked = Annotated[str, Query(max_length=200)]


def take_filter(
    search: Asked = "", link: Heard | None = None, version: Asked = "", axis: Axis | None = None, stands: Asked = ""
) -> DeviceFilter:
    """Return which devices an address names; raises InputError for what is no word of the axis."""
    return DeviceFilter(search.strip(), link, version, stand_at(axis, stands))


FilterOf = Annotated[DeviceFilter, Depends(take_filter)]


@router.get("/devices")
def show_devices(hub: HubOf, viewer: ViewerOf, wanted: FilterOf, after: Asked = "") -> HTMLResponse:
    """Show devices by name, those that match; the address says which."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        found = device_list.list_page(
            connection,
            wanted,
            after=_cursor(after),
            limit=DEVICES_SHOWN,
            silent_before=now - SILENT_AFTER_MS,
        )
        views = read_devices(connection, now, found)
    return render_page(
        "devices.html",
        frame_for(viewer, now),
        views=views,
        counts=hub.counting.links,
        heard=list(Heard),
        wanted=wanted,
        query=_query(wanted),
        may_say=refuse(hub, viewer, Action.REGISTER_SYSTEM) is None,
        after=_place(found[-1]) if len(found) == DEVICES_SHOWN else None,
        is_first=not after,
        device_id=format_device_id,
        now=now,
    )


@router.get("/devices.csv")
def save_devices(hub: HubOf, viewer: ViewerOf, wanted: FilterOf) -> Response:
    """Give all devices that match as a table."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now, text, after = hub.now(), io.StringIO(), None
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    with hub.database.read() as connection:
        while True:
            found = device_list.list_page(
                connection, wanted, after=after, limit=DEVICES_AT_ONCE, silent_before=now - SILENT_AFTER_MS
            )
            for view in read_devices(connection, now, found):
                instants = ("" if at is None else format_instant(at) for at in (view.heard_at, view.block_at))
                cells = (format_device_id(view.device.id), view.device.name, view.link.value, *instants)
                counts = (str(view.backlog), "" if view.committed < 0 else str(view.committed), view.agent_version)
                writer.writerow(map(neutral, (*cells, *counts)))
            if len(found) < DEVICES_AT_ONCE:
                break
            after = (found[-1].name, bytes(found[-1].id))
    headers = {"content-disposition": 'attachment; filename="devices.csv"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/devices/all")
def show_all(hub: HubOf, person: PersonOf, wanted: FilterOf) -> HTMLResponse:
    """Ask what is said of all devices that match, and say how many these are."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    return draw_form(_all_form(hub, wanted), frame_for(person.actor, hub.now()))


@router.post("/devices/all")
def take_all(hub: HubOf, person: PersonOf, wanted: FilterOf, typed: Typed) -> Response:
    """Say it of all of them, or of none."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    form, now = _all_form(hub, wanted), hub.now()
    try:
        said = form.take(typed)
        word = read_field("word", _word, said["word"])
        until_at = read_field("until", parse_time, said["until"]) if said["until"] else None
        say_of_devices(
            hub.database,
            ManyDevices(wanted, Said(word, until_at), read_field("number", _number, said["number"])),
            actor=person.actor.name,
            now=now,
            reason=said["reason"],
        )
    except HubError as error:
        return draw_form(form, frame_for(person.actor, now), typed, error)
    return RedirectResponse(f"/devices?{_query(wanted)}", status_code=_SEE_OTHER)


@router.get("/devices/{device}")
def show_device(hub: HubOf, viewer: ViewerOf, device: str) -> HTMLResponse:
    """Show all that is known of a device."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _draw(hub, viewer, device)


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
        return _draw(hub, person.actor, device, error, reason, until)
    return RedirectResponse(f"/devices/{device}", status_code=_SEE_OTHER)


def _draw(  # noqa: PLR0913, PLR0917 - what was typed before
    hub: Hub, viewer: Actor, device: str, error: HubError | None = None, reason: str = "", until: str = ""
) -> HTMLResponse:
    now = hub.now()
    with hub.database.read() as connection:
        found = read_device(connection, device, now)
        course = read_device_course(connection, device, now)
    return render_page(
        "device.html",
        frame_for(viewer, now),
        status=200 if error is None else 422,
        found=found,
        course=course,
        links=[draw_links(spans, days) for days, spans in course.links.items()],
        name=device,
        may_say=refuse(hub, viewer, Action.REGISTER_SYSTEM) is None,
        problem="" if error is None else str(error),
        reason=reason,
        until=until,
        now=now,
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


def _query(wanted: DeviceFilter) -> str:
    """Return the part of an address that names the devices that are meant."""
    link = "" if wanted.heard is None else wanted.heard.value
    axis, stands = ("", "") if wanted.stand is None else (wanted.stand.axis.value, wanted.stand.word)
    named = (
        ("search", wanted.search),
        ("link", link),
        ("version", wanted.version),
        ("axis", axis),
        ("stands", stands),
    )
    return urlencode([(name, value) for name, value in named if value])


def _number(text: str) -> int:
    number = read_whole_number(text)
    if number is None:
        message = f"{text!r:.40} is no number of devices: write the one that stands above"
        raise InputError(message)
    return number


def _all_form(hub: Hub, wanted: DeviceFilter) -> Form:
    with hub.database.read() as connection:
        number = count_matching(connection, wanted, hub.now())
    query = _query(wanted)
    return Form(
        title="Say it of all that match",
        lede=f"{number:,} devices match. What cannot be said of one of them is not: it is left as it is.",
        action=f"/devices/all?{query}",
        submit="Say it of all of them",
        fields=(
            Field(
                "word",
                "What",
                "select",
                options=(
                    (Word.MAINTAIN.value, "under maintenance"),
                    (Word.RESUME.value, "in service again"),
                    (Word.RETIRE.value, "decommissioned"),
                ),
            ),
            Field("until", "Until when the maintenance lasts", hint="Such as 2026-12-01 12:00; empty for the others."),
            Field("reason", "Why", hint="Kept in the audit log with every device's id.", is_required=True),
            Field(
                "number",
                "How many devices these are",
                hint="Typed by you, so that none is meant by mistake.",
                is_required=True,
                mode="numeric",
            ),
        ),
        here="/devices",
        above=(f"/devices?{query}", "Devices"),
    )
