"""Answers of the API that have not changed are not sent again: each has a tag, and who has it already gets 304."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DIGEST_LENGTH = 32
_JSON = "application/json"


class Tagging:
    """ASGI middleware for `GET` under `/api/v1` that are answered with JSON.

    A tag that an answer brings along is kept. Others follow from its octets, and are weak: they say that it reads the
    same, and nothing of the state behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tag what comes back."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/api/v1/"):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []
        wanted = Headers(scope=scope).get("if-none-match", "")

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if not _is_tagged(start):
                if not parts:
                    parts.append(b"")
                    await send(start)
                await send(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await _send_tagged(start, b"".join(parts), wanted, send)

        await self._app(scope, receive, take)


def _is_tagged(start: Message) -> bool:
    return start["status"] == HTTPStatus.OK and Headers(raw=start["headers"]).get("content-type") == _JSON


async def _send_tagged(start: Message, body: bytes, wanted: str, send: Send) -> None:
    headers = MutableHeaders(raw=start["headers"])
    tag = headers.setdefault("etag", f'W/"{hashlib.sha256(body).hexdigest()[:_DIGEST_LENGTH]}"')
    headers.setdefault("cache-control", "no-cache, private")
    if wanted and _matches(tag, wanted):
        del headers["content-length"]
        start["status"], body = 304, b""
    start["headers"] = headers.raw
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _matches(tag: str, wanted: str) -> bool:
    """Return whether a tag is among those of `If-None-Match`, weak or not (RFC 9110, 13.1.2)."""
    asked = {one.strip().removeprefix("W/") for one in wanted.split(",")}
    return "*" in asked or tag.removeprefix("W/") in asked
