"""The JSON API by which staff register systems, meters and devices, and installers tell of meter exchanges."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from hub.errors import InputError, UnknownSubjectError
from hub.models import facts as models_facts
from hub.models import fleet as models
from hub.models import limits as models_limits
from hub.rules.permissions import Action
from hub.services.amend_system import Amendment, amend_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.describe_meter import Description, describe_meter
from hub.services.end_meter import EndRequest, end_meter
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.read_details import (
    meter_details,
    parse_date,
    parse_kwh,
    parse_time,
    programme_of,
    system_details,
)
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.resolve_device import resolve_device
from hub.services.set_manual_limit import load_manual_limits, set_manual_limit
from hub.services.set_programme import set_programme
from hub.store import exchanges, manual_limits, meter_facts
from hub.store.exchanges import Exchange
from hub.web.actors import ActorOf, demand
from hub.web.api.documents import DOCUMENT, save_document
from hub.web.api.kinds import IfMatch, Number
from hub.web.api.paging import PageByNumber
from hub.web.api.registering_bodies import (
    AmendmentBody,
    DescriptionBody,
    EndBody,
    ExchangeBody,
    ExchangeDecisionBody,
    LimitBody,
    NewDeviceBody,
    NewMeterBody,
    NewSystemBody,
    ProgrammeBody,
)
from hub.web.context import Hub, HubOf
from protocol.identity import format_device_id

router = APIRouter(prefix="/api/v1", tags=["registering"])


class DeviceNamedJson(BaseModel):
    """A registered device."""

    device: str
    name: str


@router.post("/systems", status_code=201)
def add_system(hub: HubOf, actor: ActorOf, body: NewSystemBody) -> models.SystemJson:
    """Register a system; the same one again changes nothing."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    system = register_system(
        hub.database,
        body.pts_id,
        body.name,
        body.capacity_kw_dc,
        hub.now(),
        details=system_details(body.said.model_dump()),
        programme=programme_of(body.pts_id, body.programme.model_dump()),
        actor=actor.name,
    )
    return models.system_json(system, ())


@router.post("/systems/{pts_id}/facts", status_code=201)
def amend(
    hub: HubOf, actor: ActorOf, pts_id: str, body: AmendmentBody, if_match: IfMatch = ""
) -> models_facts.SystemFactsJson:
    """Change what is known of a system from a day on; what held before goes on to hold before."""
    demand(hub, actor, Action.REGISTER_SYSTEM, pts_id)
    amendment = Amendment(
        system=pts_id,
        effective_on=parse_date(body.effective_on),
        reason=body.reason,
        details=system_details(body.said.model_dump()),
        forget=tuple(body.forget),
    )
    return models_facts.system_facts_json(amend_system(hub.database, amendment, hub.now(), actor.name, if_match).facts)


@router.post("/systems/{pts_id}/programmes", status_code=201)
def add_programme(
    hub: HubOf, actor: ActorOf, pts_id: str, body: ProgrammeBody, if_match: IfMatch = ""
) -> models_facts.ProgrammeJson:
    """Say under which programme a system's certificates are created from a day on."""
    demand(hub, actor, Action.REGISTER_SYSTEM, pts_id)
    programme = programme_of(pts_id, body.programme.model_dump())
    if programme is None:
        message = "name the programme: srec_1, srec_2, class_1 or none"
        raise InputError(message)
    set_programme(hub.database, programme, hub.now(), actor.name, body.reason, if_match)
    return models_facts.programme_json(programme)


@router.post("/systems/{pts_id}/meters", status_code=201)
def add_meter(hub: HubOf, actor: ActorOf, pts_id: str, body: NewMeterBody) -> models_facts.MeterFactsJson:
    """Register a meter of a system, or another device that reads it."""
    demand(hub, actor, Action.REGISTER_SYSTEM, pts_id)
    request = MeterRequest(pts_id, body.device, body.serial, body.make, body.model)
    return _facts_of(hub, register_meter(hub.database, request, hub.now(), actor.name).id)


@router.post("/systems/{pts_id}/meters/{serial}/facts", status_code=201)
def describe(  # noqa: PLR0913, PLR0917 - parts of a request
    hub: HubOf, actor: ActorOf, pts_id: str, serial: str, body: DescriptionBody, if_match: IfMatch = ""
) -> models_facts.MeterFactsJson:
    """Say how exact a meter is, what proves that, what it began with, and where its register starts again."""
    demand(hub, actor, Action.REGISTER_SYSTEM, pts_id)
    description = Description(
        system=pts_id,
        serial=serial,
        make=body.make,
        reason=body.reason,
        details=meter_details(body.said.model_dump()),
        forget=tuple(body.forget),
    )
    return models_facts.meter_facts_json(describe_meter(hub.database, description, hub.now(), actor.name, if_match))


