"""Pages of who there is: accounts, what each is to systems and since when, and the link that lets somebody in."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.rules.local_times import parse_local
from hub.rules.permissions import Action, Actor, Relation, Role
from hub.services.manage_people import add_account, end_relation, find_account, relate_account
from hub.services.manage_tokens import end_token, issue_token, read_scope
from hub.services.request_link import invite_account
from hub.services.set_password import make_link, take_factor
from hub.store import accounts, sign_ins, tokens
from hub.store.accounts import Account
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
ACCOUNTS_SHOWN = 50
DAYS_MAX = 366
_DAY_MS = 86_400_000
_REASON = Field("reason", "Why", hint="Kept in the audit log.", is_required=True)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/users")
def show_users(
    hub: HubOf,
    person: PersonOf,
    search: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show accounts by name, or those that contain what is searched for."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    with hub.database.read() as connection:
        found = accounts.list_accounts(connection, after=after, search=search.strip(), limit=ACCOUNTS_SHOWN)
        held = {one.name: accounts.list_relations(connection, of_account=one.name) for one in found}
    return render_page(
        "users.html",
        frame_for(person.actor, hub.now()),
        found=found,
        held=held,
        search=search.strip(),
        after=found[-1].name if len(found) == ACCOUNTS_SHOWN else None,
        is_first=not after,
        now=hub.now(),
    )


@router.get("/users/new")
def show_new_user(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for a new account."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    return draw_form(_NEW_USER, frame_for(person.actor, hub.now()))


@router.post("/users/new")
def take_new_user(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Add an account; the same one sent twice is one."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    try:
        said = _NEW_USER.take(typed)
        new = Account(said["account"], said["full_name"], said["email"], hub.now(), person.actor.name)
        made = add_account(hub.database, new)
    except HubError as error:
        return draw_form(_NEW_USER, frame_for(person.actor, hub.now()), typed, error)
    return RedirectResponse(f"/users/{made.name}", status_code=_SEE_OTHER)


@router.get("/users/{account}")
def show_user(hub: HubOf, person: PersonOf, account: str) -> HTMLResponse:
    """Show an account with all that it was and is."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    return _draw(hub, person.actor, account)


@router.get("/users/{account}/relations/new")
def show_new_relation(hub: HubOf, person: PersonOf, account: str) -> HTMLResponse:
    """Ask what an account is to be."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    return draw_form(_relation_form(hub, account), frame_for(person.actor, hub.now()))


@router.post("/users/{account}/relations/new")
def take_new_relation(hub: HubOf, person: PersonOf, account: str, typed: Typed) -> Response:
    """Give an account a role; the same one sent twice is one."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    form = _relation_form(hub, account)
    try:
        said = form.take(typed)
        from_at = read_field("from_at", parse_local, said["from_at"]) if said["from_at"] else hub.now()
        new = Relation(account, read_field("role", _role, said["role"]), said["system"] or None, from_at)
        relate_account(hub.database, new, actor=person.actor.name, now=hub.now())
    except HubError as error:
        return draw_form(form, frame_for(person.actor, hub.now()), typed, error)
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


@router.post("/users/{account}/relations/{number}/end")
def take_end(hub: HubOf, person: PersonOf, account: str, number: int, typed: Typed) -> Response:
    """Let a relation end now."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    now, reason = hub.now(), typed.get("reason", "").strip()
    try:
        said = _REASON_FORM.take({"reason": reason})
        end_relation(hub.database, number, now, actor=person.actor.name, now=now, reason=said["reason"])
    except HubError as error:
        return _draw(hub, person.actor, account, error, number)
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


@router.post("/users/{account}/link")
def take_link(hub: HubOf, person: PersonOf, request: Request, account: str) -> HTMLResponse:
    """Make a link by which the account sets its password, and show it this once."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    token = make_link(hub.database, account, actor=person.actor.name, now=hub.now())
    return _draw(hub, person.actor, account, link=str(request.url_for("show_welcome", token=token)))


@router.post("/users/{account}/invite")
def take_invite(hub: HubOf, person: PersonOf, account: str) -> HTMLResponse:
    """Have such a link sent by mail."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    try:
        invite_account(hub.database, account, actor=person.actor.name, now=hub.now())
    except InputError as error:
        return _draw(hub, person.actor, account, error)
    return _draw(hub, person.actor, account, is_invited=True)


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
    return _draw(hub, person.actor, account, token=token)


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
        said = _REASON_FORM.take(typed)
        take_factor(hub.database, account, actor=person.actor.name, now=hub.now(), reason=said["reason"])
    except HubError as error:
        return _draw(hub, person.actor, account, error)
    return RedirectResponse(f"/users/{account}", status_code=_SEE_OTHER)


_NEW_USER = Form(
    title="Add an account",
    lede="It may nothing before it is related to something, and gets its password by a link that it opens itself.",
    action="/users/new",
    submit="Add",
    fields=(
        Field("account", "Account", hint="2 to 40 of a-z, digits, dots, dashes, underscores.", is_required=True),
        Field("full_name", "Who that is"),
        Field("email", "Mail address", "email", hint="Where reminders go."),
    ),
    here="/users",
    above=("/users", "Users"),
)
_REASON_FORM = Form("", "", "", "", (_REASON,))


def _relation_form(hub: Hub, account: str) -> Form:
    with hub.database.read() as connection:
        found = find_account(connection, account)
    return Form(
        title=f"What {found.full_name or found.name} is to be",
        lede="To one system, or to all of them. What it may follows from the role, from then on.",
        action=f"/users/{account}/relations/new",
        submit="Give the role",
        fields=(
            Field(
                "role",
                "Role",
                "select",
                options=tuple((role.value, role.value.replace("_", " ")) for role in Role),
                is_required=True,
            ),
            Field("system", "System", hint="Its PTS id; empty for all systems."),
            Field("from_at", "From when", "datetime-local", hint="Empty for now."),
        ),
        here="/users",
        above=(f"/users/{account}", account),
    )


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


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        message = f"{text!r:.40} is no role: choose one of the list"
        raise InputError(message) from error


def _draw(  # noqa: PLR0913, PLR0917 - what was just done to it
    hub: Hub,
    actor: Actor,
    account: str,
    error: HubError | None = None,
    number: int = 0,
    link: str = "",
    token: str = "",
    *,
    is_invited: bool = False,
) -> HTMLResponse:
    with hub.database.read() as connection:
        found = find_account(connection, account)
        held = accounts.list_relations(connection, of_account=account)
        factor = sign_ins.find_factor(connection, account)
        sessions = sign_ins.list_sessions(connection, account)
        held_tokens = tokens.list_tokens(connection, account)
        has_password = sign_ins.find_password(connection, account) is not None
    return render_page(
        "user.html",
        frame_for(actor, hub.now()),
        status=200 if error is None else 422,
        account=found,
        held=held,
        has_password=has_password,
        has_factor=factor is not None and factor.confirmed_at is not None,
        sessions=len(sessions),
        problem="" if error is None else str(error),
        number=number,
        link=link,
        token=token,
        tokens=held_tokens,
        is_invited=is_invited,
        sends_mail=hub.settings.mail is not None,
        now=hub.now(),
    )
