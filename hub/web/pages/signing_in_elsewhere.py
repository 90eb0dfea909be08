"""Signing in by another house's word: there and back, with what has to fit in a sealed cookie of this browser.

Nothing is kept for who only sets out. The cookie opens here only, for ten minutes, and an answer that does not carry
its state was asked for by somebody else.
"""

import hmac
import json
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, NotIdentifiedError, SettingsError, UnknownSubjectError
from hub.exchange.oidc import OidcProvider, Question
from hub.services.sign_in_elsewhere import FRESH_MS, link_identity, sign_in_elsewhere, unlink_identities
from hub.web.context import Hub, HubOf
from hub.web.navigation import BARE
from hub.web.pages.signing_in import go_on, name_elsewhere
from hub.web.rendering import render_page
from hub.web.resuming import inside
from hub.web.visitors import PersonOf, current_visitor, is_secure, visit_of

COOKIE = "elsewhere"
AWAY_MS = 10 * 60_000
_BACK = "/sign-in/elsewhere/back"
_PLACE = "question of a browser"
_SEE_OTHER = 303

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/sign-in/elsewhere")
def leave(request: Request, hub: HubOf, next: str = "/") -> Response:  # noqa: A002 - as pages call it
    """Send a browser to the other house, from where it comes back signed in."""
    return _send_away(request, hub, {"next": inside(next)})


@router.get("/account/elsewhere")
def leave_to_link(request: Request, hub: HubOf, person: PersonOf) -> Response:
    """Send somebody there to link who they are with their account; only just after they signed in here."""
    if hub.now() - person.session.begun_at > FRESH_MS:
        back = quote("/account/elsewhere", safe="")
        return RedirectResponse(f"/sign-in?next={back}", status_code=_SEE_OTHER)
    return _send_away(request, hub, {"link": person.actor.name})


@router.post("/account/elsewhere/forget")
def forget(hub: HubOf, person: PersonOf) -> Response:
    """Take the links of one's own account away."""
    unlink_identities(hub.database, person.actor.name, actor=person.actor.name, now=hub.now())
    return RedirectResponse("/account", status_code=_SEE_OTHER)


@router.get(_BACK)
def come_back(
    request: Request,
    hub: HubOf,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Take the other house's word, or say why not."""
    try:
        answer = _take(request, hub, state, code, error)
    except HubError as problem:
        answer = _explain(hub, problem)
    answer.delete_cookie(COOKIE, path=_BACK, secure=is_secure(request), httponly=True, samesite="lax")
    return answer


def _take(request: Request, hub: Hub, state: str, code: str, error: str) -> Response:
    provider = _provider(hub)
    asked = _open(hub, request.cookies.get(COOKIE, ""))
    if not hmac.compare_digest(str(asked["state"]).encode(), state.encode()):
        message = "this answer belongs to another browser's question: begin again from the sign-in page"
        raise NotIdentifiedError(message)
    if error or not code:
        message = f"{provider.settings.name} did not say who you are: begin again, or sign in with your password"
        raise NotIdentifiedError(message)
    question = Question("", state, str(asked["nonce"]), str(asked["verifier"]))
    identity = provider.believe(_back_url(request), question, code)
    if "link" not in asked:
        begun = sign_in_elsewhere(hub.database, identity, visit_of(request), hub.now())
        return go_on(request, begun, inside(str(asked["next"])))
    visitor = current_visitor(hub, request)
    if visitor is None or visitor.actor.name != asked["link"]:
        message = "you are signed in as somebody else by now: begin again from the page of your account"
        raise NotIdentifiedError(message)
    link_identity(hub.database, visitor.actor.name, identity, hub.now())
    return RedirectResponse("/account", status_code=_SEE_OTHER)


def _send_away(request: Request, hub: Hub, purpose: dict[str, str]) -> Response:
    try:
        question = _provider(hub).ask(_back_url(request))
    except NotIdentifiedError as problem:
        return _explain(hub, problem)
    kept = {"state": question.state, "nonce": question.nonce, "verifier": question.verifier, **purpose}
    sealed = hub.sealer.seal(json.dumps({**kept, "until": hub.now() + AWAY_MS}).encode(), _PLACE)
    answer = RedirectResponse(question.url, status_code=_SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        sealed.hex(),
        max_age=AWAY_MS // 1000,
        path=_BACK,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return answer


def _explain(hub: Hub, problem: HubError) -> HTMLResponse:
    """Say on the sign-in page why somebody is not signed in."""
    return render_page(
        "sign_in.html",
        BARE,
        status=401,
        next="/",
        account="",
        kept="",
        is_over=False,
        problem=str(problem),
        sends_mail=hub.settings.mail is not None,
        elsewhere=name_elsewhere(hub),
    )


def _open(hub: Hub, cookie: str) -> dict[str, object]:
    """Return what a browser was sent away with; raises NotIdentifiedError for a cookie that is none, or too old."""
    message = "this took too long, or began in another browser: begin again from the sign-in page"
    try:
        asked: dict[str, object] = json.loads(hub.sealer.open(bytes.fromhex(cookie), _PLACE))
    except (ValueError, SettingsError) as error:
        raise NotIdentifiedError(message) from error
    if not hub.now() < int(str(asked["until"])):
        raise NotIdentifiedError(message)
    return asked


def _provider(hub: Hub) -> OidcProvider:
    if hub.oidc is None:
        message = "this hub takes nobody else's word: sign in with your password"
        raise UnknownSubjectError(message)
    return hub.oidc


def _back_url(request: Request) -> str:
    return str(request.url_for("come_back"))
