"""Custody by POST: what is published arrives in order, what is answered becomes events, outages are survived."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.settings import PostSettings
from edge.uplink import Arrived, Connected, Disconnected, Session, UplinkError, open_uplink, post
from edge.uplink.session import EVENTS_MAX
from protocol import cbor, sequence
from protocol.identity import DeviceId
from protocol.topics import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from edge.uplink import Event, Uplink

DEVICE = DeviceId(bytes(10))
PATH = "/v1/custody/aaaaaaaaaaaaaaaa"
WAIT_SECONDS = 10.0


@dataclass
class Hub:
    """A server that answers what a test tells it to and remembers what it was sent."""

    status: int = 200
    statuses: dict[str, int] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Return a hub that listens on a free port."""
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.heard.append((self.path, body))
            self.send_response(told.statuses.get(self.path, told.status))
            self.end_headers()
            self.wfile.write(told.answers.get(self.path, b""))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    told.port = server.server_address[1]
    yield told
    server.shutdown()
    serving.join()
    server.server_close()


def begin() -> Iterator[Session]:
    """Yield sessions whose nonces count up."""
    for number in range(1000):
        yield Session(number.to_bytes(4, "big"), cbor.encode(f"death {number}"))


@asynccontextmanager
async def uplink_to(hub: Hub, refresh_seconds: int = 600) -> AsyncIterator[Uplink]:
    """Yield an open uplink."""
    sessions = begin()
    settings = PostSettings(host="127.0.0.1", port=hub.port, tls=False, refresh_seconds=refresh_seconds)
    async with open_uplink(settings, DEVICE, lambda: next(sessions)) as uplink:
        yield uplink


async def next_event(uplink: Uplink) -> Event:
    """Return the next event within a bounded time."""
    async with asyncio.timeout(WAIT_SECONDS):
        return await uplink.events.get()


async def test_a_hello_brings_a_receipt_and_what_waits(hub: Hub) -> None:
    """The first message in the answer to a state is its receipt, the others are commands."""
    hub.answers[f"{PATH}/state"] = sequence.join(map(cbor.encode, ["receipt", "command", "command 2"]))
    async with uplink_to(hub) as uplink:
        assert await next_event(uplink) == Connected(bytes(4))
        uplink.publish(Channel.STATE, cbor.encode("hello"), retain=True)
        assert [await next_event(uplink) for _ in range(3)] == [
            Arrived(Channel.RECEIPT, cbor.encode("receipt")),
            Arrived(Channel.COMMAND, cbor.encode("command")),
            Arrived(Channel.COMMAND, cbor.encode("command 2")),
        ]
    assert hub.heard == [(f"{PATH}/state", cbor.encode("hello")), (f"{PATH}/state", cbor.encode("death 0"))]


