"""Pages of who there is: accounts, and what each is to systems and since when."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.rules.local_times import parse_local
from hub.rules.permissions import Action, Actor, Relation, Role
from hub.services.manage_people import add_account, end_relation, find_account, relate_account
from hub.store import accounts, sign_ins, tokens
from hub.store.accounts import Account
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
REASON_FORM = Form("", "", "", "", (Field("reason", "Why", hint="Kept in the audit log.", is_required=True),))
"""What stands beside a button: why it is pressed."""
ACCOUNTS_SHOWN = 50
RELATIONS_SHOWN = 50
RELATIONS_TOLD = 5
"""Beside an account in the list: what more it is stands on its own page."""

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
    now = hub.now()
    with hub.database.read() as connection:
        found = accounts.list_accounts(connection, after=after, search=search.strip(), limit=ACCOUNTS_SHOWN)
        held = {
            one.name: accounts.list_relations(connection, of_account=one.name, at=now, limit=RELATIONS_TOLD + 1)
            for one in found
        }
    return render_page(
        "users.html",
        frame_for(person.actor, now),
        found=found,
        held=held,
        told=RELATIONS_TOLD,
        search=search.strip(),
        after=found[-1].name if len(found) == ACCOUNTS_SHOWN else None,
        is_first=not after,
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
def show_user(
    hub: HubOf, person: PersonOf, account: str, after: Annotated[int, Query(ge=0, le=_NUMBER_MAX)] = 0
) -> HTMLResponse:
    """Show an account with all that it was and is, a page at a time."""
    demand(hub, person.actor, Action.MANAGE_ACCOUNTS)
    return draw_user(hub, person.actor, account, after=after)


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
        said = REASON_FORM.take({"reason": reason})
        end_relation(hub.database, number, now, actor=person.actor.name, now=now, reason=said["reason"])
    except HubError as error:
        # The page that begins with it, wherever it stands among what the account is.
        return draw_user(hub, person.actor, account, error, number, after=number - 1)
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


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        message = f"{text!r:.40} is no role: choose one of the list"
        raise InputError(message) from error


def draw_user(  # noqa: PLR0913, PLR0917 - what was just done to it
    hub: Hub,
    actor: Actor,
    account: str,
    error: HubError | None = None,
    number: int = 0,
    link: str = "",
    token: str = "",
    *,
    is_invited: bool = False,
    after: int = 0,
) -> HTMLResponse:
    """Draw the page of an account, with what came of what was done on it; for those who manage accounts."""
    with hub.database.read() as connection:
        found = find_account(connection, account)
        held = accounts.list_relations(connection, of_account=account, after=after, limit=RELATIONS_SHOWN)
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
        after=held[-1].number if len(held) == RELATIONS_SHOWN else None,
        is_first=not after,
        has_password=has_password,
        has_factor=factor is not None and factor.confirmed_at is not None,
        sessions=len(sessions),
        problem="" if error is None else str(error),
        number=number,
        link=link,
        token=token,
        tokens=held_tokens,
        is_invited=is_invited,
        is_own=actor.name == account,
        sends_mail=hub.settings.mail is not None,
        now=hub.now(),
    )
