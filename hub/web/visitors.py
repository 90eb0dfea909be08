"""Who looks: a program with its token, a person with a session in a cookie, or anybody where the hub is open."""

from typing import Annotated

from fastapi import Depends, Header, Request

from hub.errors import NotIdentifiedError
from hub.rules.permissions import Actor, Relation, Role
from hub.services.sign_in import Next, Visit, Visitor, find_visitor
from hub.web.actors import find_actor
from hub.web.context import Hub, HubOf

COOKIE = "session"
SECURE_COOKIE = "__Host-session"
"""Its prefix lets a browser take it from a protected page of this host only, for all of its paths."""

_FEED = "/events"
"""What open pages ask by themselves, as they ask for fragments."""

ANYBODY = Actor("anybody", (Relation("anybody", Role.AUDITOR, None, 0),))
"""Who looks at a hub that is open: sees all of it, and signs in to change anything."""


class UnfinishedError(NotIdentifiedError):
    """A session that lacks its second factor: `next` says what to do."""

    def __init__(self, message: str, missing: Next) -> None:
        super().__init__(message)
        self.next = missing


def is_secure(request: Request) -> bool:
    """Return whether the browser speaks with us over TLS, as the proxy in front tells."""
    return request.url.scheme == "https"


def cookie_name(request: Request) -> str:
    """Return what the session's cookie is called on this connection."""
    return SECURE_COOKIE if is_secure(request) else COOKIE


def current_visitor(hub: Hub, request: Request) -> Visitor | None:
    """Return whose session came with a request, also one that lacks its second factor; None for none."""
    token = request.cookies.get(cookie_name(request), "")
    is_use = "x-fragment" not in request.headers and request.url.path != _FEED
    return find_visitor(hub.database, token, hub.now(), is_use=is_use) if token else None


def visit_of(request: Request) -> Visit:
    """Return from where a request comes."""
    return Visit(request.client.host if request.client else "", request.headers.get("user-agent", ""))


def find_person(hub: HubOf, request: Request) -> Visitor:
    """Return who is signed in; raises NotIdentifiedError for nobody, UnfinishedError without a second factor."""
    visitor = current_visitor(hub, request)
    if visitor is None:
        message = "sign in to see this"
        raise NotIdentifiedError(message)
    if visitor.next is not Next.NOTHING:
        message = "finish signing in first: the second factor is missing"
        raise UnfinishedError(message, visitor.next)
    return visitor


def find_viewer(hub: HubOf, request: Request, authorization: Annotated[str, Header()] = "") -> Actor:
    """Return who looks; raises NotIdentifiedError where that has to be known and is not."""
    if authorization:
        return find_actor(hub, authorization)
    if hub.settings.is_open and current_visitor(hub, request) is None:
        return ANYBODY
    return find_person(hub, request).actor


PersonOf = Annotated[Visitor, Depends(find_person)]
ViewerOf = Annotated[Actor, Depends(find_viewer)]
