"""The life of an alert: it fires once it held for long enough, does not flap, and stands as people said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alerting.life import DAYS_MAX, Episode, Seen, Silence, Standing, check_until, standing_of, step
from hub.alerting.rules import RULES, Code, Rule, Severity
from hub.errors import InputError

NOW = 1_700_000_000_000
MINUTE_MS = 60_000
RULE = Rule(Code.BACKLOG, "T", "R", for_ms=5 * MINUTE_MS, keep_ms=10 * MINUTE_MS)
SEEN = Seen(Code.BACKLOG, "d1", Severity.WARNING, "30 blocks")


def live(looks: list[bool], rule: Rule = RULE, every_ms: int = MINUTE_MS) -> list[Episode | None]:
    """Return the episode after each look, one a minute; one that has ended is begun anew."""
    held: Episode | None = None
    after = []
    for place, is_seen in enumerate(looks):
        if held is not None and held.ended_at is not None:
            held = None
        held = step(held, SEEN if is_seen else None, rule, NOW + place * every_ms)
        after.append(held)
    return after


def test_it_fires_once_it_has_held_for_long_enough() -> None:
    """Not a look earlier; what is gone before that leaves nothing."""
    after = live([True] * 7)
    assert [one is not None and one.fired_at is not None for one in after] == [False] * 5 + [True] * 2
    assert live([True, True, False])[-1] is None


def test_it_is_over_once_it_is_gone_for_long_enough() -> None:
    """One look without it is not the end; it is the same episode when it comes back."""
    after = live([True] * 6 + [False] * 9 + [True] + [False] * 10)
    ended = [one is not None and one.ended_at is not None for one in after]
    assert ended == [False] * 25 + [True]
    assert {one.since_at for one in after if one is not None} == {NOW}


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 8), st.integers(1, 12))
def test_no_alert_flaps_faster_than_it_is_kept(looks: list[bool], for_minutes: int, keep_minutes: int) -> None:
    """Between two that fire of one subject lies at least the time for which one is kept."""
    rule = Rule(Code.BACKLOG, "T", "R", for_minutes * MINUTE_MS, keep_minutes * MINUTE_MS)
    fired = [one.fired_at for one in live(looks, rule) if one is not None and one.fired_at is not None]
    moments = sorted(set(fired))
    assert all(later - earlier >= keep_minutes * MINUTE_MS for earlier, later in pairwise(moments))


@given(st.lists(st.booleans(), max_size=60))
def test_whatever_fires_is_over_once_its_cause_is_gone(looks: list[bool]) -> None:
    """As long after as it is kept, and no later."""
    last = live([*looks, *[False] * 11])[-1]
    assert last is None or last.ended_at is not None


def test_why_and_severity_follow_what_is_seen() -> None:
    """An alert that gets worse says so, and is the same one."""
    begun = step(None, SEEN, RULE, NOW)
    worse = step(begun, Seen(Code.BACKLOG, "d1", Severity.CRITICAL, "90 blocks"), RULE, NOW + 1)
    assert worse is not None
    assert (worse.severity, worse.why, worse.since_at) == (Severity.CRITICAL, "90 blocks", NOW)


def standing(
    episode: Episode, *, firing: set[Code] | None = None, silences: tuple[Silence, ...] = (), until: int | None = None
) -> Standing:
    """Return how an alert stands."""
    rule = RULES[episode.code]
    return standing_of(episode, rule, firing=firing or set(), silences=silences, acknowledged_until=until, at=NOW)


FIRING = Episode(Code.DEVICE_SILENT, "d1", Severity.WARNING, "w", NOW - 9, NOW, NOW - 5)


@pytest.mark.parametrize(
    ("silence", "is_muted"),
    [
        (Silence(Code.DEVICE_SILENT, None, NOW + 1), True),
        (Silence(None, "d1", NOW + 1), True),
        (Silence(Code.DEVICE_SILENT, "d1", NOW + 1), True),
        (Silence(Code.DEVICE_SILENT, "d2", NOW + 1), False),
        (Silence(Code.BACKLOG, "d1", NOW + 1), False),
        (Silence(None, "d1", NOW), False),
    ],
)
def test_a_silence_mutes_what_it_names_until_it_ends(silence: Silence, is_muted: bool) -> None:  # noqa: FBT001
    """And at its end no more."""
    assert standing(FIRING, silences=(silence,)) is (Standing.SILENCED if is_muted else Standing.FIRING)


def test_a_known_cause_mutes_what_follows_from_it() -> None:
    """A fleet that is silent inhibits its devices, and each acknowledgement has an end."""
    assert standing(FIRING, firing={Code.FLEET_SILENT}) is Standing.INHIBITED
    assert standing(FIRING, until=NOW + 1) is Standing.ACKNOWLEDGED
    assert standing(FIRING, until=NOW) is Standing.FIRING
    over = Episode(Code.BACKLOG, "d1", Severity.WARNING, "w", 1, 2, 3, 4)
    assert standing(over) is Standing.RESOLVED
    assert standing(Episode(Code.BACKLOG, "d1", Severity.WARNING, "w", 1, 2)) is Standing.PENDING


def test_every_rule_says_what_to_do_and_inhibits_in_no_circle() -> None:
    """A rule that is inhibited by one that it inhibits would hide both."""
    assert set(RULES) == set(Code)
    for rule in RULES.values():
        assert rule.title
        assert rule.runbook.endswith((".", "`."))
        assert all(rule.code not in RULES[other].inhibited_by for other in rule.inhibited_by)


@pytest.mark.parametrize("until_at", [NOW, NOW - 1, NOW + DAYS_MAX * 86_400_000 + 1])
def test_an_end_is_in_the_future_and_not_too_far_off(until_at: int) -> None:
    """What never ends is forgotten."""
    with pytest.raises(InputError, match="until when"):
        check_until(until_at, NOW)
    check_until(NOW + 1, NOW)
