"""Who is reminded of a month that is not reported, and when: one mail for each person and occasion, never a burst.

An occasion counts until the next one begins. A hub that was down in between sends the one that counts now, and none of
those that it slept through.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hub.rules.facts import ReportingMode
from hub.rules.instants import to_instant
from hub.rules.periods import REGULATOR_ZONE
from hub.rules.responsibilities import Duty, share_out

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hub.rules.periods import ProductionMonth
    from hub.rules.responsibilities import Responsibility, Share


class Occasion(StrEnum):
    """What a mail is sent for. The last one is no reminder, see `hub.rules.missing_production`."""

    WINDOW_OPEN = "window_open"
    FIVE_DAYS_LEFT = "five_days_left"
    THREE_DAYS_LEFT = "three_days_left"
    ONE_DAY_LEFT = "one_day_left"
    SIX_HOURS_LEFT = "six_hours_left"
    WINDOW_MISSED = "window_missed"
    MISSING_PRODUCTION = "missing_production"


_BEFORE_CLOSE = {
    Occasion.FIVE_DAYS_LEFT: timedelta(days=5),
    Occasion.THREE_DAYS_LEFT: timedelta(days=3),
    Occasion.ONE_DAY_LEFT: timedelta(days=1),
    Occasion.SIX_HOURS_LEFT: timedelta(hours=6),
}
_LATE = frozenset(
    {Occasion.THREE_DAYS_LEFT, Occasion.ONE_DAY_LEFT, Occasion.SIX_HOURS_LEFT, Occasion.WINDOW_MISSED},
)
"""A device reports a month when it is over, five days before the close: only from the day after next is it late."""


class Window(Protocol):
    """A reporting window as reminders see it: instants are UTC ms, `closes_at` the first one that is outside."""

    @property
    def month(self) -> ProductionMonth:
        """The month that is reported in it."""
        ...

    @property
    def opens_at(self) -> int:
        """Its first instant."""
        ...

    @property
    def closes_at(self) -> int:
        """The first instant after it."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """The occasion that counts now, of one month's window, until the next occasion begins (`until_at`).

    `closes_at` is the first instant after the window, `reopens_at` the first of the following one; all UTC ms.
    """

    occasion: Occasion
    month: ProductionMonth
    closes_at: int
    reopens_at: int
    until_at: int


@dataclass(frozen=True, slots=True, order=True)
class NoticeKey:
    """What makes two mails the same mail: to whom (the address in small letters), for what, of which month."""

    recipient: str
    occasion: Occasion
    month: ProductionMonth


@dataclass(frozen=True, slots=True)
class Reminder:
    """One mail to one person, whose `share` is all the systems whose month that person is to report."""

    key: NoticeKey
    turn: Turn
    share: Share


def occasion_times(window: Window) -> tuple[tuple[Occasion, int], ...]:
    """Return when (UTC ms) each occasion of a window begins, in order.

    Days and hours before the close are counted on the clock on the wall in Massachusetts, so that a day is a day where
    the clock changes too. Citation: `citations.REMINDER_TIMES`.
    """
    close = datetime.fromtimestamp(window.closes_at // 1000, UTC).astimezone(REGULATOR_ZONE)
    # Within one zone Python subtracts on the wall clock, not in elapsed time.
    before = ((occasion, to_instant((close - span).astimezone(UTC))) for occasion, span in _BEFORE_CLOSE.items())
    return ((Occasion.WINDOW_OPEN, window.opens_at), *before, (Occasion.WINDOW_MISSED, window.closes_at))


def turn_at(window: Window, following: Window, at: int) -> Turn | None:
    """Return the occasion of `window` that counts at an instant (UTC ms).

    None before it opens, and from when the `following` month's window opens: its occasions count then.
    Citation: `citations.ONE_MAIL`.
    """
    times = occasion_times(window)
    begun = bisect_right(times, at, key=lambda time: time[1])
    if begun == 0 or at >= following.opens_at:
        return None
    occasion, _ = times[begun - 1]
    until_at = times[begun][1] if begun < len(times) else following.opens_at
    return Turn(occasion, window.month, window.closes_at, following.opens_at, until_at)


def is_reminded(occasion: Occasion, mode: ReportingMode, duty: Duty) -> bool:
    """Return whether somebody with this duty hears of an occasion for a system that is reported in this way.

    The production reporter does; the DAS provider where it is the one that reports; of systems that report by
    themselves only when that is late. Citation: `citations.WHO_IS_REMINDED`.
    """
    if mode is ReportingMode.AUTOMATIC:
        return occasion in _LATE and duty in {Duty.PRODUCTION_REPORTER, Duty.DAS_PROVIDER}
    return duty is Duty.PRODUCTION_REPORTER


def reminders_due(
    turn: Turn, responsibilities: Sequence[Responsibility], said: Collection[NoticeKey] = ()
) -> tuple[Reminder, ...]:
    """Return the mails to send now, by address: one to each person, with all systems whose month is not reported.

    What is in `said` is not said again. Citation: `citations.MONTHLY_REMINDER`.
    """
    unreported = [one for one in responsibilities if turn.month in one.missing]
    reminders = (
        Reminder(NoticeKey(share.recipient, turn.occasion, turn.month), turn, share)
        for share in share_out(unreported, lambda one, duty: is_reminded(turn.occasion, one.mode, duty))
    )
    return tuple(reminder for reminder in reminders if reminder.key not in said)
