"""Power and exact energy of a photovoltaic array at an instant: replayed from measurements, or from a seed.

Power is a staircase of 15-minute steps, so energy since the beginning is a sum of whole numbers: power in a fixed
fraction of a watt times milliseconds. No binary float ever touches it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from simulators.errors import SimulatorError
from simulators.measured import STEP_MS, MeasuredSeries, read_measured_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

__all__ = ["STEP_MS", "MeasuredSeries", "MeasuredSun", "Place", "SeededSun", "Sun", "read_measured_csv"]

_MS_PER_HOUR = 3_600_000
_STEPS_PER_DAY = 96
_CHUNK_STEPS = 32 * _STEPS_PER_DAY
"""Clear-sky power is computed for so many steps at once: one call of pvlib costs the same for a step as for a month."""
_STEPS_MAX = 30 * 366 * _STEPS_PER_DAY
"""A seeded sun shines for thirty years, as long as an array: all steps from its start are computed and kept."""


class Sun(Protocol):
    """What a simulated meter measures."""

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power at `at_ms` (UTC ms), exact watts."""
        ...

    def energy_at(self, at_ms: int) -> Fraction:
        """Return the energy generated since the sun's first instant until `at_ms` (UTC ms), exact Wh."""
        ...

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return that energy in Wh, rounded down to a whole multiple of `resolution_wh`."""
        ...


class MeasuredSun:
    """A measured series, replayed: each power holds for 15 minutes, missing rows are darkness.

    `capacity_factor` scales the array (an exact number: 4 turns a 5.4 kW array into one of 21.6 kW). Raises
    SimulatorError if it is negative.
    """

    def __init__(self, series: MeasuredSeries, capacity_factor: Fraction | Decimal | int = 1) -> None:
        factor = Fraction(capacity_factor)
        if factor < 0:
            message = f"the capacity factor is {capacity_factor}; give zero or a positive number"
            raise SimulatorError(message)
        self.series = series
        self._factor = factor
        self._watts_per_count = factor * Fraction(1, 10**series.decimals)
        self._wh_per_count_ms = self._watts_per_count * Fraction(1, _MS_PER_HOUR)
        self._before = tuple(accumulate((power * STEP_MS for power in series.power), initial=0))

    @property
    def first_at(self) -> int:
        """The instant at which energy is zero, UTC ms."""
        return self.series.first_at

    @property
    def end_at(self) -> int:
        """The instant after which energy no longer grows, UTC ms."""
        return self.series.end_at

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power at `at_ms` (UTC ms), exact watts; zero outside the series."""
        row = bisect_right(self.series.starts_at, at_ms) - 1
        if row < 0 or at_ms - self.series.starts_at[row] >= STEP_MS:
            return Fraction(0)
        return self.series.power[row] * self._watts_per_count

    def energy_at(self, at_ms: int) -> Fraction:
        """Return the energy since the first row until `at_ms` (UTC ms), exact Wh; zero before the first row."""
        return self._count_ms(at_ms) * self._wh_per_count_ms

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return `energy_at` rounded down to a whole multiple of `resolution_wh` (Wh)."""
        unit = self._wh_per_count_ms
        return self._count_ms(at_ms) * unit.numerator // (unit.denominator * resolution_wh) * resolution_wh

    def _count_ms(self, at_ms: int) -> int:
        row = bisect_right(self.series.starts_at, at_ms) - 1
        if row < 0:
            return 0
        return self._before[row] + self.series.power[row] * min(at_ms - self.series.starts_at[row], STEP_MS)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array stands and how it faces: degrees north, east, tilt from horizontal, azimuth from north."""

    latitude: float = 42.36
    longitude: float = -71.06
    time_zone: str = "America/New_York"
    tilt: float = 30.0
    azimuth: float = 180.0


