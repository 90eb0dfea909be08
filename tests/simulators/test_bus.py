"""Properties of the simulated buses: byte-exact answers, and silence where a real line is silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import termios
import tty
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from simulators.bus import AsciiBus, Exchange, RtuBus, RtuTcpBus, TcpBus, Utterance, answer
from simulators.errors import BusError
from simulators.frames import AsciiRequest, with_crc
from simulators.image import ExceptionCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


WAIT_SECONDS = 10.0
EXAMPLE_REQUEST = bytes.fromhex("010304B0001584D2")
EXAMPLE_REPLY = bytes.fromhex(
    "01032A0140000001400000014000000140000007170265023E0273049F04BC046D04B3080107EF07E7082C0258C3FC"
)
"""Continental Control Systems' example, https://ctlsys.com/support/modbus_message_examples/."""
EXAMPLE_WORDS = tuple(
    int.from_bytes(EXAMPLE_REPLY[place : place + 2], "big") for place in range(3, len(EXAMPLE_REPLY) - 2, 2)
)
NOW = 1234


@dataclass(slots=True)
class StillClock:
    """A clock that stands."""

    now_ms: int = NOW


@dataclass(slots=True)
class ExampleMeter:
    """A meter with the example's words at 1200, which notes the instants it was read at."""

    read_at: list[int] = field(default_factory=list)

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return words of the example."""
        del function_code
        self.read_at.append(at_ms)
        if count == 0:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        if not 1200 <= address <= address + count <= 1221:
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        return EXAMPLE_WORDS[address - 1200 : address - 1200 + count]

    def report(self) -> bytes | None:
        """Return a short report."""
        return b"\x02\xffAB"

    def identification(self) -> dict[int, bytes] | None:
        """Return a basic identification, and one object beyond it."""
        return {0: b"Maker", 1: b"M1", 2: b"2.0", 128: b"private"}


@dataclass(slots=True)
class MuteMeter(ExampleMeter):
    """A meter without function 17."""

    def report(self) -> bytes | None:
        """Return nothing."""
        return None

    def identification(self) -> dict[int, bytes] | None:
        """Return nothing."""
        return None


@pytest.mark.parametrize(
    ("request_hex", "reply_hex"),
    [
        ("0304B00001", "03020140"),
        ("0404B00001", "04020140"),
        ("0300000001", "8302"),
        ("0304B00000", "8303"),
        ("0304B0", "8303"),
        ("11", "110402FF4142"),
        ("0604B00001", "8601"),
        ("2B0E0100", "2B0E010100000300054D616B657201024D310203322E30"),
        ("2B0E0102", "2B0E01010000010203322E30"),
        ("2B0E0107", "2B0E010100000300054D616B657201024D310203322E30"),
        ("2B0E0300", "AB03"),
        ("2B0E01", "AB03"),
        ("00", "8001"),
    ],
)
def test_replies_are_exact(request_hex: str, reply_hex: str) -> None:
    """Each request has the one reply that the specification gives it."""
    assert answer(ExampleMeter(), bytes.fromhex(request_hex), NOW) == bytes.fromhex(reply_hex)


def test_a_meter_without_report_refuses_it_and_replies_are_no_requests() -> None:
    """Functions 17 and 43 are exception 1 where a meter lacks them; another meter's refusal is not answered."""
    assert answer(MuteMeter(), b"\x11", NOW) == b"\x91\x01"
    assert answer(MuteMeter(), b"\x2b\x0e\x01\x00", NOW) == b"\xab\x01"
    assert answer(MuteMeter(), b"\x83\x02", NOW) is None


@dataclass(slots=True)
class Wire:
    """The client's end of a serial line, raw bytes."""

    descriptor: int

    def send(self, octets: bytes) -> None:
        """Write to the line."""
        os.write(self.descriptor, octets)

    async def receive(self, count: int) -> bytes:
        """Return the next `count` bytes, waiting a bounded time."""
        loop = asyncio.get_running_loop()
        received = bytearray()
        readable = asyncio.Event()
        loop.add_reader(self.descriptor, readable.set)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while len(received) < count:
                    await readable.wait()
                    readable.clear()
                    with contextlib.suppress(BlockingIOError):
                        received += os.read(self.descriptor, count - len(received))
        finally:
            loop.remove_reader(self.descriptor)
        return bytes(received)


@asynccontextmanager
async def opened(link: Path) -> AsyncIterator[Wire]:
    """Open a line by its link, as a client does."""
    descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield Wire(descriptor)
    finally:
        os.close(descriptor)


def two_meters(link: Path) -> RtuBus:
    """Return a line with meters 1 and 2."""
    return RtuBus({1: ExampleMeter(), 2: ExampleMeter()}, StillClock(), link)


