"""What a system can have produced, and what it should have: the bounds that a reported reading is held against.

No threshold is published. These are the project's own, and stand beside every finding that follows from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.details import effective
from hub.rules.periods import month_of, months_through

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth

MONTHLY_PER_MILLE = (48, 62, 85, 97, 112, 116, 120, 110, 90, 70, 50, 40)
"""How a photovoltaic year in Massachusetts falls on its months, of 1000. The project's own, rounded."""

CAPACITY_FACTOR_PER_MYRIAD = 1371
"""The mean of what PTS systems reported from 2010 to 2016, of their DC nameplate: 13.71 %."""

BAND_PER_CENT = (25, 175)
"""What is outside of these hundredths of the expected production is held for evidence."""

ZERO_FLAGGED_MS = 20 * 86_400_000
"""A register that stood still for this long is worth a question."""

_MS_PER_HOUR = 3_600_000
_MYRIAD, _MILLE, _CENT = 10_000, 1_000, 100


def expected_wh(system: SystemFacts, from_at: int, until_at: int) -> int:
    """Return what a system should produce between two instants (UTC ms), in whole Wh.

    Of its estimated annual production that part which falls on the time by the months' shares; where no estimate is
    known, the mean capacity factor of the Commonwealth. Citation: `citations.EXPECTED_PRODUCTION`.
    """
    if system.annual_wh_estimated is None:
        elapsed = until_at - from_at
        return system.capacity_w_dc * CAPACITY_FACTOR_PER_MYRIAD * elapsed // (_MYRIAD * _MS_PER_HOUR)
    expected = 0
    for month in months_through(month_of(from_at), month_of(until_at)):
        overlap = min(until_at, month.ends_at) - max(from_at, month.starts_at)
        share = system.annual_wh_estimated * MONTHLY_PER_MILLE[month.month - 1] * overlap
        expected += share // (_MILLE * (month.ends_at - month.starts_at))
    return expected


def expected_of_month(said: Sequence[SystemFacts], month: ProductionMonth) -> int | None:
    """Return what a system should produce in a month (Wh) by what held on its last day, None where nothing did.

    `said` is all that was said of it. Citation: `citations.EXPECTED_PRODUCTION`.
    """
    held = effective(said, month.last_day)
    return None if held is None else expected_wh(held, month.starts_at, month.ends_at)


def expected_band(system: SystemFacts, from_at: int, until_at: int) -> tuple[int, int]:
    """Return the least and the most in Wh that is near enough to what is expected between two instants (UTC ms).

    Citation: `citations.EXPECTED_PRODUCTION`.
    """
    expected = expected_wh(system, from_at, until_at)
    least, most = BAND_PER_CENT
    return expected * least // _CENT, expected * most // _CENT


def physical_limit_wh(system: SystemFacts, from_at: int, until_at: int) -> int:
    """Return the most that a system can produce between two instants (UTC ms): its nameplate, all the time, in Wh.

    Citation: `citations.PHYSICAL_LIMIT`.
    """
    capacity_w = system.capacity_w_ac or system.capacity_w_dc
    return capacity_w * (until_at - from_at) // _MS_PER_HOUR


def is_in_band(production_wh: int, expected: int) -> bool:
    """Return whether a production is near enough to what was expected. Citation: `citations.EXPECTED_PRODUCTION`."""
    least, most = BAND_PER_CENT
    return expected * least <= production_wh * _CENT <= expected * most


def is_standstill(production_wh: int, from_at: int, until_at: int) -> bool:
    """Return whether a register stood still for so long that somebody should ask why.

    Citation: `citations.EXPECTED_PRODUCTION`.
    """
    return production_wh == 0 and until_at - from_at >= ZERO_FLAGGED_MS
