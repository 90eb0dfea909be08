"""The edge's decoder against the simulators' encoder, which share no code: what one shows the other reads."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from edge.bus import open_bus
from edge.metering.outcome import Taken
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings, RtuLine, TcpEndpoint
from protocol.messages import Instant, TimeQuality
from simulators.bus import RtuBus, TcpBus
from simulators.measured import MeasuredSeries
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from pathlib import Path

    from edge.metering.profile import MeterProfile
    from edge.settings import BusSettings
    from protocol.messages import Register

START = 1_467_331_200_000
SUN = MeasuredSun(MeasuredSeries((START, START + 900_000), (98_765_432, 123), 3))
UNIT = 5
SERIAL = "351001"


@dataclass(slots=True)
class HandClock:
    """A clock set by hand, for the meters and for the edge."""

    now_ms: int = START

    def now(self) -> Instant:
        """Return this moment."""
        return Instant(self.now_ms, self.now_ms - START, TimeQuality.SYNCHRONISED)


def energy_wh(count: int, register: Register) -> Fraction:
    """Return what a raw count means, by the register's description alone."""
    is_negative = register.kind == "s" and count >= 1 << (register.width_bits - 1)
    signed = count - (1 << register.width_bits) if is_negative else count
    return register.sign * signed * Fraction(10) ** register.scale_exponent


async def check(profile: MeterProfile, meter: SimulatedMeter, clock: HandClock, settings: BusSettings) -> None:
    """Assert that the edge reads the production register exactly, at instants through the series."""
    bus = open_bus(settings)
    meter_settings = MeterSettings(
        name="roof",
        index=1,
        bus=settings.name,
        unit=UNIT,
        profile=profile.id,
        generated=meter.generated.name,
        serial=SERIAL,
    )
    poller = MeterPoller(meter_settings, profile, bus, clock.now)
    try:
        for clock.now_ms in range(START, START + 2_000_000, 299_993):
            outcome = await poller.poll()
            assert isinstance(outcome.result, Taken), outcome.result
            register = outcome.result.descriptor.registers[0]
            assert (outcome.result.descriptor.serial, register.unit) == (SERIAL, "Wh")
            assert energy_wh(outcome.result.counts[0], register) == meter.register_wh_at(clock.now_ms)
        assert meter.register_wh_at(clock.now_ms) > 0
    finally:
        await bus.close()


@pytest.mark.parametrize("profile_id", ["ccs.wattnode-modbus", "eig.shark-100", "sunspec.meter-203"])
async def test_the_edge_reads_what_the_meter_shows(profile_id: str, tmp_path: Path) -> None:
    """Over real lines and sockets, every reading is the register at its instant, to the watt-hour."""
    profile = load_profile(profile_id)
    meter = SimulatedMeter(profile, SUN, MeterSetup(unit=UNIT, serial=SERIAL, initial_wh=123_456_789))
    clock = HandClock()
    if "rtu" in profile.modes:
        link = tmp_path / "line"
        async with RtuBus({UNIT: meter}, clock, link):
            await check(profile, meter, clock, RtuLine(name="line", port=str(link), silence_ms=0))
    if "tcp" in profile.modes:
        async with TcpBus({UNIT: meter}, clock) as server:
            await check(profile, meter, clock, TcpEndpoint(name="tcp", host="127.0.0.1", port=server.port))
