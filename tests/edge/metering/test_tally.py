"""What a bus has counted, in figures that people can compare."""

from __future__ import annotations

from edge.metering.tally import BusTally


def test_the_figures_of_a_bus() -> None:
    """Quality is answered requests in a thousand, rounded down; the mean delay is over the replies."""
    tally = BusTally(requests=3, replies=2, timeouts=1, delay_ms=101)
    assert (tally.quality_permille, tally.delay_ms_mean) == (666, 50)


def test_a_bus_that_asked_nothing_has_no_figures() -> None:
    """Nothing is said of what was not tried."""
    assert (BusTally().quality_permille, BusTally().delay_ms_mean) == (None, None)
