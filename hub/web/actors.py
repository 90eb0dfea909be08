"""Who asks: a program shows the token of its account, and what it may is decided by `hub.rules.permissions`."""

from typing import Annotated

from fastapi import Depends, Header

from hub.errors import NotAllowedError, NotIdentifiedError
from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at
from hub.rules.permissions import Action, Actor, Subject, explain_refusal, reach
from hub.services.manage_tokens import identify_actor, note_use
from hub.store import facts
from hub.web.context import Hub, HubOf

_SCHEME = "bearer "


def find_actor(hub: HubOf, authorization: Annotated[str, Header()] = "") -> Actor:
    """Return whose token is in the request's Authorization header; raises NotIdentifiedError without a good one."""
    if not authorization.lower().startswith(_SCHEME):
        message = "say who you are: send `Authorization: Bearer TOKEN`, with a token of `meter-hub account token`"
        raise NotIdentifiedError(message)
    token = authorization[len(_SCHEME) :].strip()
    with hub.database.read() as connection:
        actor = identify_actor(connection, token, hub.now())
    if actor is None:
        message = "this token is nobody's, or has expired: make another with `meter-hub account token`"
        raise NotIdentifiedError(message)
    note_use(hub.database, token, hub.now())
    return actor


ActorOf = Annotated[Actor, Depends(find_actor)]


def demand(hub: Hub, actor: Actor, action: Action, system: str | None = None, *, asked_of: str = "") -> None:
    """Raise NotAllowedError, which says what is missing, unless the actor may do this now."""
    refusal = refuse(hub, actor, action, system, asked_of=asked_of)
    if refusal is not None:
        raise NotAllowedError(refusal)


def demand_own(hub: Hub, actor: Actor, action: Action, account: str) -> None:
    """Raise NotAllowedError unless the account is the actor's own, or the actor may do this with any."""
    if actor.name != account:
        demand(hub, actor, action)


def demand_any(hub: Hub, actor: Actor, action: Action) -> frozenset[str] | None:
    """Return of which systems the actor may do this now, None for all; raises NotAllowedError for none."""
    seen = reach(actor, action, hub.now())
    if not seen and seen is not None:
        demand(hub, actor, action)
    return seen


def refuse(hub: Hub, actor: Actor, action: Action, system: str | None = None, *, asked_of: str = "") -> str | None:
    """Return in a sentence why the actor may not do this now, None if they may."""
    now = hub.now()
    is_automatic = False
    if system is not None:
        with hub.database.read() as connection:
            known = facts.find_system_facts(connection, system, date_at(now))
        is_automatic = known is not None and known.reporting_mode is ReportingMode.AUTOMATIC
    return explain_refusal(actor, action, Subject(system, is_automatic, asked_of), now)
