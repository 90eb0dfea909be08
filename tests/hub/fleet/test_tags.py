"""Tags: what one is, and what of a wish changes those that a device has."""

from __future__ import annotations

import pytest

from hub.errors import InputError
from hub.fleet.tags import TAG_LENGTH_MAX, TAGS_MAX, Retagging, check_retagging, parse_tags


def test_a_text_names_tags() -> None:
    """Between blanks or commas, each once, in the order in which they are written."""
    assert parse_tags(" lte, roof:south lte v1.2_b-c ") == ("lte", "roof:south", "v1.2_b-c")
    assert parse_tags("a" * TAG_LENGTH_MAX) == ("a" * TAG_LENGTH_MAX,)


@pytest.mark.parametrize("text", ["a" * (TAG_LENGTH_MAX + 1), "ro/of", "<b>", "é", "ok \x00"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    """With what one may be made of."""
    with pytest.raises(InputError, match=r"is no tag: write 1 to 40 letters, digits, or signs of - _ \. :"):
        parse_tags(text)


def test_only_what_changes_is_changed() -> None:
    """What is there already, or is not there, is left."""
    wish = Retagging(("lte", "new"), ("old", "gone"))
    assert check_retagging(wish, {"lte", "old"}) == Retagging(("new",), ("old",))


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Retagging(), "tags: name at least one"),
        (Retagging(("lte",), ("lte",)), "tag lte is put on and taken off at once"),
        (Retagging(("lte",)), "it is tagged so already"),
        (Retagging(take_off=("gone",)), "it has no such tag"),
    ],
)
def test_what_makes_no_sense_is_refused(wish: Retagging, told: str) -> None:
    """Each in a sentence of its own."""
    with pytest.raises(InputError, match=told):
        check_retagging(wish, {"lte"})


def test_a_device_has_twenty_at_most() -> None:
    """One comes for another also when it is full."""
    full = [f"t{number}" for number in range(TAGS_MAX)]
    with pytest.raises(InputError, match="it would have 21 tags: a device has 20 at most"):
        check_retagging(Retagging(("new",)), full)
    assert check_retagging(Retagging(("new",), ("t0",)), full) == Retagging(("new",), ("t0",))
    assert check_retagging(Retagging(take_off=("t0",)), [*full, "more"]) == Retagging(take_off=("t0",))
