"""Reads the words of a simulated meter as a program in C would, without the edge's decoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from edge.profiles import load_profile
from simulators.image import ExceptionCode
from simulators.meter import MeterSetup, SimulatedMeter
from tests.simulators.steady import SteadySun

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile, Point

WATTNODE = load_profile("ccs.wattnode-modbus")
SUNSPEC = load_profile("sunspec.meter-203")
SHARK = load_profile("eig.shark-100")
SERIALS = {WATTNODE.id: "351001", SUNSPEC.id: "W2M1-7003", SHARK.id: "0004100410"}
FORMATS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "acc32": ">I", "f32": ">f"}
SUNSPEC_MODEL_AT = 40070
MODEL_STARTS = {None: 0, 1: 40002, 203: SUNSPEC_MODEL_AT}
"""Where addresses count from on the wire; a simulated SunSpec map begins at 40000."""


HOUR_MS = 3_600_000
SUN = SteadySun(1_000)


def make(profile: MeterProfile, setup: MeterSetup | None = None) -> SimulatedMeter:
    """Return a meter of this profile under one kilowatt."""
    return SimulatedMeter(profile, SUN, setup or MeterSetup(unit=1, serial=SERIALS[profile.id]))


def words_at(meter: SimulatedMeter, address: int, count: int, at_ms: int = 0) -> tuple[int, ...]:
    """Return words that must be readable."""
    result = meter.read(3, address, count, at_ms)
    assert not isinstance(result, ExceptionCode)
    return result


def address_of(point: Point) -> int:
    """Return where a point stands on the wire."""
    return point.address + MODEL_STARTS[point.relative_to]


def number_at(meter: SimulatedMeter, point: Point, at_ms: int = 0) -> int | float:
    """Return the number at a point as a C program would read it."""
    words = words_at(meter, address_of(point), struct.calcsize(FORMATS[point.type]) // 2, at_ms)
    ordered = words if point.word_order == "big" else words[::-1]
    number: int | float = struct.unpack(FORMATS[point.type], struct.pack(f">{len(words)}H", *ordered))[0]
    return number


def text_at(meter: SimulatedMeter, address: int, words: int) -> str:
    """Return the text there, without its padding."""
    return struct.pack(f">{words}H", *words_at(meter, address, words)).rstrip(b"\0").decode("ascii")
