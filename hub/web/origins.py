"""Requests that change something come from our own pages, or from no browser at all.

A browser says of each request from where it comes (`Sec-Fetch-Site`, Fetch Metadata), older ones at least the origin;
what another site made somebody's browser send is refused before anything reads its cookie. Programs say neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from hub.web.problems import answer_problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
"""`none` is what somebody did in the browser itself, such as sending a form again."""


class SameOrigin:
    """ASGI middleware that refuses what another site's page sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] != "http" or scope["method"] in _SAFE or is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        detail = "this was sent by a page of another site: open the hub's own page, and do it there"
        await answer_problem(Request(scope), 403, detail)(scope, receive, send)


def is_own(headers: Headers) -> bool:
    """Return whether a request is our own page's or no browser's, by what its headers say."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
