"""The meters that others judge, and the instant at which they stand still for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.clock import SystemClock
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from edge.bus import Bus

UNIT = 7
SERIES = MeasuredSeries(starts_at=(0, STEP_MS), power=(4_321_000, 4_000_000), decimals=0)


@dataclass(frozen=True, slots=True)
class Noon:
    """An instant after the series, so that every register stands still."""

    now_ms: int = 10 * STEP_MS


NOON = Noon()


def make_meter(profile_id: str) -> SimulatedMeter:
    """Return a simulated meter of a profile that has measured for a while."""
    profile = load_profile(profile_id)
    setup = MeterSetup(unit=UNIT, serial="4711", initial_wh=123_456_000)
    return SimulatedMeter(profile, MeasuredSun(SERIES), setup)


def make_poller(meter: SimulatedMeter, bus: Bus) -> MeterPoller:
    """Return what the edge reads this meter with, wherever its words are served."""
    settings = MeterSettings(
        name="judged", index=1, bus="bus", unit=UNIT, profile=meter.profile.id, generated=meter.generated.name
    )
    return MeterPoller(settings, meter.profile, bus, SystemClock().now)
