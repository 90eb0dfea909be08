"""What the points of a simulated meter show at an instant: energy that grows, power, and the signs of its life."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError
from simulators.words import encode_float, encode_integer, integer_range, is_float, saturate

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.metering.profile import Point
    from simulators.scale import RegisterScale

_WATTS_BY_UNIT = {"W": 1, "kW": 1_000, "MW": 1_000_000}
_SECONDS_BY_UNIT = {"s": 1, "min": 60, "h": 3_600}
_MS_PER_SECOND = 1_000


def energy_encoder(
    point: Point, scale: RegisterScale, sign: int, lifetime_wh_at: Callable[[int], int]
) -> Callable[[int], tuple[int, ...]]:
    """Return the encoder of an energy register with `sign` in front of what was measured; 0 keeps it at zero.

    Raises MeterSetupError if the register cannot hold what it should before it wraps.
    """
    if is_float(point.type):
        return lambda at_ms: encode_float(Fraction(sign * scale.count(lifetime_wh_at(at_ms))), point)
    encode_integer(sign * (scale.modulus - 1), point)
    return lambda at_ms: encode_integer(sign * int(scale.count(lifetime_wh_at(at_ms))), point)


def power_encoder(
    point: Point, exponent: int, sign: int, power_w_at: Callable[[int], Fraction]
) -> Callable[[int], tuple[int, ...]]:
    """Return the encoder of a power with `sign`, whose scale word means 10**`exponent`.

    Raises MeterSetupError for a unit that is no power.
    """
    if point.unit not in _WATTS_BY_UNIT:
        message = f"point {point.name} is in {point.unit!r}, which is no power; use {', '.join(_WATTS_BY_UNIT)}"
        raise MeterSetupError(message)
    watts_per_count = Fraction(point.scale) * _WATTS_BY_UNIT[point.unit] * Fraction(10) ** exponent

    def counts(at_ms: int) -> Fraction:
        return sign * power_w_at(at_ms) / watts_per_count

    if is_float(point.type):
        return lambda at_ms: encode_float(counts(at_ms), point)
    return lambda at_ms: encode_integer(saturate(int(counts(at_ms)), point), point)


def witness_encoder(point: Point) -> Callable[[int], tuple[int, ...]]:
    """Return the encoder of a witness: seconds since 1970 for an uptime or a tick, never a reset."""
    if point.role == "resets":
        return lambda _: encode_integer(0, point)
    ms_per_count = Fraction(point.scale) * _SECONDS_BY_UNIT.get(point.unit, 1) * _MS_PER_SECOND
    counts = integer_range(point)[1] + 1
    return lambda at_ms: encode_integer(int(at_ms / ms_per_count) % counts, point)
