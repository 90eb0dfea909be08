"""Buses on a socket: Modbus TCP, and RTU frames over TCP as a transparent serial gateway carries them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, cast

from simulators.bus.exchange import undisturbed
from simulators.bus.station import Station
from simulators.errors import BusError
from simulators.frames import FramingLostError, RtuRequests, TcpRequests
from simulators.image import ExceptionCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from simulators.bus.answer import BusMeter
    from simulators.bus.exchange import Disturb, Requests
    from simulators.bus.pace import LinePace
    from simulators.bus.station import MeterClock

_UNSENT_MAX = 65_536
"""How many bytes of replies wait for a slow reader; beyond, the connection is broken."""


class _NetworkBus:
    """Meters behind one endpoint on 127.0.0.1; `port` 0 takes a free one, `port` then tells which."""

    def __init__(self, station: Station, requests: Callable[[], Requests], port: int) -> None:
        self.port = port
        self._station = station
        self._requests = requests
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Begin to listen. Raises BusError if the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _Connection(self._station, self._requests(), self._connections), "127.0.0.1", self.port
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

    async def __aenter__(self) -> Self:
        """Start, and return the bus."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        await self.stop()


class TcpBus(_NetworkBus):
    """Meters behind one Modbus TCP endpoint on 127.0.0.1, by unit id; use as an async context manager.

    A unit that is not there is answered as a gateway does, with exception 11. `port` 0 takes a free one; `port` then
    tells which. Starting raises BusError if the port is taken.
    """

    def __init__(
        self, meters: Mapping[int, BusMeter], clock: MeterClock, port: int = 0, *, disturb: Disturb = undisturbed
    ) -> None:
        station = Station(meters, clock, disturb=disturb, missing=ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND)
        super().__init__(station, TcpRequests, port)


class RtuTcpBus(_NetworkBus):
    """Meters on a serial line behind a transparent gateway on 127.0.0.1: RTU frames on a socket.

    As `TcpBus`, but a unit that is not there is silence, and the line behind the gateway may have a `pace`.
    """

    def __init__(
        self,
        meters: Mapping[int, BusMeter],
        clock: MeterClock,
        port: int = 0,
        *,
        pace: LinePace | None = None,
        disturb: Disturb = undisturbed,
    ) -> None:
        super().__init__(Station(meters, clock, pace, disturb), RtuRequests, port)


class _Connection(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, station: Station, requests: Requests, connections: set[asyncio.Transport]) -> None:
        self._station = station
        self._requests = requests
        self._connections = connections

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
            self._station.hear(request, self._say)

    def _say(self, octets: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(octets)
        if self._transport.get_write_buffer_size() > _UNSENT_MAX:
            self._transport.abort()
