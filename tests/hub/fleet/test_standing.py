"""How a system stands towards a window: what wants a person first, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.fleet.standing import LAST_DAYS_MS, Reader, Standing, Unreported, judge_standing
from hub.rules.facts import ReportingMode
from hub.rules.periods import parse_month
from hub.rules.windows import window_of

WINDOW = window_of(parse_month("2024-01"))
EARLY = WINDOW.opens_at
DAY_MS = 86_400_000
LATE = WINDOW.closes_at - LAST_DAYS_MS
HAND, DEVICES = ReportingMode.MANUAL, ReportingMode.AUTOMATIC
READERS = st.one_of(
    st.none(),
    st.builds(Reader, st.just("Barn"), st.one_of(st.none(), st.integers(0, WINDOW.closes_at)), st.just(DAY_MS)),
)
UNREPORTED = st.lists(st.builds(Unreported, st.just("PV-1"), READERS, st.booleans()), max_size=3)


def lacks(reader: Reader | None = None, *, is_held: bool = False) -> list[Unreported]:
    """Return a meter that was not reported."""
    return [Unreported("PV-1", reader, is_held)]


@pytest.mark.parametrize(
    ("mode", "meters", "unreported", "at", "standing", "named"),
    [
        (HAND, 0, [], EARLY, Standing.NOT_DUE, "No meter of it"),
        (HAND, 1, [], EARLY, Standing.ACCEPTED, ""),
        (HAND, 1, lacks(), EARLY, Standing.WAITING, "by hand yet"),
        (HAND, 1, lacks(), LATE - 1, Standing.WAITING, "PV-1"),
        (HAND, 1, lacks(), LATE, Standing.AT_RISK, "Nobody has entered"),
        (HAND, 1, lacks(is_held=True), LATE, Standing.HELD, "waits for a photo or a decision"),
        (HAND, 1, lacks(), WINDOW.closes_at, Standing.MISSING, "has closed"),
        (HAND, 1, lacks(is_held=True), WINDOW.closes_at, Standing.MISSING, "has closed"),
        (DEVICES, 1, lacks(), EARLY, Standing.AT_RISK, "No device reads PV-1"),
        (DEVICES, 1, lacks(Reader("Barn", None, DAY_MS)), EARLY, Standing.AT_RISK, "never heard"),
        (DEVICES, 1, lacks(Reader("Barn", EARLY - DAY_MS, DAY_MS)), EARLY, Standing.READY, "report by themselves"),
        (
            DEVICES,
            1,
            lacks(Reader("Barn", EARLY - DAY_MS - 1, DAY_MS)),
            EARLY,
            Standing.AT_RISK,
            "silent since 2024-01-2",
        ),
    ],
)
def test_each_standing_has_its_reason(  # noqa: PLR0913, PLR0917 - a table
    mode: ReportingMode, meters: int, unreported: list[Unreported], at: int, standing: Standing, named: str
) -> None:
    """At both sides of each edge."""
    judged = judge_standing(mode, meters, unreported, WINDOW, at)
    assert judged.standing is standing
    assert named in judged.reason


def test_one_meter_that_cannot_report_puts_the_system_at_risk() -> None:
    """The healthy one beside it does not hide that."""
    both = [Unreported("PV-1", Reader("Barn", EARLY, DAY_MS)), Unreported("PV-2", Reader("Shed", None, DAY_MS))]
    judged = judge_standing(DEVICES, 2, both, WINDOW, EARLY)
    assert (judged.standing, "PV-2" in judged.reason) == (Standing.AT_RISK, True)


@given(st.sampled_from(ReportingMode), UNREPORTED, st.integers(WINDOW.opens_at, WINDOW.closes_at + LAST_DAYS_MS))
def test_nothing_that_lacks_a_reading_is_called_accepted(
    mode: ReportingMode, unreported: list[Unreported], at: int
) -> None:
    """And whatever is not accepted says why."""
    judged = judge_standing(mode, len(unreported) + 1, unreported, WINDOW, at)
    assert (judged.standing is Standing.ACCEPTED) == (not unreported)
    assert bool(judged.reason) == bool(unreported)
