"""Every request is counted by its route's template; the path itself, which names subjects, goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Mount

from hub.clock import monotonic_seconds

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.counting import Counting

NO_ROUTE = "none"
"""Stands for all that is asked for and not there, or else whoever asks could make series without end."""
_BUG = 500


class Observing:
    """ASGI middleware that counts requests and their answers; outermost, so that it sees what all others do."""

    def __init__(self, app: ASGIApp, counting: Counting) -> None:
        self._app = app
        self._counting = counting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, answered = monotonic_seconds(), _BUG, None

        async def watch(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], monotonic_seconds()
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            ended = monotonic_seconds()
            self._counting.count_request(route_of(scope), status, (answered or ended) - began)


def route_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as `/systems/{pts_id}`."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    mount = next((one for one in scope["app"].routes if isinstance(one, Mount) and _is_under(scope, one)), None)
    return NO_ROUTE if mount is None else mount.path


def _is_under(scope: Scope, mount: Mount) -> bool:
    return str(scope["path"]).startswith(f"{mount.path}/")
