"""The register of a pulse counter is exact: what the display showed, plus every pulse."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.judge import MeterTerms, judge
from edge.metering.outcome import PollOutcome, Taken
from edge.pulse.register import PulseRegister, describe_pulses
from protocol import wire
from protocol.counts import read_value
from protocol.identity import BootId
from protocol.messages import Instant, TimeQuality
from tests.edge.pulse.making import OLD_METER

if TYPE_CHECKING:
    from edge.settings import PulseMeter

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
    return replace(OLD_METER, start_kwh=start_kwh, wh_per_pulse=wh_per_pulse)


OLD = _meter(Decimal("41877.2"), Decimal("1.8"))


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        pytest.param(OLD, [], id="the same basis"),
        pytest.param(replace(OLD, start_kwh=Decimal("41878.4")), ["configuration-change"], id="another start"),
        pytest.param(replace(OLD, wh_per_pulse=Decimal("0.6")), ["suspect", "configuration-change"], id="less"),
        pytest.param(
            replace(OLD, wh_per_pulse=Decimal(1)), ["scale-change", "configuration-change"], id="another step"
        ),
        pytest.param(replace(OLD, serial="2"), ["exchange"], id="another meter"),
    ],
)
def test_a_count_on_another_basis_is_stated(after: PulseMeter, kinds: list[str]) -> None:
    """Whoever changes what a count rests on leaves an event with both readings, at which a month stops for a person."""
    at = Instant(1_790_000_000_000, 1000, TimeQuality.SYNCHRONISED)
    boot = BootId(b"boot")

    def read(meter: PulseMeter) -> PollOutcome:
        count = PulseRegister(meter.start_kwh, meter.wh_per_pulse).count(5)
        return PollOutcome(meter.index, at, at, Taken({0: count}, describe_pulses(meter)))

    first = judge(None, read(OLD), MeterTerms(), boot).outcome
    events = judge(first.memory, read(after), MeterTerms(), boot).outcome.events
    assert [event.kind for event in events] == kinds
    assert all(event.before is not None and event.after is not None for event in events)
