"""How a device does, on four axes that are never one light: its link, its meters, its data, and what it reports.

Each is judged for itself, and said as a word; the worst of them decides how urgent the device is. A silence at night is
no excuse: a logger is powered day and night.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.fleet.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

UNREAD_MS = 86_400_000
"""A meter without a reading for so long, of a device that is heard, does not answer."""


class Urgency(StrEnum):
    """How soon somebody should look, the worst first."""

    BAD = "bad"
    WARN = "warn"
    OK = "ok"


class Axis(StrEnum):
    """What is judged for itself."""

    LINK = "link"
    METER = "meter"
    DATA = "data"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Value:
    """Where a device stands on an axis, in a word or two, and how urgent that is."""

    axis: Axis
    word: str
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a device; instants are UTC ms.

    `link` is how it is heard, in the words of the device list. `read_at` has for each registered meter when it was last
    read (None: never); `suspect` and `frozen` count meters of which the device says that a register moved as it cannot,
    or does not move. `contradicted` counts what contradicts what is held, `beyond` blocks that lie beyond a gap,
    `backlog` blocks that the hub lacks. `standings` are those of the systems that it reports.
    """

    link: str
    heard_at: int | None
    read_at: Sequence[int | None] = ()
    suspect: int = 0
    frozen: int = 0
    contradicted: int = 0
    beyond: int = 0
    backlog: int = 0
    standings: Collection[Standing] = ()


_LINKS = {"online": Urgency.OK, "offline": Urgency.WARN, "silent": Urgency.BAD, "never seen": Urgency.WARN}
_REPORTS = {
    Standing.MISSING: Urgency.BAD,
    Standing.AT_RISK: Urgency.BAD,
    Standing.HELD: Urgency.WARN,
    Standing.WAITING: Urgency.WARN,
    Standing.READY: Urgency.OK,
    Standing.ACCEPTED: Urgency.OK,
    Standing.NOT_DUE: Urgency.OK,
}


def judge_axes(seen: Seen, at: int) -> tuple[Value, ...]:
    """Return where a device stands at `at` (UTC ms) on each axis, in their order."""
    return (
        Value(Axis.LINK, seen.link, _LINKS[seen.link]),
        _judge_meters(seen, at),
        _judge_data(seen),
        _judge_report(seen),
    )


def worst_of(values: Sequence[Value]) -> Urgency:
    """Return the urgency of the worst axis."""
    order = list(Urgency)
    return min((one.urgency for one in values), key=order.index)


def _judge_meters(seen: Seen, at: int) -> Value:
    if not seen.read_at:
        return Value(Axis.METER, "none registered", Urgency.OK)
    unread = sum(one is None or at - one > UNREAD_MS for one in seen.read_at)
    is_heard = seen.heard_at is not None and at - seen.heard_at <= UNREAD_MS
    if unread and is_heard:
        some = "" if unread == len(seen.read_at) else f": {unread} of {len(seen.read_at)}"
        return Value(Axis.METER, f"not answering{some}", Urgency.BAD)
    if seen.suspect:
        return Value(Axis.METER, "doubted", Urgency.BAD)
    if seen.frozen:
        return Value(Axis.METER, "standing still", Urgency.WARN)
    return Value(Axis.METER, "not known" if unread else "answering", Urgency.WARN if unread else Urgency.OK)


def _judge_data(seen: Seen) -> Value:
    if seen.contradicted:
        return Value(Axis.DATA, "conflict", Urgency.BAD)
    if seen.beyond:
        return Value(Axis.DATA, "gap", Urgency.WARN)
    if seen.backlog:
        return Value(Axis.DATA, "backlog", Urgency.WARN)
    return Value(Axis.DATA, "current" if seen.heard_at is not None else "nothing yet", Urgency.OK)


def _judge_report(seen: Seen) -> Value:
    if not seen.standings:
        return Value(Axis.REPORT, Standing.NOT_DUE.value, Urgency.OK)
    order = list(Standing)
    worst = min(seen.standings, key=order.index)
    return Value(Axis.REPORT, worst.value, _REPORTS[worst])
