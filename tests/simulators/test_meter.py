"""Properties of simulated meters: they show the truth, in the words that each profile promises, at any instant."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.profile import IdentityQuestion, Refusal, ScaleSource
from simulators.errors import MeterSetupError
from simulators.image import ExceptionCode
from simulators.meter import MeterSetup, SimulatedMeter
from tests.simulators.reading import (
    HOUR_MS,
    MODEL_STARTS,
    SERIALS,
    SHARK,
    SUN,
    SUNSPEC,
    SUNSPEC_MODEL_AT,
    WATTNODE,
    address_of,
    make,
    number_at,
    text_at,
    words_at,
)
from tests.simulators.steady import SteadySun

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile


@given(st.sampled_from([WATTNODE, SUNSPEC, SHARK]), st.integers(0, 10**13), st.integers(0, 10**12))
def test_the_production_register_shows_the_truth(profile: MeterProfile, at_ms: int, initial_wh: int) -> None:
    """The words decode to sign times the whole counts of the energy so far, rollover included."""
    meter = make(profile, MeterSetup(unit=1, serial=SERIALS[profile.id], initial_wh=initial_wh))
    energy_wh = initial_wh + at_ms // 3_600
    modulus = {WATTNODE.id: 10**9, SUNSPEC.id: 2**32, SHARK.id: 10**8}[profile.id]
    expected = energy_wh // meter.resolution_wh % modulus
    assert number_at(meter, meter.generated, at_ms) == meter.generated.sign * expected
    assert meter.count_at(at_ms) == expected
    assert meter.register_wh_at(at_ms) == expected * meter.resolution_wh
    assert meter.lifetime_wh_at(at_ms) == energy_wh


@pytest.mark.parametrize("profile", [WATTNODE, SUNSPEC, SHARK], ids=lambda profile: profile.id)
def test_a_meter_is_what_its_profile_checks(profile: MeterProfile) -> None:
    """A meter passes all identity checks of its own profile and shows its serial number."""
    meter = make(profile)
    for check in profile.identity:
        address = check.address + MODEL_STARTS[check.relative_to]
        if check.type == "text":
            assert check.contains in text_at(meter, address, check.words)
        else:
            assert words_at(meter, address, 1)[0] in check.allowed
    serial = next(point for point in profile.points if point.role == "serial")
    shown = text_at(meter, address_of(serial), serial.words) if serial.type == "text" else str(number_at(meter, serial))
    assert shown == SERIALS[profile.id]


@pytest.mark.parametrize("profile", [WATTNODE, SUNSPEC, SHARK], ids=lambda profile: profile.id)
def test_a_map_of_one_function_can_be_read_with_either(profile: MeterProfile) -> None:
    """Functions 3 and 4 give the same words at every point of such a profile; other functions are exception 1."""
    meter = make(profile)
    for point in profile.points:
        count = point.words
        assert words_at(meter, address_of(point), count, HOUR_MS) == meter.read(4, address_of(point), count, HOUR_MS)
        assert meter.read(6, address_of(point), count, HOUR_MS) is ExceptionCode.ILLEGAL_FUNCTION


def test_a_map_of_two_functions_has_words_of_its_own_for_each() -> None:
    """Where the serial number is a holding register and the energy an input register, neither is the other."""
    energy = replace(WATTNODE.point("energy_in_nr"), function_code=4, address=1700)
    meter = make(replace(WATTNODE, points=(energy, WATTNODE.point("serial")), identity=()))
    assert meter.read(3, 1700, 2, HOUR_MS) == (351001 % 0x10000, 351001 // 0x10000)
    assert meter.read(4, 1700, 2, HOUR_MS) == (10, 0)
    assert meter.read(4, 1206, 2, HOUR_MS) is ExceptionCode.ILLEGAL_DATA_ADDRESS


def test_words_that_the_model_lacks_are_refused() -> None:
    """A profile's negative fingerprint holds, also on a meter that answers unlisted words."""
    meter = make(replace(SHARK, refuses=(Refusal(3, 50000, 2),)))
    assert meter.read(3, 50000, 2, 0) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    assert meter.read(3, 49999, 2, 0) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    assert meter.read(3, 49998, 2, 0) == (0, 0)


def test_a_meter_answers_what_its_profile_asks() -> None:
    """Functions 17 and 43 answer with the texts that the profile looks for, and not at all where it looks for none."""
    shark = replace(SHARK, questions=(IdentityQuestion(17, "Shark"), IdentityQuestion(43, "EIG")))
    meter = make(shark)
    assert b"Shark" in (meter.report() or b"")
    assert meter.identification() == {0: b"EIG", 1: b"EIG", 2: b"0042"}
    assert make(SHARK).identification() is None
    assert make(SHARK).report() is None


