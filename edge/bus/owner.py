"""The one owner of a line or endpoint, and how it keeps a late reply from meeting the next question."""

from __future__ import annotations

import asyncio
import logging
import termios
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymodbus.exceptions import ModbusException

from edge.bus.wire import RtuWire, TcpWire, Wire
from edge.bus_errors import BadReplyError, BusError, ExceptionReplyError, NoReplyError, NotConnectedError
from edge.metering.frames import Request
from edge.settings import RtuLine

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from edge.bus.wire import Client
    from edge.metering.words import Span
    from edge.settings import BusSettings

CONNECT_SECONDS_MAX = 5.0
QUIET_SPANS_MAX = 4
"""A line that is not silent within so many time-outs has another master on it."""
_HOLDING = 3


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to leave a bus alone after it could not be opened: doubling from `first_seconds` to `max_seconds`."""

    first_seconds: float = 0.5
    max_seconds: float = 30.0

    def delay_seconds(self, failures: int) -> float:
        """Return the pause after so many failures in a row, at least one."""
        return min(self.first_seconds * 2.0 ** min(failures - 1, 30), self.max_seconds)


class Bus:
    """A serial line or TCP endpoint and its one owner; opened at the first read, and again whenever it must be.

    `kind` is `rtu` or `tcp`. `connections` grows each time a connection is made behind which another meter could be:
    whoever sees it grow must identify the meter again.
    """

    def __init__(self, settings: BusSettings, back_off: BackOff) -> None:
        self.settings = settings
        self.connections = 0
        self._wire: Wire = RtuWire(settings) if isinstance(settings, RtuLine) else TcpWire(settings)
        self.kind = self._wire.kind
        self._back_off = back_off
        self._turn = asyncio.Lock()
        self._client: Client | None = None
        self._is_new = True
        self._failures = 0
        self._retry_at = 0.0
        self._why_not = ""
        self._quiet_seconds = 0.0
        self._heard_at = 0.0
        self._sent = b""
        self._request: Request | None = None
        self._deadline: asyncio.Timeout | None = None
        self._fault: BusError | None = None

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Return the words of `span` from the meter with this unit id, after all earlier requests are done.

        `timeout_seconds` and `silence_ms` are the meter's; what the bus's settings say goes before. Raises a BusError,
        after which the connection is fresh for the next request.
        """
        limit_seconds = self.settings.timeout_seconds or timeout_seconds
        async with self._turn:
            is_reused = self._is_connected()
            try:
                return await self._ask(unit, span, limit_seconds, silence_ms)
            except NotConnectedError:
                if not is_reused:
                    raise
                # The other side had closed an idle connection, which only shows when it is used.
                return await self._ask(unit, span, limit_seconds, silence_ms)

    async def close(self) -> None:
        """Close the connection after the request in progress; a later read would open it again."""
        async with self._turn:
            self._drop(is_new=True)

    async def _ask(self, unit: int, span: Span, limit_seconds: float, silence_ms: int) -> tuple[int, ...]:
        await self._be_connected()
        await self._be_silent(limit_seconds, silence_ms)
        is_clean = False
        try:
            words = await self._exchange(unit, span, limit_seconds)
            is_clean = True
        except ExceptionReplyError:
            is_clean = True
            raise
        finally:
            self._heard_at = asyncio.get_running_loop().time()
            if not is_clean:
                self._quiet_seconds = limit_seconds
                self._drop(is_new=self.kind == "tcp")
        return words

    async def _exchange(self, unit: int, span: Span, limit_seconds: float) -> tuple[int, ...]:
        assert self._client is not None
        read = (
            self._client.read_holding_registers if span.function_code == _HOLDING else self._client.read_input_registers
        )
        self._request = Request(unit, span.function_code, span.count)
        self._fault = None
        try:
            async with asyncio.timeout(limit_seconds) as self._deadline:
                reply: ModbusPDU = await read(span.address, count=span.count, device_id=unit)
        except TimeoutError as error:
            raise self._why_no_reply(unit, limit_seconds) from error
        except ModbusException as error:
            message = f"{self._place(unit)}: {error}"
            raise BadReplyError(message) from error
        finally:
            self._request = self._deadline = None
        if self._fault is not None:
            raise self._fault
        if reply.isError():
            words = f"words {span.address} to {span.address + span.count - 1}"
            message = f"{self._place(unit)}: the meter refused {words} with exception {reply.exception_code}"
            raise ExceptionReplyError(message, reply.exception_code)
        return tuple(reply.registers)

    def _is_connected(self) -> bool:
        return self._client is not None and self._client.connected

    async def _be_connected(self) -> None:
        if self._is_connected():
            return
        self._drop(is_new=self._is_new)
        loop = asyncio.get_running_loop()
        if (wait := self._retry_at - loop.time()) > 0:
            message = f"{self._why_not}; the next attempt is in {wait:.1f} s"
            raise NotConnectedError(message)
        self._client = self._wire.client(self._on_packet, self._on_connection)
        if not await _connect(self._client):
            self._drop(is_new=True)
            self._failures += 1
            self._retry_at = loop.time() + self._back_off.delay_seconds(self._failures)
            self._why_not = f"{self.settings.name}: {self._wire.why_not_open()}"
            raise NotConnectedError(self._why_not)
        self._failures = 0
        self.connections += self._is_new
        self._is_new = False

    async def _be_silent(self, limit_seconds: float, silence_ms: int) -> None:
        """Wait until the line has been silent: for a whole time-out after a failure, else as between two frames."""
        loop = asyncio.get_running_loop()
        silence = max(self._wire.silence_seconds(silence_ms), self._quiet_seconds if self.kind == "rtu" else 0.0)
        give_up_at = loop.time() + QUIET_SPANS_MAX * max(limit_seconds, silence)
        while (wait := self._heard_at + silence - loop.time()) > 0:
            if loop.time() > give_up_at:
                message = f"{self.settings.name}: the line is never silent; look for a second master or a noisy adapter"
                raise BadReplyError(message)
            await asyncio.sleep(wait)
        self._quiet_seconds = 0.0

    def _drop(self, *, is_new: bool) -> None:
        self._is_new = self._is_new or is_new
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _why_no_reply(self, unit: int, limit_seconds: float) -> BusError:
        return self._fault or NoReplyError(f"{self._place(unit)}: no reply within {limit_seconds:g} s")

    def _fail(self, fault: BusError) -> None:
        """End the request in progress, if there is one, with this error instead of waiting for the time-out."""
        if self._deadline is not None and not self._deadline.expired():
            self._fault = fault
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def _on_packet(self, is_sending: bool, octets: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        """See all octets sent, and all received since then; pymodbus gets to see only what may be the answer."""
        if is_sending:
            self._sent = octets
            return octets
        self._heard_at = asyncio.get_running_loop().time()
        if self._request is None:
            return b""
        fault = self._wire.fault(octets, self._request, self._sent)
        if fault is None:
            return octets
        self._fail(BadReplyError(f"{self._place(self._request.unit)}: {fault}"))
        return b""

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001 - pymodbus calls it so
        if not is_connected:
            self._is_new = True
            self._fail(NotConnectedError(f"{self.settings.name}: the connection was lost during the request"))

    def _place(self, unit: int) -> str:
        return f"{self.settings.name}, unit {unit}"


async def _connect(client: Client) -> bool:
    """Return whether the client is connected now; if not, nothing of the attempt stays open.

    pyserial says ValueError of a speed that the port does not have, and lets the error of tcsetattr(3) through, which
    is no OSError.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            return bool(await client.connect())
    except (OSError, ValueError, termios.error) as error:
        # A port that opened but could not be set up is locked, and known only to the frames that this error holds:
        # without them it closes itself.
        traceback.clear_frames(error.__traceback__)
        return False


def open_bus(settings: BusSettings, back_off: BackOff | None = None) -> Bus:
    """Return the owner of a line or endpoint. Nothing is opened yet: a bus that is down must not stop the program."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # all that it could say comes out as a BusError
    return Bus(settings, back_off or BackOff())
