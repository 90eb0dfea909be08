"""Forwarding to MassCEC's own tracking system: which register of a month is sent for a system, and which is not.

MassCEC takes one cumulative register for a system, never less than the one before, and cannot be asked what it has.
So what it took last is known from its answers, kept here, and nothing is sent that it would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.facts import ReportingMode
from hub.rules.local_times import format_local
from hub.rules.periods import REGULATOR_ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.reported import AcceptedReading

CENTS = 100
WH_PER_KWH = 1_000


class ForwardState(StrEnum):
    """What is to be done with a system's month.

    READY is to be sent; DONE was taken; WAITING has no reading; HELD would be refused, a person has to settle it;
    LEFT_OUT is not reported this way.
    """

    READY = "ready"
    DONE = "done"
    WAITING = "waiting"
    HELD = "held"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A register of a system, in exact Wh, read at `read_at` (UTC ms) by a meter (its id), with its service cost."""

    system: str
    meter: int
    register_wh: int
    read_at: int
    service_cost_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What is to be done with a system's month and why; `reading` is what is sent, None where nothing is."""

    system: str
    state: ForwardState
    why: str
    reading: Forwarded | None = None


def plan_forwarding(
    system: str,
    mode: ReportingMode,
    readings: Mapping[int, AcceptedReading | None],
    last: Forwarded | None,
    service_cost_cents: int | None = None,
) -> Forwarding:
    """Return what is to be done with a system's month.

    `readings` are what counts for the month by each meter that goes on after it, `last` is what MassCEC took last, None
    for nothing, or for nothing since it began the register anew. Citation: `citations.NON_DECREASING`.
    """
    left_out = _why_left_out(mode, len(readings))
    if left_out is not None:
        return Forwarding(system, ForwardState.LEFT_OUT, left_out)
    ((meter, counting),) = readings.items()
    if counting is None:
        return Forwarding(system, ForwardState.WAITING, "No reading counts for the month yet.")
    reading = Forwarded(system, meter, counting.register_wh, counting.read_at, service_cost_cents)
    if last is None:
        return Forwarding(system, ForwardState.READY, "MassCEC took nothing from here yet.", reading)
    if (last.register_wh, last.read_at) == (reading.register_wh, reading.read_at):
        return Forwarding(system, ForwardState.DONE, "MassCEC has taken it.")
    held = _why_held(reading, last)
    if held is not None:
        return Forwarding(system, ForwardState.HELD, held)
    return Forwarding(system, ForwardState.READY, f"MassCEC has {register_kwh(last.register_wh)} kWh.", reading)


def _why_left_out(mode: ReportingMode, meters: int) -> str | None:
    if mode is ReportingMode.MANUAL:
        return "It is reported by hand, at MassCEC by its reporter."
    if meters == 0:
        return "No meter of it goes on after the month."
    if meters > 1:
        return f"It has {meters} meters, and MassCEC takes one register for a system: settle it with MassCEC."
    return None


def _why_held(reading: Forwarded, last: Forwarded) -> str | None:
    taken = f"MassCEC took {register_kwh(last.register_wh)} kWh of {format_local(last.read_at)}"
    if reading.register_wh < last.register_wh and reading.meter != last.meter:
        return (
            f"{taken}, from another meter: tell MassCEC of the exchange, and once it has begun the register anew say "
            "so with `meter-hub forward anew`"
        )
    if reading.register_wh < last.register_wh:
        return (
            f"{taken}, and would refuse {register_kwh(reading.register_wh)} kWh as too small: settle it with MassCEC, "
            "and say so with `meter-hub forward anew` once it has begun the register anew"
        )
    if reading.read_at < last.read_at:
        return f"{taken}, which is later than this reading: an earlier month is only changed by a reconciliation"
    return None


def register_kwh(register_wh: int) -> str:
    """Return a register as it is sent: kWh as an exact decimal, without zeros behind.

    Citation: `citations.AUTOMATED_JSON`.
    """
    whole, part = divmod(register_wh, WH_PER_KWH)
    return f"{whole}.{part:03d}".rstrip("0").rstrip(".")


def reading_time(read_at: int) -> str:
    """Return the time of a reading (UTC ms) as it is sent: to the second, as the clocks in Massachusetts showed it.

    There is no zone in it: of the hour that they show twice in autumn both times are written alike.
    Citation: `citations.AUTOMATED_SOAP`.
    """
    local = datetime.fromtimestamp(read_at // 1000, UTC).astimezone(REGULATOR_ZONE)
    return local.replace(tzinfo=None).isoformat(timespec="seconds")


def service_dollars(cents: int) -> str:
    """Return a service cost as it is sent: dollars with two decimals. Citation: `citations.AUTOMATED_SOAP`."""
    return f"{cents // CENTS}.{cents % CENTS:02d}"


def last_taken(taken: Forwarded | None, answered: Forwarded) -> Forwarded:
    """Return what MassCEC has after it took another reading: its register is never less than before.

    Citation: `citations.OWN_RECORD`.
    """
    if taken is not None and taken.register_wh > answered.register_wh:
        return taken
    return answered