def test_witnesses_live() -> None:
    """Uptime and tick grow with the time, in the point's unit, and wrap; nothing is ever reset."""
    uptime = replace(WATTNODE.point("serial"), name="uptime", quantity="witness", role="uptime", unit="h", address=10)
    tick = replace(uptime, name="tick", role="tick", unit="", type="u16", words=1, address=20)
    resets = replace(tick, name="resets", role="resets", address=30)
    meter = make(replace(WATTNODE, points=(*WATTNODE.points, uptime, tick, resets)))
    at_ms = 70_000 * 1_000
    assert words_at(meter, 10, 2, at_ms) == (19, 0)
    assert words_at(meter, 20, 1, at_ms) == (70_000 - 65_536,)
    assert words_at(meter, 30, 1, at_ms) == (0,)


def test_a_name_plate_shows_what_its_words_can() -> None:
    """A model that is a number on the wire is one, and a text too long for its words is shortened."""
    model = replace(SHARK.point("name"), words=3)
    firmware = replace(SHARK.point("firmware"), type="u16", words=1)
    meter = make(
        replace(SHARK, points=(*SHARK.energy_points, model, firmware), identity=()),
        MeterSetup(unit=1, serial="1", firmware="v2"),
    )
    assert text_at(meter, 0, 3) == "Shark "
    assert words_at(meter, 0x11, 1) == (1,)


def test_the_power_shares_the_scale_word_of_the_energy_where_the_map_says_so() -> None:
    """DENT's data scalar scales power and energy alike: one word, one meaning."""
    source = ScaleSource("dent-scalar", 4601)
    energy = replace(WATTNODE.point("energy_in_nr"), scale=Decimal(1), scale_source=source)
    power = replace(energy, name="power", quantity="active_power", unit="kW", address=1300)
    meter = make(replace(WATTNODE, points=(energy, power, WATTNODE.point("serial"))))
    assert meter.resolution_wh == 100
    assert words_at(meter, 4601, 1) == (3,)
    assert number_at(meter, power) == 10
    with pytest.raises(MeterSetupError, match="'kVA', which is no power; use W, kW, MW"):
        make(replace(WATTNODE, points=(energy, replace(power, unit="kVA"))))


def test_a_float_register_can_be_the_production_register() -> None:
    """Its register is what the float shows, whose steps grow with it; a whole number goes before it unless named."""
    exact = WATTNODE.point("energy_in_nr")
    energy = replace(exact, name="energy", type="f32", scale=Decimal(1), modulus=10**8, address=1900)
    profile = replace(WATTNODE, points=(energy, *WATTNODE.points))
    assert make(profile).generated.name == "energy_in_nr"
    meter = make(profile, MeterSetup(unit=1, serial="1", generated="energy", initial_wh=1_048_576_060))
    assert meter.register_wh_at(0) == 1_048_576_000
    assert meter.register_wh_at(HOUR_MS) == 1_048_577_000
    assert (meter.resolution_wh_at(0), meter.resolution_wh) == (125, 8_000)
    assert number_at(meter, energy) == 1_048_576.0


def test_float_models_are_not_numbers_where_nothing_is_measured() -> None:
    """A SunSpec model 213 has its energy and power as floats, and NaN elsewhere."""
    assert SUNSPEC.sunspec is not None
    energy = replace(SUNSPEC.point("energy_export"), type="f32", address=60, scale_source=None, relative_to=213)
    points = (energy, *(point for point in SUNSPEC.points if point.relative_to == 1))
    sunspec = replace(SUNSPEC.sunspec, model=213)
    meter = make(replace(SUNSPEC, points=points, identity=(), sunspec=sunspec))
    assert words_at(meter, SUNSPEC_MODEL_AT, 4) == (213, 124, 0x7FC0, 0)
    assert words_at(meter, SUNSPEC_MODEL_AT + 60, 2, HOUR_MS) == struct.unpack(">2H", struct.pack(">f", 1000.0))
    assert words_at(meter, SUNSPEC_MODEL_AT + 126, 2) == (0xFFFF, 0)
    with pytest.raises(MeterSetupError, match="SunSpec model 103 is no meter"):
        make(replace(SUNSPEC, sunspec=replace(sunspec, model=103)))


def test_wattnode_twins_agree_and_holes_are_refused() -> None:
    """All of a WattNode's copies of the energy agree; nothing flows out; unlisted words are exception 2."""
    meter = make(WATTNODE)
    at_ms = 100 * HOUR_MS
    assert words_at(meter, 1200, 8, at_ms) == (1000, 0) * 4
    net, imported = (words_at(meter, address, 2, at_ms)[::-1] for address in (1000, 1006))
    assert struct.unpack(">f", struct.pack(">2H", *net)) == (100.0,)
    assert net == imported
    assert words_at(meter, 1112, 4, at_ms) == (0, 0, 0, 0)
    assert number_at(meter, WATTNODE.point("power"), at_ms) == 1000.0
    assert len(words_at(meter, 1200, 21, at_ms)) == 21
    assert meter.read(3, 1200, 22, at_ms) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    assert b"WattNode" in (meter.report() or b"")


def test_wattnode_net_register_can_be_the_production_register() -> None:
    """Read by its net register, the meter shows the same energy as by its import register."""
    meter = make(WATTNODE, MeterSetup(unit=1, serial="1", generated="energy_net_nr"))
    assert meter.generated.name == "energy_net_nr"
    assert words_at(meter, 1204, 4, HOUR_MS) == (10, 0, 10, 0)


