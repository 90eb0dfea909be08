"""The pages of signing in: forms that work without a script, and say what is wrong.

A form is answered by going on to another page, so that neither Back nor a reload sends it twice.
"""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError, NotIdentifiedError, ThrottledError
from hub.services.request_link import request_reset
from hub.services.set_password import begin_factor, find_link, set_password
from hub.services.sign_in import Next, SignedIn, give_code, sign_in, sign_out
from hub.web.context import Hub, HubOf
from hub.web.forms import TEXT_MAX, Typed
from hub.web.navigation import BARE
from hub.web.rendering import render_page
from hub.web.resuming import form_of, inside, keep_typed, read_kept
from hub.web.visitors import (
    COOKIE,
    SECURE_COOKIE,
    UnfinishedError,
    cookie_name,
    current_visitor,
    is_secure,
    visit_of,
)

COOKIE_SECONDS = 30 * 24 * 3600
_SEE_OTHER = 303
_GO_ON = {Next.CODE: "/sign-in/code", Next.ENROLMENT: "/account/second-factor"}

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


def send_to_sign_in(request: Request, error: NotIdentifiedError) -> Response:
    """Answer somebody who has to be known with the page on which they say who they are."""
    if isinstance(error, UnfinishedError):
        return RedirectResponse(_GO_ON[error.next], status_code=_SEE_OTHER)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", status_code=_SEE_OTHER)


async def keep_and_sign_in(request: Request, error: NotIdentifiedError) -> Response:
    """Answer a form of somebody who has to be known: they sign in first, and what they typed is carried along."""
    wanted, kept = form_of(request), await keep_typed(request)
    if isinstance(error, UnfinishedError):
        if error.next is not Next.CODE:
            return send_to_sign_in(request, error)
        return render_page("sign_in_code.html", BARE, status=401, next=wanted, kept=kept, problem="")
    hub: Hub = request.app.state.hub
    return _draw_sign_in(hub, status=401, next=wanted, kept=kept, is_over=True)


@router.get("/sign-in")
def show_sign_in(request: Request, hub: HubOf, next: str = "/") -> HTMLResponse:  # noqa: A002 - as pages call it
    """Ask who somebody is."""
    visitor = current_visitor(hub, request)
    name = "" if visitor is None else visitor.actor.name
    return _draw_sign_in(hub, next=inside(next), account=name)


@router.post("/sign-in")
def do_sign_in(request: Request, hub: HubOf, typed: Typed) -> Response:
    """Begin a session, and go on to where somebody wanted to."""
    wanted, kept = inside(typed.get("next", "/")), typed.get("kept", "")
    account = typed.get("account", "")[:TEXT_MAX]
    try:
        begun = sign_in(hub.database, account, typed.get("password", ""), visit_of(request), hub.now())
    except (NotIdentifiedError, ThrottledError) as error:
        return say_when(_draw_sign_in(hub, error, next=wanted, account=account, kept=kept), error)
    return go_on(request, begun, wanted, kept)


@router.get("/sign-in/code")
def show_code(request: Request, hub: HubOf, next: str = "/") -> Response:  # noqa: A002
    """Ask for the code of the second factor."""
    if _lacking(request, hub) is not Next.CODE:
        return RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    return render_page("sign_in_code.html", BARE, next=inside(next), kept="", problem="")


@router.post("/sign-in/code")
def do_code(request: Request, hub: HubOf, typed: Typed) -> Response:
    """Take the code, and go on."""
    visitor = current_visitor(hub, request)
    if visitor is None or visitor.next is not Next.CODE:
        return RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    wanted, kept = inside(typed.get("next", "/")), typed.get("kept", "")
    try:
        begun = give_code(hub.database, hub.sealer, visitor, typed.get("code", ""), visit_of(request), hub.now())
    except (NotIdentifiedError, ThrottledError) as error:
        return show_again("sign_in_code.html", error, next=wanted, kept=kept)
    return go_on(request, begun, wanted, kept)


@router.get("/forgot")
def show_forgot(hub: HubOf) -> HTMLResponse:
    """Ask who forgot a password."""
    return render_page("forgot.html", BARE, sends_mail=hub.settings.mail is not None, is_asked=False, problem="")


