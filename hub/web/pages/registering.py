"""Pages on which staff register systems and meters, and say what is known of them from which day on."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, OutdatedError
from hub.formats import plain_kilowatts
from hub.rules.facts import ProgrammeName, ReportingMode, Technology
from hub.rules.periods import date_at
from hub.rules.permissions import Action, Actor
from hub.services.amend_system import Amendment, amend_system
from hub.services.compute_production import find_system
from hub.services.read_details import meter_details, parse_date, programme_of, system_details
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.set_programme import set_programme
from hub.services.tag_facts import tag_system
from hub.store import facts
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field
from hub.web.navigation import Frame, frame_for
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_YES_OR_NO = (("", "not said"), ("yes", "yes"), ("no", "no"))
_UNSAID = (("", "not said"),)
_SEEN = Field("seen", "What was known then", "hidden")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

_KNOWN = (
    Field("capacity_kw_ac", "Inverters, kW AC", mode="decimal"),
    Field("technology", "Technology", "select", options=(*_UNSAID, *((one.value, one.value) for one in Technology))),
    Field("in_service_on", "In service since", "date"),
    Field("annual_kwh_estimated", "Expected in a year, kWh", mode="decimal"),
    Field("gis_asset", "NEPOOL GIS asset", hint="As the registry has it, such as NON12345."),
    Field(
        "reporting_mode",
        "Reported by",
        "select",
        options=(*_UNSAID, (ReportingMode.AUTOMATIC.value, "its devices"), (ReportingMode.MANUAL.value, "hand")),
    ),
    Field("is_funded", "Funded by MassCEC", "select", options=_YES_OR_NO),
    Field("town", "Town"),
    Field("zip_code", "ZIP code", mode="numeric"),
    Field("latitude", "Latitude, degrees", mode="decimal"),
    Field("longitude", "Longitude, degrees", hint="West of Greenwich is negative.", mode="text"),
    Field("tilt_degrees", "Tilt, degrees", hint="0 lies flat.", mode="numeric"),
    Field("azimuth_degrees", "Azimuth, degrees", hint="180 looks south.", mode="numeric"),
)
_PROGRAMME = (
    Field("programme", "Programme", "select", options=(*_UNSAID, *((one.value, one.value) for one in ProgrammeName))),
    Field("programme_from_on", "In it from", "date"),
    Field("programme_until_on", "until", "date", hint="Empty while it goes on."),
    Field("factor", "SREC factor", hint="Certificates for each MWh, for SREC II.", mode="decimal"),
)
_METER = (
    Field("initial_kwh", "Register when it began, kWh", mode="decimal"),
    Field("initial_at", "When it began", hint="Such as 2016-07-12 12:00, in Massachusetts."),
    Field("accuracy_class_percent", "Accuracy class, %", mode="decimal"),
    Field("ansi_standard", "ANSI standard", hint="Such as C12.20-2010."),
    Field("ct_ratio", "Current transformers", hint="Such as 200:5."),
    Field("ct_class_percent", "Their class, %", mode="decimal"),
    Field("tested_on", "Tested on", "date"),
    Field("seal", "Seal"),
    Field("modulus_kwh", "Register starts again at, kWh", mode="decimal"),
    Field("is_revenue_grade", "Revenue grade", "select", options=_YES_OR_NO),
)
_REASON = Field("reason", "Why", hint="Kept in the audit log.", is_required=True)

_NEW_SYSTEM = Form(
    title="Register a system",
    lede="What is said first holds for all the time before; what is left open can be filled in later.",
    action="/systems/new",
    submit="Register",
    fields=(
        Field("pts_id", "PTS id", hint="As the Production Tracking System has it.", is_required=True),
        Field("name", "Name"),
        Field("capacity_kw_dc", "Nameplate, kW DC", is_required=True, mode="decimal"),
        *_KNOWN,
        *_PROGRAMME,
    ),
    here="/systems",
    above=("/systems", "Systems"),
)


@router.get("/systems/new")
def show_new_system(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for a new system."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    return draw_form(_NEW_SYSTEM, _frame(hub, person.actor))


@router.post("/systems/new")
def take_new_system(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Register a system; the same one sent twice is one."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    try:
        said = _NEW_SYSTEM.take(typed)
        system = register_system(
            hub.database,
            said["pts_id"],
            said["name"],
            said["capacity_kw_dc"],
            hub.now(),
            details=system_details(_only(said, _KNOWN)),
            programme=programme_of(said["pts_id"], _only(said, _PROGRAMME)),
            actor=person.actor.name,
        )
    except HubError as error:
        return draw_form(_NEW_SYSTEM, _frame(hub, person.actor), typed, error)
    return RedirectResponse(f"/systems/{system.pts_id}", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/facts/new")
def show_amendment(hub: HubOf, person: PersonOf, pts_id: str) -> HTMLResponse:
    """Ask what holds of a system from a day on; today's facts stand there."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    today = date_at(hub.now())
    with hub.database.read() as connection:
        form = _amendment_form(find_system(connection, pts_id).pts_id)
        known = facts.find_system_facts(connection, pts_id, today)
        seen = tag_system(connection, pts_id)
    assert known is not None, "a registered system has facts"
    typed = {"effective_on": str(today), "capacity_kw_dc": plain_kilowatts(known.capacity_w_dc), _SEEN.name: seen}
    return draw_form(form, _frame(hub, person.actor), typed)