async def test_blocks_travel_together_and_in_order(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks published at once are one body up to its limit, and nothing overtakes anything."""
    blocks = [cbor.encode(bytes([number]) * 100) for number in range(7)]
    monkeypatch.setattr(post, "BODY_BYTES_MAX", 3 * len(blocks[0]))
    hub.answers[PATH] = cbor.encode("receipt")
    async with uplink_to(hub) as uplink:
        await next_event(uplink)
        for raw in blocks:
            uplink.publish(Channel.BLOCK, raw)
        uplink.publish(Channel.RESULT, cbor.encode("done"))
        receipts = [await next_event(uplink) for _ in range(3)]
        while len(hub.heard) < 4:
            await asyncio.sleep(0.01)
    assert receipts == [Arrived(Channel.RECEIPT, cbor.encode("receipt"))] * 3
    assert [path for path, _ in hub.heard[:4]] == [PATH, PATH, PATH, f"{PATH}/result"]
    assert b"".join(body for path, body in hub.heard if path == PATH) == b"".join(blocks)
    assert max(len(body) for _, body in hub.heard) <= 3 * len(blocks[0])


@pytest.mark.parametrize(("status", "answer"), [(503, b"not now"), (404, b""), (200, b"\x9f"), (200, b"\xff")])
async def test_an_outage_ends_the_session_and_the_next_has_a_new_nonce(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int, answer: bytes
) -> None:
    """Errors and answers that are no messages are one warning, then a new session, until the hub is there again."""
    monkeypatch.setattr(post, "RETRY_SECONDS", (0.01, 0.02))
    hub.status, hub.answers[f"{PATH}/state"] = status, answer
    async with uplink_to(hub) as uplink:
        for number in range(3):
            assert await next_event(uplink) == Connected(number.to_bytes(4, "big"))
            uplink.publish(Channel.STATE, cbor.encode("hello"))
            assert await next_event(uplink) == Disconnected()
        hub.status, hub.answers[f"{PATH}/state"] = 200, cbor.encode("receipt")
        assert await next_event(uplink) == Connected((3).to_bytes(4, "big"))
        uplink.publish(Channel.STATE, cbor.encode("hello"))
        assert await next_event(uplink) == Arrived(Channel.RECEIPT, cbor.encode("receipt"))
    assert len([record for record in caplog.records if "custody by POST" in record.message]) == 1


async def test_a_hub_that_is_not_there_is_an_outage(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection ends the session like any other failure, and what was published is forgotten with it."""
    monkeypatch.setattr(post, "RETRY_SECONDS", (0.01, 0.02))
    there, hub.port = hub.port, 9
    async with uplink_to(hub) as uplink:
        await next_event(uplink)
        uplink.publish(Channel.BLOCK, cbor.encode("block"))
        assert await next_event(uplink) == Disconnected()
    assert hub.heard == []
    assert there


@pytest.mark.parametrize("channel", [Channel.BLOCK, Channel.RESULT])
async def test_what_the_hub_can_never_take_does_not_stop_what_stands_behind(
    hub: Hub, caplog: pytest.LogCaptureFixture, channel: Channel
) -> None:
    """A refusal that would be the same again is logged with the hub's reason, and the session goes on."""
    hub.statuses[PATH] = hub.statuses[f"{PATH}/result"] = 422
    hub.answers[PATH] = hub.answers[f"{PATH}/result"] = b"it is no message of ours"
    hub.answers[f"{PATH}/state"] = cbor.encode("receipt")
    async with uplink_to(hub) as uplink:
        assert await next_event(uplink) == Connected(bytes(4))
        uplink.publish(channel, cbor.encode("poison"))
        uplink.publish(Channel.STATE, cbor.encode("hello"))
        assert await next_event(uplink) == Arrived(Channel.RECEIPT, cbor.encode("receipt"))
    assert "it is no message of ours" in caplog.text


async def test_a_hub_that_answers_byte_by_byte_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it goes on answering, the request ends as an outage, and no thread is left with it."""
    monkeypatch.setattr(post, "EXCHANGE_SECONDS", 0.2)
    done = threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not reader.at_eof():
            writer.write(b"a")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read(1 << 16)
        done.set()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, uplink_to(Hub(port=server.sockets[0].getsockname()[1])) as uplink:
        await next_event(uplink)
        uplink.publish(Channel.STATE, cbor.encode("hello"))
        assert await next_event(uplink) == Disconnected()
        async with asyncio.timeout(WAIT_SECONDS):
            while not done.is_set():
                await asyncio.sleep(0.01)


async def test_a_flood_of_messages_hides_no_session(hub: Hub) -> None:
    """Where more arrives than the queue holds, messages are left out, but not that a session began or ended."""
    hub.answers[f"{PATH}/state"] = cbor.encode("receipt") * 3 * EVENTS_MAX
    async with uplink_to(hub) as uplink:
        async with asyncio.timeout(WAIT_SECONDS):
            while not uplink.events.full():
                uplink.publish(Channel.STATE, cbor.encode("hello"))
                await asyncio.sleep(0.01)
        assert await next_event(uplink) == Connected(bytes(4))


async def test_a_hello_falls_due_anew(hub: Hub) -> None:
    """After the refresh time a new session begins without an outage, so that what waits at the hub is fetched."""
    async with uplink_to(hub, refresh_seconds=0) as uplink:
        events = [await next_event(uplink) for _ in range(3)]
    assert events == [Connected(number.to_bytes(4, "big")) for number in range(3)]


async def test_tls_files_that_do_not_exist_are_named() -> None:
    """Wrong TLS files are one sentence before anything is sent."""
    settings = PostSettings(host="127.0.0.1", port=1, tls_ca=Path("/nowhere/ca.pem"))
    with pytest.raises(UplinkError, match=r"tls_ca = /nowhere/ca\.pem"):
        open_uplink(settings, DEVICE, lambda: Session(b"", b""))