async def test_rtu_answers_the_vendors_example_byte_by_byte(tmp_path: Path) -> None:
    """The vendor's request gets the vendor's reply, at the clock's instant, also in pieces and glued."""
    meter = ExampleMeter()
    async with RtuBus({1: meter}, StillClock(), tmp_path / "line"), opened(tmp_path / "line") as wire:
        wire.send(EXAMPLE_REQUEST)
        assert await wire.receive(len(EXAMPLE_REPLY)) == EXAMPLE_REPLY
        wire.send(EXAMPLE_REQUEST[:3])
        await asyncio.sleep(0)
        wire.send(EXAMPLE_REQUEST[3:] + EXAMPLE_REQUEST)
        assert await wire.receive(2 * len(EXAMPLE_REPLY)) == EXAMPLE_REPLY * 2
    assert meter.read_at == [NOW] * 3


async def test_rtu_is_silent_to_strangers_and_broken_frames(tmp_path: Path) -> None:
    """After a request to a missing unit and one with a wrong check sum, the next bytes are the next reply's."""
    async with two_meters(tmp_path / "line"), opened(tmp_path / "line") as wire:
        wire.send(with_crc(bytes.fromhex("0703 04B0 0001")))
        wire.send(EXAMPLE_REQUEST[:-1] + b"\x00")
        wire.send(with_crc(bytes.fromhex("0003 04B0 0001")))
        wire.send(with_crc(bytes.fromhex("0203 04B0 0001")))
        assert await wire.receive(7) == with_crc(bytes.fromhex("0203020140"))
        wire.send(with_crc(bytes.fromhex("0206 04B0 0001")))
        assert await wire.receive(5) == with_crc(bytes.fromhex("028601"))


async def test_ascii_answers_in_characters_and_is_silent_to_broken_frames(tmp_path: Path) -> None:
    """A whole request gets its reply in ASCII framing; a missing unit and a wrong check sum get none."""
    pdu = bytes.fromhex("0304B00001")
    request = AsciiRequest(2, pdu)
    async with AsciiBus({2: ExampleMeter()}, StillClock(), tmp_path / "line") as bus, opened(bus.link) as wire:
        wire.send(AsciiRequest(1, pdu).frame(pdu))
        wire.send(request.frame(pdu)[:-3] + b"0\r\n")
        wire.send(b"noise" + request.frame(pdu))
        expected = b":0203020140" + b"B8\r\n"
        assert await wire.receive(len(expected)) == expected


async def test_rtu_comes_back_under_another_name(tmp_path: Path) -> None:
    """A renumbered adapter breaks the old descriptor, and its link leads to another device that answers."""
    async with two_meters(tmp_path / "line") as bus:
        before = bus.link.readlink()
        async with opened(bus.link) as old:
            await bus.renumber()
            assert bus.link.readlink() != before
            with pytest.raises(OSError, match="Input/output error"):
                old.send(EXAMPLE_REQUEST)
        async with opened(bus.link) as wire:
            wire.send(EXAMPLE_REQUEST)
            assert await wire.receive(len(EXAMPLE_REPLY)) == EXAMPLE_REPLY


async def test_a_disturbed_bus_says_what_it_is_told(tmp_path: Path) -> None:
    """What stands between meter and reader sees question and answer and decides what is heard, and in which order."""
    seen: list[Exchange] = []

    def disturb(exchange: Exchange) -> list[Utterance]:
        seen.append(exchange)
        return [Utterance(b"one"), Utterance(b"two", after_ms=5), Utterance(b"three")]

    bus = RtuBus({1: ExampleMeter()}, StillClock(), tmp_path / "line", disturb=disturb)
    async with bus, opened(bus.link) as wire:
        wire.send(EXAMPLE_REQUEST)
        assert await wire.receive(11) == b"onetwothree"
        wire.send(with_crc(bytes.fromhex("0703 04B0 0001")))
        assert await wire.receive(11) == b"onetwothree"
    assert [(exchange.request.unit, exchange.at_ms) for exchange in seen] == [(1, NOW), (7, NOW)]
    assert (seen[0].reply, seen[1].reply) == (EXAMPLE_REPLY[1:-2], None)


async def test_rtu_carries_every_octet_unchanged(tmp_path: Path) -> None:
    """The line is raw: no octet is taken for a control character, in either direction."""

    class AllOctets(ExampleMeter):
        def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
            del function_code, at_ms
            return tuple(((address + place) % 256) * 257 for place in range(count))

    async with RtuBus({17: AllOctets()}, StillClock(), tmp_path / "line"), opened(tmp_path / "line") as wire:
        for address in (0, 100, 200):
            wire.send(with_crc(bytes((17, 3, 0, address, 0, 100))))
            reply = await wire.receive(205)
            content = b"".join(bytes(((address + place) % 256,)) * 2 for place in range(100))
            assert reply == with_crc(bytes((17, 3, 200)) + content)


async def test_rtu_line_survives_its_clients_and_its_own_restart(tmp_path: Path) -> None:
    """A client may come and go and change the line's settings; after a restart the same name leads to the new line."""
    link = tmp_path / "line"
    bus = two_meters(link)
    for _ in range(2):
        async with bus:
            for _ in range(2):
                async with opened(link) as wire:
                    tty.setraw(wire.descriptor, termios.TCSANOW)
                    wire.send(EXAMPLE_REQUEST)
                    assert await wire.receive(len(EXAMPLE_REPLY)) == EXAMPLE_REPLY
        assert not link.is_symlink()


