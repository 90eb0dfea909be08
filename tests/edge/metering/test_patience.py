"""How long a meter is waited for, learned from its replies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.metering.patience import DELAYS, LIMIT_SECONDS_MIN, Patience

DELAY = st.floats(0.0, 20.0)
FULL = 1.0


def test_a_meter_that_has_not_answered_has_its_whole_time() -> None:
    """Without a reply to learn from it is the profile's time-out that counts."""
    assert Patience().limit_seconds(FULL, 0.1) == FULL


def test_a_quick_meter_is_waited_for_a_little_beside_the_wire() -> None:
    """The least wait is on top of what the octets take, so that a long reply has as much as a short one."""
    patience = Patience().after_reply(0.01)
    assert patience.limit_seconds(FULL, 0.0) == LIMIT_SECONDS_MIN
    assert patience.limit_seconds(FULL, 0.3) == LIMIT_SECONDS_MIN + 0.3


def test_a_slow_meter_keeps_several_times_its_delay() -> None:
    """The wait is a multiple of the worst delay, and never more than the profile's."""
    assert Patience().after_reply(0.2).limit_seconds(FULL, 0.0) == DELAYS * 0.2
    assert Patience().after_reply(0.6).limit_seconds(FULL, 0.0) == FULL


@given(delays=st.lists(DELAY, min_size=1), full_seconds=st.floats(0.01, 60.0), transfer_seconds=st.floats(0.0, 1.0))
def test_the_wait_is_bounded_and_covers_the_last_reply(
    delays: list[float], full_seconds: float, transfer_seconds: float
) -> None:
    """Whatever the delays, the wait is at most the profile's, and a reply like the last one would come in time."""
    patience = Patience()
    for delay in delays:
        patience = patience.after_reply(delay)
    limit = patience.limit_seconds(full_seconds, transfer_seconds)
    assert limit <= full_seconds
    assert limit == full_seconds or limit >= max(delays[-1] * DELAYS, LIMIT_SECONDS_MIN)


def test_the_worst_fades_slowly_and_grows_at_once() -> None:
    """One slow reply counts in full and is forgotten only after many fast ones."""
    patience = Patience().after_reply(0.01).after_reply(0.8)
    assert patience == Patience(0.8)
    fading = [patience]
    for _ in range(40):
        fading.append(fading[-1].after_reply(0.0))
    worsts = [step.worst_seconds or 0.0 for step in fading]
    assert worsts == sorted(worsts, reverse=True)
    assert 0.65 < worsts[1] < 0.75
    assert worsts[-1] < 0.01


def test_a_reply_faster_than_its_wire_has_no_delay() -> None:
    """A reply that came sooner than its octets should take is as if the meter had answered at once."""
    assert Patience().after_reply(-0.2) == Patience(0.0)
    assert Patience(0.8).after_reply(-0.2) == Patience(0.8).after_reply(0.0)
