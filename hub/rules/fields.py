"""One value out of a text that a person typed or a spreadsheet wrote: exact, or a problem told in one sentence.

Spreadsheets rewrite what they open: dates by the taste of their country, long numbers in powers of ten, ratios as
times, ZIP codes without their zero. What looks rewritten is named as such, and never guessed back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from hub.errors import InputError
from hub.rules.local_times import parse_local

LABEL_LENGTH_MAX = 100
WHOLE_MAX = (1 << 63) - 1
PTS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")

_NUMBER = re.compile(r"(-?)(\d{1,20})(?:\.(\d{1,20}))?", re.ASCII)
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)
_SCIENTIFIC = re.compile(r"-?\d+([.,]\d+)?[Ee][+-]?\d+", re.ASCII)
_ERROR = re.compile(r"#+|#[A-Z0-9/]+[!?]?|#N/A")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_REWRITTEN = re.compile(
    r"(\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}|\d{5}(\.\d+)?)"
    r"([ T]+\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?",
    re.ASCII,
)
_TIME = re.compile(r"\d+:\d\d:\d\d", re.ASCII)
_RATIO = re.compile(r"[1-9]\d{0,5}(\.\d{1,3})?:[1-9]\d{0,2}", re.ASCII)
_ZIP = re.compile(r"\d{5}(-\d{4})?", re.ASCII)
_SHORT_ZIP = re.compile(r"\d{3,4}(-\d{4})?", re.ASCII)
_GIS_ASSET = re.compile(r"[A-Za-z]{0,5}\d{1,12}", re.ASCII)
_YES = {"yes", "true", "y", "1"}
_NO = {"no", "false", "n", "0"}

_Word = TypeVar("_Word", bound=StrEnum)


class ProblemCode(StrEnum):
    """What can be wrong with a value."""

    MISSING = "MISSING"
    SPACES = "SPACES"
    FORMULA = "FORMULA"
    SPREADSHEET_ERROR = "SPREADSHEET_ERROR"
    THOUSANDS_COMMA = "THOUSANDS_COMMA"
    DECIMAL_COMMA = "DECIMAL_COMMA"
    SCIENTIFIC = "SCIENTIFIC"
    DATE_REWRITTEN = "DATE_REWRITTEN"
    RATIO_REWRITTEN = "RATIO_REWRITTEN"
    ZERO_LOST = "ZERO_LOST"
    NOT_PRINTABLE = "NOT_PRINTABLE"
    TOO_LONG = "TOO_LONG"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    TOO_FINE = "TOO_FINE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_A_DATE = "NOT_A_DATE"
    NOT_AN_INSTANT = "NOT_AN_INSTANT"
    UNKNOWN_WORD = "UNKNOWN_WORD"
    MALFORMED = "MALFORMED"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, and what to write instead."""

    code: ProblemCode
    text: str


@dataclass(frozen=True, slots=True)
class Scaled:
    """A decimal that is kept as a whole number of smaller units: 10**`digits` of them are one of what is written.

    The kept number lies from `least` to `most`; `range_text` says that range as a person would, and `unit` may follow
    numbers in a sentence.
    """

    digits: int
    least: int
    most: int
    unit: str
    range_text: str


KILOWATTS = Scaled(3, 1, 10_000_000_000, "kW", "above 0 and at most 10000000 kW")
KILOWATT_HOURS = Scaled(3, 0, WHOLE_MAX, "kWh", "from 0 on that fits a meter's register")
MODULUS_KWH = Scaled(3, 1000, WHOLE_MAX, "kWh", "from 1 kWh on, such as 100000 for a meter with five dials")
PERCENT = Scaled(4, 1, 100_000, "%", "above 0 and at most 10 %")
FACTOR = Scaled(2, 1, 100, "", "above 0 and at most 1")
LATITUDE = Scaled(6, -90_000_000, 90_000_000, "degrees", "from -90 to 90 degrees")
LONGITUDE = Scaled(6, -180_000_000, 180_000_000, "degrees", "from -180 to 180 degrees")
TILT = Scaled(0, 0, 90, "degrees", "from 0 (flat) to 90 degrees (upright)")
AZIMUTH = Scaled(0, 0, 359, "degrees", "from 0 (north) through 180 (south) to 359 degrees")


