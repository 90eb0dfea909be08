"""What a count of pulses is worth: an exact register that began at the reading on the meter's display. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from protocol.messages import MeterDescriptor, Register

if TYPE_CHECKING:
    from decimal import Decimal

    from edge.settings import PulseMeter

OBIS_GENERATED = "1-0:2.8.0"
BUS = "pulse"
NO_FUNCTION = 0
RATIO_MAX = 2**32 - 1
"""The largest numerator that a descriptor's ratio can have."""


@dataclass(frozen=True, slots=True)
class PulseRegister:
    """A register of `start_kwh` kWh when counting began and `wh_per_pulse` Wh with each pulse.

    One count is the largest step of which both are whole multiples, so that nothing is ever rounded: 1.8 Wh a
    pulse from 41,877.2 kWh on is counted in fifths of a Wh. The step travels as the ratio of the descriptor.
    """

    start_kwh: Decimal
    wh_per_pulse: Decimal

    @property
    def step_wh(self) -> Fraction:
        """What one count is worth in Wh."""
        start, pulse = Fraction(self.start_kwh) * 1000, Fraction(self.wh_per_pulse)
        common = lcm(start.denominator, pulse.denominator)
        step = gcd(int(start * common), int(pulse * common))
        return Fraction(step if step <= RATIO_MAX else 1, common)

    def count(self, pulses: int) -> int:
        """Return the register's count after so many pulses."""
        energy_wh = Fraction(self.start_kwh) * 1000 + pulses * Fraction(self.wh_per_pulse)
        return int(energy_wh / self.step_wh)

    def pulses(self, count: int) -> int:
        """Return after how many pulses the register shows `count`; below zero where it never did."""
        start_wh = Fraction(self.start_kwh) * 1000
        return int((count * self.step_wh - start_wh) // Fraction(self.wh_per_pulse))

    def basis(self) -> str:
        """Return what the count rests on, as text: another basis begins another count."""
        return f"{self.start_kwh.normalize():f} kWh + {self.wh_per_pulse.normalize():f} Wh"


def describe_pulses(settings: PulseMeter) -> MeterDescriptor:
    """Return the descriptor of a pulse-counted meter: what is printed on its label, and bus `pulse`."""
    register = PulseRegister(settings.start_kwh, settings.wh_per_pulse)
    step = register.step_wh
    return MeterDescriptor(
        meter=settings.index,
        make=settings.make,
        model=settings.model,
        serial=settings.serial,
        firmware="",
        ratio=(step.numerator, step.denominator),
        bus=BUS,
        unit_id=0,
        registers={
            0: Register(
                obis=OBIS_GENERATED,
                unit="Wh",
                scale_exponent=0,
                width_bits=64,
                kind="u",
                rollover_counts=1 << 64,
                function_code=NO_FUNCTION,
                address=settings.lines["y"],
                word_order="big",
            )
        },
        note=f"counted from pulses: {register.basis()} a pulse",
    )


def is_basis_same(one: MeterDescriptor, other: MeterDescriptor) -> bool:
    """Return whether counts under both descriptors are counts of pulses, on one basis."""
    return one.bus == other.bus == BUS and (one.note, one.ratio) == (other.note, other.ratio)
