"""How much may be sent with one request: it is refused before anything holds it, and before anybody is asked for.

The framework reads a body before the doors ask whose it is: without a bound, whoever reaches the hub fills its memory.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hub.errors import HubError, NotIdentifiedError
from hub.services.read_csv import BYTES_MAX as TABLE_BYTES_MAX
from hub.web.actors import find_actor
from hub.web.problems import answer_problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX = 1 << 20
"""Of JSON and of forms without a file."""
AROUND_BYTES_MAX = 1 << 20
"""What stands around an uploaded table: the other fields of its form."""
UPLOAD_BYTES_MAX = 32 << 20
"""Of forms with a file: more than any door takes, so that a picture that is too large is told of on its own form."""
IMPORT_BYTES_MAX = TABLE_BYTES_MAX + AROUND_BYTES_MAX
_IMPORTS = "/api/v1/imports/"


class _TooLongError(HTTPException):
    """Raised where a body is read beyond its bound: the framework lets this kind of exception through."""

    def __init__(self, bytes_max: int) -> None:
        detail = f"more was sent than is taken here at once: the limit is {bytes_max:,} bytes"
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


class Bounded:
    """ASGI middleware that reads no more of a request than its kind may have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413; 401 where only somebody known may send as much."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        bytes_max = bound(scope["path"], headers.get("content-type", ""))
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told) > bytes_max:
            await _refuse(_TooLongError(bytes_max), scope, receive, send)
            return
        try:
            if bytes_max > UPLOAD_BYTES_MAX:
                await run_in_threadpool(find_actor, scope["app"].state.hub, headers.get("authorization", ""))
            await self._app(scope, _count(receive, bytes_max), send)
        except (_TooLongError, HubError) as error:
            await _refuse(error, scope, receive, send)


def bound(path: str, media_type: str) -> int:
    """Return how many bytes a request to a path may have."""
    if not media_type.casefold().startswith("multipart/"):
        return BODY_BYTES_MAX
    return IMPORT_BYTES_MAX if path.startswith(_IMPORTS) else UPLOAD_BYTES_MAX


def _count(receive: Receive, bytes_max: int) -> Receive:
    length = 0

    async def count() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > bytes_max:
            raise _TooLongError(bytes_max)
        return message

    return count


async def _refuse(error: _TooLongError | HubError, scope: Scope, receive: Receive, send: Send) -> None:
    if isinstance(error, _TooLongError):
        status, detail = error.status_code, error.detail
    else:
        status, detail = (401 if isinstance(error, NotIdentifiedError) else 503), str(error)
    await answer_problem(Request(scope), status, detail)(scope, receive, send)
