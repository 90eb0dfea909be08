"""Finding SunSpec models: the marker at one of the known bases, then from header to header.

SunSpec Device Information Model Specification: the words "SunS", then blocks of an id word, a length word and that
many words, ended by the id 0xFFFF. A base that answers with an exception is simply not the base.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.metering.errors import WrongMeterError
from edge.metering.words import Span, all_parts

if TYPE_CHECKING:
    from collections.abc import Generator

    from edge.metering.profile import MeterProfile
    from edge.metering.words import Location

MARKER = (0x5375, 0x6E53)
END_ID = 0xFFFF
MODELS_MAX = 50
"""How many headers are looked at: a map that does not end is no map."""
_HEADER_WORDS = 2
_ADDRESS_END = 0x10000


def locate_models(profile: MeterProfile) -> Generator[Span, tuple[int, ...] | None, Location]:
    """Yield the spans of the walk, take their words (None for an exception), return where the profile's models are.

    Of the profile's own model the first is meant if it stands several times; of another, such as the common model, the
    last one before it, because a meter behind an inverter follows the inverter's. A profile without SunSpec asks for
    nothing. Raises WrongMeterError if no base has the marker or a model is missing.
    """
    if profile.sunspec is None:
        return {}
    wanted = frozenset(part.relative_to for part in all_parts(profile) if part.relative_to is not None)
    for base in profile.sunspec.bases:
        marker = yield Span(profile.function_code, base, _HEADER_WORDS)
        if marker == MARKER:
            return (yield from _walk(profile, profile.sunspec.model, base + _HEADER_WORDS, wanted))
    bases = ", ".join(str(base) for base in profile.sunspec.bases)
    message = f"no SunSpec marker at {bases}; check the unit id and that this meter speaks SunSpec"
    raise WrongMeterError(message)


def _walk(
    profile: MeterProfile, own: int, first: int, wanted: frozenset[int]
) -> Generator[Span, tuple[int, ...] | None, Location]:
    found: Location = {}
    address = first
    for _ in range(MODELS_MAX):
        if address + _HEADER_WORDS > _ADDRESS_END:
            break
        header = yield Span(profile.function_code, address, _HEADER_WORDS)
        if header is None or header[0] == END_ID:
            break
        model, length = header
        if model in wanted and (own not in found or model not in found):
            found[model] = address
        if wanted <= found.keys():
            return found
        address += _HEADER_WORDS + length
    missing = ", ".join(str(model) for model in sorted(wanted - found.keys()))
    message = f"the meter's SunSpec map has no model {missing}; choose the profile of the model that it has"
    raise WrongMeterError(message)
