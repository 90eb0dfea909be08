"""Measured power as a series of 15-minute steps, read from a CSV file without losing a digit.

The file has the columns `measured_on` (ISO 8601 with an offset from UTC) and `ac_power` (watts, decimal text); others
are ignored. It is believed as a whole or refused as a whole: a silently skipped row would be energy that never was.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from simulators.errors import MeasuredFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

STEP_MS = 900_000
"""How long the power of one row holds, in milliseconds."""

TIME_COLUMN = "measured_on"
POWER_COLUMN = "ac_power"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Bounded, so that a hostile exponent cannot ask for a number with a million digits.
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,12})(?:\.(?P<part>[0-9]{0,18}))?(?:[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)


@dataclass(frozen=True, slots=True)
class MeasuredSeries:
    """Powers that each hold for 15 minutes: `power[i]` x 10**-`decimals` W from `starts_at[i]` (UTC ms, ascending).

    Where the next start is later than 15 minutes the power in between is zero. Powers are never negative.
    """

    starts_at: tuple[int, ...]
    power: tuple[int, ...]
    decimals: int

    @property
    def first_at(self) -> int:
        """The instant from which energy is counted, UTC ms."""
        return self.starts_at[0]

    @property
    def end_at(self) -> int:
        """The instant at which the last row's power ends, UTC ms."""
        return self.starts_at[-1] + STEP_MS


@dataclass(frozen=True, slots=True)
class _Row:
    """One row as printed: power is `count` x 10**-`decimals` W."""

    start_at: int
    count: int
    decimals: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which file something was read, for messages."""

    path: Path
    line: int

    def refuse(self, found: str, remedy: str, cause: Exception | None = None) -> NoReturn:
        message = f"{self.path}, line {self.line}: {found}; {remedy}"
        raise MeasuredFileError(message) from cause


def read_measured_csv(path: Path) -> MeasuredSeries:
    """Return the measured power in the CSV file at `path`; negative powers (use at night) count as zero.

    Blank lines are skipped. Raises MeasuredFileError, naming file and line, for a file that cannot be read, a missing
    column, a power that is not a decimal number, a time without an offset from UTC, and times that do not go forward in
    whole steps of 15 minutes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = tuple(_rows(path, lines))
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); name a CSV file of measured power"
        raise MeasuredFileError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text; export it as a plain CSV file"
        raise MeasuredFileError(message) from error
    if not rows:
        message = f"{path} has no rows of measured power; at least one is needed"
        raise MeasuredFileError(message)
    decimals = max(row.decimals for row in rows)
    return MeasuredSeries(
        starts_at=tuple(row.start_at for row in rows),
        power=tuple(row.count * 10 ** (decimals - row.decimals) for row in rows),
        decimals=decimals,
    )


def _rows(path: Path, lines: Iterable[str]) -> Iterator[_Row]:
    reader = csv.reader(lines, strict=True)
    time_index = power_index = -1
    previous: int | None = None
    for fields in _fields(path, reader):
        place = _Place(path, reader.line_num)
        if time_index < 0:
            time_index, power_index = _column(place, fields, TIME_COLUMN), _column(place, fields, POWER_COLUMN)
            continue
        if len(fields) <= max(time_index, power_index):
            place.refuse(f"the row has only {len(fields)} fields", "complete or remove it")
        start_at = _instant(place, fields[time_index])
        _check_step(place, previous, start_at, fields[time_index])
        previous = start_at
        count, decimals = _power(place, fields[power_index])
        yield _Row(start_at, max(count, 0), decimals)


def _fields(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield the rows that are not blank, with the reader's own complaint turned into ours."""
    seen = 0
    try:
        for fields in reader:
            seen += 1
            if any(field.strip() for field in fields):
                yield fields
    except csv.Error as error:
        message = f"{path}, after row {seen}: not a CSV file ({error}); export it again"
        raise MeasuredFileError(message) from error


def _column(place: _Place, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        found = f"expected exactly one column {name}, found {', '.join(header)}"
        place.refuse(found, f"name the columns {TIME_COLUMN} and {POWER_COLUMN}")
    return header.index(name)


def _instant(place: _Place, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        found = f"{TIME_COLUMN} is {text!r}, expected a time such as 2016-07-01 00:00:00-07:00"
        place.refuse(found, "correct the row", error)
    if moment.tzinfo is None:
        found = f"{TIME_COLUMN} is {text!r}, a time without a zone"
        place.refuse(found, "write its offset from UTC, such as -07:00")
    since = moment - _EPOCH
    if since % _MILLISECOND:
        place.refuse(f"{TIME_COLUMN} is {text!r}, finer than a millisecond", "round it")
    return since // _MILLISECOND


def _check_step(place: _Place, previous: int | None, start_at: int, text: str) -> None:
    if previous is None:
        return
    if start_at == previous:
        place.refuse(f"{TIME_COLUMN} repeats {text}", "keep one row for each time")
    if start_at < previous:
        place.refuse(f"{TIME_COLUMN} goes backwards to {text}", "sort the rows by time")
    if (start_at - previous) % STEP_MS:
        found = f"{TIME_COLUMN} {text} is not a whole number of 15-minute steps after the row before"
        place.refuse(found, "resample the series to 15 minutes")


def _power(place: _Place, text: str) -> tuple[int, int]:
    """Return (count, decimals) of a decimal number exactly as printed: its value is count x 10**-decimals."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        place.refuse(f"{POWER_COLUMN} is {text!r}, expected watts as a decimal number", "correct or remove the row")
    part = match["part"] or ""
    count = int(f"{match['sign']}{match['whole']}{part}")
    decimals = len(part) - int(match["exponent"] or 0)
    if decimals < 0:
        return count * 10**-decimals, 0
    return count, decimals
