"""A paced line takes the time of its wire: no reader beats it, and a late timer costs the reader nothing."""

from __future__ import annotations

import pytest

from simulators.bus.pace import LineClock, LinePace, line_seconds

POLLS_PER_SECOND = [
    # baud, meter's delay in ms, and polls a second for reads of 2, 10, 50, 100 and 125 words on a line of 8N1
    (9_600, 0, (40, 24, 8.0, 4.4, 3.6)),
    (19_200, 0, (80, 48, 16, 8.7, 7.1)),
    (38_400, 0, (126, 83, 30, 17, 13.9)),
    (57_600, 0, (155, 108, 43, 25, 20)),
    (115_200, 0, (201, 157, 75, 45.5, 38)),
    (9_600, 20, (22, 16, 6.9, 4.0, 3.3)),
    (19_200, 20, (31, 24.5, 12, 7.4, 6.2)),
    (115_200, 20, (40, 38, 30, 24, 22)),
]


@pytest.mark.parametrize(("baud", "turnaround_ms", "expected"), POLLS_PER_SECOND)
def test_the_limit_of_the_wire(baud: int, turnaround_ms: int, expected: tuple[float, ...]) -> None:
    """A read of N words is 8 octets there and 5 + 2N back between two silences; the rates round to the known table."""
    pace = LinePace(baud, turnaround_ms=turnaround_ms)
    rates = [1 / line_seconds(8, 5 + 2 * words, pace) for words in (2, 10, 50, 100, 125)]
    assert rates == pytest.approx(expected, rel=0.02)


def test_parity_costs_a_tenth_at_most() -> None:
    """An eleventh bit for each character makes an exchange longer by less than a tenth, and never shorter."""
    plain, even = (line_seconds(8, 105, LinePace(9_600, bits)) for bits in (10, 11))
    assert plain < even <= plain * 1.1


def test_a_line_clock_adds_up_to_the_limit() -> None:
    """A reader that answers each reply after exactly one silence polls at the limit, however late the line's timers."""
    pace = LinePace(9_600, turnaround_ms=20)
    line = LineClock(pace)
    wrote_at = 100.0
    for late_seconds in (0.0, 0.0011, 0.0004, 0.0011, 0.0):
        ends_at = line.hear(8, wrote_at) + pace.seconds(9)
        line.said(ends_at, ends_at + late_seconds)
        wrote_at = ends_at + late_seconds + pace.silence_seconds
    assert wrote_at - 100.0 == pytest.approx(5 * line_seconds(8, 9, pace))


def test_no_reader_is_faster_than_the_wire() -> None:
    """A reader that leaves out the silence between two frames gains nothing."""
    pace = LinePace(9_600)
    line = LineClock(pace)
    now = 0.0
    for _ in range(5):
        ends_at = line.hear(8, now) + pace.seconds(9)
        line.said(ends_at, ends_at)
        now = ends_at
    assert now == pytest.approx(5 * line_seconds(8, 9, pace) - pace.silence_seconds)


def test_what_the_reader_is_late_is_the_readers() -> None:
    """A pause of the reader is not taken for the line's: the next exchange begins when it is written."""
    pace = LinePace(9_600)
    line = LineClock(pace)
    ends_at = line.hear(8, 0.0) + pace.seconds(9)
    line.said(ends_at, ends_at + 0.001)
    answers_at = line.hear(8, ends_at + 5.001)
    assert answers_at == pytest.approx(ends_at + 5.0 + pace.seconds(8) + pace.silence_seconds)
