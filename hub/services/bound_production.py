"""The most that a clear sky lets a photovoltaic system produce: from where it stands, day by day, with pvlib.

The sky is Ineichen's with one turbidity for all days, clearer than it ever is for a whole day in Massachusetts, and a
margin on top for cold modules, sunlit clouds and arrays that follow the sun. So it is a bound, not an estimate: what
lies above was not sunlight. pvlib and what it needs load only when a bound is asked for the first time.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.rules.facts import Technology

if TYPE_CHECKING:
    from hub.rules.facts import SystemFacts

LINKE_TURBIDITY = 2.0
MARGIN_PER_CENT = 130
DAYS = 366
_MICRO = 1_000_000
_DAY_MS = 86_400_000
_TENTHS, _TILTS, _AZIMUTHS = 10, 5, 15
"""Places are told apart by tenths of a degree, and roofs by 5 and 15 degrees: a few hundred bounds serve everybody."""
SOUTH = 180


def clear_sky_wh(system: SystemFacts, from_at: int, until_at: int) -> int | None:
    """Return the most that a system can have produced between two instants (UTC ms), in whole Wh.

    None where it is no photovoltaic system, or nobody said where it stands. Of days that are not whole a share counts
    that the hours of the day could have had at most: all of it.
    """
    latitude, longitude = system.latitude_microdegrees, system.longitude_microdegrees
    if system.technology is not Technology.PV or latitude is None or longitude is None:
        return None
    tilt = latitude // _MICRO if system.tilt_degrees is None else system.tilt_degrees
    azimuth = SOUTH if system.azimuth_degrees is None else system.azimuth_degrees
    by_day = _wh_per_kw(
        _round(latitude * _TENTHS, _MICRO),
        _round(longitude * _TENTHS, _MICRO),
        _round(max(0, tilt), _TILTS) * _TILTS,
        _round(azimuth, _AZIMUTHS) * _AZIMUTHS,
    )
    first, last = from_at // _DAY_MS, max(from_at, until_at - 1) // _DAY_MS
    days = last - first + 1
    whole_years, rest = divmod(days, len(by_day))
    start = _day_of_year(first * _DAY_MS)
    per_kw = whole_years * sum(by_day) + sum(by_day[(start + day) % len(by_day)] for day in range(rest))
    return per_kw * system.capacity_w_dc // 1000


@functools.lru_cache(maxsize=4096)
def _wh_per_kw(latitude_tenths: int, longitude_tenths: int, tilt: int, azimuth: int) -> tuple[int, ...]:
    """Return the bound in Wh for each kW DC of each day (UTC) of a leap year; two neighbours' larger, to be no less."""
    import pandas as pd  # noqa: PLC0415 - a second of loading, for whoever asks for a bound
    from pvlib import clearsky, irradiance, location  # noqa: PLC0415

    place = location.Location(latitude_tenths / _TENTHS, longitude_tenths / _TENTHS)
    # Half past each hour stands for the hour.
    times = pd.date_range("2024-01-01T00:30", periods=DAYS * 24, freq="h", tz="UTC")
    sun = place.get_solarposition(times)
    zenith = sun["apparent_zenith"]
    airmass = place.get_airmass(times, solar_position=sun)["airmass_absolute"]
    extra = irradiance.get_extra_radiation(times.day_of_year)
    sky = clearsky.ineichen(zenith, airmass, LINKE_TURBIDITY, dni_extra=extra)
    plane = irradiance.get_total_irradiance(
        tilt, azimuth, zenith, sun["azimuth"], sky["dni"], sky["ghi"], sky["dhi"], dni_extra=extra, model="isotropic"
    )["poa_global"]
    days = [float(day.sum()) for _, day in plane.fillna(0).groupby(times.date)]
    assert len(days) == DAYS, "a leap year has so many days"
    bounded = [int(day * MARGIN_PER_CENT) // 100 + 1 for day in days]
    return tuple(max(bounded[place - 1], bounded[place], bounded[(place + 1) % DAYS]) for place in range(DAYS))


def _day_of_year(at_ms: int) -> int:
    return datetime.fromtimestamp(at_ms // 1000, UTC).timetuple().tm_yday - 1


def _round(value: int, step: int) -> int:
    """Return how many steps a value is, rounded to the nearest."""
    return (2 * value + step) // (2 * step)