def is_pts_id(text: str) -> bool:
    """Return whether this could be a PTS id: 1 to 40 letters, digits, dots, dashes and underscores."""
    return PTS_ID.fullmatch(text) is not None


def read_text(text: str) -> str | Problem:
    """Return a text as it is, or what a spreadsheet or a slip did to it. Citation: `citations.BULK_VALUES`."""
    if text != text.strip():
        return _problem(ProblemCode.SPACES, text, "begins or ends with a space", "remove it")
    if text[:1] in {"=", "@"}:
        return _problem(ProblemCode.FORMULA, text, "is a formula", "write the value that it stands for")
    if text[:1] == "#" and _ERROR.fullmatch(text):
        return _problem(
            ProblemCode.SPREADSHEET_ERROR,
            text,
            "is what a spreadsheet shows in place of a value",
            "widen the column or repair its formula, and export the file again",
        )
    if not text.isprintable():
        return _problem(ProblemCode.NOT_PRINTABLE, text, "has a line break or control sign in it", "write it plainly")
    if len(text) > LABEL_LENGTH_MAX:
        return _problem(ProblemCode.TOO_LONG, text, f"has {len(text)} characters", f"use at most {LABEL_LENGTH_MAX}")
    return text


def read_name(text: str) -> str | Problem:
    """Return an identifier that only looks like a number, such as a serial. Citation: `citations.BULK_VALUES`."""
    if _SCIENTIFIC.fullmatch(text) and "+" in text:
        return _scientific(text)
    return read_text(text)


def read_pts_id(text: str) -> str | Problem:
    """Return a PTS id. Citation: `citations.BULK_VALUES`."""
    if is_pts_id(text):
        return text
    return _trap(text) or _problem(
        ProblemCode.MALFORMED,
        text,
        "cannot be a PTS id",
        "use 1 to 40 letters, digits, dots or dashes, such as SLF-AB1234-00001",
    )


