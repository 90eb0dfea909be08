"""Every request has an id, is counted, and is a line of the log; by its route's template, for a path names subjects."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Mount

from hub.clock import monotonic_seconds
from hub.logs import REQUEST_ID, with_fields

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.counting import Counting

NO_ROUTE = "none"
"""Stands for all that is asked for and not there, or else whoever asks could make series without end."""
REQUEST_ID_HEADER = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BUG = 500

log = logging.getLogger("hub.access")


@dataclass(slots=True)
class _Seen:
    """What was seen of an answer; without a beginning of one it is that of a bug."""

    began: float = field(default_factory=monotonic_seconds)
    status: int = _BUG
    answered: float | None = None
    size: int = 0


class Observing:
    """ASGI middleware that names, counts and logs requests; outermost, so that it sees what all others do."""

    def __init__(self, app: ASGIApp, counting: Counting) -> None:
        self._app = app
        self._counting = counting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and keep how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, request_id = _Seen(), _identify(scope)
        # Not set back: the server gives each request a context of its own, and logs in it what goes wrong.
        REQUEST_ID.set(request_id)

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status, seen.answered = message["status"], monotonic_seconds()
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            elif message["type"] == "http.response.body":
                seen.size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._keep(scope, seen)

    def _keep(self, scope: Scope, seen: _Seen) -> None:
        route, ended = route_of(scope), monotonic_seconds()
        method = scope["method"]
        self._counting.count_request(route, method, seen.status, (seen.answered or ended) - seen.began)
        took_ms = round((ended - seen.began) * 1000)
        log.info(
            "%s %s: %d, %d ms, %d bytes, request %s",
            *(method, route, seen.status, took_ms, seen.size, REQUEST_ID.get()),
            extra=with_fields(method=method, route=route, status=seen.status, ms=took_ms, bytes=seen.size),
        )


def route_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as `/systems/{pts_id}`."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    mount = next((one for one in scope["app"].routes if isinstance(one, Mount) and _is_under(scope, one)), None)
    return NO_ROUTE if mount is None else mount.path


def _identify(scope: Scope) -> str:
    """Return the id that a proxy gave the request, or a new one where what it gave is none."""
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _is_under(scope: Scope, mount: Mount) -> bool:
    return str(scope["path"]).startswith(f"{mount.path}/")
