"""Every profile there is, and every way to lay out a register: what the simulated meter shows, the edge reads exactly.

The simulators' encoder and the edge's decoder share no code, and no wire is between them here.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bus_errors import ExceptionReplyError
from edge.metering.outcome import Taken
from edge.metering.profile import IdentityCheck, IdentityQuestion, Refusal, ScaleSource
from edge.poll import MeterPoller
from edge.profiles import load_profile, profile_ids
from edge.settings import MeterSettings
from protocol.counts import read_value
from protocol.messages import Instant, TimeQuality
from simulators.image import ExceptionCode
from simulators.meter import MeterSetup, SimulatedMeter
from tests.simulators.steady import SteadySun

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile, Point, PointType
    from edge.metering.words import Span
    from edge.settings import BusKind

UNIT = 5
SERIAL = "4711"
YEAR_MS = 366 * 86_400_000
START = 1_767_225_600_000


@dataclass(slots=True)
class DirectLine:
    """A bus without a wire: the meter's words at the instant set by hand."""

    meter: SimulatedMeter
    now_ms: int = START
    kind: BusKind = "rtu"
    connections: int = 1

    def now(self) -> Instant:
        """Return this moment."""
        return Instant(self.now_ms, self.now_ms - START, TimeQuality.SYNCHRONISED)

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Return what the meter answers."""
        del timeout_seconds, silence_ms
        assert unit == self.meter.unit
        words = self.meter.read(span.function_code, span.address, span.count, self.now_ms)
        if isinstance(words, ExceptionCode):
            message = f"the meter refused {span}"
            raise ExceptionReplyError(message, words.value)
        return words

    async def report_server_id(self, unit: int, *, timeout_seconds: float, silence_ms: int = 0) -> bytes:
        """Return the meter's own report."""
        del unit, timeout_seconds, silence_ms
        report = self.meter.report()
        assert report is not None
        return report

    async def read_device_identification(
        self, unit: int, *, timeout_seconds: float, silence_ms: int = 0
    ) -> dict[int, bytes]:
        """Return the meter's own objects."""
        del unit, timeout_seconds, silence_ms
        objects = self.meter.identification()
        assert objects is not None
        return objects


async def poll_exactly(profile: MeterProfile, generated: str | None, initial_wh: int, instants: list[int]) -> None:
    """Assert that the edge reads the register of a meter of this profile as it stands, at each of some instants."""
    setup = MeterSetup(unit=UNIT, serial=SERIAL, generated=generated, initial_wh=initial_wh)
    meter = SimulatedMeter(profile, SteadySun(1_000), setup)
    line = DirectLine(meter)
    chosen = MeterSettings(
        name="roof", index=1, bus="line", unit=UNIT, profile=profile.id, generated=meter.generated.name, serial=SERIAL
    )
    poller = MeterPoller(chosen, profile, line, line.now)
    for line.now_ms in sorted(instants):
        outcome = await poller.poll()
        assert isinstance(outcome.result, Taken), outcome.result
        descriptor = outcome.result.descriptor
        assert descriptor.serial == SERIAL
        shown = read_value(outcome.result.counts[0], descriptor.registers[0], descriptor.ratio)
        assert shown is not None
        assert math.floor(shown) == meter.register_wh_at(line.now_ms)


def read_exactly(profile: MeterProfile, generated: str | None, initial_wh: int, instants: list[int]) -> None:
    """Do so from a test that hypothesis runs."""
    asyncio.run(poll_exactly(profile, generated, initial_wh, instants))


ENERGIES = st.integers(0, 10**12)
INSTANTS = st.lists(st.integers(START, START + YEAR_MS), min_size=1, max_size=3)


@pytest.mark.parametrize("profile_id", profile_ids())
@settings(max_examples=10)
@given(initial_wh=ENERGIES, instants=INSTANTS, chance=st.data())
def test_every_profile_is_read_exactly(
    profile_id: str, initial_wh: int, instants: list[int], chance: st.DataObject
) -> None:
    """Each energy register of each profile, after any energy and at any instant, comes out as the meter shows it."""
    profile = load_profile(profile_id)
    point = chance.draw(st.sampled_from(profile.energy_points))
    read_exactly(profile, point.name, initial_wh, instants)


