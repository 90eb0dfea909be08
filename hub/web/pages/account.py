"""The pages of one's own account: what one is, how one signs in, and where one is signed in now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError, NotIdentifiedError, ThrottledError
from hub.rules.permissions import Action, Subject, allow
from hub.services.change_own import change_email, change_password
from hub.services.manage_people import find_account
from hub.services.sign_in import Next, Visitor, end_all_sessions, sign_out
from hub.store import accounts, identities, sign_ins, tokens
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, WrongFieldError, draw_form
from hub.web.navigation import BARE, frame_for
from hub.web.pages.signing_in import name_elsewhere, say_when, set_cookie
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf, visit_of

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
RELATIONS_SHOWN = 50
SESSIONS_SHOWN = 50
PASSWORD = Field("password", "Your password", "password", is_required=True, autocomplete="current-password")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/account")
def show_account(hub: HubOf, person: PersonOf, after: Annotated[int, Query(ge=0, le=_NUMBER_MAX)] = 0) -> HTMLResponse:
    """Show one's own account: what it is to systems a page at a time, its last sessions, its second factor."""
    name = person.actor.name
    with hub.database.read() as connection:
        account = find_account(connection, name)
        held = accounts.list_relations(connection, of_account=name, after=after, limit=RELATIONS_SHOWN)
        sessions = sign_ins.list_sessions(connection, name, limit=SESSIONS_SHOWN + 1)
        factor = sign_ins.find_factor(connection, name)
        own_tokens = tokens.list_tokens(connection, name)
        linked = identities.list_identities(connection, name)
    return render_page(
        "account.html",
        frame_for(person.actor, hub.now()),
        person=person,
        held=held,
        after=held[-1].number if len(held) == RELATIONS_SHOWN else None,
        is_first=not after,
        email=account.email,
        sessions=sessions[:SESSIONS_SHOWN],
        is_more=len(sessions) > SESSIONS_SHOWN,
        tokens=own_tokens,
        linked=linked,
        elsewhere=name_elsewhere(hub),
        has_factor=factor is not None and factor.confirmed_at is not None,
        now=hub.now(),
        sees_all=allow(person.actor, Action.VIEW_PRODUCTION, Subject(), hub.now()),
    )


@router.get("/account/password")
def show_password(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for one's own new password."""
    return draw_form(_NEW_PASSWORD, frame_for(person.actor, hub.now()), account=person.actor.name)


@router.post("/account/password")
def take_password(request: Request, hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Set it; every other session ends, and this one goes on under a new token."""
    try:
        said = _NEW_PASSWORD.take(typed)
        if said["new"] != said["again"]:
            message = "the two new passwords differ: type the same one twice"
            raise WrongFieldError(message, "again")
        begun = change_password(hub.database, person, said["password"], said["new"], visit_of(request), hub.now())
    except InputError as error:
        return draw_again(hub, person, _NEW_PASSWORD, typed, WrongFieldError(str(error), _field_of(error, "new")))
    except (NotIdentifiedError, ThrottledError) as error:
        return draw_again(hub, person, _NEW_PASSWORD, typed, error)
    answer = RedirectResponse("/account", status_code=_SEE_OTHER)
    set_cookie(request, answer, begun.token)
    return answer


@router.get("/account/email")
def show_email(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for one's own mail address."""
    with hub.database.read() as connection:
        account = find_account(connection, person.actor.name)
    return draw_form(_NEW_EMAIL, frame_for(person.actor, hub.now()), {"email": account.email}, account=account.name)


@router.post("/account/email")
def take_email(request: Request, hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Keep it."""
    try:
        said = _NEW_EMAIL.take(typed)
        change_email(hub.database, person, said["email"], said["password"], visit_of(request), hub.now())
    except InputError as error:
        return draw_again(hub, person, _NEW_EMAIL, typed, WrongFieldError(str(error), _field_of(error, "email")))
    except (NotIdentifiedError, ThrottledError) as error:
        return draw_again(hub, person, _NEW_EMAIL, typed, error)
    return RedirectResponse("/account", status_code=_SEE_OTHER)


@router.post("/account/sessions/end-others")
def end_others(hub: HubOf, person: PersonOf) -> Response:
    """End all one's sessions but this one."""
    name = person.actor.name
    end_all_sessions(hub.database, name, actor=name, now=hub.now(), but=person.session.number)
    return RedirectResponse("/account", status_code=_SEE_OTHER)


@router.post("/account/sessions/{number}/end")
def end_session(hub: HubOf, person: PersonOf, number: int) -> Response:
    """End one of one's own sessions, on another machine for instance."""
    sign_out(hub.database, person, hub.now(), number)
    return RedirectResponse("/account", status_code=_SEE_OTHER)


_NEW_PASSWORD = Form(
    title="Change the password",
    lede="It has at least 12 signs; a few words that do not belong together are easy to keep in mind. Your other "
    "sessions end.",
    action="/account/password",
    submit="Change it",
    fields=(
        PASSWORD,
        Field("new", "New password", "password", is_required=True, autocomplete="new-password"),
        Field("again", "The new one again", "password", is_required=True, autocomplete="new-password"),
    ),
    here="/account",
    above=("/account", "Account"),
)
_NEW_EMAIL = Form(
    title="Change the mail address",
    lede="Reminders go there, and links to set a password: it belongs to you alone.",
    action="/account/email",
    submit="Change it",
    fields=(Field("email", "Mail address", "email", is_required=True, autocomplete="email"), PASSWORD),
    here="/account",
    above=("/account", "Account"),
)


def draw_again(hub: Hub, person: Visitor, form: Form, typed: dict[str, str], error: HubError) -> HTMLResponse:
    """Draw a form that asks for one's password again; where that was wrong or tried too often, it says so there."""
    frame = BARE if person.next is not Next.NOTHING else frame_for(person.actor, hub.now())
    shown = error if isinstance(error, InputError) else WrongFieldError(str(error), PASSWORD.name)
    return say_when(draw_form(form, frame, typed, shown, account=person.actor.name), error)


def _field_of(error: InputError, otherwise: str) -> str:
    return error.field if isinstance(error, WrongFieldError) else otherwise
