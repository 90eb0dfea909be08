"""The JSON API of what an account signs in by: its sessions, links and second factor. Signing in itself is for pages.

What is one's own needs no role: a session or a link to another house is looked at and ended by who it is of.
"""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from hub.models import people as models
from hub.rules.instants import format_instant
from hub.rules.permissions import Action
from hub.services.manage_people import find_account
from hub.services.set_password import LINK_MS, make_link, take_factor
from hub.services.sign_in import end_session
from hub.services.sign_in_elsewhere import unlink_identities
from hub.store import accounts, identities, sign_ins
from hub.web.actors import ActorOf, demand, demand_own
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import PageBack
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["people"])


class FactorEndBody(BaseModel):
    """Why a second factor is taken away."""

    model_config = with_example(reason="the phone is lost")

    reason: str = Field(max_length=100)


class PasswordLinkJson(BaseModel):
    """A page on which an account sets its password, once: it is shown this once, to be handed on."""

    url: str
    expires_at: str


@router.get("/accounts/{account}")
def get_account(hub: HubOf, actor: ActorOf, account: str) -> models.AccountDetailsJson:
    """Return an account with all it was and is, and by what it signs in: one's own, or any for who manages accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    with hub.database.read() as connection:
        return models.account_details_json(
            find_account(connection, account),
            accounts.list_relations(connection, of_account=account),
            identities.list_identities(connection, account),
            sign_ins.find_factor(connection, account),
            has_password=sign_ins.find_password(connection, account) is not None,
        )


@router.get("/accounts/{account}/sessions")
def list_sessions(hub: HubOf, actor: ActorOf, account: str, page: PageBack) -> models.SessionsJson:
    """Return an account's sessions that nobody ended: one's own, or any for who manages accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    with hub.database.read() as connection:
        find_account(connection, account)
        found = sign_ins.list_sessions(connection, account, before=page.cursor, limit=page.limit)
    following = page.next(found, lambda one: one.number)
    return models.SessionsJson(sessions=[models.session_json(one) for one in found], next=following)


@router.post("/accounts/{account}/sessions/{number}/end", status_code=204)
def end_one(hub: HubOf, actor: ActorOf, account: str, number: Number) -> None:
    """End a session at once: one's own, or any for who manages accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    end_session(hub.database, account, number, actor=actor.name, now=hub.now())


@router.post("/accounts/{account}/identities/end", status_code=204)
def unlink(hub: HubOf, actor: ActorOf, account: str) -> None:
    """Take away all links to who somebody is at another house: one's own, or any for who manages accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    unlink_identities(hub.database, account, actor=actor.name, now=hub.now())


@router.post("/accounts/{account}/password-links", status_code=201)
def make_password_link(hub: HubOf, actor: ActorOf, request: Request, account: str) -> PasswordLinkJson:
    """Return a link by which an account sets its password; the ones before are void."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    now = hub.now()
    token = make_link(hub.database, account, actor=actor.name, now=now)
    return PasswordLinkJson(
        url=str(request.url_for("show_welcome", token=token)), expires_at=format_instant(now + LINK_MS)
    )


@router.post("/accounts/{account}/second-factor/end", status_code=204)
def end_factor(hub: HubOf, actor: ActorOf, account: str, body: FactorEndBody) -> None:
    """Take a second factor away, because the phone is lost; the account's sessions end."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    take_factor(hub.database, account, actor=actor.name, now=hub.now(), reason=body.reason)
