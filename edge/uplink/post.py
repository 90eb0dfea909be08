"""The session by POST: the same bytes over HTTPS, one request at a time; the answer to blocks is their receipt.

For a site without a broker. There is no connection to keep: a session begins with a hello and lasts until a request
fails or the hello is due anew, because what the hub has for the device comes with the answer to a hello.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from edge.uplink.session import Arrived, Broken, Connected, Disconnected, Session, Uplink, build_tls
from protocol import sequence
from protocol.errors import ProtocolError
from protocol.identity import format_device_id
from protocol.topics import Channel

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from edge.settings import PostSettings
    from protocol.identity import DeviceId

OUTGOING_MAX = 256
BODY_BYTES_MAX = 192 * 1024
"""Blocks are posted together up to this size; the hub takes 256 KiB at most."""
ANSWER_BYTES_MAX = 1024 * 1024
REQUEST_SECONDS = 60.0
"""How long the hub may keep silent; it may also be slow, but not for longer than `EXCHANGE_SECONDS` in all."""
EXCHANGE_SECONDS = 300.0
RETRY_SECONDS = (2.0, 300.0)
GOODBYE_SECONDS = 5.0
MEDIA_TYPE = "application/cbor-seq"
_GOOD = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
_PATHS = {Channel.BLOCK: "", Channel.STATE: "/state", Channel.RESULT: "/result"}

_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The hub answered, but not with what was asked for; `status` is that of its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Exchange:
    """One request and its answer, which blocks in a thread of its own until it is through or cut off from outside."""

    def __init__(self, settings: PostSettings, tls: ssl.SSLContext | None) -> None:
        host, port = settings.host, settings.port
        if tls is None:
            self._connection = http.client.HTTPConnection(host, port, timeout=REQUEST_SECONDS)
        else:
            self._connection = http.client.HTTPSConnection(host, port, timeout=REQUEST_SECONDS, context=tls)
        self._socket: socket.socket | None = None
        self._is_cut = False

    def run(self, path: str, body: bytes) -> tuple[bytes, ...]:
        """Return the messages of the answer; raises OSError, HTTPException, ProtocolError or RefusedError."""
        with contextlib.closing(self._connection) as connection:
            connection.connect()
            self._socket = connection.sock
            if self._is_cut:
                return ()
            connection.request("POST", path, body, {"Content-Type": MEDIA_TYPE})
            answer = connection.getresponse()
            content = answer.read(ANSWER_BYTES_MAX + 1)
        if answer.status not in _GOOD or len(content) > ANSWER_BYTES_MAX:
            shown = content[:200].decode("utf-8", errors="replace")
            message = f"it answered {answer.status} {answer.reason}: {shown}"
            raise RefusedError(message, answer.status)
        return sequence.split(content)

    def cut(self) -> None:
        """End it, however far it is: a hub that answers a byte now and then must hold neither session nor process."""
        self._is_cut = True
        if self._socket is not None:
            # It is closed already where the exchange is through.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class PostUplink(Uplink):
    """A session of requests; `begin` is asked whenever one starts. Raises UplinkError for TLS files of no use."""

    def __init__(self, settings: PostSettings, device: DeviceId, begin: Callable[[], Session]) -> None:
        super().__init__()
        self._settings = settings
        self._base = f"/v1/custody/{format_device_id(device)}"
        self._begin = begin
        self._session = Session(b"", b"")
        self._outgoing: deque[tuple[Channel, bytes]] = deque()
        self._has_outgoing = asyncio.Event()
        self._is_open = False
        self._is_outage_told = False
        self._tls: ssl.SSLContext | None = build_tls(settings) if settings.tls else None

    async def __aenter__(self) -> Self:
        """Begin the first session; a hub that cannot be reached is tried again and again."""
        self._work = asyncio.create_task(self._hold_sessions(), name="post")
        self._work.add_done_callback(self._on_end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session with the death message, if the hub hears it soon."""
        self._work.cancel()
        await asyncio.wait({self._work})
        if self._is_open:
            farewell = asyncio.create_task(self._post(Channel.STATE, [self._session.death]), name="farewell")
            await asyncio.wait({farewell}, timeout=GOODBYE_SECONDS)
            if farewell.done() and (complaint := farewell.exception()) is not None:
                _log.info("the hub did not hear our good-bye: %s", complaint)
            farewell.cancel()

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Queue `raw` for the next request; where the queue is full it is left out, as if it were lost on the way."""
        del retain
        if self._is_open and len(self._outgoing) < OUTGOING_MAX:
            self._outgoing.append((channel, raw))
            self._has_outgoing.set()

    def _on_end(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            self._enqueue(Broken(error))

    async def _hold_sessions(self) -> None:
        delay_seconds = RETRY_SECONDS[0]
        while True:
            self._session = self._begin()
            self._is_open = True
            self._enqueue(Connected(self._session.nonce))
            try:
                await self._carry()
                delay_seconds = RETRY_SECONDS[0]
            except (OSError, http.client.HTTPException, ProtocolError, RefusedError) as error:
                self._tell_outage(error)
                self._is_open = False
                self._outgoing.clear()
                self._enqueue(Disconnected())
                await asyncio.sleep(delay_seconds)
                delay_seconds = min(2 * delay_seconds, RETRY_SECONDS[1])

    async def _carry(self) -> None:
        """Post what is published, until a hello is due anew; raises what a failed request raises."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.refresh_seconds
        while True:
            self._has_outgoing.clear()
            while self._outgoing:
                channel, messages = self._gather()
                for place, raw in enumerate(await self._converse(channel, messages)):
                    is_receipt = channel is Channel.BLOCK or (channel is Channel.STATE and not place)
                    self._enqueue(Arrived(Channel.RECEIPT if is_receipt else Channel.COMMAND, raw))
                self._is_outage_told = False
            try:
                async with asyncio.timeout_at(until):
                    await self._has_outgoing.wait()
            except TimeoutError:
                return

    def _gather(self) -> tuple[Channel, list[bytes]]:
        """Take the next message, and the blocks that go with it in one body."""
        channel, raw = self._outgoing.popleft()
        messages, size = [raw], len(raw)
        while channel is Channel.BLOCK and self._outgoing and self._outgoing[0][0] is Channel.BLOCK:
            size += len(self._outgoing[0][1])
            if size > BODY_BYTES_MAX:
                break
            messages.append(self._outgoing.popleft()[1])
        return channel, messages

    async def _converse(self, channel: Channel, messages: list[bytes]) -> tuple[bytes, ...]:
        """Return the messages of the answer; raises as `_post` does.

        Blocks or results of which the hub can take none are given up here, since the session goes on without them, and
        what stands behind them must not wait for what would be refused again.
        """
        try:
            return await self._post(channel, messages)
        except RefusedError as error:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY or channel is Channel.STATE:
                raise
            _log.warning("the hub takes none of %d %ss: %s", len(messages), channel.name.lower(), error)
            return ()

    async def _post(self, channel: Channel, messages: list[bytes]) -> tuple[bytes, ...]:
        """Return the messages of the answer; raises OSError, HTTPException, ProtocolError or RefusedError."""
        exchange = _Exchange(self._settings, self._tls)
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                return await asyncio.to_thread(exchange.run, self._base + _PATHS[channel], b"".join(messages))
        finally:
            exchange.cut()

    def _tell_outage(self, error: Exception) -> None:
        """Say what is wrong once per outage, not once per attempt."""
        if not self._is_outage_told:
            self._is_outage_told = True
            host, port = self._settings.host, self._settings.port
            why = str(error) or f"no whole answer in {EXCHANGE_SECONDS:.0f} s"
            _log.warning("custody by POST at %s:%d fails (%s); it is tried again until it works", host, port, why)
