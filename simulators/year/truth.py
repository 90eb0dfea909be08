"""What truly was: what a meter answered at an instant, and what its register held, by the simulators alone."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from protocol.counts import read_value
from simulators.faults import FaultKind
from simulators.image import ExceptionCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.messages import MeterDescriptor, Register
    from simulators.faults import FaultyMeter
    from simulators.faults.plan import Timeline
    from simulators.meter import SimulatedMeter
    from simulators.year.chain import Reading
    from simulators.year.site import YearMeter, YearSite

REGISTER = 0
"""The number of the production register in a meter's readings."""
_WORD_BITS = 16
_WH = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}


def value_wh(raw: int, descriptor: MeterDescriptor) -> Fraction | None:
    """Return what a raw count of the production register says, Wh, by its descriptor alone; None if no number."""
    register = descriptor.registers[REGISTER]
    value = read_value(raw, register, descriptor.ratio)
    return None if value is None else value * _WH[register.unit]


def quantum_wh(descriptor: MeterDescriptor) -> Fraction:
    """Return what one count of the production register is worth, Wh."""
    register = descriptor.registers[REGISTER]
    return Fraction(10) ** register.scale_exponent * _WH[register.unit] * Fraction(*descriptor.ratio)


def modulus_wh(descriptor: MeterDescriptor) -> Fraction:
    """Return at what energy the production register starts again at zero, Wh."""
    return quantum_wh(descriptor) * descriptor.registers[REGISTER].rollover_counts


def answered(meter: FaultyMeter, register: Register, at_ms: int) -> int | None:
    """Return the raw count that a meter shows at an instant (UTC ms), true or not; None if it shows none."""
    return _raw(meter, register, at_ms)


def held(meter: FaultyMeter, register: Register, at_ms: int) -> int | None:
    """Return the raw count that the register truly holds at an instant, UTC ms."""
    return _raw(meter.meter_at(at_ms), register, at_ms)


def _raw(meter: FaultyMeter | SimulatedMeter, register: Register, at_ms: int) -> int | None:
    words = meter.read(register.function_code, register.address, register.width_bits // _WORD_BITS, at_ms)
    if isinstance(words, ExceptionCode):
        return None
    raw = 0
    for word in words if register.word_order == "big" else reversed(words):
        raw = raw << _WORD_BITS | word
    return raw


class Witness:
    """Answers for one meter of the site what was true of its readings; `lies` are its faults that show what is not."""

    def __init__(self, site: YearSite, meter: YearMeter, lies: Timeline) -> None:
        self.meter = meter
        self._site = site
        self._lies = lies

    def answering(self, at_ms: int) -> FaultyMeter:
        """Return the meter that answered at an instant, UTC ms."""
        return self._site.answering(self.meter, at_ms)

    def is_monotonic(self, at_ms: int) -> bool:
        """Tell whether the register that is read may not fall."""
        return self.answering(at_ms).meter_at(at_ms).generated.monotonic

    def was_shown(self, reading: Reading, half_width_ms: int) -> bool:
        """Tell whether the meter that answered showed this count within the reading's instant and half-width."""
        return self._is_of(answered, reading, half_width_ms)

    def was_held(self, reading: Reading, half_width_ms: int) -> bool:
        """Tell whether the register of the meter that answered truly held this count then."""
        return self._is_of(held, reading, half_width_ms)

    def _is_of(
        self, look: Callable[[FaultyMeter, Register, int], int | None], reading: Reading, half_width_ms: int
    ) -> bool:
        register, raw = reading.descriptor.registers[REGISTER], reading.raws[REGISTER]
        meter = self.answering(reading.true_ms)
        if raw == look(meter, register, reading.true_ms):
            return True
        ends = [look(meter, register, reading.true_ms + side * half_width_ms) for side in (-1, 1)]
        return raw in ends or _is_between(raw, ends, reading.descriptor)

    def counted_wh(self, reading: Reading) -> Fraction:
        """Return what the register had counted by a good reading, Wh: what it showed, and each time that it wrapped."""
        shown = value_wh(reading.raws[REGISTER], reading.descriptor)
        assert shown is not None, "a good reading is a number"
        lie = self._lies.active(reading.true_ms)
        if lie is not None and lie.kind is not FaultKind.FROZEN:
            return shown
        at_ms = reading.true_ms if lie is None else lie.from_ms
        meter = self.answering(at_ms).meter_at(at_ms)
        return shown + meter.lifetime_wh_at(at_ms) // meter.rollover_wh * meter.rollover_wh

    def measured_wh(self, from_ms: int, until_ms: int) -> Fraction:
        """Return what the meter measured between two instants (UTC ms), exact Wh, less what it lost with its power."""
        meter = self.answering(from_ms)
        pieces = [piece for piece in meter.pieces if piece.from_ms < until_ms]
        total = Fraction(0)
        for piece, following in zip(pieces, (*pieces[1:], None), strict=True):
            begins_ms = max(from_ms, piece.from_ms)
            ends_ms = until_ms if following is None else min(until_ms, following.from_ms)
            if begins_ms < ends_ms:
                total += piece.shown_at(meter.sun, ends_ms) - piece.shown_at(meter.sun, begins_ms)
                if following is not None and following.begun_by is FaultKind.ROLLBACK:
                    total += following.shown_wh - piece.shown_at(meter.sun, following.from_ms)
        return total


def _is_between(raw: int, ends: list[int | None], descriptor: MeterDescriptor) -> bool:
    low, high = (None if end is None else value_wh(end, descriptor) for end in ends)
    value = value_wh(raw, descriptor)
    return low is not None and high is not None and value is not None and low <= value <= high
