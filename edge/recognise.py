"""Whether a meter is of its profile's model by what its words do not say: its own report, and what it does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge.bus_errors import ExceptionReplyError
from edge.metering.identify import judge_answer, judge_refusal
from edge.metering.words import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.metering.profile import IdentityQuestion, MeterProfile, Refusal

REPORT_SERVER_ID = 17
_ILLEGAL_ADDRESS = 2
_ILLEGAL = (1, _ILLEGAL_ADDRESS, 3)
"""The exceptions by which a meter says that it never answers such a request."""


class MeterSource(Protocol):
    """What is needed of a bus to know a meter and to read it: `edge.bus.Bus`, or a test's own."""

    connections: int

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Return the words of a span, or raise a BusError."""
        ...

    async def report_server_id(self, unit: int, *, timeout_seconds: float, silence_ms: int = 0) -> bytes:
        """Return what function 17 answers after its byte count, or raise a BusError."""
        ...

    async def read_device_identification(
        self, unit: int, *, timeout_seconds: float, silence_ms: int = 0
    ) -> Mapping[int, bytes]:
        """Return the basic objects that function 43 answers, or raise a BusError."""
        ...


async def recognise(bus: MeterSource, unit: int, profile: MeterProfile) -> frozenset[int]:
    """Ask the meter all that the profile asks besides words; return the bus's connections that the answers came over.

    Raises WrongMeterError if an answer lacks what it must contain or a word is there that must not be, BusError if
    there is no answer.
    """
    heard_over = set()
    for question in profile.questions:
        judge_answer(profile, question, await _ask(bus, unit, profile, question))
        heard_over.add(bus.connections)
    for refusal in profile.refuses:
        judge_refusal(profile, refusal, is_refused=await _is_refused(bus, unit, profile, refusal))
        heard_over.add(bus.connections)
    return frozenset(heard_over)


async def _ask(bus: MeterSource, unit: int, profile: MeterProfile, question: IdentityQuestion) -> Iterable[bytes]:
    """Return the texts of the answer, none if the meter does not know the question."""
    timeout, silence = profile.reply_timeout_seconds, profile.silence_ms
    try:
        if question.function == REPORT_SERVER_ID:
            return (await bus.report_server_id(unit, timeout_seconds=timeout, silence_ms=silence),)
        return (await bus.read_device_identification(unit, timeout_seconds=timeout, silence_ms=silence)).values()
    except ExceptionReplyError as error:
        if error.code not in _ILLEGAL:
            raise
        return ()


async def _is_refused(bus: MeterSource, unit: int, profile: MeterProfile, refusal: Refusal) -> bool:
    span = Span(refusal.function_code, refusal.address, refusal.count)
    try:
        await bus.read(unit, span, timeout_seconds=profile.reply_timeout_seconds, silence_ms=profile.silence_ms)
    except ExceptionReplyError as error:
        if error.code != _ILLEGAL_ADDRESS:
            raise
        return True
    return False
