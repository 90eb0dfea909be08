"""Letting somebody in and keeping them out: links, invitations, tokens, second factors, sessions, and disabling.

All of it stands on the page of an account, and most of it is for those who manage accounts.
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.rules.permissions import Action
from hub.services.disable_account import disable_account, enable_account
from hub.services.manage_people import find_account
from hub.services.manage_tokens import end_token, issue_token, read_scope
from hub.services.request_link import invite_account
from hub.services.set_password import make_link, take_factor
from hub.services.sign_in import Visitor, end_all_sessions
from hub.store.accounts import Account
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.pages.people import REASON_FORM, draw_user
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
DAYS_MAX = 366
_DAY_MS = 86_400_000

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.post("/users/{account}/link")
def take_link(hub: HubOf, person: PersonOf, request: Request, account: str) -> HTMLResponse:
    """Make a link by which the account sets its password, and show it this once; where mail is sent, that has it."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    if hub.settings.mail is not None:
        message = "this hub sends mail: have the link sent, so that nobody but its owner can set the password"
        return draw_user(hub, person.actor, account, InputError(message))
    token = make_link(hub.database, account, actor=person.actor.name, now=hub.now())
    return draw_user(hub, person.actor, account, link=str(request.url_for("show_welcome", token=token)))


@router.post("/users/{account}/invite")
def take_invite(hub: HubOf, person: PersonOf, account: str) -> HTMLResponse:
    """Have such a link sent by mail."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    try:
        invite_account(hub.database, account, actor=person.actor.name, now=hub.now())
    except InputError as error:
        return draw_user(hub, person.actor, account, error)
    return draw_user(hub, person.actor, account, is_invited=True)


@router.get("/users/{account}/tokens/new")
def show_new_token(hub: HubOf, person: PersonOf, account: str) -> HTMLResponse:
    """Ask for a new token."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    return draw_form(_token_form(hub, account), frame_for(person.actor, hub.now()), {"days": "90"})


@router.post("/users/{account}/tokens/new")
def take_new_token(hub: HubOf, person: PersonOf, account: str, typed: Typed) -> Response:
    """Make a token and show it this once."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    form = _token_form(hub, account)
    try:
        said = form.take(typed)
        token = issue_token(
            hub.database,
            account,
            read_field("days", _days, said["days"]) * _DAY_MS,
            actor=person.actor.name,
            now=hub.now(),
            scope=read_field("scope", read_scope, said["scope"]),
            label=said["label"],
        )
    except HubError as error:
        return draw_form(form, frame_for(person.actor, hub.now()), typed, error)
    return draw_user(hub, person.actor, account, token=token)


@router.post("/users/{account}/tokens/{token}/end")
def take_token_back(hub: HubOf, person: PersonOf, account: str, token: str) -> Response:
    """Take a token back: one's own, or any for who manages accounts."""
    if person.actor.name != account:
        demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    end_token(hub.database, account, token, actor=person.actor.name, now=hub.now())
    back = "/account" if person.actor.name == account else f"/users/{account}"
    return RedirectResponse(back, status_code=_SEE_OTHER)


@router.post("/users/{account}/forget-factor")
def forget_factor(hub: HubOf, person: PersonOf, account: str, typed: Typed) -> Response:
    """Take an account's second factor away, because the phone is lost."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    try:
        said = REASON_FORM.take(typed)
        take_factor(hub.database, account, actor=person.actor.name, now=hub.now(), reason=said["reason"])
    except HubError as error:
        return draw_user(hub, person.actor, account, error)
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


@router.post("/users/{account}/sessions/end")
def end_sessions(hub: HubOf, person: PersonOf, account: str) -> Response:
    """End every session of an account; who it is may sign in again."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    end_all_sessions(hub.database, account, actor=person.actor.name, now=hub.now())
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


@router.post("/users/{account}/disable")
def disable(hub: HubOf, person: PersonOf, account: str, typed: Typed) -> Response:
    """Shut an account out: its sessions end and its tokens are taken back."""
    return _say_disabled(hub, person, account, typed, disable_account)


@router.post("/users/{account}/enable")
def enable(hub: HubOf, person: PersonOf, account: str, typed: Typed) -> Response:
    """Let an account in again."""
    return _say_disabled(hub, person, account, typed, enable_account)


def _say_disabled(
    hub: Hub, person: Visitor, account: str, typed: dict[str, str], say: Callable[..., Account]
) -> Response:
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    try:
        said = REASON_FORM.take(typed)
        say(hub.database, account, actor=person.actor.name, now=hub.now(), reason=said["reason"])
    except InputError as error:
        return draw_user(hub, person.actor, account, error)
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


def _token_form(hub: Hub, account: str) -> Form:
    with hub.database.read() as connection:
        found = find_account(connection, account)
    return Form(
        title=f"A token for a program of {found.full_name or found.name}",
        lede="A program shows it in place of a password. It may what the account may, or less.",
        action=f"/users/{account}/tokens/new",
        submit="Make it",
        fields=(
            Field("label", "What it is called", hint="Such as the program's name.", is_required=True),
            Field("days", "Days it is good for", hint="1 to 366.", is_required=True, mode="numeric"),
            Field("scope", "What it is for", hint="Such as view_production; empty for all that the account may."),
        ),
        here="/users",
        above=(f"/users/{account}", account),
    )


def _days(text: str) -> int:
    days = read_whole_number(text)
    if days is None or not 1 <= days <= DAYS_MAX:
        message = f"{text!r:.40} is no number of days: write 1 to {DAYS_MAX}"
        raise InputError(message)
    return days
