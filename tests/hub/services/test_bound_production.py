"""The bound of a clear sky: nothing real lies above it, and most of what is impossible does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from hub.rules.facts import SystemFacts, Technology
from hub.rules.periods import ProductionMonth
from hub.rules.plausibility import MONTHLY_PER_MILLE, physical_limit_wh
from hub.services.bound_production import clear_sky_wh
from hub.store.facts import BEGINNING

WORCESTER = SystemFacts(
    "SLF-AB1234-00001",
    "Roof",
    BEGINNING,
    10_000,
    latitude_microdegrees=42_262_593,
    longitude_microdegrees=-71_802_293,
    tilt_degrees=30,
)
MONTHS = [ProductionMonth(2025, number) for number in range(1, 13)]
BEST_WH_PER_W = 1_450
"""What a well-placed roof in Massachusetts makes in a good year; 1,201 is the mean of all."""


def bound(system: SystemFacts, month: ProductionMonth) -> int:
    """Return the bound of a month."""
    found = clear_sky_wh(system, month.starts_at, month.ends_at)
    assert found is not None
    return found


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_a_good_year_lies_below_and_the_nameplate_far_above(month: ProductionMonth) -> None:
    """Each month of the best roof is possible; what the nameplate would give day and night is not."""
    good_wh = WORCESTER.capacity_w_dc * BEST_WH_PER_W * MONTHLY_PER_MILLE[month.month - 1] // 1000
    limit_wh = physical_limit_wh(WORCESTER, month.starts_at, month.ends_at)
    assert good_wh < bound(WORCESTER, month) < limit_wh // 2


def test_june_has_more_sun_than_january_and_large_systems_more_than_small() -> None:
    """And twice the nameplate has twice the bound."""
    assert bound(WORCESTER, MONTHS[0]) < bound(WORCESTER, MONTHS[5])
    double = replace(WORCESTER, capacity_w_dc=20_000)
    assert bound(double, MONTHS[3]) == pytest.approx(2 * bound(WORCESTER, MONTHS[3]), abs=1)


def test_longer_times_have_no_less() -> None:
    """Day by day through two years; a part of a day counts as the whole, so that nothing true lies above."""
    start = MONTHS[0].starts_at
    bounds = [clear_sky_wh(WORCESTER, start, start + hours * 3_600_000) or 0 for hours in range(1, 24 * 750, 37)]
    assert bounds == sorted(bounds)
    assert bounds[0] > 0


def test_only_photovoltaics_in_a_known_place_have_one() -> None:
    """Nobody guesses where a roof is, and no other technology hangs on the sun like that."""
    span = (MONTHS[0].starts_at, MONTHS[0].ends_at)
    assert clear_sky_wh(replace(WORCESTER, latitude_microdegrees=None), *span) is None
    assert clear_sky_wh(replace(WORCESTER, technology=Technology.WIND), *span) is None
    assert clear_sky_wh(replace(WORCESTER, tilt_degrees=None, azimuth_degrees=None), *span) is not None


def test_a_hub_starts_without_loading_what_bounds_need() -> None:
    """Pandas and pvlib take a second and much memory: for whoever asks."""
    code = "import sys, hub.app; sys.exit('pandas' in sys.modules or 'pvlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
