"""Which meter answers: its identity checks, its make, model, serial number, firmware and configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.metering.decode import number_of, raw_count, text_value
from edge.metering.errors import DecodeError, WrongMeterError
from edge.metering.profile import FLOAT_TYPES, TEXT_TYPES
from edge.metering.words import coalesce, listed_words, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from edge.metering.profile import IdentityCheck, IdentityQuestion, MeterProfile, Point, Refusal
    from edge.metering.words import Span, WordImage

_QUANTITIES = ("identity", "configuration")


@dataclass(frozen=True, slots=True)
class MeterIdentity:
    """What a meter says of itself, as text; empty where its map has no such point.

    `configuration` lists the points whose change would change the meaning of the registers, such as `ct_amps=200`.
    """

    make: str
    model: str
    serial: str
    firmware: str
    configuration: str


def identity_spans(profile: MeterProfile, location: Mapping[int, int]) -> tuple[Span, ...]:
    """Return the requests that read everything `judge_identity` looks at."""
    extents = [place(check, location) for check in profile.identity]
    extents += [place(point, location) for point in profile.points if point.quantity in _QUANTITIES]
    return coalesce(extents, profile, listed_words(profile, location))


def judge_identity(profile: MeterProfile, location: Mapping[int, int], image: WordImage) -> MeterIdentity:
    """Return who the meter is; raises WrongMeterError if a check does not hold or a text is no text."""
    for check in profile.identity:
        _judge_check(check, profile, location, image)
    shown = {point.name: _show(point, location, image) for point in profile.points if point.quantity in _QUANTITIES}
    roles = {point.role: shown[point.name] for point in profile.points if point.role and point.name in shown}
    return MeterIdentity(
        make=roles.get("make", profile.vendor),
        model=roles.get("model", ""),
        serial=roles.get("serial", ""),
        firmware=roles.get("firmware", ""),
        configuration=", ".join(
            f"{point.name}={shown[point.name]}" for point in profile.points if point.quantity == "configuration"
        ),
    )


def judge_answer(profile: MeterProfile, question: IdentityQuestion, octets: Iterable[bytes]) -> None:
    """Raise WrongMeterError unless one of the texts that the meter answered contains what the question asks for.

    A meter that refuses the question answered nothing.
    """
    wanted = question.contains.encode("ascii")
    answered = list(octets)
    if not any(wanted in text for text in answered):
        found = b", ".join(answered).decode("ascii", errors="replace")
        message = (
            f"not a meter of profile {profile.id}: {found!r}, its answer to function {question.function}, "
            f"lacks {question.contains!r}"
        )
        raise WrongMeterError(message)


def judge_refusal(profile: MeterProfile, refusal: Refusal, *, is_refused: bool) -> None:
    """Raise WrongMeterError if a meter has words that this model does not have."""
    if not is_refused:
        message = f"not a meter of profile {profile.id}: it has words at {refusal.address}, which that model refuses"
        raise WrongMeterError(message)


def _judge_check(check: IdentityCheck, profile: MeterProfile, location: Mapping[int, int], image: WordImage) -> None:
    extent = place(check, location)
    words = image.words(extent)
    if check.type in TEXT_TYPES:
        found = _read_text(check, words, f"address {extent.address}")
        if check.contains not in found:
            message = f"not a meter of profile {profile.id}: {found!r} at {extent.address} lacks {check.contains!r}"
            raise WrongMeterError(message)
        return
    number = _read_number(check, words, f"address {extent.address}")
    if number not in check.allowed:
        message = f"not a meter of profile {profile.id}: {number} at {extent.address} is none of {_list(check.allowed)}"
        raise WrongMeterError(message)


def _show(point: Point, location: Mapping[int, int], image: WordImage) -> str:
    words = image.words(place(point, location))
    if point.type in TEXT_TYPES:
        return _read_text(point, words, f"point {point.name}")
    return str(_read_number(point, words, f"point {point.name}"))


def _read_text(part: Point | IdentityCheck, words: tuple[int, ...], what: str) -> str:
    try:
        return text_value(part, words)
    except DecodeError as error:
        message = f"{what}: {error}, so this is not the meter that the profile describes"
        raise WrongMeterError(message) from error


def _read_number(part: Point | IdentityCheck, words: tuple[int, ...], what: str) -> Fraction | int:
    """Return the number there; of a float its bit pattern, because identity is compared exactly."""
    raw = raw_count(words, part.word_order, part.byte_order)
    if part.type in FLOAT_TYPES:
        return raw
    try:
        return number_of(part, raw)
    except DecodeError as error:
        message = f"{what}: {error}, so this is not the meter that the profile describes"
        raise WrongMeterError(message) from error


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers)
