"""Numbers and times as people read them. The only place where energy leaves whole Wh."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.rules.instants import format_instant, to_instant
from hub.rules.periods import REGULATOR_ZONE, ProductionMonth

if TYPE_CHECKING:
    from datetime import date

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d[+-]\d\d:\d\d")
_NO_BREAK = "\u00a0"
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


def kilowatt_hours(energy_wh: int) -> str:
    """Return energy in kWh, exact, with thousands apart and as many decimals as it has: `13,015.5 kWh`."""
    return f"{_exact(energy_wh, 3)}{_NO_BREAK}kWh"


def megawatt_hours(energy_wh: int) -> str:
    """Return energy in MWh, exact likewise: `1.2945 MWh`."""
    return f"{_exact(energy_wh, 6)}{_NO_BREAK}MWh"


def kilowatts(power_w: int) -> str:
    """Return power in kW without its unit, exact, with thousands apart and as many decimals as it has: `2,406.7`."""
    return _exact(power_w, 3)


def plain_kilowatts(power_w: int) -> str:
    """Return power in kW likewise, for fields and tables that programs read: `2406.7`."""
    return kilowatts(power_w).replace(",", "")


def local_time(at_ms: int) -> str:
    """Return the instant in the regulator's zone: `1 Jul 2016, 00:00 EDT`."""
    local = _local(at_ms)
    return f"{local.day} {local:%b %Y}, {local:%H:%M} {local.tzname()}".replace(" ", _NO_BREAK)


def local_day(at_ms: int) -> str:
    """Return the day in the regulator's zone: `1 Jul 2016`."""
    local = _local(at_ms)
    return f"{local.day} {local:%b %Y}".replace(" ", _NO_BREAK)


def spoken(sentence: str) -> str:
    """Return a sentence of the rules with its instants as people read them: `2016-07-01 00:00-04:00` as `local_time`.

    What is kept and what programs read has the exact form; one that is no instant stays as it is.
    """
    return _INSTANT.sub(_speak, sentence)


def _speak(found: re.Match[str]) -> str:
    try:
        return local_time(to_instant(datetime.fromisoformat(found[0])))
    except ValueError:
        return found[0]


def utc_time(at_ms: int) -> str:
    """Return the instant as RFC 3339 in UTC."""
    return format_instant(at_ms)


def age(at_ms: int, now: int) -> str:
    """Return how long ago something was, in the coarsest unit that still says it: `12 min ago`."""
    elapsed = max(0, now - at_ms)
    if elapsed < _MINUTE_MS:
        return "just now"
    for unit, size, until in (("min", _MINUTE_MS, 2 * _HOUR_MS), ("h", _HOUR_MS, 2 * _DAY_MS)):
        if elapsed < until:
            return f"{elapsed // size}{_NO_BREAK}{unit} ago"
    return f"{elapsed // _DAY_MS}{_NO_BREAK}days ago"


def time_left(until_ms: int, now: int) -> str:
    """Return how long it is until an instant, cut to the unit that people count in: `3 days`, `5 h`, `12 min`."""
    left = max(0, until_ms - now)
    for unit, size, least in (("days", _DAY_MS, 2 * _DAY_MS), ("h", _HOUR_MS, 2 * _HOUR_MS)):
        if left >= least:
            return f"{left // size}{_NO_BREAK}{unit}"
    return f"{left // _MINUTE_MS}{_NO_BREAK}min"


def long_day(on: date) -> str:
    """Return a date: `15 Jan 2017`."""
    return f"{on.day} {on:%b %Y}".replace(" ", _NO_BREAK)


def planned(verb: str, on: date, today: date) -> str:
    """Return what was done on a date, or will be: `sent on 10 Jan 2027`, `to be sent on 10 Jan 2027`."""
    return f"{'to be ' if on > today else ''}{verb} on {long_day(on)}"


def month_name(month: ProductionMonth) -> str:
    """Return the month in words: `July 2016`."""
    return datetime(month.year, month.month, 1, tzinfo=REGULATOR_ZONE).strftime("%B %Y")


def month_abbreviation(month: ProductionMonth) -> str:
    """Return the month in three letters: `Jul`."""
    return datetime(month.year, month.month, 1, tzinfo=REGULATOR_ZONE).strftime("%b")


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 device`, `2 devices`, `no devices`."""
    if number == 0:
        return f"no{_NO_BREAK}{noun}s"
    return f"{number:,}{_NO_BREAK}{noun}" if number == 1 else f"{number:,}{_NO_BREAK}{noun}s"


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(REGULATOR_ZONE)


def _exact(number: int, places: int) -> str:
    """Return a whole number with its point moved by so many places, without zeros at its end."""
    sign = "-" if number < 0 else ""
    whole, rest = divmod(abs(number), 10**places)
    decimals = f".{rest:0{places}d}".rstrip("0") if rest else ""
    return f"{sign}{whole:,}{decimals}"
