"""The register of a pulse counter is exact: what the display showed, plus every pulse."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from edge.pulse.register import PulseRegister, describe_pulses
from edge.settings import PulseMeter
from protocol import wire
from protocol.counts import read_value

starts = st.decimals(0, 10**9, places=6)
energies = st.decimals("0.000001", 10**6, places=6)


@given(starts, energies, st.integers(0, 10**6))
def test_the_value_is_the_start_and_the_pulses(start_kwh: Decimal, wh_per_pulse: Decimal, pulses: int) -> None:
    """Count times ratio, as a reader of the chain computes it, is exactly the energy; the count tells the pulses."""
    meter = _meter(start_kwh, wh_per_pulse)
    register = PulseRegister(start_kwh, wh_per_pulse)
    descriptor = describe_pulses(meter)
    count = register.count(pulses)
    energy_wh = Fraction(start_kwh) * 1000 + pulses * Fraction(wh_per_pulse)
    assert read_value(count, descriptor.registers[0], descriptor.ratio) == energy_wh
    assert register.pulses(count) == pulses
    assert wire.decode_frame(wire.encode_frame(descriptor)) == descriptor
    wire.describe(descriptor)


def test_what_the_register_never_showed_is_below_zero_pulses() -> None:
    """A count below the start was of another register."""
    register = PulseRegister(Decimal(100), Decimal(1))
    assert register.pulses(register.count(0) - 1) == -1


def test_another_start_or_pulse_is_another_basis() -> None:
    """Equal numbers are one basis however they are written; any other number is another."""
    basis = PulseRegister(Decimal("100.50"), Decimal("1.8")).basis()
    assert basis == PulseRegister(Decimal("100.5"), Decimal("1.80")).basis() == "100.5 kWh + 1.8 Wh"
    assert basis != PulseRegister(Decimal("100.6"), Decimal("1.8")).basis()


def _meter(start_kwh: Decimal, wh_per_pulse: Decimal) -> PulseMeter:
    return PulseMeter(
        name="Old meter",
        index=5,
        chip="/dev/gpiochip0",
        lines={"y": 17},
        form="closings",
        bias="pull-up",
        debounce_ms=20,
        start_kwh=start_kwh,
        wh_per_pulse=wh_per_pulse,
        make="Maker",
        model="Model",
        serial="4711",
    )