@router.post("/systems/{pts_id}/meters/{serial}/end", status_code=201)
def end(hub: HubOf, actor: ActorOf, pts_id: str, serial: str, body: EndBody) -> models_facts.MeterFactsJson:
    """End a meter that was removed: from then on months are complete without it."""
    demand(hub, actor, Action.REGISTER_SYSTEM, pts_id)
    request = EndRequest(pts_id, serial, body.at, body.make)
    return _facts_of(hub, end_meter(hub.database, request, hub.now(), actor.name).id)


@router.post("/systems/{pts_id}/exchanges", status_code=202)
def tell_exchange(hub: HubOf, actor: ActorOf, pts_id: str, body: ExchangeBody) -> models_facts.ExchangeJson:
    """Say that a meter was exchanged for another; it counts once somebody else approves it."""
    demand(hub, actor, Action.REQUEST_EXCHANGE, pts_id)
    request = ExchangeRequest(
        system=pts_id,
        serial=body.serial,
        at=parse_time(body.at),
        final_wh=parse_kwh(body.final_kwh),
        new_serial=body.new_serial,
        initial_wh=parse_kwh(body.initial_kwh),
        evidence=body.evidence,
        make=body.make,
        new_make=body.new_make,
        new_model=body.new_model,
    )
    return models_facts.exchange_json(exchange_meter(hub.database, request, hub.now(), actor.name))


@router.get("/exchanges")
def list_exchanges(
    hub: HubOf, actor: ActorOf, page: PageByNumber, *, waiting: bool = False
) -> models_facts.ExchangesJson:
    """Return the meter exchanges, or those that wait for a decision; for those who decide."""
    demand(hub, actor, Action.APPROVE_EXCHANGE)
    with hub.database.read() as connection:
        is_waiting = True if waiting else None
        found = exchanges.list_exchanges(connection, is_waiting=is_waiting, after=page.cursor or 0, limit=page.limit)
    following = page.next(found, lambda one: one.number)
    return models_facts.ExchangesJson(exchanges=[models_facts.exchange_json(one) for one in found], next=following)


@router.get("/exchanges/{number}/evidence", response_class=Response, responses=DOCUMENT)
def get_evidence(hub: HubOf, actor: ActorOf, number: Number) -> Response:
    """Return the picture or protocol that shows both registers: for who told of the exchange, and who decides on it."""
    told = _find_exchange(hub, number)
    if actor.name != told.asked.requested_by:
        demand(hub, actor, Action.APPROVE_EXCHANGE, told.asked.system)
    return save_document(hub.settings.data_folder, told.asked.evidence)


@router.post("/exchanges/{number}/decision", status_code=201)
def decide(hub: HubOf, actor: ActorOf, number: Number, body: ExchangeDecisionBody) -> models_facts.ExchangeJson:
    """Approve or refuse an exchange that somebody else told of."""
    told = _find_exchange(hub, number)
    demand(hub, actor, Action.APPROVE_EXCHANGE, told.asked.system)
    decided = ExchangeDecision(number, is_approved=body.approved, reason=body.reason)
    return models_facts.exchange_json(decide_exchange(hub.database, decided, hub.now(), actor.name))


@router.post("/devices", status_code=201)
def add_device(hub: HubOf, actor: ActorOf, body: NewDeviceBody) -> DeviceNamedJson:
    """Register a device by its public key."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    device = register_device(hub.database, body.key_pem.encode(), body.name, hub.now(), actor.name)
    return DeviceNamedJson(device=format_device_id(device.id), name=device.name)


@router.post("/devices/{device}/resolution", status_code=201)
def resolve(hub: HubOf, actor: ActorOf, device: str) -> DeviceNamedJson:
    """Hold a contested device for itself again, once only one of the two that spoke for it is left."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    resolved = resolve_device(hub.database, device, hub.now(), actor.name)
    return DeviceNamedJson(device=format_device_id(resolved.id), name=resolved.name)


@router.get("/manual-limits")
def list_limits(hub: HubOf) -> models_limits.ManualLimitsJson:
    """Return up to which nameplate production may be reported by hand, since when, and by whose word."""
    with hub.database.read() as connection:
        return models_limits.limits_json(load_manual_limits(connection), manual_limits.list_days(connection))


@router.post("/manual-limits", status_code=201)
def set_limit(hub: HubOf, actor: ActorOf, body: LimitBody) -> models_limits.ManualLimitsJson:
    """Say from which day on the raised limit holds."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    day = parse_date(body.raised_on) if body.raised_on else None
    set_manual_limit(hub.database, day, actor=actor.name, now=hub.now(), reason=body.reason)
    return list_limits(hub)


def _facts_of(hub: Hub, meter: int) -> models_facts.MeterFactsJson:
    with hub.database.read() as connection:
        known = meter_facts.find_meter_facts(connection, meter)
    assert known is not None, "a registered meter has facts"
    return models_facts.meter_facts_json(known)


def _find_exchange(hub: Hub, number: int) -> Exchange:
    with hub.database.read() as connection:
        told = exchanges.find_exchange(connection, number)
    if told is None:
        message = f"there is no exchange {number}: `GET /exchanges?waiting=true` shows those to decide on"
        raise UnknownSubjectError(message)
    return told
