"""A register's life in pieces: what it holds is exact, and nothing but a fault bends it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles import load_profile
from simulators.errors import SimulatorError
from simulators.faults import Fault, FaultKind, FaultPlan, FaultyMeter
from simulators.faults.life import LifePiece, LivedSun, live_through, next_serial
from simulators.meter import MeterSetup
from tests.simulators.faults.world import METER, START, WATTNODE, NoonSun

HOUR_MS = 3_600_000
FIRST = LifePiece(0, None, "351001", Fraction(5_000), Fraction(0))
KINDS = (FaultKind.RESET, FaultKind.EXCHANGE, FaultKind.CT_CHANGE, FaultKind.ROLLBACK)
FAULTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 50)), max_size=5).map(
    lambda drawn: [
        Fault(kind, METER, START + number * HOUR_MS, START + number * HOUR_MS + HOUR_MS // 2, amount)
        for number, (kind, amount) in enumerate(drawn, start=1)
    ]
)


@given(FAULTS, st.lists(st.integers(0, 7 * HOUR_MS), min_size=2, max_size=9))
def test_within_a_piece_energy_is_the_suns(faults: list[Fault], offsets: list[int]) -> None:
    """Between two faults the register grows by what the sun gave, at the piece's rate, and never falls."""
    sun = NoonSun()
    pieces = live_through(faults, FIRST, sun, 10**9)
    lived = LivedSun(sun, pieces)
    instants = sorted(START + offset for offset in offsets)
    for earlier, later in pairwise(instants):
        piece = lived.piece_at(later)
        if piece is lived.piece_at(earlier):
            rate = 0 if piece.is_off else piece.rate_percent
            given_wh = sun.energy_at(later) - sun.energy_at(earlier)
            assert lived.energy_at(later) - lived.energy_at(earlier) == given_wh * rate / 100
            assert lived.wh_floor(later, 100) == lived.energy_at(later) // 100 * 100
            assert lived.power_w(later) == sun.power_w(later) * rate / 100


def test_each_fault_bends_the_register_as_it_says() -> None:
    """A reset and an exchange set it, a loss of power takes it back to what was saved, transformers change its rate."""
    sun = NoonSun()
    at_ms = START + HOUR_MS + 70_000
    end_ms = at_ms + 5_000
    grown = {
        kind: live_through([Fault(kind, METER, at_ms, end_ms, amount)], FIRST, sun, 10**9)
        for kind, amount in (
            (FaultKind.RESET, 7),
            (FaultKind.EXCHANGE, 9),
            (FaultKind.ROLLBACK, 1),
            (FaultKind.CT_CHANGE, 50),
        )
    }
    shown = {kind: LivedSun(sun, pieces).wh_floor(end_ms, 1) for kind, pieces in grown.items()}
    before = 5_000 + 10 * (HOUR_MS + 70_000)
    assert shown == {
        FaultKind.RESET: 7 + 50_000,
        FaultKind.EXCHANGE: 9 + 50_000,
        FaultKind.ROLLBACK: before - 10 * 10_000,
        FaultKind.CT_CHANGE: before + 25_000,
    }
    assert [piece.serial for piece in grown[FaultKind.EXCHANGE]] == ["351001", "351002"]
    assert [piece.is_off for piece in grown[FaultKind.ROLLBACK]] == [False, True, False]


def test_a_rollover_is_at_its_instant_to_the_millisecond() -> None:
    """A ms before the fault the register is at its largest value, at its beginning it is zero."""
    at_ms = START + HOUR_MS
    plan = FaultPlan(0, (Fault(FaultKind.ROLLOVER, METER, at_ms, at_ms + 1),))
    meter = FaultyMeter(load_profile(WATTNODE), NoonSun(), MeterSetup(unit=1, serial="351001"), name=METER, plan=plan)
    assert meter.register_wh_at(at_ms - 1) == 10**11 - 100
    assert meter.register_wh_at(at_ms) == 0
    assert meter.generated_wh_at(at_ms) == 10 * HOUR_MS


def test_a_rollover_after_another_fault_is_refused() -> None:
    """A register that was bent before cannot be made to roll over at a given instant."""
    faults = [Fault(FaultKind.RESET, METER, START, START), Fault(FaultKind.ROLLOVER, METER, START + 1, START + 1)]
    with pytest.raises(SimulatorError, match="plan it before"):
        live_through(faults, FIRST, NoonSun(), 10**9)
    with pytest.raises(SimulatorError, match="does nothing"):
        live_through([Fault(FaultKind.SILENCE, METER, START, START)], FIRST, NoonSun(), 10**9)


def test_serial_numbers_count_up() -> None:
    """The next serial number has the same length and form; one without a number at its end has no next."""
    assert [next_serial(serial) for serial in ("351001", "W2M1-7009", "0099", "A9")] == [
        "351002",
        "W2M1-7010",
        "0100",
        "A0",
    ]
    with pytest.raises(SimulatorError, match="no number at its end"):
        next_serial("ABC")


def test_transformers_are_configured_not_multiplied() -> None:
    """Another change of the transformers says what counts from now on, whatever was configured before."""
    faults = [Fault(FaultKind.CT_CHANGE, METER, START + at_ms, START + at_ms, 50) for at_ms in (0, 1000)]
    assert [piece.rate_percent for piece in live_through(faults, FIRST, NoonSun(), 10**9)] == [100, 50, 50]
