"""What the rules compare with: each number with its default and its bounds, and which value holds from when on.

What a rule asks of a fleet is a line of `_ASKED`; for how long it has to hold and is kept follows from `RULES`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.alerting.rules import RULES, Code
from hub.errors import InputError, UnknownSubjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.alerting.rules import Rule

DAYS_AHEAD_MAX = 366
COMING_MAX = 10
"""Of one threshold: so many changes may wait for their instant."""
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_WEEK_MINUTES = 7 * 24 * 60


class Unit(StrEnum):
    """What a threshold counts."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    PER_CENT = "%"
    DEVICE = "device"
    BLOCK = "block"
    POLL = "poll"
    START = "start"
    CELSIUS = "°C"


_WITHOUT_PLURAL = {Unit.PER_CENT, Unit.CELSIUS}
_MS = {Unit.SECOND: 1000, Unit.MINUTE: _MINUTE_MS, Unit.HOUR: 60 * _MINUTE_MS, Unit.DAY: _DAY_MS}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A whole number of `unit` that a rule compares with, from `least` to `greatest`; `words` say what it means."""

    name: str
    rule: Code
    words: str
    unit: Unit
    default: int
    least: int
    greatest: int

    def say(self, value: int) -> str:
        """Return a value with its unit, such as "1 hour" or "20 %"."""
        return f"{value} {self.unit.value}{'' if self.unit in _WITHOUT_PLURAL or value == 1 else 's'}"

    def check(self, value: int) -> None:
        """Raise InputError for a value out of bounds."""
        if not self.least <= value <= self.greatest:
            message = f"{self.name} is from {self.least} to {self.say(self.greatest)}, not {value}"
            raise InputError(message)


_C, _U = Code, Unit
_ASKED = (
    Threshold("fleet_silent_per_cent", _C.FLEET_SILENT, "More of the fleet than this is silent", _U.PER_CENT, 5, 1, 99),
    Threshold("fleet_silent_devices", _C.FLEET_SILENT, "And so many of it at least", _U.DEVICE, 10, 1, 100_000),
    Threshold("device_silent_hours", _C.DEVICE_SILENT, "Not heard for longer than this", _U.HOUR, 24, 1, 720),
    Threshold("device_silent_settling_minutes", _C.DEVICE_SILENT, "Not so soon after a start", _U.MINUTE, 120, 0, 1440),
    Threshold("clock_skew_warning_seconds", _C.CLOCK_SKEW, "Off by more than this", _U.SECOND, 60, 1, 86_400),
    Threshold("clock_skew_critical_seconds", _C.CLOCK_SKEW, "Critical above this", _U.SECOND, 300, 1, 86_400),
    Threshold("clock_skew_unset_hours", _C.CLOCK_SKEW, "Or kept by nobody for longer than this", _U.HOUR, 24, 1, 720),
    Threshold("backlog_blocks", _C.BACKLOG, "So many at least are not here", _U.BLOCK, 24, 1, 100_000),
    Threshold("comm_errors_polls", _C.COMM_ERRORS, "So many at least failed in a day", _U.POLL, 20, 1, 100_000),
    Threshold("rs485_errors_polls", _C.RS485_ERRORS, "So many at least were broken in a day", _U.POLL, 5, 1, 100_000),
    Threshold("host_health_disk_per_cent", _C.HOST_HEALTH, "Its disk is fuller than this", _U.PER_CENT, 85, 1, 99),
    Threshold("host_health_celsius", _C.HOST_HEALTH, "Its processor is hotter than this", _U.CELSIUS, 80, 30, 150),
    Threshold("host_health_starts", _C.HOST_HEALTH, "It started more often within a day", _U.START, 3, 0, 100),
    Threshold("window_closing_days", _C.WINDOW_CLOSING, "So long before it closes", _U.DAY, 5, 1, 10),
    Threshold("window_closing_critical_hours", _C.WINDOW_CLOSING, "Critical so long before", _U.HOUR, 24, 0, 240),
    Threshold("backup_stale_hours", _C.BACKUP_STALE, "Older than this", _U.HOUR, 26, 1, 720),
    Threshold("restore_drill_stale_days", _C.RESTORE_DRILL_STALE, "Older than this", _U.DAY, 35, 1, 366),
    Threshold("hub_space_warning_per_cent", _C.HUB_SPACE, "Less of it than this is free", _U.PER_CENT, 20, 1, 99),
    Threshold("hub_space_critical_per_cent", _C.HUB_SPACE, "Critical below this", _U.PER_CENT, 5, 0, 99),
    Threshold("hub_space_days", _C.HUB_SPACE, "Or full within so many, as it grows", _U.DAY, 14, 1, 366),
    Threshold("certificate_expiry_warning_days", _C.CERTIFICATE_EXPIRY, "Ends sooner than this", _U.DAY, 30, 1, 366),
    Threshold("certificate_expiry_critical_days", _C.CERTIFICATE_EXPIRY, "Critical below this", _U.DAY, 7, 0, 366),
    Threshold("crl_expiry_days", _C.CRL_EXPIRY, "Overdue sooner than this", _U.DAY, 7, 1, 366),
    Threshold("hub_ingest_lag_warning_seconds", _C.HUB_INGEST_LAG, "Waits for longer", _U.SECOND, 60, 1, 86_400),
    Threshold("hub_ingest_lag_critical_seconds", _C.HUB_INGEST_LAG, "Critical above this", _U.SECOND, 600, 1, 86_400),
    Threshold("mail_waiting_minutes", _C.MAIL_WAITING, "Waits for longer than this", _U.MINUTE, 60, 1, 10_080),
    Threshold("channel_failing_minutes", _C.CHANNEL_FAILING, "Takes nothing for longer", _U.MINUTE, 60, 1, 7200),
)


def _of_rules() -> Iterator[Threshold]:
    for code, rule in RULES.items():
        held, kept = rule.for_ms // _MINUTE_MS, rule.keep_ms // _MINUTE_MS
        yield Threshold(f"{code}_for_minutes", code, "Fires once it held for", _U.MINUTE, held, 0, _WEEK_MINUTES)
        yield Threshold(f"{code}_keep_minutes", code, "Over once gone for", _U.MINUTE, kept, 0, _WEEK_MINUTES)


THRESHOLDS = {one.name: one for one in sorted((*_ASKED, *_of_rules()), key=lambda one: list(Code).index(one.rule))}
"""Every threshold by its name, rule by rule."""


def find_threshold(name: str) -> Threshold:
    """Return the threshold of this name; raises UnknownSubjectError if there is none."""
    found = THRESHOLDS.get(name)
    if found is None:
        message = f"there is no threshold {name!r:.60}: `meter-hub alerts thresholds list` has them all"
        raise UnknownSubjectError(message)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """From an instant (UTC ms) on a threshold has this value; with None its default again."""

    threshold: str
    value: int | None
    from_at: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What holds at an instant: `values` are those that are not left at their default."""

    values: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        """Return what holds of a threshold, in its unit; raises KeyError for a name that none has."""
        return self.values.get(name, THRESHOLDS[name].default)

    def ms(self, name: str) -> int:
        """Return what holds of a threshold that is a time, in milliseconds."""
        return self[name] * _MS[THRESHOLDS[name].unit]

    def say(self, name: str) -> str:
        """Return what holds of a threshold, with its unit."""
        return THRESHOLDS[name].say(self[name])

    def rule(self, code: Code) -> Rule:
        """Return a rule with the times for which it has to hold, and is kept."""
        return replace(RULES[code], for_ms=self.ms(f"{code}_for_minutes"), keep_ms=self.ms(f"{code}_keep_minutes"))


