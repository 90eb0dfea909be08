"""How a device does, on four axes that are never one light: its link, its meters, its data, and what it reports.

Each is judged for itself, and said as a word; the worst of them decides how urgent the device is. A silence at night is
no excuse: a logger is powered day and night.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.fleet.hearing import Link
from hub.fleet.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

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
    """Where a device stands on an axis, in one of its words: how urgent that is, and what more there is to say."""

    axis: Axis
    word: str
    urgency: Urgency
    detail: str = ""

    @property
    def text(self) -> str:
        """The word with its detail."""
        return f"{self.word}: {self.detail}" if self.detail else self.word


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a device.

    `link` is how it is heard, in the words of the device list; `was_heard` whether it ever was, `is_heard` whether
    within a day. `meters` counts registered meters that it reads, `unread` those of them that were not read for a day;
    `suspect` and `frozen` meters of which the device says that a register moved as it cannot, or does not move.
    `contradicted` counts what contradicts what is held, `beyond` blocks that lie beyond a gap, `backlog` blocks that
    the hub lacks. `standings` are those of the systems that it reports.
    """

    link: str
    was_heard: bool = False
    is_heard: bool = False
    meters: int = 0
    unread: int = 0
    suspect: int = 0
    frozen: int = 0
    contradicted: int = 0
    beyond: int = 0
    backlog: int = 0
    standings: Collection[Standing] = ()


WORDS: Mapping[Axis, Mapping[str, Urgency]] = {
    Axis.LINK: {
        Link.SILENT.value: Urgency.BAD,
        Link.OFFLINE.value: Urgency.WARN,
        Link.LATE.value: Urgency.WARN,
        Link.NEVER_SEEN.value: Urgency.WARN,
        Link.ONLINE.value: Urgency.OK,
    },
    Axis.METER: {
        "not answering": Urgency.BAD,
        "doubted": Urgency.BAD,
        "standing still": Urgency.WARN,
        "not known": Urgency.WARN,
        "answering": Urgency.OK,
        "none registered": Urgency.OK,
    },
    Axis.DATA: {
        "conflict": Urgency.BAD,
        "gap": Urgency.WARN,
        "backlog": Urgency.WARN,
        "current": Urgency.OK,
        "nothing yet": Urgency.OK,
    },
    Axis.REPORT: {
        Standing.MISSING.value: Urgency.BAD,
        Standing.AT_RISK.value: Urgency.BAD,
        Standing.HELD.value: Urgency.WARN,
        Standing.WAITING.value: Urgency.WARN,
        Standing.READY.value: Urgency.OK,
        Standing.ACCEPTED.value: Urgency.OK,
        Standing.NOT_DUE.value: Urgency.OK,
    },
}
"""Every word of each axis with its urgency, the worst first."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A word of an axis, at which devices stand."""

    axis: Axis
    word: str


def stand_at(axis: Axis | None, word: str) -> Stand | None:
    """Return the place that is named, None where nothing is; raises InputError for what is no word of the axis."""
    if axis is None and not word:
        return None
    if axis is None:
        message = f"stands: name the axis of {word!r:.40} too: {', '.join(Axis)}"
        raise InputError(message)
    if word not in WORDS[axis]:
        message = f"stands: no device stands at {word!r:.40} on the axis {axis}: ask for {', '.join(WORDS[axis])}"
        raise InputError(message)
    return Stand(axis, word)


def is_recent(instant: int | None, at: int) -> bool:
    """Return whether something was heard or read within a day before `at`; both are UTC ms, None is never."""
    return instant is not None and at - instant <= UNREAD_MS


def judge_axes(seen: Seen) -> tuple[Value, ...]:
    """Return where a device stands on each axis, in their order."""
    return (_value(Axis.LINK, seen.link), _judge_meters(seen), _judge_data(seen), _judge_report(seen))


def worst_of(values: Sequence[Value]) -> Urgency:
    """Return the urgency of the worst axis."""
    order = list(Urgency)
    return min((one.urgency for one in values), key=order.index)


def _value(axis: Axis, word: str, detail: str = "") -> Value:
    return Value(axis, word, WORDS[axis][word], detail)


def _judge_meters(seen: Seen) -> Value:
    if not seen.meters:
        return _value(Axis.METER, "none registered")
    if seen.unread and seen.is_heard:
        some = "" if seen.unread == seen.meters else f"{seen.unread} of {seen.meters}"
        return _value(Axis.METER, "not answering", some)
    if seen.suspect:
        return _value(Axis.METER, "doubted")
    if seen.frozen:
        return _value(Axis.METER, "standing still")
    return _value(Axis.METER, "not known" if seen.unread else "answering")


def _judge_data(seen: Seen) -> Value:
    if seen.contradicted:
        return _value(Axis.DATA, "conflict")
    if seen.beyond:
        return _value(Axis.DATA, "gap")
    if seen.backlog:
        return _value(Axis.DATA, "backlog")
    return _value(Axis.DATA, "current" if seen.was_heard else "nothing yet")


def _judge_report(seen: Seen) -> Value:
    order = list(Standing)
    worst = min(seen.standings, key=order.index, default=Standing.NOT_DUE)
    return _value(Axis.REPORT, worst.value)
