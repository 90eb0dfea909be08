"""What a meter is asked besides its words, and which answers are believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from edge.bus_errors import ExceptionReplyError
from edge.metering.errors import WrongMeterError
from edge.metering.profile import IdentityQuestion, Refusal
from edge.metering.words import Span
from edge.profiles import load_profile
from edge.recognise import recognise

WATTNODE = load_profile("ccs.wattnode-modbus")
REPORT = b"\x02\xffContinental Control Systems LLC, WattNode MODBUS, WNC-3Y-208-MB"


@dataclass(slots=True)
class Meter:
    """A bus with one meter that answers functions 17 and 43, or every request with one exception."""

    exception: int | None = None
    connections: int = 4
    asked: list[object] = field(default_factory=list)

    def _answer(self, question: object) -> None:
        self.asked.append(question)
        if self.exception is not None:
            message = "the meter refused"
            raise ExceptionReplyError(message, self.exception)

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Answer zeros."""
        del unit, timeout_seconds, silence_ms
        self._answer(span)
        return (0,) * span.count

    async def report_server_id(self, unit: int, *, timeout_seconds: float, silence_ms: int = 0) -> bytes:
        """Answer as a WattNode."""
        del unit, timeout_seconds, silence_ms
        self._answer(17)
        return REPORT

    async def read_device_identification(
        self, unit: int, *, timeout_seconds: float, silence_ms: int = 0
    ) -> dict[int, bytes]:
        """Answer as a Veris."""
        del unit, timeout_seconds, silence_ms
        self._answer(43)
        return {0: b"Veris Industries", 1: b"E51C2", 2: b"2.115"}


async def test_a_meter_that_says_what_it_must_is_believed() -> None:
    """Each question is asked by its function, and any text of the answer may hold the words."""
    meter = Meter()
    profile = replace(WATTNODE, questions=(IdentityQuestion(17, "WattNode"), IdentityQuestion(43, "E51C2")))
    assert await recognise(meter, 7, profile) == {4}
    assert meter.asked == [17, 43]


async def test_a_map_that_asks_nothing_hears_nothing() -> None:
    """A profile with checks of words alone makes no request here."""
    meter = Meter()
    assert await recognise(meter, 7, WATTNODE) == frozenset()
    assert meter.asked == []


@pytest.mark.parametrize(
    ("function", "exception", "found"),
    [(17, None, "Continental"), (43, None, "Veris Industries, E51C2"), (17, 1, "''")],
)
async def test_another_answer_is_the_wrong_meter(function: int, exception: int | None, found: str) -> None:
    """An answer that lacks the words, and a meter that does not know the question, are refused showing what came."""
    profile = replace(WATTNODE, questions=(IdentityQuestion(function, "PowerScout"),))  # type: ignore[arg-type]  # 17, 43
    with pytest.raises(WrongMeterError, match=rf"{found}.*its answer to function {function}, lacks 'PowerScout'"):
        await recognise(Meter(exception), 7, profile)


async def test_words_that_must_not_be_there_are_refused() -> None:
    """A meter of another model, which has the words, is not believed; one that answers exception 2 is."""
    profile = replace(WATTNODE, questions=(), refuses=(Refusal(3, 0xC350, 2),))
    with pytest.raises(WrongMeterError, match="it has words at 50000, which that model refuses"):
        await recognise(Meter(), 7, profile)
    meter = Meter(exception=2)
    assert await recognise(meter, 7, profile) == {4}
    assert meter.asked == [Span(3, 0xC350, 2)]


@pytest.mark.parametrize("exception", [4, 6, 11])
async def test_a_meter_that_is_busy_or_away_is_no_other_meter(exception: int) -> None:
    """An exception that says nothing about the model is a failure of the poll and proves no identity."""
    for profile in (
        replace(WATTNODE, questions=(IdentityQuestion(17, "WattNode"),)),
        replace(WATTNODE, refuses=(Refusal(3, 0xC350, 2),)),
    ):
        with pytest.raises(ExceptionReplyError):
            await recognise(Meter(exception), 7, profile)