DEFAULTS = Thresholds()


def hold_at(changes: Iterable[Change], at: int) -> Thresholds:
    """Return what holds at `at` (UTC ms) by these changes, which stand in the order in which they were said.

    The last to begin counts, and of two that begin together the one said last.
    """
    begun = sorted((one for one in changes if one.from_at <= at), key=lambda one: one.from_at)
    last = {one.threshold: one.value for one in begun}
    return Thresholds({name: value for name, value in last.items() if value is not None})


def list_coming(changes: Sequence[Change], at: int) -> tuple[Change, ...]:
    """Return what changes after `at` (UTC ms), the next first: of two at one instant the one said last.

    What leaves a threshold as it is by then is left out.
    """
    last = {(one.from_at, one.threshold): one for one in changes if one.from_at > at}
    holding: dict[str, int | None] = dict(hold_at(changes, at).values)
    coming = []
    for key in sorted(last):
        change = last[key]
        if holding.get(change.threshold) != change.value:
            coming.append(change)
        holding[change.threshold] = change.value
    return tuple(coming)


def check_from(from_at: int, at: int, coming: Sequence[Change]) -> None:
    """Refuse with InputError to change at `at` (UTC ms) what held before, what is far off, or too much at once.

    `coming` are the changes of the same threshold that are to come.
    """
    if from_at < at:
        message = "from_at has passed: a threshold changes now or later, for what has fired, fired by what held then"
        raise InputError(message)
    if from_at > at + DAYS_AHEAD_MAX * _DAY_MS:
        message = f"from_at is more than {DAYS_AHEAD_MAX} days off: by then nobody remembers"
        raise InputError(message)
    if from_at > at and len({one.from_at for one in coming} | {from_at}) > COMING_MAX:
        message = f"from_at is one too many: {COMING_MAX} changes are to come already, so change one at its own instant"
        raise InputError(message)
