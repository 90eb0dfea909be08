"""How long what failed is left alone."""

from __future__ import annotations

from edge.metering.back_off import BackOff


def test_the_back_off_doubles_to_its_limit() -> None:
    """Failures in a row are answered with longer pauses, up to the stated one."""
    back_off = BackOff(first_seconds=0.5, max_seconds=30.0)
    assert [back_off.delay_seconds(failures) for failures in (1, 2, 3, 6, 7, 10_000)] == [0.5, 1, 2, 16, 30, 30]
