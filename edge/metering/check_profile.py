"""What must hold between the parts of a profile before any meter is read with it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from edge.metering.decode import energy_exponent
from edge.metering.errors import DecodeError, ProfileError
from edge.metering.profile import WORDS_BY_TYPE

if TYPE_CHECKING:
    from edge.metering.profile import Golden, IdentityCheck, MeterProfile, Point

ADDRESSES = 0x10000
"""How many words a Modbus address, 16 bits, can name."""
_FORMAT_WITH_DIGITS = "shark-format"


def check_profile(profile: MeterProfile, where: str) -> None:
    """Raise ProfileError, naming file, part and remedy, at the first thing that does not fit."""
    if not profile.sources:
        message = f"{where}: source is missing; add a [[source]] with url and what for the facts in this file"
        raise ProfileError(message)
    if not profile.identity:
        message = f"{where}: identity is missing; add an [[identity]] check that no other meter model would pass"
        raise ProfileError(message)
    if not profile.energy_points:
        message = f"{where}: no point has quantity active_energy; add the cumulative register that is to be read"
        raise ProfileError(message)
    for point in profile.points:
        _check_point(point, profile, f"{where}: point {point.name}")
    _check_names(profile, where)
    _check_overlaps(profile, where)
    for number, check in enumerate(profile.identity, start=1):
        _check_extent(check, profile, f"{where}: identity {number}")
    for number, golden in enumerate(profile.goldens, start=1):
        _check_golden(golden, profile, f"{where}: golden {number}")


def _check_point(point: Point, profile: MeterProfile, where: str) -> None:
    _check_extent(point, profile, where)
    if point.quantity == "active_energy":
        _check_energy(point, where)
    if point.role and point.quantity != "identity":
        message = f"{where}: role {point.role} belongs to quantity identity, not {point.quantity}"
        raise ProfileError(message)
    if point.type == "text" and (point.scale != 1 or point.scale_source or point.not_available):
        message = f"{where}: a text has no scale, scale_source or not_available; remove them"
        raise ProfileError(message)
    if point.quantity in ("identity", "configuration") and point.type in ("f32", "f64"):
        message = f"{where}: what identifies a meter is compared exactly, so it cannot be a {point.type}; give its type"
        raise ProfileError(message)
    if point.scale <= 0:
        message = f"{where}: scale must be above zero, not {point.scale}; write the direction as sign"
        raise ProfileError(message)
    limit = 1 << (16 * point.words)
    if any(pattern >= limit for pattern in point.not_available):
        message = f"{where}: not_available holds a pattern longer than the {point.words} words of {point.type}"
        raise ProfileError(message)


def _check_energy(point: Point, where: str) -> None:
    if point.type not in WORDS_BY_TYPE:
        message = f"{where}: energy cannot be a {point.type}; give a number type"
        raise ProfileError(message)
    try:
        energy_exponent(point)
    except DecodeError as error:
        message = f"{where}: {error}"
        raise ProfileError(message) from error
    says_format = point.scale_source is not None and point.scale_source.kind == _FORMAT_WITH_DIGITS
    if point.modulus is None and not says_format:
        message = f"{where}: modulus is missing; give the count at which this register wraps to zero"
        raise ProfileError(message)
    if point.modulus is not None and point.modulus > 1 << (16 * point.words):
        message = f"{where}: modulus {point.modulus} is more than {point.words} words can hold"
        raise ProfileError(message)


def _check_extent(part: Point | IdentityCheck, profile: MeterProfile, where: str) -> None:
    """Refuse a value that cannot be read whole: beyond the address space, one request, or a barrier."""
    end = part.address + part.words
    if end > ADDRESSES:
        message = f"{where}: address {part.address} and {part.words} words end beyond 65535; correct the address"
        raise ProfileError(message)
    if part.words > profile.words_max:
        message = (
            f"{where}: {part.words} words do not fit words_max {profile.words_max}; a value is read in one request"
        )
        raise ProfileError(message)
    if any(part.address < barrier < end for barrier in profile.barriers):
        message = f"{where}: words {part.address} to {end - 1} cross a barrier; correct the address or the barriers"
        raise ProfileError(message)


def _check_names(profile: MeterProfile, where: str) -> None:
    names = [point.name for point in profile.points]
    roles = [point.role for point in profile.points if point.role]
    for kind, values in (("name", names), ("role", roles)):
        for value in values:
            if values.count(value) > 1:
                message = f"{where}: two points have the {kind} {value}; each may stand once"
                raise ProfileError(message)


def _check_overlaps(profile: MeterProfile, where: str) -> None:
    ordered = sorted(profile.points, key=lambda point: (point.relative_to or 0, point.address))
    for first, second in pairwise(ordered):
        if first.relative_to == second.relative_to and first.address + first.words > second.address:
            message = f"{where}: points {first.name} and {second.name} overlap at {second.address}; correct an address"
            raise ProfileError(message)


def _check_golden(golden: Golden, profile: MeterProfile, where: str) -> None:
    point = next((point for point in profile.points if point.name == golden.point), None)
    if point is None:
        message = f"{where}: there is no point {golden.point}; name one of this file"
        raise ProfileError(message)
    if len(golden.words) != point.words:
        message = f"{where}: {golden.point} has {point.words} words, not {len(golden.words)}"
        raise ProfileError(message)
    if (golden.scale_word is None) != (point.scale_source is None):
        message = f"{where}: scale_word must be given exactly where the point has a scale_source"
        raise ProfileError(message)
