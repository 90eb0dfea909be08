"""A bus of simulated meters, byte by byte: Modbus TCP on a socket, Modbus RTU on a pseudo-terminal.

Written without any Modbus library, so that a library's mistake cannot answer itself. An RTU line behaves as RS-485
does: a meter that is not there, and a frame that is not whole, are answered by silence.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from typing import TYPE_CHECKING, Protocol, Self, cast

from simulators.errors import BusError
from simulators.frames import FramingLostError, RtuRequests, TcpRequests, with_crc
from simulators.image import ExceptionCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

REPORT_SERVER_ID = 17
_READS = (3, 4)
_READ_PDU = 5
_ERROR_BIT = 0x80
_CHUNK = 4096
_UNSENT_MAX = 65_536
"""How many bytes of replies wait for a slow reader; beyond, a TCP connection is broken and a line loses them."""


class BusMeter(Protocol):
    """What answers on a bus: `simulators.meter.SimulatedMeter`, or a test's own."""

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return the words at `at_ms` (UTC ms) or the exception."""
        ...

    def report(self) -> bytes | None:
        """Return the content of the answer to function 17, None if it is not supported."""
        ...


class MeterClock(Protocol):
    """What tells the meters the time."""

    @property
    def now_ms(self) -> int:
        """This moment, UTC ms."""
        ...


def answer(meter: BusMeter, pdu: bytes, at_ms: int) -> bytes | None:
    """Return the meter's reply to a request PDU at `at_ms` (UTC ms); None if the PDU is no request.

    Functions 3 and 4 read words, 17 reports the server id where the meter has one; all else is exception 1
    (MODBUS Application Protocol Specification V1.1b3, sections 6 and 7).
    """
    function_code = pdu[0]
    if function_code & _ERROR_BIT:
        return None
    result: tuple[int, ...] | ExceptionCode = ExceptionCode.ILLEGAL_FUNCTION
    if function_code in _READS:
        if len(pdu) != _READ_PDU:
            return _refusal(function_code, ExceptionCode.ILLEGAL_DATA_VALUE)
        address, count = struct.unpack_from(">HH", pdu, 1)
        result = meter.read(function_code, address, count, at_ms)
    elif function_code == REPORT_SERVER_ID and (report := meter.report()) is not None:
        return bytes((REPORT_SERVER_ID, len(report))) + report
    if isinstance(result, ExceptionCode):
        return _refusal(function_code, result)
    return struct.pack(f">BB{len(result)}H", function_code, 2 * len(result), *result)


def _refusal(function_code: int, code: ExceptionCode) -> bytes:
    return bytes((function_code | _ERROR_BIT, code))


class TcpBus:
    """Meters behind one Modbus TCP endpoint on 127.0.0.1, by unit id; use as an async context manager.

    A unit that is not there is answered as a gateway does, with exception 11. `port` 0 takes a free one; `port` then
    tells which. Raises BusError if the port is taken.
    """

    def __init__(self, meters: Mapping[int, BusMeter], clock: MeterClock, port: int = 0) -> None:
        self.port = port
        self._meters = meters
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _TcpConnection(self.respond, self._connections), "127.0.0.1", self.port
            )
        except OSError as error:
            message = f"Modbus TCP port {self.port} cannot be opened ({error.strerror}); choose a free port"
            raise BusError(message) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and break all connections; `start` opens the same port again."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await self._server.wait_closed()
        self._server = None

    def respond(self, unit: int, pdu: bytes) -> bytes | None:
        """Return the reply PDU of the meter with this unit id, None for silence."""
        meter = self._meters.get(unit)
        if meter is None:
            return _refusal(pdu[0], ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND)
        return answer(meter, pdu, self._clock.now_ms)

    async def __aenter__(self) -> Self:
        """Start, and return the bus."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        await self.stop()


class _Respond(Protocol):
    def __call__(self, unit: int, pdu: bytes) -> bytes | None: ...


class _TcpConnection(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, respond: _Respond, connections: set[asyncio.Transport]) -> None:
        self._respond = respond
        self._connections = connections
        self._requests = TcpRequests()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            requests = self._requests.feed(data)
        except FramingLostError:
            self._transport.abort()
            return
        for request in requests:
            reply = self._respond(request.unit, request.pdu)
            if reply is not None:
                self._transport.write(request.frame(reply))
        if self._transport.get_write_buffer_size() > _UNSENT_MAX:
            self._transport.abort()


class RtuBus:
    """Meters on one serial line, by unit id, at the end of a pseudo-terminal; use as an async context manager.

    `link` becomes a symbolic link to the terminal's device, so that its name is known beforehand and stays the same
    over `stop` and `start`. Raises BusError if something that is no link is in its place.
    """

    def __init__(self, meters: Mapping[int, BusMeter], clock: MeterClock, link: Path) -> None:
        self.link = link
        self._meters = meters
        self._clock = clock
        self._requests = RtuRequests()
        self._unsent = bytearray()
        self._ours = self._theirs = -1

    async def start(self) -> None:
        """Open the pseudo-terminal, point the link to it and begin to listen."""
        self._ours, self._theirs = os.openpty()
        # Held open as well: a line outlives the program that reads it, and keeps its raw mode.
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        try:
            self._place_link(os.ttyname(self._theirs))
        except OSError as error:
            self._close()
            message = f"{self.link} cannot become a link to the line ({error.strerror}); choose a free path"
            raise BusError(message) from error
        self._requests = RtuRequests()
        asyncio.get_running_loop().add_reader(self._ours, self._receive)

    async def stop(self) -> None:
        """Close the line and remove the link, as when the adapter is unplugged."""
        if self._ours < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._ours)
        loop.remove_writer(self._ours)
        self._unsent.clear()
        self.link.unlink(missing_ok=True)
        self._close()

    def respond(self, unit: int, pdu: bytes) -> bytes | None:
        """Return the reply PDU of the meter with this unit id, None for silence."""
        meter = self._meters.get(unit)
        return None if meter is None else answer(meter, pdu, self._clock.now_ms)

    def _place_link(self, device: str) -> None:
        if self.link.is_symlink():
            self.link.unlink()
        self.link.symlink_to(device)

    def _close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1

    def _receive(self) -> None:
        for request in self._requests.feed(os.read(self._ours, _CHUNK)):
            reply = self.respond(request[0], request[1:])
            if reply is not None and len(self._unsent) < _UNSENT_MAX:
                self._unsent += with_crc(request[:1] + reply)
        self._send()

    def _send(self) -> None:
        """Write what the terminal takes now; the rest when it takes more."""
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: os.write(self._ours, self._unsent)]
        except BlockingIOError:
            loop.add_writer(self._ours, self._send)
        else:
            loop.remove_writer(self._ours)

    async def __aenter__(self) -> Self:
        """Start, and return the bus."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        await self.stop()
