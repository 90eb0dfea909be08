"""The one owner of a line or endpoint, and how it keeps a late reply from meeting the next question."""

from __future__ import annotations

import asyncio
import logging
import termios
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from pymodbus.exceptions import ModbusException

from edge.bus.endpoint import EndpointWire
from edge.bus.exchange import Exchange
from edge.bus.serial_line import SerialWire
from edge.bus.wire import send
from edge.bus_errors import BadReplyError, BusyError, ExceptionReplyError, NotConnectedError
from edge.metering.back_off import BackOff
from edge.metering.frames import WRONG_CHECK_SUM
from edge.metering.patience import Patience
from edge.metering.requests import (
    READ_DEVICE_IDENTIFICATION,
    REPORT_SERVER_ID,
    Request,
    body_octets_max,
    objects_of,
    refusal,
    server_id_of,
    words_of,
)
from edge.metering.tally import BusTally
from edge.settings import SerialLine

if TYPE_CHECKING:
    from collections.abc import Hashable

    from edge.bus.wire import Client, Wire
    from edge.metering.words import Span
    from edge.settings import BusSettings

CONNECT_SECONDS_MAX = 5.0
QUIET_SPANS_MAX = 4
"""A line that is not silent within so many time-outs has another master on it."""
IDENTIFICATION_REQUESTS_MAX = 8
"""So many replies hold more than the basic device identification may be."""


