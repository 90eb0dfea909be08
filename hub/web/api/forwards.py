"""The JSON API of forwarding to MassCEC: the plan of a month, sending a call's worth of it, and what came back."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StrictBool

from hub.errors import InputError
from hub.exchange.pts import Verdict
from hub.models import forwards as models
from hub.rules.forwarding import ForwardState
from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.services.forward_month import ForwardOrder, begin_anew, find_call, forward_month, settle_call
from hub.services.plan_forwarding import plan_page
from hub.store import forwards
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import Page, by_name, latest_first
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["forwarding"])


class SendBody(BaseModel):
    """What is sent: what is ready of these systems, or of all; `is_test` only lets MassCEC try it."""

    model_config = with_example(systems=["SLF-AB1234-00001"], is_test=True)

    systems: list[str] | None = Field(None, max_length=50)
    is_test: StrictBool = False


class SettleBody(BaseModel):
    """What became of a reading where the answer does not say it."""

    model_config = with_example(verdict="taken", reason="MassCEC said so by telephone")

    verdict: Verdict
    reason: str = Field(max_length=100)


class AnewBody(BaseModel):
    """Why MassCEC began a register anew."""

    model_config = with_example(reason="MassCEC began it anew after the exchange")

    reason: str = Field(max_length=100)


@router.get("/months/{month}/forwarding")
def show_plan(
    hub: HubOf, actor: ActorOf, month: str, page: Annotated[Page[str], Depends(by_name(500))]
) -> models.ForwardPlanJson:
    """Return what is to be sent of a month for each system, and why nothing is; by PTS id, after the one given."""
    demand(hub, actor, Action.FORWARD_MONTH)
    with hub.database.read() as connection:
        plans = plan_page(connection, parse_month(month), page.cursor or "", page.limit)
    following = page.next(plans, lambda one: one.system)
    return models.ForwardPlanJson(month=month, systems=[models.forwarding_json(one) for one in plans], next=following)


@router.post("/months/{month}/forwarding")
def send(hub: HubOf, actor: ActorOf, month: str, body: SendBody) -> models.ForwardRunJson:
    """Make the next call of a month, of up to fifty systems, and return what came of it; go on while some are ready."""
    demand(hub, actor, Action.FORWARD_MONTH)
    if hub.pts is None:
        message = "this hub was not told of MassCEC's tracking system: serve it with --pts and --pts-credentials"
        raise InputError(message)
    only = None if body.systems is None else frozenset(body.systems)
    order = ForwardOrder(parse_month(month), actor.name, is_test=body.is_test, only=only, calls_max=1)
    run = forward_month(hub.database, order, hub.pts, hub.now)
    return models.run_json(month, run, run.states[ForwardState.READY])


@router.get("/forwards")
def list_calls(
    hub: HubOf,
    actor: ActorOf,
    page: Annotated[Page[int], Depends(latest_first(200))],
    month: str = "",
) -> models.CallsJson:
    """Return the latest calls, the latest first."""
    demand(hub, actor, Action.FORWARD_MONTH)
    with hub.database.read() as connection:
        found = forwards.list_calls(
            connection, month=parse_month(month) if month else None, before=page.cursor, limit=page.limit
        )
    following = page.next(found, lambda one: one.number)
    return models.CallsJson(calls=[models.call_json(one) for one in found], next=following)


@router.get("/forwards/{number}")
def show_call(hub: HubOf, actor: ActorOf, number: Number) -> models.CallShownJson:
    """Return a call as it was made but for what is secret, and its answer as it came."""
    demand(hub, actor, Action.FORWARD_MONTH)
    return models.call_shown_json(*find_call(hub.database, number))


@router.post("/forwards/{number}/systems/{pts_id}/verdict", status_code=201)
def settle(hub: HubOf, actor: ActorOf, number: Number, pts_id: str, body: SettleBody) -> models.CallShownJson:
    """Say what became of a reading where the answer does not."""
    demand(hub, actor, Action.FORWARD_MONTH)
    settle_call(hub.database, number, pts_id, body.verdict, actor=actor.name, now=hub.now(), reason=body.reason)
    return models.call_shown_json(*find_call(hub.database, number))


@router.post("/systems/{pts_id}/forwarding/anew", status_code=201)
def say_anew(hub: HubOf, actor: ActorOf, pts_id: str, body: AnewBody) -> AnewBody:
    """Say that MassCEC began a system's register anew, so that a lower one can be sent."""
    demand(hub, actor, Action.FORWARD_MONTH, pts_id)
    begin_anew(hub.database, pts_id, actor=actor.name, now=hub.now(), reason=body.reason)
    return body
