"""The model of the medium: what is synced stays, what is not may go, and nothing appears that nobody wrote."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.powercut.medium import ROOT, SECTOR, CutMode, Event, Make, Medium, Name, Resize, Sync, Write

FILE = 2


def made(*events: Event) -> Medium:
    """Return a medium with one file "a" whose name is durable, after these events."""
    medium = Medium()
    for event in (Make(FILE, is_folder=False), Name(ROOT, (("a", FILE),)), Sync(ROOT), *events):
        medium.apply(event)
    return medium


def chance(seed: int = 0) -> random.Random:
    """Return the same chance for the same seed."""
    return random.Random(seed)  # noqa: S311 - a test has to be repeatable


@given(st.sampled_from(CutMode), st.integers(0, 1000), st.binary(min_size=1, max_size=3000))
def test_what_is_synced_survives_every_cut(mode: CutMode, seed: int, data: bytes) -> None:
    """A file that was synced, in a folder that was synced, is there unchanged after a cut in any mode."""
    assert made(Write(FILE, 0, data), Sync(FILE)).after_cut(mode, chance(seed)) == {"a": data}


@given(st.integers(0, 1000), st.integers(0, 4000), st.integers(0, 4000), st.integers(1, 4000))
def test_a_torn_file_holds_old_and_new_sectors_only(seed: int, old: int, offset: int, new: int) -> None:
    """Each sector of a torn file is as it was synced, as it was written since, or zeros that filled a hole."""
    medium = made(Write(FILE, 0, b"o" * old), Sync(FILE), Write(FILE, offset, b"n" * new))
    live = bytes(medium.files[FILE].content)
    torn = medium.after_cut(CutMode.TORN, chance(seed))["a"]
    assert len(torn) in {old, len(live)}
    for at in range(0, len(torn), SECTOR):
        before = (b"o" * old).ljust(len(live), b"\0")[at : at + SECTOR][: len(torn) - at]
        assert torn[at : at + SECTOR] in {before, live[at : at + SECTOR][: len(torn) - at]}


def test_contents_that_were_not_synced_are_lost_while_names_stay() -> None:
    """A file that was renamed before it was synced is empty after a cut: the classic half-written file."""
    medium = made(Write(FILE, 0, b"new"), Name(ROOT, (("a", None), ("b", FILE))))
    assert medium.after_cut(CutMode.CONTENTS_LOST, chance()) == {"b": b""}


def test_names_that_were_not_synced_are_lost() -> None:
    """Without a sync of the folder a new name, a renaming or a removal is undone, whatever the contents are."""
    medium = made(Write(FILE, 0, b"x"), Sync(FILE), Make(3, is_folder=False), Name(ROOT, (("c", 3),)), Sync(3))
    medium.apply(Name(ROOT, (("a", None), ("b", FILE))))
    assert medium.after_cut(CutMode.ENTRIES_LOST, chance()) == {"a": b"x"}
    medium.apply(Sync(ROOT))
    assert medium.after_cut(CutMode.ENTRIES_LOST, chance()) == {"b": b"x", "c": b""}


def test_names_reach_the_medium_in_order_and_a_renaming_in_one_step() -> None:
    """A torn cut keeps the first so many changes of names: never a later one without those before."""
    medium = made(Sync(FILE))
    for name in "bcd":
        medium.apply(Name(ROOT, ((name, FILE),)))
    seen = {tuple(medium.after_cut(CutMode.TORN, chance(seed))) for seed in range(50)}
    assert seen == {("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d")}


def test_a_file_that_was_cut_short_may_have_either_length() -> None:
    """A truncation without a sync has happened after a torn cut, or it has not; what is cut off is not written."""
    medium = made(Write(FILE, 0, b"x" * 1000), Sync(FILE), Resize(FILE, 10))
    seen = {medium.after_cut(CutMode.TORN, chance(seed))["a"] for seed in range(20)}
    assert seen == {b"x" * 10, b"x" * 1000}
