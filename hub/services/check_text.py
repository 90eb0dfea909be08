"""Check what people type before it is kept: names, identifiers and the nameplate."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation

from hub.errors import InputError
from hub.rules.fields import LABEL_LENGTH_MAX, PTS_ID

_CAPACITY_KW_MAX = Decimal(10_000_000)
_CAPACITY_DECIMALS_MAX = 6


def check_label(text: str, what: str) -> str:
    """Return `text` without outer blanks; raises InputError if it is over 100 characters or not printable."""
    label = text.strip()
    if len(label) > LABEL_LENGTH_MAX or not label.isprintable():
        message = f"{text!r:.60} cannot be {what}: use at most {LABEL_LENGTH_MAX} printable characters"
        raise InputError(message)
    return label


def check_pts_id(text: str) -> str:
    """Return a PTS id unchanged; raises InputError unless 1 to 40 letters, digits, dots, dashes and underscores.

    The published form is three hyphen-separated parts; it is kept verbatim, because other forms exist.
    """
    if not is_pts_id(text):
        message = (
            f"{text!r:.60} cannot be a PTS id: use 1 to 40 letters, digits, dots or dashes, such as SLF-AB1234-00001"
        )
        raise InputError(message)
    return text


def is_pts_id(text: str) -> bool:
    """Return whether this could be a PTS id: 1 to 40 letters, digits, dots, dashes and underscores."""
    return PTS_ID.fullmatch(text) is not None


def check_capacity(text: str) -> str:
    """Return the nameplate in kW DC as plain decimal text; raises InputError unless above 0 with up to 6 decimals."""
    try:
        capacity = Decimal(text)
    except InvalidOperation as error:
        message = f"{text!r:.60} is not a capacity: write kW DC as a plain number, such as 7.5"
        raise InputError(message) from error
    if not capacity.is_finite() or not 0 < capacity < _CAPACITY_KW_MAX:
        message = f"{text!r:.60} is not a capacity: it must be above 0 and below {_CAPACITY_KW_MAX} kW DC"
        raise InputError(message)
    plain = format(capacity.normalize(), "f")
    if len(plain.partition(".")[2]) > _CAPACITY_DECIMALS_MAX:
        message = f"{text!r:.60} is not a capacity: give at most {_CAPACITY_DECIMALS_MAX} decimals of a kW"
        raise InputError(message)
    return plain


def whole_watts(capacity_kw: str) -> int:
    """Return a checked capacity in whole watts, rounded up: what is above a limit by less than a watt stays above."""
    return int((Decimal(capacity_kw) * 1000).to_integral_value(ROUND_CEILING))