def read_scaled(text: str, scale: Scaled) -> int | Problem:
    """Return a decimal as whole smaller units, exactly. Citation: `citations.BULK_VALUES`."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _trap(text) or _no_number(text, "digits with a point, such as 7.5" if scale.digits else "only digits")
    sign, whole, decimals = match[1], match[2], match[3] or ""
    kept, beyond = decimals[: scale.digits], decimals[scale.digits :]
    if beyond.strip("0"):
        finest = f"at most {scale.digits} decimals" if scale.digits else "a whole number"
        return _problem(ProblemCode.TOO_FINE, text, "is finer than what is kept", f"give {finest}")
    value = int(f"{sign}{whole}{kept.ljust(scale.digits, '0')}")
    if not scale.least <= value <= scale.most:
        return _problem(ProblemCode.OUT_OF_RANGE, text, "cannot be", f"give a number {scale.range_text}")
    return value


def read_date(text: str) -> date | Problem:
    """Return a calendar date. Citation: `citations.BULK_VALUES`."""
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return _problem(ProblemCode.NOT_A_DATE, text, "is no day of the calendar", "check month and day")
    if _REWRITTEN.fullmatch(text):
        return _rewritten(text, "YYYY-MM-DD, such as 2016-07-31")
    return _trap(text) or _problem(
        ProblemCode.NOT_A_DATE, text, "is not a date", "write it as YYYY-MM-DD, such as 2016-07-31"
    )


def read_instant(text: str) -> int | Problem:
    """Return an instant as UTC ms; one without zone is a time in Massachusetts. Citation: `citations.BULK_VALUES`."""
    if _INSTANT.fullmatch(text):
        try:
            return parse_local(text)
        except InputError as error:
            return Problem(ProblemCode.NOT_AN_INSTANT, str(error))
    if _REWRITTEN.fullmatch(text):
        return _rewritten(text, "2016-07-31 17:05, the time in Massachusetts")
    return _trap(text) or _problem(
        ProblemCode.NOT_AN_INSTANT,
        text,
        "is not a date and time",
        "write it such as 2016-07-31 17:05 for the time in Massachusetts, or with its zone 2016-07-31T21:05:00Z",
    )


def read_flag(text: str) -> bool | Problem:
    """Return a yes or no. Citation: `citations.BULK_VALUES`."""
    word = text.lower()
    if word in _YES or word in _NO:
        return word in _YES
    return _trap(text) or _problem(ProblemCode.UNKNOWN_WORD, text, "is neither yes nor no", "write yes or no")


def read_word(text: str, words: type[_Word]) -> _Word | Problem:
    """Return one of a few words, in whatever case. Citation: `citations.BULK_VALUES`."""
    try:
        return words(text.lower())
    except ValueError:
        known = ", ".join(words)
        return _trap(text) or _problem(
            ProblemCode.UNKNOWN_WORD, text, "is none of the words that can stand here", f"write one of {known}"
        )


def read_zip(text: str) -> str | Problem:
    """Return a ZIP code with its leading zero. Citation: `citations.BULK_VALUES`."""
    if _ZIP.fullmatch(text):
        return text
    if _SHORT_ZIP.fullmatch(text):
        whole = text.partition("-")[0].zfill(5) + "".join(text.partition("-")[1:])
        return _problem(ProblemCode.ZERO_LOST, text, "has lost its leading zero in a spreadsheet", f"write {whole}")
    return _trap(text) or _problem(ProblemCode.MALFORMED, text, "is not a ZIP code", "write five digits, such as 02138")


def read_ratio(text: str) -> str | Problem:
    """Return the ratio of a current transformer. Citation: `citations.BULK_VALUES`."""
    if _RATIO.fullmatch(text):
        return text
    if _TIME.fullmatch(text):
        return _problem(
            ProblemCode.RATIO_REWRITTEN,
            text,
            "is a ratio that a spreadsheet took for a time",
            "format the column as text and write it again, such as 200:5",
        )
    return _trap(text) or _problem(
        ProblemCode.MALFORMED, text, "is not the ratio of a current transformer", "write it such as 200:5"
    )


def read_gis_asset(text: str) -> str | Problem:
    """Return the id of a unit in the certificate registry. Citation: `citations.BULK_VALUES`."""
    if _GIS_ASSET.fullmatch(text):
        return text
    return _trap(text) or _problem(ProblemCode.MALFORMED, text, "is not a GIS asset id", "write it such as NON12345")


def _trap(text: str) -> Problem | None:
    """Return what a spreadsheet or a slip did to a value that ought to be plain, None where it is merely wrong."""
    if isinstance(found := read_text(text), Problem):
        return found
    if _THOUSANDS.fullmatch(text):
        return _problem(ProblemCode.THOUSANDS_COMMA, text, "has thousands commas", f"write {text.replace(',', '')}")
    if _DECIMAL_COMMA.fullmatch(text):
        return _problem(ProblemCode.DECIMAL_COMMA, text, "has a decimal comma", f"write {text.replace(',', '.')}")
    return _scientific(text) if _SCIENTIFIC.fullmatch(text) else None


def _scientific(text: str) -> Problem:
    return _problem(
        ProblemCode.SCIENTIFIC,
        text,
        "is in powers of ten, and a spreadsheet may have dropped digits",
        "format the column as text and write every digit",
    )


def _rewritten(text: str, form: str) -> Problem:
    return _problem(
        ProblemCode.DATE_REWRITTEN,
        text,
        "is a date as spreadsheets rewrite it",
        f"format the column as text and write {form}",
    )


def _no_number(text: str, form: str) -> Problem:
    return _problem(ProblemCode.NOT_A_NUMBER, text, "is not a plain number", f"write {form}")


def _problem(code: ProblemCode, text: str, what: str, remedy: str) -> Problem:
    return Problem(code, f"{text!r:.60} {what}: {remedy}")
