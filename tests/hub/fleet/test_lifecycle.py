"""The stages of a device's life: what people can say of it, and what follows without a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.fleet.lifecycle import MAINTENANCE_DAYS_MAX, Said, Stage, Word, check_said, is_watched, stage_at

NOW = 1_700_000_000_000
DAY_MS = 86_400_000
INSTANTS = st.integers(NOW - 400 * DAY_MS, NOW + 400 * DAY_MS)
SAID = st.one_of(st.none(), st.builds(Said, st.sampled_from(Word), st.one_of(st.none(), INSTANTS)))


def test_a_device_is_registered_until_it_is_heard() -> None:
    """Nobody has to say that it began."""
    assert stage_at(None, NOW, is_heard=False) is Stage.REGISTERED
    assert stage_at(None, NOW, is_heard=True) is Stage.IN_SERVICE


def test_a_maintenance_ends_by_itself() -> None:
    """At its end, not after it, the device is watched again."""
    said = Said(Word.MAINTAIN, NOW + DAY_MS)
    assert stage_at(said, NOW + DAY_MS - 1, is_heard=True) is Stage.MAINTENANCE
    assert stage_at(said, NOW + DAY_MS, is_heard=True) is Stage.IN_SERVICE
    assert stage_at(said, NOW + DAY_MS, is_heard=False) is Stage.REGISTERED


def test_a_decommissioned_device_stays_so_until_it_is_resumed() -> None:
    """However long ago, and whatever it still sends."""
    assert stage_at(Said(Word.RETIRE), NOW + 9_999 * DAY_MS, is_heard=True) is Stage.DECOMMISSIONED
    assert stage_at(Said(Word.RESUME), NOW, is_heard=True) is Stage.IN_SERVICE


@given(SAID, INSTANTS, st.booleans())
def test_no_silence_is_muted_for_ever_but_by_decommissioning(said: Said | None, at: int, is_heard: bool) -> None:  # noqa: FBT001
    """Whatever was said, a device that was heard is watched again one day."""
    later = at + 1_000 * DAY_MS
    stage = stage_at(said, later, is_heard=is_heard)
    assert is_watched(stage) or not is_heard or stage is Stage.DECOMMISSIONED


@pytest.mark.parametrize(
    ("said", "stage", "named"),
    [
        (Said(Word.MAINTAIN), Stage.IN_SERVICE, "until when"),
        (Said(Word.MAINTAIN, NOW), Stage.IN_SERVICE, "in the future"),
        (Said(Word.MAINTAIN, NOW + MAINTENANCE_DAYS_MAX * DAY_MS + 1), Stage.IN_SERVICE, "92 days"),
        (Said(Word.MAINTAIN, NOW + DAY_MS), Stage.DECOMMISSIONED, "resume it first"),
        (Said(Word.RETIRE, NOW + DAY_MS), Stage.IN_SERVICE, "only a maintenance has an end"),
        (Said(Word.RESUME, NOW + DAY_MS), Stage.MAINTENANCE, "only a maintenance has an end"),
        (Said(Word.RETIRE), Stage.DECOMMISSIONED, "already"),
        (Said(Word.RESUME), Stage.IN_SERVICE, "is in service"),
        (Said(Word.RESUME), Stage.REGISTERED, "is registered"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(said: Said, stage: Stage, named: str) -> None:
    """It says what to do instead."""
    with pytest.raises(InputError, match=named):
        check_said(said, stage, NOW)


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        (Said(Word.MAINTAIN, NOW + 1), Stage.REGISTERED),
        (Said(Word.MAINTAIN, NOW + MAINTENANCE_DAYS_MAX * DAY_MS), Stage.MAINTENANCE),
        (Said(Word.RETIRE), Stage.REGISTERED),
        (Said(Word.RESUME), Stage.DECOMMISSIONED),
        (Said(Word.RESUME), Stage.MAINTENANCE),
    ],
)
def test_what_makes_sense_can_be_said(said: Said, stage: Stage) -> None:
    """A maintenance may be prolonged, and a device retired that never spoke."""
    check_said(said, stage, NOW)
