"""The meters at the far end of a bus: they hear requests, and what they say reaches the near end in its time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from simulators.bus.answer import BusMeter, answer, refusal
from simulators.bus.exchange import Exchange, Utterance, undisturbed
from simulators.bus.pace import LineClock, LinePace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulators.bus.exchange import Disturb, Request
    from simulators.image import ExceptionCode


class MeterClock(Protocol):
    """What tells the meters the time."""

    @property
    def now_ms(self) -> int:
        """This moment, UTC ms."""
        ...


@dataclass(slots=True)
class Station:
    """Meters by unit id, and all that is between them and the end of the bus that the edge holds.

    A unit that is not there is silence, or the exception `missing` where a gateway answers for it. Without a `pace`
    nothing takes time but what `disturb` delays.
    """

    meters: Mapping[int, BusMeter]
    clock: MeterClock
    pace: LinePace | None = None
    disturb: Disturb = undisturbed
    missing: ExceptionCode | None = None
    _line: LineClock | None = field(init=False)

    def __post_init__(self) -> None:
        """Start the line's clock."""
        self._line = None if self.pace is None else LineClock(self.pace)

    def hear(self, request: Request, say: Callable[[bytes], None]) -> None:
        """Let the meter answer a whole request as of this moment; `say` is called with what comes back, in its time."""
        at_ms = self.clock.now_ms
        utterances = self.disturb(Exchange(request, self._reply(request, at_ms), at_ms))
        now = asyncio.get_running_loop().time()
        begins_at = now if self._line is None else self._line.hear(len(request.frame(request.pdu)), now)
        ends_at = begins_at
        for utterance in utterances:
            ends_at = max(ends_at, begins_at + utterance.after_ms / 1000)
            if self._line is not None:
                ends_at += self._line.pace.seconds(len(utterance.octets))
            self._deliver(utterance, ends_at, say)

    def _reply(self, request: Request, at_ms: int) -> bytes | None:
        meter = self.meters.get(request.unit)
        if meter is not None:
            return answer(meter, request.pdu, at_ms)
        return None if self.missing is None else refusal(request.pdu[0], self.missing)

    def _deliver(self, utterance: Utterance, ends_at: float, say: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()

        def arrive() -> None:
            if self._line is not None:
                self._line.said(ends_at, loop.time())
            say(utterance.octets)

        if ends_at <= loop.time():
            arrive()
        else:
            loop.call_at(ends_at, arrive)