@router.post("/forgot")
def do_forgot(hub: HubOf, typed: Typed) -> HTMLResponse:
    """Have a link sent, and say the same whether there is such an account or not."""
    account = typed.get("account", "")
    is_asked = bool(account.strip())
    if hub.settings.mail is not None:
        request_reset(hub.database, account, hub.now())
    problem = "" if is_asked else "say which account: its name, or its mail address"
    return render_page(
        "forgot.html",
        BARE,
        status=200 if is_asked else 422,
        sends_mail=hub.settings.mail is not None,
        is_asked=is_asked,
        problem=problem,
    )


@router.post("/sign-out")
def do_sign_out(request: Request, hub: HubOf) -> Response:
    """End the session."""
    visitor = current_visitor(hub, request)
    if visitor is not None:
        sign_out(hub.database, visitor, hub.now())
    answer = RedirectResponse("/sign-in", status_code=_SEE_OTHER)
    # Whoever sits down at this machine next finds nothing by going back.
    answer.headers["clear-site-data"] = '"cache"'
    for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


@router.get("/welcome/{token}")
def show_welcome(hub: HubOf, token: str) -> HTMLResponse:
    """Ask for a new password of the account whose link this is."""
    account = find_link(hub.database, token, hub.now())
    return render_page("welcome.html", BARE, token=token, account=account, problem="")


@router.post("/welcome/{token}")
def do_welcome(hub: HubOf, token: str, typed: Typed) -> Response:
    """Set the password; then its owner signs in with it."""
    account = find_link(hub.database, token, hub.now())
    password = typed.get("password", "")
    if password != typed.get("again", ""):
        differ = InputError("the two passwords differ: type the same one twice")
        return show_again("welcome.html", differ, token=token, account=account)
    try:
        set_password(hub.database, token, password, hub.now())
    except InputError as error:
        return show_again("welcome.html", error, token=token, account=account)
    return RedirectResponse("/sign-in", status_code=_SEE_OTHER)


def _lacking(request: Request, hub: HubOf) -> Next | None:
    visitor = current_visitor(hub, request)
    return None if visitor is None else visitor.next


def name_elsewhere(hub: HubOf) -> str:
    """Return whose word people may sign in by, empty for nobody's."""
    return "" if hub.oidc is None else hub.oidc.settings.name


def go_on(request: Request, begun: SignedIn, wanted: str, kept: str = "") -> Response:
    """Give a browser its session, and lead it on to what is lacking, to the form it had sent, or where it wanted to."""
    target, resumed = _GO_ON.get(begun.next, wanted), read_kept(kept)
    if begun.next is Next.ENROLMENT:
        # Here, so that the page to come only shows what there is.
        hub: Hub = request.app.state.hub
        begin_factor(hub.database, hub.sealer, begun.account, hub.now())
    answer: Response
    if begun.next is Next.CODE and resumed is not None:
        answer = render_page("sign_in_code.html", BARE, next=wanted, kept=kept, problem="")
    elif begun.next is Next.NOTHING and resumed is not None:
        answer = render_page("resume.html", BARE, next=wanted, form=resumed)
    else:
        asked = f"?next={quote(wanted, safe='')}" if begun.next is Next.CODE else ""
        answer = RedirectResponse(f"{target}{asked}", status_code=_SEE_OTHER)
    set_cookie(request, answer, begun.token)
    return answer


def set_cookie(request: Request, answer: Response, token: str) -> None:
    """Give a browser the cookie of a session."""
    answer.set_cookie(
        cookie_name(request),
        token,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def show_again(template: str, error: HubError, **content: object) -> HTMLResponse:
    """Show a form again with what is wrong, and what was typed but for what is secret."""
    return say_when(render_page(template, BARE, status=422, is_form=False, problem=str(error), **content), error)


def say_when(answer: HTMLResponse, error: HubError) -> HTMLResponse:
    """Return a form that comes back, with how long to wait where it was tried too often."""
    if isinstance(error, ThrottledError):
        answer.status_code = 429
        answer.headers["retry-after"] = str(error.seconds)
    return answer


def _draw_sign_in(  # noqa: PLR0913 - what the page holds
    hub: Hub,
    error: HubError | None = None,
    *,
    next: str,  # noqa: A002
    account: str = "",
    kept: str = "",
    status: int = 200,
    is_over: bool = False,
) -> HTMLResponse:
    return render_page(
        "sign_in.html",
        BARE,
        status=status if error is None else 422,
        next=next,
        account=account,
        kept=kept,
        is_over=is_over,
        problem="" if error is None else str(error),
        sends_mail=hub.settings.mail is not None,
        elsewhere=name_elsewhere(hub),
    )