BASE = load_profile("ccs.wattnode-modbus")
ENERGY = replace(BASE.point("energy_in_nr"), scale=Decimal(1), word_order="big")
TYPES: tuple[tuple[PointType, int, int], ...] = (
    ("u16", 1, 1 << 16), ("i16", 1, 1 << 15), ("u32", 2, 1 << 32), ("i32", 2, 1 << 31), ("acc32", 2, 1 << 32),
    ("u64", 4, 1 << 64), ("i64", 4, 1 << 63), ("acc64", 4, 1 << 64), ("f32", 2, 10**9), ("f64", 4, 10**12),
    ("m10k", 2, 10**8), ("m10ks", 3, 10**12), ("bcd", 4, 10**16),
)  # fmt: skip
"""Every type that energy can have, with its words and the largest count at which it may wrap."""


def backwards(point: Point) -> Point:
    """Return the point with its least significant word and octet first."""
    return replace(point, word_order="little", byte_order="little")


def layouts() -> dict[str, Point]:
    """Return an energy point of each type in a layout of its own, by what is special about it."""
    points: dict[str, Point] = {
        kind: replace(ENERGY, type=kind, words=words, modulus=modulus) for kind, words, modulus in TYPES
    }
    points |= {f"{kind} backwards": backwards(point) for kind, point in points.items()}
    points |= {f"{kind} downwards": replace(points[kind], sign=-1) for kind in ("i32", "i64", "m10ks", "f64")}
    points["by function 4"] = replace(ENERGY, function_code=4)
    points["by DENT's scalar"] = replace(ENERGY, scale_source=ScaleSource("dent-scalar", 4601))
    points["by a power of ten"] = replace(ENERGY, unit="Wh", scale_source=ScaleSource("power-of-ten", 1300))
    return points


LAYOUTS = layouts()


@pytest.mark.parametrize("special", LAYOUTS)
@settings(max_examples=10)
@given(initial_wh=ENERGIES, instants=INSTANTS)
def test_every_layout_is_read_exactly(special: str, initial_wh: int, instants: list[int]) -> None:
    """Each type, order, sign, function code and scale source gives back what the meter shows."""
    serial = replace(BASE.point("serial"), type="bcd", byte_order="little")
    profile = replace(BASE, points=(LAYOUTS[special], serial))
    read_exactly(profile, None, initial_wh, instants)


@pytest.mark.parametrize("base", [0, 1000, 4096, 40000, 50000])
@pytest.mark.parametrize("model", [201, 202, 203, 204, 211, 212, 213, 214])
def test_every_sunspec_meter_model_is_read_at_every_base(model: int, base: int) -> None:
    """Integer and float models of every wiring are found wherever the marker may stand."""
    whole = load_profile("sunspec.meter-203")
    assert whole.sunspec is not None
    energy = replace(whole.point("energy_export"), relative_to=model)
    if model > 210:
        energy = replace(energy, type="f32", address=60, scale_source=None)
    profile = replace(
        whole,
        sunspec=replace(whole.sunspec, model=model, bases=(base,)),
        identity=(replace(whole.identity[0], allowed=(model,), relative_to=model),),
        points=(energy, *(point for point in whole.points if point.relative_to == 1)),
    )
    read_exactly(profile, None, 123_456_789, [START + YEAR_MS // 2])


def test_every_way_to_know_a_meter_is_passed() -> None:
    """Answers, absent words, the label alone, and checks of any type: the meter of a profile is the profile's meter."""
    profile = replace(
        BASE,
        points=(ENERGY,),
        is_label_only=True,
        identity=(
            IdentityCheck(10, "text1", 4, "big", contains="SOCO"),
            IdentityCheck(20, "bcd", 2, "little", byte_order="little", allowed=(13_010_20,)),
            IdentityCheck(30, "f32", 2, "big", function_code=4, allowed=(0x449A522B,)),
            IdentityCheck(40, "text", 4, "big", byte_order="little", contains="Veris"),
        ),
        questions=(IdentityQuestion(17, "WattNode"), IdentityQuestion(43, "Veris Industries")),
        refuses=(Refusal(3, 50000, 2),),
    )
    read_exactly(profile, None, 1_000, [START])
