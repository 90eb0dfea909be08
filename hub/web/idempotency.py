"""A request to the API that carries an Idempotency-Key is done once, however often it is sent.

A program that got no answer sends the same again and gets the first one's. As in
<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>: another request under the same key is
refused, and so is one that comes while the first is being answered.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from hub.errors import HubError
from hub.services.manage_tokens import identify_actor
from hub.store import api_answers
from hub.store.api_answers import KeptAnswer
from hub.web.problems import answer_problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.web.context import Hub

HEADER = "idempotency-key"
REPLAYED = "idempotency-replayed"
KEY_LENGTH_MAX = 200
KEPT_MS = 24 * 3_600_000
ABANDONED_MS = 5 * 60_000
"""A request that nobody has answered for so long was broken off with the hub itself: it may be made again."""
_SCHEME = "bearer "
_NOT_DECIDED = frozenset({401, 403, 429})
"""Answers that say nothing of what was asked, only that it was not looked at."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Idempotent:
    """ASGI middleware for `POST` under `/api/v1`; anything without the header passes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer in its place."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/api/v1/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key, who = headers.get(HEADER), headers.get("authorization", "")
        if key is None or not who.lower().startswith(_SCHEME):
            await self._app(scope, receive, send)
            return
        if problem := _find_fault(key, headers.get("content-type", "")):
            await answer_problem(Request(scope), 400, problem)(scope, receive, send)
            return
        # How long it may be was decided before, by `Bounded`.
        answer = await self._answer(scope, receive, who, key, await _read(receive))
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, who: str, key: str, body: bytes) -> Response:
        hub: Hub = scope["app"].state.hub
        asked = KeptAnswer(
            caller=hashlib.sha256(who.encode()).hexdigest(),
            key=key,
            fingerprint=_fingerprint(scope, body),
            begun_at=hub.now(),
            sealed=None,
        )
        try:
            kept = await run_in_threadpool(_begin, hub, asked, who)
        except HubError as error:
            return answer_problem(Request(scope), 503, str(error))
        if kept is not None:
            return _answer_again(hub, scope, asked, kept)
        try:
            done = await _run(self._app, scope, receive, body)
        except BaseException:
            await run_in_threadpool(_end, hub, asked, None)
            raise
        is_decided = done.status < HTTPStatus.INTERNAL_SERVER_ERROR and done.status not in _NOT_DECIDED
        await run_in_threadpool(_end, hub, asked, done if is_decided else None)
        return _response(done)


def _find_fault(key: str, media_type: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        return f"the Idempotency-Key is 1 to {KEY_LENGTH_MAX} printable ASCII signs: a UUID is a good one"
    if media_type.startswith("multipart/"):
        return "uploads take no Idempotency-Key: what is uploaded twice is kept once by its content"
    return ""


def _fingerprint(scope: Scope, body: bytes) -> str:
    asked = f"{scope['path']}?{scope['query_string'].decode('latin-1')}\n".encode()
    return hashlib.sha256(asked + body).hexdigest()


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _begin(hub: Hub, asked: KeptAnswer, who: str) -> KeptAnswer | None:
    """Return what is kept of this request, None if it is new or may be made again; then it is kept as begun."""
    now = hub.now()
    with hub.database.write() as connection:
        if identify_actor(connection, who[len(_SCHEME) :].strip(), now) is None:
            # Nobody's token any more, if ever: it is refused like any other request of its.
            return None
        api_answers.drop_before(connection, now - KEPT_MS)
        kept = api_answers.find_answer(connection, asked.caller, asked.key)
        if kept is not None and kept.sealed is None and now - kept.begun_at >= ABANDONED_MS:
            api_answers.drop_answer(connection, asked.caller, asked.key)
            kept = None
        if kept is None:
            api_answers.begin_answer(connection, asked)
    return kept


def _end(hub: Hub, asked: KeptAnswer, done: _Answer | None) -> None:
    with hub.database.write() as connection:
        if done is None:
            api_answers.drop_answer(connection, asked.caller, asked.key)
            return
        told = json.dumps({"status": done.status, "headers": done.headers}).encode()
        sealed = hub.sealer.seal(told + b"\n" + done.body, _place(asked))
        api_answers.save_answer(connection, asked.caller, asked.key, sealed)


def _answer_again(hub: Hub, scope: Scope, asked: KeptAnswer, kept: KeptAnswer) -> Response:
    request = Request(scope)
    if kept.fingerprint != asked.fingerprint:
        return answer_problem(request, 422, "this Idempotency-Key was used for another request: take a new one")
    if kept.sealed is None:
        return answer_problem(
            request, 409, "the first request with this Idempotency-Key is being answered: wait for it"
        )
    told, _, body = hub.sealer.open(kept.sealed, _place(asked)).partition(b"\n")
    first = json.loads(told)
    return _response(_Answer(first["status"], {**first["headers"], REPLAYED: "true"}, body))


async def _run(app: ASGIApp, scope: Scope, receive: Receive, body: bytes) -> _Answer:
    """Let the application answer, and return its whole answer."""
    start: Message = {}
    parts: list[bytes] = []
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, give, take)
    return _Answer(start["status"], dict(Headers(raw=start["headers"]).items()), b"".join(parts))


def _response(answer: _Answer) -> Response:
    # Its length and the rest were said by the answer itself.
    return Response(answer.body, answer.status, answer.headers)


def _place(asked: KeptAnswer) -> str:
    return f"answer {asked.caller} {asked.key}"
