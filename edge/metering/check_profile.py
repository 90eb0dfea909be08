"""What must hold between the parts of a profile before any meter is read with it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from edge.metering.check_point import check_allowed, check_extent, check_point
from edge.metering.decode import WORD_BITS
from edge.metering.errors import ProfileError
from edge.metering.profile import TEXT_TYPES
from protocol.fields import NAME_MAX, NOTE_MAX

if TYPE_CHECKING:
    from edge.metering.profile import Golden, MeterProfile, Point, Refusal


def check_profile(profile: MeterProfile, where: str) -> None:
    """Raise ProfileError, naming file, part and remedy, at the first thing that does not fit."""
    _check_evidence(profile, where)
    if not profile.energy_points:
        message = f"{where}: no point has quantity active_energy; add the cumulative register that is to be read"
        raise ProfileError(message)
    for point in profile.points:
        check_point(point, profile, f"{where}: point {point.name}")
    _check_names(profile, where)
    _check_overlaps(profile, where)
    _check_lengths(profile, where)
    for check in profile.identity:
        check_extent(check, profile, f"{where}: identity at {check.address}")
        check_allowed(check, f"{where}: identity at {check.address}")
    for number, refusal in enumerate(profile.refuses, start=1):
        _check_refusal(refusal, profile, f"{where}: refuses {number}")
    for number, golden in enumerate(profile.goldens, start=1):
        _check_golden(golden, profile, f"{where}: golden {number}")


def _check_evidence(profile: MeterProfile, where: str) -> None:
    if not profile.sources:
        message = f"{where}: source is missing; add a [[source]] with url and what for the facts in this file"
        raise ProfileError(message)
    if profile.confidence == "H" and not profile.goldens:
        message = f"{where}: confidence H without a golden; add a [[golden]] with words that were seen, or say M"
        raise ProfileError(message)
    if not (profile.identity or profile.questions or profile.is_label_only):
        message = (
            f"{where}: identity is missing; add an [[identity]] check that no other model passes, "
            'or identity = "label-only"'
        )
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
    ordered = sorted(profile.points, key=lambda point: (*_map_of(point), point.address))
    for first, second in pairwise(ordered):
        if _map_of(first) == _map_of(second) and first.address + first.words > second.address:
            message = f"{where}: points {first.name} and {second.name} overlap at {second.address}; correct an address"
            raise ProfileError(message)


def _check_lengths(profile: MeterProfile, where: str) -> None:
    """Refuse what a meter may say of itself at such length that no descriptor holds it: it could not be journaled."""
    for point in profile.points:
        if point.quantity == "identity" and (length := _length(point)) > NAME_MAX:
            message = f"{where}: point {point.name} may be {length} characters, of {NAME_MAX}; read fewer of its words"
            raise ProfileError(message)
    listed = [len(f"{point.name}=, ") + _length(point) for point in profile.points if point.quantity == "configuration"]
    if sum(listed) > NOTE_MAX:
        message = f"{where}: its configuration may be {sum(listed)} characters, of {NOTE_MAX}; leave points out of it"
        raise ProfileError(message)


def _length(point: Point) -> int:
    """Return how many characters show the longest value of a point, a sign included."""
    octets = point.words * WORD_BITS // 8
    if point.type in TEXT_TYPES:
        return octets if point.type == "text" else point.words
    return len(str(-(1 << 8 * octets)))


def _map_of(point: Point) -> tuple[int, int]:
    """Return what a point's address counts in: the words of one function code, from one SunSpec model or from zero."""
    return point.function_code, point.relative_to or 0


def _check_refusal(refusal: Refusal, profile: MeterProfile, where: str) -> None:
    check_extent(refusal, profile, where)
    end = refusal.address + refusal.count
    for point in profile.points:
        is_near = point.relative_to is None and point.function_code == refusal.function_code
        if is_near and point.address < end and refusal.address < point.address + point.words:
            message = f"{where}: point {point.name} is among the words that the meter refuses; correct an address"
            raise ProfileError(message)


def _check_golden(golden: Golden, profile: MeterProfile, where: str) -> None:
    point = next((point for point in profile.points if point.name == golden.point), None)
    if point is None:
        message = f"{where}: there is no point {golden.point}; name one of this file"
        raise ProfileError(message)
    if len(golden.words) != point.words:
        message = f"{where}: {golden.point} has {point.words} words, not {len(golden.words)}; copy all of them"
        raise ProfileError(message)
    if (golden.scale_word is None) != (point.scale_source is None):
        message = f"{where}: scale_word must be given exactly where the point has a scale_source; correct one of them"
        raise ProfileError(message)