async def test_rtu_loses_replies_nobody_reads(tmp_path: Path) -> None:
    """A client that asks and never reads neither blocks the line nor fills the memory."""
    async with two_meters(tmp_path / "line") as bus, opened(tmp_path / "line") as wire:
        for _ in range(3000):
            wire.send(EXAMPLE_REQUEST)
            await asyncio.sleep(0)
        assert len(bus._unsent) <= 65_536 + len(EXAMPLE_REPLY)
        assert await wire.receive(len(EXAMPLE_REPLY) * 100) == EXAMPLE_REPLY * 100


async def test_rtu_never_replaces_a_file(tmp_path: Path) -> None:
    """A path that is taken by something other than a link is refused."""
    (tmp_path / "line").write_text("keep me")
    with pytest.raises(BusError, match="cannot become a link"):
        await RtuBus({}, StillClock(), tmp_path / "line").start()
    assert (tmp_path / "line").read_text() == "keep me"


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, count: int) -> bytes:
    """Return the next `count` bytes after a request."""
    writer.write(request)
    async with asyncio.timeout(WAIT_SECONDS):
        return await reader.readexactly(count)


async def test_tcp_answers_byte_by_byte() -> None:
    """Replies repeat transaction and unit; partial, glued and foreign requests are told apart."""
    async with TcpBus({1: ExampleMeter(), 2: ExampleMeter()}, StillClock()) as bus:
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        request = bytes.fromhex("BEEF 0000 0006 01 03 04B0 0015")
        reply = bytes.fromhex("BEEF 0000 002D") + EXAMPLE_REPLY[:-2]
        assert await ask(reader, writer, request, len(reply)) == reply
        writer.write(request[:9])
        await writer.drain()
        assert await ask(reader, writer, request[9:] + request, 2 * len(reply)) == reply * 2
        stranger = bytes.fromhex("0001 0000 0006 09 03 04B0 0001")
        assert await ask(reader, writer, stranger, 9) == bytes.fromhex("0001 0000 0003 09 83 0B")
        refused = bytes.fromhex("0002 0000 0006 02 10 04B0 0001")
        assert await ask(reader, writer, refused, 9) == bytes.fromhex("0002 0000 0003 02 90 01")
        writer.close()


async def test_rtu_over_tcp_carries_frames_with_check_sums() -> None:
    """A transparent gateway answers the vendor's frame with the vendor's frame, and is silent to a missing unit."""
    async with RtuTcpBus({1: ExampleMeter()}, StillClock()) as bus:
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        writer.write(with_crc(bytes.fromhex("0703 04B0 0001")) + EXAMPLE_REQUEST[:5])
        await writer.drain()
        assert await ask(reader, writer, EXAMPLE_REQUEST[5:], len(EXAMPLE_REPLY)) == EXAMPLE_REPLY
        writer.close()


async def test_tcp_breaks_a_connection_whose_framing_is_lost() -> None:
    """Bytes that are no Modbus TCP end that connection and no other."""
    async with TcpBus({1: ExampleMeter()}, StillClock()) as bus:
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        other_reader, other = await asyncio.open_connection("127.0.0.1", bus.port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await ask(reader, writer, b"GET / HTTP/1.1\r\n\r\n", 1)
        reply = await ask(other_reader, other, bytes.fromhex("0001 0000 0006 01 03 04B0 0001"), 11)
        assert reply.hex() == "00010000000501" + "03020140"
        for stream in (writer, other):
            stream.close()


async def flood(writer: asyncio.StreamWriter, octets: bytes, times: int) -> None:
    """Write the same bytes many times, as fast as they are taken."""
    for _ in range(times):
        writer.write(octets)
        await writer.drain()


async def test_tcp_breaks_with_a_client_that_never_reads() -> None:
    """A client that asks and never reads is cut off before its replies fill the memory."""

    class Talkative(ExampleMeter):
        def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
            del function_code, address, at_ms
            return (0,) * count

    async with TcpBus({1: Talkative()}, StillClock()) as bus:
        _, writer = await asyncio.open_connection("127.0.0.1", bus.port, limit=1)
        with pytest.raises(ConnectionError):
            await flood(writer, bytes.fromhex("0001 0000 0006 01 03 0000 007D") * 1000, times=500)
        assert not bus._connections
        writer.close()


async def test_tcp_restarts_on_the_same_port_and_refuses_a_taken_one() -> None:
    """A stopped endpoint breaks its connections and comes back where it was; two cannot share a port."""
    bus = TcpBus({1: ExampleMeter()}, StillClock())
    await bus.start()
    port = bus.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await bus.stop()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await ask(reader, writer, b"", 1)
    writer.close()
    await bus.start()
    assert bus.port == port
    with pytest.raises(BusError, match=f"port {port} cannot be opened"):
        await TcpBus({}, StillClock(), port).start()
    await bus.stop()
    await bus.stop()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