class SeededSun:
    """A made-up array under a real sky: clear-sky power of the place, dimmed by clouds that a seed decides.

    The clear sky is pvlib's simplified Solis model on a tilted plane with PVWatts's default losses of 14 %
    (https://pvlib-python.readthedocs.io/, https://www.nrel.gov/docs/fy14osti/62641.pdf). Clouds are a pure function of
    (seed, step), so the same seed gives the same energy in whatever order instants are asked. Energy is zero at
    `start_ms` (UTC ms) and before it. Raises SimulatorError for an array without power, and when
    asked for an instant more than thirty years after the start.
    """

    def __init__(self, *, seed: int, kilowatts: int, start_ms: int, place: Place | None = None) -> None:
        if kilowatts <= 0:
            message = f"an array of {kilowatts} kW makes no energy; give a positive number of kilowatts"
            raise SimulatorError(message)
        self.start_ms = start_ms
        self._seed = seed.to_bytes(16, "big", signed=True)
        self._kilowatts = kilowatts
        self._place = place or Place()
        self._first_step = start_ms // STEP_MS
        self._watts: list[int] = []
        self._before = [0]

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power at `at_ms` (UTC ms), whole watts; zero before the start."""
        if at_ms < self.start_ms:
            return Fraction(0)
        step = at_ms // STEP_MS - self._first_step
        self._compute_through(step)
        return Fraction(self._watts[step])

    def energy_at(self, at_ms: int) -> Fraction:
        """Return the energy since the start until `at_ms` (UTC ms), exact Wh."""
        return Fraction(self._watt_ms(at_ms), _MS_PER_HOUR)

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return `energy_at` rounded down to a whole multiple of `resolution_wh` (Wh)."""
        return self._watt_ms(at_ms) // (_MS_PER_HOUR * resolution_wh) * resolution_wh

    def _watt_ms(self, at_ms: int) -> int:
        if at_ms <= self.start_ms:
            return 0
        step, within_ms = divmod(at_ms - self._first_step * STEP_MS, STEP_MS)
        self._compute_through(step)
        # The first step began before the start when the start is not on a quarter of an hour.
        unborn = self._watts[0] * (self.start_ms - self._first_step * STEP_MS)
        return self._before[step] + self._watts[step] * within_ms - unborn

    def _compute_through(self, step: int) -> None:
        if step >= _STEPS_MAX:
            message = "a seeded sun shines for thirty years and was asked for more; start it later"
            raise SimulatorError(message)
        while len(self._watts) <= step:
            first = self._first_step + len(self._watts)
            clear = clear_sky_watts(self._place, self._kilowatts, first * STEP_MS, _CHUNK_STEPS)
            for index, watts in enumerate(clear):
                dimmed = watts * self._clearness(first + index) // 1000
                self._watts.append(dimmed)
                self._before.append(self._before[-1] + dimmed * STEP_MS)

    def _clearness(self, step: int) -> int:
        """Return how much of the clear-sky power reaches the array in a step, in thousandths.

        A day has its own cover, up to 90 %; each of its steps loses a random part of that.
        """
        cover = self._chance(b"day", step // _STEPS_PER_DAY, 901)
        return 1000 - self._chance(b"step", step, cover + 1)

    def _chance(self, name: bytes, index: int, bound: int) -> int:
        drawn = hashlib.blake2b(index.to_bytes(8, "big", signed=True), key=self._seed, person=name, digest_size=8)
        return int.from_bytes(drawn.digest(), "big") % bound


def clear_sky_watts(place: Place, kilowatts: int, start_ms: int, steps: int) -> Sequence[int]:
    """Return the AC power under a clear sky, whole watts, for each 15-minute step from `start_ms` (UTC ms)."""
    # pvlib brings pandas and scipy along; a replay of measurements should not wait for them.
    import pandas as pd  # noqa: PLC0415 - see above
    import pvlib  # noqa: PLC0415 - see above

    middle = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start_ms + STEP_MS // 2)
    times = pd.date_range(middle, periods=steps, freq="15min").tz_convert(place.time_zone)
    position = pvlib.solarposition.get_solarposition(times, place.latitude, place.longitude)
    sky = pvlib.clearsky.simplified_solis(position["apparent_elevation"])
    plane = pvlib.irradiance.get_total_irradiance(
        place.tilt,
        place.azimuth,
        position["apparent_zenith"],
        position["azimuth"],
        sky["dni"],
        sky["ghi"],
        sky["dhi"],
    )
    # Irradiance in W/m2 per 1000 W/m2 of standard conditions, times kilowatts, is watts; PVWatts's losses leave 0.86.
    watts = (plane["poa_global"].fillna(0.0) * (kilowatts * 0.86)).clip(lower=0.0).round()
    return [int(value) for value in watts]