def test_shark_counts_received_downwards() -> None:
    """Received, net and power are negative, delivered is zero and the total positive."""
    meter = make(SHARK)
    at_ms = 1000 * HOUR_MS
    energies = [number_at(meter, SHARK.point(f"energy_{name}"), at_ms) for name in ("received", "delivered", "net")]
    assert energies == [-100_000, 0, -100_000]
    assert number_at(meter, SHARK.point("energy_total"), at_ms) == 100_000
    assert number_at(meter, SHARK.point("power"), at_ms) == -1000.0
    assert words_at(meter, 0x7535, 1) == (0x3332,)
    assert words_at(meter, 0x0600, 3) == (0, 0, 0)
    assert meter.report() is None


def test_shark_format_word_is_the_scale() -> None:
    """A meter set to megawatt-hours with two decimals counts 10 kWh, and says so."""
    meter = make(SHARK, MeterSetup(unit=1, serial="1", scale_word=0x3362))
    assert meter.resolution_wh == 10_000
    assert words_at(meter, 0x7535, 1) == (0x3362,)
    assert number_at(meter, meter.generated, 1000 * HOUR_MS) == -100


@pytest.mark.parametrize("base", [0, 40000, 50000])
def test_a_sunspec_walk_ends_at_the_end_model(base: int) -> None:
    """From the marker, the lengths lead over the common model and model 203 to the end model, at any base."""
    meter = make(SUNSPEC, MeterSetup(unit=9, serial="W2M1-7003", firmware="2.1", sunspec_base=base, scale_word=1))
    assert text_at(meter, base, 2) == "SunS"
    address, models = base + 2, []
    while (model := words_at(meter, address, 2))[0] != 0xFFFF:
        models.append(model)
        assert len(words_at(meter, address, 2 + model[1])) == 2 + model[1]
        address += 2 + model[1]
    assert models == [(1, 66), (203, 105)]
    assert model == (0xFFFF, 0)
    assert [text_at(meter, base + 2 + offset, 16) for offset in (2, 18, 50)] == ["Elkor", "W2-M1-mA-DL", "W2M1-7003"]
    assert text_at(meter, base + 2 + 42, 8) == "2.1"
    assert words_at(meter, base + 2 + 66, 1) == (9,)
    assert words_at(meter, base + 70 + 38, 17, 50 * HOUR_MS) == (0, 5000, *(0,) * 14, 1)
    assert meter.read(3, address + 2, 1, 0) is ExceptionCode.ILLEGAL_DATA_ADDRESS


def test_sunspec_power_has_its_own_scale() -> None:
    """Power counts tens of watts, says so, and stops at the end of its range instead of turning negative."""
    power = SUNSPEC.point("power")
    assert power.scale_source is not None
    meter = make(SUNSPEC)
    assert words_at(meter, SUNSPEC_MODEL_AT + power.scale_source.address, 1) == (1,)
    assert number_at(meter, power) == 100
    strong = SimulatedMeter(SUNSPEC, SteadySun(10**6), MeterSetup(unit=1, serial="1"))
    assert number_at(strong, power) == 32767


@pytest.mark.parametrize(
    ("profile", "setup", "expected"),
    [
        (WATTNODE, MeterSetup(unit=1, serial="A1"), "a number on the wire, not 'A1'"),
        (WATTNODE, MeterSetup(unit=1, serial="99999999999"), "does not fit u32"),
        (WATTNODE, MeterSetup(unit=1, serial="1", generated="power"), "choose energy_net_nr, energy_in_nr"),
        (SHARK, MeterSetup(unit=1, serial="123456789012345678"), "at most 16 ASCII characters"),
        (SHARK, MeterSetup(unit=1, serial="1", initial_wh=-1), "cannot show -1 Wh"),
    ],
)
def test_impossible_meters_are_refused(profile: MeterProfile, setup: MeterSetup, expected: str) -> None:
    """What a profile cannot express is refused when the meter is made, in one sentence."""
    with pytest.raises(MeterSetupError, match=expected):
        SimulatedMeter(profile, SUN, setup)


def test_a_meter_shows_whatever_its_profile_checks() -> None:
    """A check on words that no point lists is satisfied by the image, a text by the family's name where it fits."""
    number = replace(WATTNODE.identity[0], address=1790, allowed=(77, 78))
    text = replace(SHARK.identity[0], address=1800, words=4, contains="100")
    other = replace(text, address=1810, contains="Vendor")
    meter = make(replace(WATTNODE, identity=(number,)))
    assert words_at(meter, 1790, 1) == (77,)
    shark = make(replace(SHARK, identity=(replace(text, words=5), other)))
    assert text_at(shark, 1800, 5) == "Shark 100"
    assert text_at(shark, 1810, 4) == "Vendor"


def test_a_model_that_no_meter_has_is_refused() -> None:
    """Points that count from another SunSpec model cannot be placed."""
    points = (*SUNSPEC.points, replace(SUNSPEC.points[0], relative_to=64_000))
    with pytest.raises(MeterSetupError, match="SunSpec model 64000, which no simulated meter has"):
        make(replace(SUNSPEC, points=points))
