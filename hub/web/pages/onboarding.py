"""The way of a new site into the hub: devices that speak, meters that are read, dials that are looked at."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError
from hub.fleet.commissioning import Verdict
from hub.rules.local_times import format_local
from hub.rules.permissions import Action, Actor
from hub.services.commission_meter import Look, commission_meter
from hub.services.compute_production import find_system
from hub.services.read_details import parse_kwh, parse_time
from hub.services.read_strangers import read_strangers
from hub.services.register_device import register_device
from hub.store import commissionings, registry
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, WrongFieldError, draw_form, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf
from protocol.cose import VerifyingKey
from protocol.errors import UnusableKeyError
from protocol.identity import derive_device_id, format_device_id

_SEE_OTHER = 303
SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/onboarding")
def show_onboarding(hub: HubOf, person: PersonOf, after: int = 0) -> HTMLResponse:
    """Show what waits to become part of the fleet; meters that wait for a look at their dial a page at a time."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    with hub.database.read() as connection:
        unknown = registry.list_unknown_devices(connection, SHOWN)
        strangers = read_strangers(connection, hub.counting.strangers, SHOWN)
        unheard = registry.list_unheard(connection, SHOWN)
        waiting = commissionings.list_waiting(connection, after, SHOWN)
    return render_page(
        "onboarding.html",
        frame_for(person.actor, hub.now()),
        unknown=unknown,
        strangers=strangers,
        unheard=unheard,
        waiting=waiting,
        after=waiting[-1].meter if len(waiting) == SHOWN else None,
        is_first=not after,
        now=hub.now(),
        device_id=format_device_id,
    )


@router.get("/onboarding/meter")
def go_to_meter(hub: HubOf, person: PersonOf, request: Request, system: str) -> Response:
    """Go on to the form of the system that a meter belongs to, with what is known of the meter filled in."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    with hub.database.read() as connection:
        known = find_system(connection, system.strip())
    passed = {name: request.query_params.get(name, "") for name in ("serial", "make", "model", "device")}
    return RedirectResponse(f"/systems/{known.pts_id}/meters/new?{urlencode(passed)}", status_code=_SEE_OTHER)


@router.get("/devices/new")
def show_new_device(hub: HubOf, person: PersonOf, device: str = "") -> HTMLResponse:
    """Ask for a device's public key; a link may say which device it is to be."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    return draw_form(_DEVICE, frame_for(person.actor, hub.now()), {"device": device})


@router.post("/devices/new")
def take_new_device(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Register a device by its public key; the same one sent twice is one."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    try:
        said = _DEVICE.take(typed)
        pem = said["key_pem"].encode() + b"\n"
        _check_key(pem, said["device"])
        read_field(
            "key_pem", lambda _: register_device(hub.database, pem, said["name"], hub.now(), person.actor.name), ""
        )
    except HubError as error:
        return draw_form(_DEVICE, frame_for(person.actor, hub.now()), typed, error)
    return RedirectResponse("/onboarding", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/meters/{serial}/commissioning")
def show_commissioning(hub: HubOf, person: PersonOf, pts_id: str, serial: str) -> HTMLResponse:
    """Ask what the dial of a meter shows."""
    demand(hub, person.actor, Action.REQUEST_EXCHANGE, pts_id)
    with hub.database.read() as connection:
        find_system(connection, pts_id)
    typed = {"at": format_local(hub.now())[:16]}
    return draw_form(_dial_form(pts_id, serial), frame_for(person.actor, hub.now()), typed)


@router.post("/systems/{pts_id}/meters/{serial}/commissioning")
def take_commissioning(hub: HubOf, person: PersonOf, pts_id: str, serial: str, typed: Typed) -> Response:
    """Hold what was read from the dial against what the device reads; a difference is shown on the form."""
    demand(hub, person.actor, Action.REQUEST_EXCHANGE, pts_id)
    form = _dial_form(pts_id, serial)
    try:
        said = form.take(typed)
        dial_wh = read_field("dial_kwh", parse_kwh, said["dial_kwh"])
        look = Look(pts_id, serial, dial_wh, read_field("at", parse_time, said["at"]))
        done = commission_meter(hub.database, look, actor=person.actor.name, now=hub.now())
        if done.commissioning.verdict is Verdict.DIFFERS:
            raise WrongFieldError(done.text, "dial_kwh")
    except HubError as error:
        return draw_form(form, frame_for(person.actor, hub.now()), typed, error)
    return RedirectResponse(_home(hub, person.actor, pts_id), status_code=_SEE_OTHER)


_DEVICE = Form(
    title="Register a device",
    lede="meter-edge init names the file with the device's public key. Its blocks are taken into custody from then on.",
    action="/devices/new",
    submit="Register",
    fields=(
        Field(
            "key_pem", "Public key", "textarea", hint="From -----BEGIN PUBLIC KEY----- to the end.", is_required=True
        ),
        Field("name", "What people call it", hint="Such as the site it stands at."),
        Field("device", "Id that it should have", hint="Checked against the key, where it is given."),
    ),
    here="/onboarding",
    above=("/onboarding", "Onboarding"),
)


def _dial_form(pts_id: str, serial: str) -> Form:
    return Form(
        title=f"Commission meter {serial}",
        lede="What its dial shows is held against what the device reads. Whoever registered it does not sign it off.",
        action=f"/systems/{pts_id}/meters/{serial}/commissioning",
        submit="Sign it off",
        fields=(
            Field("dial_kwh", "What the dial shows, kWh", is_required=True, mode="decimal"),
            Field("at", "When", hint="As clocks in Massachusetts show it, such as 2016-07-12 12:00.", is_required=True),
        ),
        here="/onboarding",
        above=(f"/systems/{pts_id}", pts_id),
    )


def _check_key(pem: bytes, device: str) -> None:
    """Raise WrongFieldError for what is no public key, and for one that is not of the device that is named, if any."""
    try:
        found = format_device_id(derive_device_id(VerifyingKey.from_pem(pem).spki))
    except UnusableKeyError as error:
        message = f"this is no public key of a device: {error}"
        raise WrongFieldError(message, "key_pem") from error
    if device and found != device:
        message = f"this key is that of device {found}, not of {device}: take the file of that device"
        raise WrongFieldError(message, "key_pem")


def _home(hub: Hub, actor: Actor, pts_id: str) -> str:
    """Return where one goes on: who cannot see the queue goes back to their jobs, or to the system."""
    frame = frame_for(actor, hub.now())
    ways = (path for path in ("/onboarding", "/jobs") if frame.leads_to(path))
    return next(ways, f"/systems/{pts_id}")