@router.post("/systems/{pts_id}/facts/new")
def take_amendment(hub: HubOf, person: PersonOf, pts_id: str, typed: Typed) -> Response:
    """Change what is known of a system from a day on."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    form = _amendment_form(pts_id)
    try:
        said = form.take(typed)
        amendment = Amendment(
            system=pts_id,
            effective_on=read_field("effective_on", parse_date, said["effective_on"]),
            reason=said["reason"],
            details=system_details(_only(said, (Field("capacity_kw_dc", ""), *_KNOWN))),
        )
        amend_system(hub.database, amendment, hub.now(), person.actor.name, said[_SEEN.name])
    except OutdatedError as error:
        with hub.database.read() as connection:
            # Who sends it again now has read that it changed.
            typed = {**typed, _SEEN.name: tag_system(connection, pts_id)}
        return draw_form(form, _frame(hub, person.actor), typed, error)
    except HubError as error:
        return draw_form(form, _frame(hub, person.actor), typed, error)
    return RedirectResponse(f"/systems/{pts_id}", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/programmes/new")
def show_programme(hub: HubOf, person: PersonOf, pts_id: str) -> HTMLResponse:
    """Ask under which programme a system's certificates are created."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    with hub.database.read() as connection:
        return draw_form(_programme_form(find_system(connection, pts_id).pts_id), _frame(hub, person.actor))


@router.post("/systems/{pts_id}/programmes/new")
def take_programme(hub: HubOf, person: PersonOf, pts_id: str, typed: Typed) -> Response:
    """Say under which programme a system's certificates are created from a day on."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    form = _programme_form(pts_id)
    try:
        said = form.take(typed)
        programme = programme_of(pts_id, _only(said, _PROGRAMME))
        assert programme is not None, "the form demands its name"
        set_programme(hub.database, programme, hub.now(), person.actor.name, said["reason"])
    except HubError as error:
        return draw_form(form, _frame(hub, person.actor), typed, error)
    return RedirectResponse(f"/systems/{pts_id}", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/meters/new")
def show_new_meter(  # noqa: PLR0913, PLR0917 - what a link fills in
    hub: HubOf, person: PersonOf, pts_id: str, serial: str = "", make: str = "", model: str = "", device: str = ""
) -> HTMLResponse:
    """Ask for a meter of a system; a link may fill in what a device has read from it."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    with hub.database.read() as connection:
        form = _meter_form(find_system(connection, pts_id).pts_id)
    known = {"serial": serial, "make": make, "model": model, "device": device}
    return draw_form(form, _frame(hub, person.actor), known)


@router.post("/systems/{pts_id}/meters/new")
def take_new_meter(hub: HubOf, person: PersonOf, pts_id: str, typed: Typed) -> Response:
    """Register a meter of a system with what is known of it; the same one sent twice is one."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM, pts_id)
    form = _meter_form(pts_id)
    try:
        said = form.take(typed)
        details = meter_details(_only(said, _METER))
        request = MeterRequest(pts_id, said["device"], said["serial"], said["make"], said["model"])
        register_meter(hub.database, request, hub.now(), person.actor.name, details)
    except HubError as error:
        return draw_form(form, _frame(hub, person.actor), typed, error)
    return RedirectResponse(f"/systems/{pts_id}", status_code=_SEE_OTHER)


def _amendment_form(pts_id: str) -> Form:
    return Form(
        title="Change what is known",
        lede="What is left empty stays as it is; what held before the day goes on to hold before it.",
        action=f"/systems/{pts_id}/facts/new",
        submit="Change",
        fields=(
            _SEEN,
            Field("effective_on", "From which day on", "date", is_required=True),
            _REASON,
            Field("capacity_kw_dc", "Nameplate, kW DC", mode="decimal"),
            *_KNOWN,
        ),
        here="/systems",
        above=(f"/systems/{pts_id}", pts_id),
    )


def _programme_form(pts_id: str) -> Form:
    first, *rest = _PROGRAMME
    named = Field(first.name, first.label, first.kind, options=first.options[1:], is_required=True)
    return Form(
        title="Set the programme",
        lede="Under which programme certificates are created for what this system produces.",
        action=f"/systems/{pts_id}/programmes/new",
        submit="Set it",
        fields=(named, *rest, _REASON),
        here="/systems",
        above=(f"/systems/{pts_id}", pts_id),
    )


def _meter_form(pts_id: str) -> Form:
    return Form(
        title="Register a meter",
        lede="Readings that came before count too. Without a device it is read by people.",
        action=f"/systems/{pts_id}/meters/new",
        submit="Register",
        fields=(
            Field("serial", "Serial number", is_required=True),
            Field("make", "Make"),
            Field("model", "Model"),
            Field("device", "Id of the device that reads it"),
            *_METER,
        ),
        here="/systems",
        above=(f"/systems/{pts_id}", pts_id),
    )


def _only(said: dict[str, str], fields: tuple[Field, ...]) -> dict[str, str]:
    return {field.name: said[field.name] for field in fields}


def _frame(hub: Hub, actor: Actor) -> Frame:
    return frame_for(actor, hub.now())
