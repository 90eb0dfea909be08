"""A meter whose every octet a test writes, on a pseudo-terminal or a socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.bus import BackOff, Bus, open_bus
from edge.metering.frames import crc16
from edge.settings import AsciiLine, RtuLine, RtuTcpEndpoint, TcpEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.settings import BusKind, BusSettings

AT_ONCE = BackOff(first_seconds=0.0, max_seconds=0.0)
_REQUEST_OCTETS = {17: 4, 43: 7}


@dataclass(frozen=True, slots=True)
class Reply:
    """Octets of a body (unit, function, content) and when they come; `frame` replaces the whole frame if given."""

    body: bytes
    after_seconds: float = 0.0
    frame: bytes | None = None


def truth(body: bytes) -> Reply:
    """Answer with each word holding its own address, so that a word tells which request it answers."""
    first, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
    words = b"".join(address.to_bytes(2, "big") for address in range(first, first + count))
    return Reply(bytes([body[0], body[1], 2 * count]) + words)


def framed(kind: BusKind, body: bytes, transaction: bytes = b"\0\1") -> bytes:
    """Return the frame around a body (unit, function, content) on a bus of this kind."""
    if kind == "tcp":
        return transaction + b"\0\0" + len(body).to_bytes(2, "big") + body
    if kind == "ascii":
        return b":" + (body + bytes([-sum(body) % 256])).hex().upper().encode() + b"\r\n"
    return body + crc16(body).to_bytes(2, "little")


class FakeMeter:
    """A meter whose answers a test writes: `script` maps number and body of a request to what comes back."""

    def __init__(self, kind: BusKind) -> None:
        self.kind = kind
        self.script: Callable[[int, bytes], Reply | None] = lambda _, body: truth(body)
        self.events: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.port: int | str = 0
        self.master = -1
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._unconnected = asyncio.Event()
        self._unconnected.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slave = -1
        self._requests = 0

    @property
    def is_serial(self) -> bool:
        """Whether the meter is on a serial line."""
        return self.kind in ("rtu", "ascii")

    async def start(self) -> None:
        """Open the line or listen, on the port of the last time if there was one."""
        if not self.is_serial:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", int(self.port))
            self.port = self._server.sockets[0].getsockname()[1]
            return
        self.master, self._slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self.master, self._on_octets)

    async def stop(self) -> None:
        """Close everything; a TCP meter can be started again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self.hang_up()
        elif self.master >= 0:
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
            os.close(self._slave)
            self.master = -1

    def disconnect(self) -> None:
        """Begin to close all connections."""
        for writer in self._writers:
            writer.close()

    async def hang_up(self) -> None:
        """Close all connections and wait until they are gone."""
        self.disconnect()
        await self._unconnected.wait()

    def push(self, frame: bytes) -> None:
        """Send octets that nobody asked for."""
        if self.is_serial:
            self.write_to_line(frame)
        for writer in self._writers:
            writer.write(frame)

    def settings(self, *, local_echo: bool = False, timeout_seconds: float | None = None) -> BusSettings:
        """Return the settings of a bus on which this meter is alone."""
        if self.kind in ("tcp", "rtu-tcp"):
            endpoint = TcpEndpoint if self.kind == "tcp" else RtuTcpEndpoint
            return endpoint(name="bus", host="127.0.0.1", port=int(self.port), timeout_seconds=timeout_seconds)
        line = AsciiLine if self.kind == "ascii" else RtuLine
        return line(
            name="bus", port=str(self.port), format="8N1", silence_ms=0, local_echo=local_echo,
            timeout_seconds=timeout_seconds,
        )  # fmt: skip

    def bus(self, back_off: BackOff = AT_ONCE, *, local_echo: bool = False) -> Bus:
        """Return a bus on which this meter is alone."""
        return open_bus(self.settings(local_echo=local_echo), back_off)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._unconnected.clear()
        try:
            while True:
                head = await reader.readexactly(6 if self.kind == "tcp" else 2)
                if self.kind == "tcp":
                    body = await reader.readexactly(int.from_bytes(head[4:6], "big"))
                else:
                    body = (head + await reader.readexactly(_REQUEST_OCTETS.get(head[1], 8) - 2))[:-2]
                self._answer(body, head[:2], writer.write)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._writers.discard(writer)
            if not self._writers:
                self._unconnected.set()

    def _on_octets(self) -> None:
        octets = os.read(self.master, 1024)
        while octets:
            if self.kind == "ascii":
                line, _, octets = octets.partition(b"\r\n")
                body = bytes.fromhex(line[1:-2].decode())
            else:
                length = _REQUEST_OCTETS.get(octets[1], 8)
                body, octets = octets[: length - 2], octets[length:]
            self._answer(body, b"", self.write_to_line)

    def write_to_line(self, octets: bytes) -> None:
        """Put octets on the serial line."""
        os.write(self.master, octets)

    def _answer(self, body: bytes, transaction: bytes, write: Callable[[bytes], None]) -> None:
        self._requests += 1
        self.events.append(f"request {int.from_bytes(body[2:4], 'big')}")
        self.bodies.append(body)
        reply = self.script(self._requests, body)
        if reply is not None:
            task = asyncio.create_task(self._send(reply, transaction, write))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, reply: Reply, transaction: bytes, write: Callable[[bytes], None]) -> None:
        if reply.after_seconds:
            await asyncio.sleep(reply.after_seconds)
        self.events.append("reply")
        write(framed(self.kind, reply.body, transaction) if reply.frame is None else reply.frame)


class WattNode(FakeMeter):
    """A WattNode on a line of its own; its serial number is its identity."""

    def __init__(self, serial: int, energy: int) -> None:
        super().__init__("rtu")
        self.words = {1602: 200, 1700: serial, 1701: 0, 1706: 203, 1707: 17, 1206: energy, 1207: 0}
        self.script = lambda _, body: self.answer(body)

    def answer(self, body: bytes) -> Reply:
        """Answer with the words asked for."""
        first, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
        words = [self.words.get(address, 0) for address in range(first, first + count)]
        return Reply(bytes([body[0], body[1], 2 * count]) + b"".join(word.to_bytes(2, "big") for word in words))

    @property
    def asked(self) -> list[int]:
        """The first words of all requests so far."""
        return [int.from_bytes(body[2:4], "big") for body in self.bodies]
