"""Unsigned 64-bit patterns as the signed 64-bit integers that SQL has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNED_MAX = (1 << 63) - 1


def pattern_to_signed(raw: int) -> int:
    """Return an unsigned 64-bit pattern as the signed integer SQL keeps; raises ValueError if it is wider."""
    if not 0 <= raw < 1 << 64:
        message = f"{raw} is not an unsigned 64-bit pattern"
        raise ValueError(message)
    return raw - (1 << 64) if raw > _SIGNED_MAX else raw


def patterns_to_signed(raws: Sequence[int]) -> Sequence[int]:
    """Return each as `pattern_to_signed` does; as they are where none needs it, as nearly always."""
    if raws and min(raws) >= 0 and max(raws) <= _SIGNED_MAX:
        return raws
    return [pattern_to_signed(raw) for raw in raws]


def signed_to_pattern(stored: int) -> int:
    """Return the unsigned pattern that `pattern_to_signed` stored."""
    return stored % (1 << 64)
