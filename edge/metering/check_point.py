"""What must hold inside one point or identity check of a profile: its type, its scale, its patterns, its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.metering.decode import BASE_10000_TYPES, WORD_BITS, energy_exponent
from edge.metering.errors import DecodeError, ProfileError
from edge.metering.profile import FLOAT_TYPES, KIND_BY_TYPE, TEXT_TYPES, IdentityCheck, Point

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile, Refusal

ADDRESSES = 0x10000
"""How many words a Modbus address, 16 bits, can name."""
QUANTITY_BY_ROLE = dict.fromkeys(("serial", "firmware", "make", "model"), "identity") | dict.fromkeys(
    ("uptime", "resets", "tick"), "witness"
)
POWER_UNITS = ("W", "kW", "MW")
_FORMAT_WITH_DIGITS = "shark-format"
_DECIMAL_TYPES = (*BASE_10000_TYPES, "bcd")
_WORD_BASE = 10_000


def check_point(point: Point, profile: MeterProfile, where: str) -> None:
    """Raise ProfileError, naming file, point and remedy, at the first thing that does not fit."""
    check_extent(point, profile, where)
    _check_quantity(point, where)
    if point.type in TEXT_TYPES and (point.scale != 1 or point.scale_source or point.not_available):
        message = f"{where}: a text has no scale, scale_source or not_available; remove them"
        raise ProfileError(message)
    if point.scale <= 0:
        message = f"{where}: scale must be above zero, not {point.scale}; write the direction as sign"
        raise ProfileError(message)
    limit = 1 << (WORD_BITS * point.words)
    if any(pattern >= limit for pattern in point.not_available):
        message = (
            f"{where}: not_available holds a pattern longer than the {point.words} words of {point.type}; correct it"
        )
        raise ProfileError(message)
    source = point.scale_source
    if source is not None and point.address <= source.address < point.address + point.words:
        message = f"{where}: scale_source is one of the point's own words; give the word that scales it"
        raise ProfileError(message)


def check_extent(part: Point | IdentityCheck | Refusal, profile: MeterProfile, where: str) -> None:
    """Refuse what cannot be read whole: beyond the address space, one request, or a barrier."""
    words = part.words if isinstance(part, Point | IdentityCheck) else part.count
    end = part.address + words
    if end > ADDRESSES:
        message = f"{where}: address {part.address} and {words} words end beyond 65535; correct the address"
        raise ProfileError(message)
    if words > profile.words_max:
        message = f"{where}: {words} words do not fit one request of words_max {profile.words_max}; correct one of them"
        raise ProfileError(message)
    if any(part.address < barrier < end for barrier in profile.barriers):
        message = f"{where}: words {part.address} to {end - 1} cross a barrier; correct the address or the barriers"
        raise ProfileError(message)


def check_allowed(check: IdentityCheck, where: str) -> None:
    """Refuse an identity check that no meter could pass, because its type cannot hold a number it allows."""
    if any(number >= _counts(check) for number in check.allowed):
        message = f"{where}: allowed holds a number that {check.words} words of {check.type} cannot hold; correct it"
        raise ProfileError(message)


def _check_quantity(point: Point, where: str) -> None:
    if point.type in TEXT_TYPES and point.quantity not in ("identity", "configuration"):
        message = f"{where}: a value of quantity {point.quantity} cannot be a {point.type}; give a number type"
        raise ProfileError(message)
    if point.quantity == "active_energy":
        _check_energy(point, where)
    if point.quantity == "active_power" and point.unit not in POWER_UNITS:
        message = f"{where}: unit {point.unit!r} is no power, as {', '.join(POWER_UNITS)} are; correct it"
        raise ProfileError(message)
    belongs_to = QUANTITY_BY_ROLE.get(point.role, point.quantity)
    if point.quantity != belongs_to:
        message = f"{where}: role {point.role} belongs to quantity {belongs_to}, not {point.quantity}; correct one"
        raise ProfileError(message)
    if point.quantity == "witness" and not point.role:
        message = f"{where}: a witness needs the role uptime, resets or tick; add the one that its manual describes"
        raise ProfileError(message)
    if point.quantity in ("identity", "configuration", "witness") and point.type in FLOAT_TYPES:
        message = (
            f"{where}: a value of quantity {point.quantity} is compared exactly; give an integer type, not {point.type}"
        )
        raise ProfileError(message)


def _check_energy(point: Point, where: str) -> None:
    try:
        energy_exponent(point)
    except DecodeError as error:
        message = f"{where}: {error}; correct it"
        raise ProfileError(message) from error
    says_format = point.scale_source is not None and point.scale_source.kind == _FORMAT_WITH_DIGITS
    if point.modulus is None and not says_format:
        message = f"{where}: modulus is missing; give the count at which this register wraps to zero"
        raise ProfileError(message)
    if point.modulus is not None and point.type not in FLOAT_TYPES and point.modulus > _counts(point):
        message = (
            f"{where}: modulus {point.modulus} is more than {point.words} words of {point.type} can hold; correct it"
        )
        raise ProfileError(message)


def _counts(part: Point | IdentityCheck) -> int:
    """Return how many different counts from zero up the words of a part can hold."""
    if part.type in _DECIMAL_TYPES:
        return int(_WORD_BASE**part.words)
    return 1 << (WORD_BITS * part.words - (KIND_BY_TYPE[part.type] == "s"))
