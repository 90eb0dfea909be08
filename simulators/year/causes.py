"""The table of faults and causes: what each kind of fault may leave in the chain, and what it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.records import MeterEventKind, PollCause
from simulators.faults import FaultKind
from simulators.faults.kinds import EXCEPTION_CODES
from simulators.year.plan import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

SUSPECT, HELD, STALE = "suspect", "held", "stale"
AFTERMATH_MS: Mapping[str, int] = {SUSPECT: 2 * HOUR_MS, HELD: 24 * HOUR_MS, STALE: HOUR_MS}
"""How long after its fault a reading may be marked so. A poll that gives no reading has no aftermath: the next does."""

_TIMEOUT, _BAD, _BUSY = str(PollCause.TIMEOUT), str(PollCause.BAD_REPLY), str(PollCause.BUSY)
_LOST = str(PollCause.NOT_CONNECTED)
_IDENTITY, _UNSTABLE = str(PollCause.IDENTITY), str(PollCause.UNSTABLE)
_UNAVAILABLE = str(PollCause.NOT_AVAILABLE)

REASONS: Mapping[FaultKind, frozenset[str]] = {
    FaultKind.SILENCE: frozenset({_TIMEOUT}),
    FaultKind.LATE_REPLY: frozenset({_TIMEOUT, _BAD, _BUSY}),
    FaultKind.SLOW_METER: frozenset(),
    FaultKind.WRONG_UNIT: frozenset({_BAD}),
    FaultKind.CRC_ERROR: frozenset({_BAD, _TIMEOUT}),
    FaultKind.NOISE: frozenset({_BAD}),
    FaultKind.ECHO: frozenset({_BAD}),
    FaultKind.TRUNCATED: frozenset({_TIMEOUT, _BAD}),
    FaultKind.GLUED: frozenset({_BAD}),
    # A meter that is looked for on a map that moves is not found while it refuses.
    **{kind: frozenset({f"exception-{code}", _IDENTITY}) for kind, code in EXCEPTION_CODES.items()},
    FaultKind.SECOND_MASTER: frozenset({_BAD, _BUSY}),
    # What flowed while nothing moved comes at once when it moves again, faster than the site can give.
    FaultKind.FROZEN: frozenset({STALE, SUSPECT}),
    FaultKind.ZERO_AT_BOOT: frozenset({SUSPECT}),
    # A word of base 10000 cannot be all ones: such a reply is none.
    FaultKind.ALL_ONES_AT_BOOT: frozenset({SUSPECT, _UNAVAILABLE, _BAD}),
    FaultKind.WORD_SWAP: frozenset({SUSPECT, _UNAVAILABLE}),
    FaultKind.ROLLOVER: frozenset({SUSPECT}),
    FaultKind.ROLLBACK: frozenset({_TIMEOUT, SUSPECT, HELD}),
    FaultKind.RESET: frozenset({SUSPECT}),
    FaultKind.EXCHANGE: frozenset({SUSPECT, HELD}),
    FaultKind.CT_CHANGE: frozenset(),
    FaultKind.PORT_RENUMBERING: frozenset({_LOST}),
    FaultKind.ADAPTER_SWAP: frozenset({SUSPECT, _IDENTITY, _LOST, _UNSTABLE}),
    FaultKind.CLOCK_STEP: frozenset(),
}
"""Why a poll that is due during a fault may give no good reading; nothing else is believed of it."""

ALWAYS_FAILING = frozenset(
    {FaultKind.SILENCE, FaultKind.WRONG_UNIT, FaultKind.TRUNCATED, FaultKind.ROLLBACK, *EXCEPTION_CODES}
)
"""Faults during which no poll at all may give a good reading, on whatever line."""
RTU_FAILING = frozenset(
    {FaultKind.LATE_REPLY, FaultKind.CRC_ERROR, FaultKind.NOISE, FaultKind.ECHO, FaultKind.SECOND_MASTER}
)
"""The same, on a line of RTU frames."""

EVENTS: Mapping[FaultKind, frozenset[str]] = {
    FaultKind.ROLLOVER: frozenset({MeterEventKind.ROLLOVER}),
    FaultKind.RESET: frozenset({MeterEventKind.RESET, MeterEventKind.CONFIRMED}),
    FaultKind.EXCHANGE: frozenset({MeterEventKind.EXCHANGE}),
    FaultKind.ADAPTER_SWAP: frozenset({MeterEventKind.EXCHANGE}),
    FaultKind.CT_CHANGE: frozenset({MeterEventKind.CONFIGURATION_CHANGE}),
}
"""Which events state what a fault did to a meter: one of them must be there, soon after it began."""
STATED_WITHIN_MS = 20 * HOUR_MS

BREAKS = frozenset(
    {MeterEventKind.RESET, MeterEventKind.CONFIRMED, MeterEventKind.EXCHANGE, MeterEventKind.SCALE_CHANGE}
)
"""Events at which one segment of a register ends and another begins."""
