"""The pages of one's own second factor: begun and taken away behind the password, however long ago one signed in."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.access.codes import enrolment_uri, spell_secret
from hub.errors import HubError, InputError, NotIdentifiedError, ThrottledError
from hub.services.change_own import drop_factor, prove_own
from hub.services.set_password import begin_factor, confirm_factor
from hub.services.sign_in import Next, Visitor, give_code
from hub.services.sign_in_elsewhere import FRESH_MS
from hub.store import sign_ins
from hub.web.context import Hub, HubOf
from hub.web.forms import Form, Typed, draw_form
from hub.web.navigation import BARE, frame_for
from hub.web.pages.account import PASSWORD, draw_again
from hub.web.pages.signing_in import set_cookie, show_again
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf, current_visitor, visit_of

_SEE_OTHER = 303

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/account/second-factor")
def show_enrolment(request: Request, hub: HubOf) -> Response:
    """Show the secret that a phone takes over to who just signed in to begin one; ask others for their password."""
    visitor = _enrolling(request, hub)
    if visitor is None:
        return RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    with hub.database.read() as connection:
        factor = sign_ins.find_factor(connection, visitor.actor.name)
    if factor is not None and factor.confirmed_at is None and _is_fresh(hub, visitor):
        return _draw_secret(hub, visitor)
    if factor is not None and factor.confirmed_at is not None:
        return RedirectResponse("/account", status_code=_SEE_OTHER)
    frame = BARE if visitor.next is not Next.NOTHING else frame_for(visitor.actor, hub.now())
    return draw_form(_BEGIN, frame, account=visitor.actor.name)


@router.post("/account/second-factor/begin")
def begin_enrolment(request: Request, hub: HubOf, typed: Typed) -> Response:
    """Show the secret to who gave their password."""
    visitor = _enrolling(request, hub)
    if visitor is None:
        return RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    try:
        prove_own(hub.database, visitor, _BEGIN.take(typed)["password"], visit_of(request), hub.now())
        return _draw_secret(hub, visitor)
    except (InputError, NotIdentifiedError, ThrottledError) as error:
        return draw_again(hub, visitor, _BEGIN, typed, error)


@router.post("/account/second-factor")
def do_enrolment(request: Request, hub: HubOf, typed: Typed) -> Response:
    """Confirm the second factor by its first code, and show the recovery codes, this once."""
    visitor = _enrolling(request, hub)
    if visitor is None:
        return RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    code = typed.get("code", "")
    try:
        codes = confirm_factor(hub.database, hub.sealer, visitor.actor.name, code, hub.now())
    except InputError as error:
        # Who has been signed in for long is shown no secret without the password.
        return _draw_secret(hub, visitor, error) if _is_fresh(hub, visitor) else _draw_code(error)
    begun = give_code(hub.database, hub.sealer, visitor, code, visit_of(request), hub.now())
    answer = render_page("recovery_codes.html", BARE, codes=codes)
    set_cookie(request, answer, begun.token)
    return answer


@router.get("/account/second-factor/forget")
def show_forget(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for the password before one's own second factor is taken away."""
    return draw_form(_FORGET, frame_for(person.actor, hub.now()), account=person.actor.name)


@router.post("/account/second-factor/forget")
def do_forget(request: Request, hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Take it away; its owner signs in again."""
    try:
        said = _FORGET.take(typed)
        drop_factor(hub.database, person, said["password"], visit_of(request), hub.now())
    except (InputError, NotIdentifiedError, ThrottledError) as error:
        return draw_again(hub, person, _FORGET, typed, error)
    return RedirectResponse("/sign-in?next=/account", status_code=_SEE_OTHER)


_BEGIN = Form(
    title="Begin a second factor",
    lede="From then on you sign in with your password and a code that your phone shows.",
    action="/account/second-factor/begin",
    submit="Go on",
    fields=(PASSWORD,),
    here="/account",
    above=("/account", "Account"),
)
_FORGET = Form(
    title="Take the second factor away",
    lede="All your sessions end, this one too. Whoever has to have a second factor begins another when they sign in.",
    action="/account/second-factor/forget",
    submit="Take it away",
    fields=(PASSWORD,),
    here="/account",
    above=("/account", "Account"),
)


def _draw_secret(hub: Hub, visitor: Visitor, error: HubError | None = None) -> HTMLResponse:
    secret = begin_factor(hub.database, hub.sealer, visitor.actor.name, hub.now())
    return _draw_code(error, secret=spell_secret(secret), uri=enrolment_uri(secret, visitor.actor.name))


def _draw_code(error: HubError | None, secret: str = "", uri: str = "") -> HTMLResponse:
    if error is None:
        return render_page("second_factor.html", BARE, secret=secret, uri=uri, problem="")
    return show_again("second_factor.html", error, secret=secret, uri=uri)


def _enrolling(request: Request, hub: Hub) -> Visitor | None:
    """Return who may begin a second factor: whoever lacks one, because it is a must or of their own will."""
    visitor = current_visitor(hub, request)
    return None if visitor is None or visitor.next is Next.CODE else visitor


def _is_fresh(hub: Hub, visitor: Visitor) -> bool:
    """Return whether a session was begun just now to begin a second factor, and so by the password."""
    return visitor.next is Next.ENROLMENT and hub.now() - visitor.session.begun_at <= FRESH_MS
