"""One register over time: it never falls, unless it has rolled over at its stated modulus."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from protocol.counts import read_count, read_value
from protocol.verification.instants import utc

if TYPE_CHECKING:
    from protocol.messages import Register

RATE_FACTOR = 4
"""A register is taken to have rolled over if that makes it no more than this many times as fast as it ever was seen."""
NEAR_WRAP_DIVISOR = 1000
"""Likewise if the step over the modulus is at most this fraction of it: so near its end a counter does roll over."""

_ENERGY = "8"
_NET_SUM = "16"


def never_falls(obis: str) -> bool:
    """Return whether a register with this OBIS code only ever counts up.

    True for time integrals (D = 8, IEC 62056-6-1 and the object list of DLMS UA 1000-1), except that of the signed net
    sum (C = 16); false for anything else and for a text that is no OBIS code.
    """
    groups = obis.rpartition(":")[2].split(".")
    return len(groups) >= 3 and groups[1] == _ENERGY and groups[0] != _NET_SUM  # noqa: PLR2004 - C.D.E


@dataclass(frozen=True, slots=True)
class Point:
    """A register's raw count at an instant (UTC ms), and how to understand it."""

    read_at: int
    raw: int
    register: Register
    ratio: tuple[int, int]

    @property
    def is_number(self) -> bool:
        """Whether the raw count has a value at all."""
        return read_count(self.raw, self.register.width_bits, self.register.kind) is not None

    @property
    def value(self) -> Fraction:
        """The exact value in the register's unit."""
        value = read_value(self.raw, self.register, self.ratio)
        assert value is not None, "asked of a number only"
        return value

    @property
    def modulus(self) -> Fraction:
        """The value at which the register starts again."""
        return self.register.rollover_counts * Fraction(10) ** self.register.scale_exponent * Fraction(*self.ratio)


class Series:
    """The readings of one register in order: `take` says what is wrong with the next one."""

    def __init__(self) -> None:
        self._last: Point | None = None
        self._fastest: tuple[Fraction, int] | None = None

    @property
    def last(self) -> Point | None:
        """The reading taken last."""
        return self._last

    def take(self, point: Point) -> tuple[bool, str] | None:
        """Return what there is to say of the next reading: whether it is a fault, and the sentence."""
        last, self._last = self._last, point
        return None if last is None else self.compare(last, point)

    def compare(self, last: Point, point: Point) -> tuple[bool, str] | None:
        """Return likewise what there is to say of a reading after `last`, which is in the same unit."""
        same_scale = (last.register, last.ratio) == (point.register, point.ratio)
        if same_scale and last.raw == point.raw:
            return None
        step, elapsed_ms = point.value - last.value, point.read_at - last.read_at
        if step >= 0:
            if elapsed_ms > 0 and (self._fastest is None or step * self._fastest[1] > self._fastest[0] * elapsed_ms):
                self._fastest = step, elapsed_ms
            return None
        if same_scale and self._has_rolled_over(point.modulus, step + point.modulus, elapsed_ms):
            return False, f"register {point.register.obis} rolled over before {utc(point.read_at)}"
        unit = point.register.unit
        return True, (
            f"register {point.register.obis} fell from {_written(last.value)} {unit} at {utc(last.read_at)} to "
            f"{_written(point.value)} {unit} at {utc(point.read_at)}, and no rollover explains it"
        )

    def _has_rolled_over(self, modulus: Fraction, wrapped: Fraction, elapsed_ms: int) -> bool:
        if wrapped < 0:
            return False
        if wrapped * NEAR_WRAP_DIVISOR <= modulus:
            return True
        if self._fastest is None or elapsed_ms <= 0:
            return False
        step, seen_ms = self._fastest
        return wrapped * seen_ms <= RATE_FACTOR * step * elapsed_ms


def _written(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.12g}"