class Bus:
    """A serial line or TCP endpoint and its one owner; opened at the first request, and again whenever it must be.

    `connections` grows each time a connection is made behind which another meter could be: whoever sees it grow must
    identify the meter again. All requests take turns in the order in which they were made. `timeout_seconds` and
    `silence_ms` of a request are the meter's; what the bus's settings say goes before. A meter that answered last time
    is waited for less, as long as its replies of late make likely. Requests raise a BusError, after which the
    connection is fresh for the next one.
    """

    def __init__(self, settings: BusSettings, back_off: BackOff) -> None:
        self.settings = settings
        self.connections = 0
        self.tally = BusTally()
        self._wire: Wire = SerialWire(settings) if isinstance(settings, SerialLine) else EndpointWire(settings)
        self.kind = self._wire.kind
        self._back_off = back_off
        self._turn = asyncio.Lock()
        self._client: Client | None = None
        self._exchange: Exchange | None = None
        self._patience: dict[int, Patience] = {}
        self._is_new = True
        self._place: Hashable | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._why_not = ""
        self._quiet_seconds = 0.0
        self._heard_at = 0.0
        self._strays_since: float | None = None

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Return the words of `span` from the meter with this unit id, after all earlier requests are done."""
        request = Request(unit, span.function_code, span.count, span.address)
        return words_of(await self._ask(request, timeout_seconds, silence_ms))

    async def report_server_id(self, unit: int, *, timeout_seconds: float, silence_ms: int = 0) -> bytes:
        """Return what the meter answers to function 17: the octets behind the byte count, in its maker's own format."""
        return server_id_of(await self._ask(Request(unit, REPORT_SERVER_ID), timeout_seconds, silence_ms))

    async def read_device_identification(
        self, unit: int, *, timeout_seconds: float, silence_ms: int = 0
    ) -> dict[int, bytes]:
        """Return the objects of the meter's basic device identification (function 43/14) by number.

        0 is the vendor's name, 1 the product code, 2 the revision.
        """
        objects: dict[int, bytes] = {}
        first = 0
        for _ in range(IDENTIFICATION_REQUESTS_MAX):
            request = Request(unit, READ_DEVICE_IDENTIFICATION, address=first)
            found, following = objects_of(await self._ask(request, timeout_seconds, silence_ms))
            objects |= found
            if following is None:
                return objects
            first = following
        message = f"{self._name(unit)}: device identification has no end"
        raise BadReplyError(message)

    async def close(self) -> None:
        """Close the connection after the request in progress; a later one would open it again."""
        async with self._turn:
            self._drop()
            self._is_new = True

    async def _ask(self, request: Request, timeout_seconds: float, silence_ms: int) -> bytes:
        full_seconds = self.settings.timeout_seconds or timeout_seconds
        async with self._turn:
            is_reused = self._is_connected()
            try:
                return await self._ask_once(request, full_seconds, silence_ms)
            except NotConnectedError:
                if not is_reused:
                    raise
                # The other side had closed an idle connection, which only shows when it is used.
                return await self._ask_once(request, full_seconds, silence_ms)

    async def _ask_once(self, request: Request, full_seconds: float, silence_ms: int) -> bytes:
        await self._be_connected()
        is_first = self._quiet_seconds > 0 and not self._wire.framing.is_numbered
        await self._be_silent(full_seconds, silence_ms)
        self._refuse_strays(request, full_seconds)
        is_clean = False
        try:
            body = await self._exchange_once(request, full_seconds)
            is_clean = True
        finally:
            self._heard_at = asyncio.get_running_loop().time()
            self._strays_since = self._heard_at if is_clean and is_first else None
            if not is_clean:
                self._quiet_seconds = full_seconds
                self._drop()
        if (code := refusal(body)) is not None:
            message = f"{self._name(request.unit)}: the meter refused {request.what} with exception {code}"
            raise ExceptionReplyError(message, code)
        return body

    async def _exchange_once(self, request: Request, full_seconds: float) -> bytes:
        """Send the request and return the body of its answer, which may be an exception."""
        assert self._client is not None
        patience = self._patience.get(request.unit, Patience())
        transfer_seconds = self._wire.transfer_seconds(body_octets_max(request))
        limit_seconds = patience.limit_seconds(full_seconds, transfer_seconds)
        exchange = Exchange(self._wire.framing, request, self._name(request.unit), limit_seconds)
        self._exchange = exchange
        try:
            async with exchange.deadline:
                await send(self._client, request)
        except TimeoutError as error:
            raise exchange.why_no_reply() from error
        except ModbusException as error:
            message = f"{self._name(request.unit)}: {error}"
            raise (exchange.fault or BadReplyError(message)) from error
        finally:
            self._exchange = None
            self._count(exchange, transfer_seconds)
        if exchange.fault is not None:
            raise exchange.fault
        assert exchange.body is not None, "the library took for a reply what the guard did not let through whole"
        return exchange.body

    def _is_connected(self) -> bool:
        return self._client is not None and self._client.connected

    async def _be_connected(self) -> None:
        if self._is_connected():
            return
        self._drop()
        loop = asyncio.get_running_loop()
        if (wait := self._retry_at - loop.time()) > 0:
            message = f"{self._why_not}; the next attempt is in {wait:.1f} s"
            raise NotConnectedError(message)
        self._client = self._wire.client(self._on_packet, self._on_connection)
        if not await _connect(self._client):
            self._drop()
            self._is_new = True
            self._failures += 1
            self._retry_at = loop.time() + self._back_off.delay_seconds(self._failures)
            self._why_not = f"{self.settings.name}: {self._wire.why_not_open()}"
            self.tally = replace(self.tally, shut=self.tally.shut + 1)
            raise NotConnectedError(self._why_not)
        self._failures = 0
        self.tally = replace(self.tally, openings=self.tally.openings + 1)
        place = self._wire.place()
        self.connections += self._is_new or place is None or place != self._place
        self._is_new, self._place = False, place

    async def _be_silent(self, full_seconds: float, silence_ms: int) -> None:
        """Wait until the wire has been silent: for a whole time-out after a failure, else as between two frames.

        The time-out is the longest that the meter's profile allows, however soon the request before was given up.
        """
        loop = asyncio.get_running_loop()
        quiet_seconds = 0.0 if self._wire.framing.is_numbered else self._quiet_seconds
        silence = max(self._wire.silence_seconds(silence_ms), quiet_seconds)
        give_up_at = loop.time() + QUIET_SPANS_MAX * max(full_seconds, silence)
        while (wait := self._heard_at + silence - loop.time()) > 0:
            if loop.time() > give_up_at:
                self.tally = replace(self.tally, busy=self.tally.busy + 1)
                message = f"{self.settings.name}: the line is never silent; look for a second master or a noisy adapter"
                raise BusyError(message)
            await asyncio.sleep(wait)
        self._quiet_seconds = 0.0

    def _refuse_strays(self, request: Request, full_seconds: float) -> None:
        """Fail if octets came behind the first answer after a failure, just before: it may have been a late one."""
        strays_since, self._strays_since = self._strays_since, None
        if strays_since is None or self._heard_at == strays_since:
            return
        if asyncio.get_running_loop().time() - strays_since < full_seconds:
            self._quiet_seconds = full_seconds
            self._drop()
            message = (
                f"{self._name(request.unit)}: octets came behind the answer before, which may have been a late one"
            )
            raise BadReplyError(message)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _count(self, exchange: Exchange, transfer_seconds: float) -> None:
        """Take note of what became of a request, for the tally and for the patience with this meter."""
        tally, unit = self.tally, exchange.request.unit
        tally = replace(tally, requests=tally.requests + 1)
        if isinstance(exchange.fault, NotConnectedError):
            tally = replace(tally, lost=tally.lost + 1)
        elif exchange.flaw == WRONG_CHECK_SUM:
            tally = replace(tally, check_sums=tally.check_sums + 1)
        elif exchange.flaw is not None:
            tally = replace(tally, strangers=tally.strangers + 1)
        elif exchange.body is None or exchange.delay_seconds is None:
            tally = replace(tally, timeouts=tally.timeouts + 1)
            self._patience.pop(unit, None)
        else:
            is_refusal = refusal(exchange.body) is not None
            delay_ms = round(exchange.delay_seconds * 1000)
            tally = replace(
                tally,
                replies=tally.replies + 1,
                refusals=tally.refusals + is_refusal,
                delay_ms=tally.delay_ms + delay_ms,
                delay_ms_max=max(tally.delay_ms_max, delay_ms),
            )
            if not is_refusal:
                patience = self._patience.get(unit, Patience())
                self._patience[unit] = patience.after_reply(exchange.delay_seconds - transfer_seconds)
        self.tally = tally

    def _on_packet(self, is_sending: bool, octets: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        """See all octets sent, and all received since then; pymodbus gets to see only what may be the answer."""
        if is_sending:
            if self._exchange is not None:
                self._exchange.on_sent(octets)
            return octets
        self._heard_at = asyncio.get_running_loop().time()
        return self._exchange.on_received(octets) if self._exchange is not None else b""

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001 - pymodbus calls it so
        if is_connected:
            return
        self._is_new = True
        if self._exchange is not None:
            message = f"{self.settings.name}: the connection was lost during the request"
            self._exchange.fail(NotConnectedError(message))

    def _name(self, unit: int) -> str:
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
