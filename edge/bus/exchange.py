"""One request in flight: what was sent, what has come back, and why it ends before its time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge.bus_errors import BadReplyError, BusError, NoReplyError

if TYPE_CHECKING:
    from edge.bus.wire import Framing
    from edge.metering.requests import Request

HANDOVER_SECONDS = 1.0
"""How long the library has to hand on a reply that has come whole; only its own fault would use it up."""

ECHO = "the request itself came back; an adapter that hears itself needs local_echo = true"
_ECHO_OCTETS_MIN = 4


class Exchange:
    """The request in flight and its reply, as the octets pass by.

    `body` is that of a whole reply, which took `delay_seconds`; `flaw` is what the guard found wrong with a reply, and
    `fault` the error that ended the exchange.
    """

    def __init__(self, framing: Framing, request: Request, place: str, limit_seconds: float) -> None:
        self.request = request
        self.limit_seconds = limit_seconds
        self.deadline = asyncio.timeout(limit_seconds)
        self.body: bytes | None = None
        self.delay_seconds: float | None = None
        self.fault: BusError | None = None
        self.flaw: str | None = None
        self._framing = framing
        self._place = place
        self._sent = b""
        self._sent_at = 0.0

    def on_sent(self, octets: bytes) -> None:
        """Take note of the frame that goes out."""
        self._sent = octets
        self._sent_at = asyncio.get_running_loop().time()

    def on_received(self, octets: bytes) -> bytes:
        """Judge all octets that have come since the request, and return those that the library may see."""
        now = asyncio.get_running_loop().time()
        self.flaw = self._framing.fault(octets, self.request, self._sent)
        if self.flaw is not None:
            self.fail(BadReplyError(f"{self._place}: {ECHO if self._is_echo(octets) else self.flaw}"))
            return b""
        self.body = self._framing.body(octets, self.request)
        if self.body is not None:
            self.delay_seconds = now - self._sent_at
            # The time-out may be due in this very moment because the machine was busy, and would end the request before
            # the library has handed on the reply (since Python 3.12); but a whole reply has come in time.
            self._reschedule(now + HANDOVER_SECONDS)
        return octets

    def fail(self, fault: BusError) -> None:
        """End the exchange with this error instead of waiting for the time-out."""
        if not self.deadline.expired():
            self.fault = fault
            self._reschedule(asyncio.get_running_loop().time())

    def why_no_reply(self) -> BusError:
        """Return why there is no answer, once the time is over."""
        return self.fault or NoReplyError(f"{self._place}: no reply within {self.limit_seconds:g} s")

    def _is_echo(self, octets: bytes) -> bool:
        """Return whether so much of the request itself has come back that it can be no beginning of an answer."""
        is_beginning = len(octets) >= _ECHO_OCTETS_MIN and self._sent.startswith(octets)
        return not self._framing.is_numbered and (is_beginning or octets.startswith(self._sent))

    def _reschedule(self, when: float) -> None:
        if not self.deadline.expired():
            self.deadline.reschedule(when)
