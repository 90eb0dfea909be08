"""Coalescing: every wanted word is read, in few requests, within the map's limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.words import Extent, Span, WordImage, coalesce, listed_words
from edge.profiles import load_profile

WATTNODE = load_profile("ccs.wattnode-modbus")
EXTENTS = st.lists(st.builds(Extent, st.integers(0, 300), st.integers(1, 8)), min_size=1, max_size=12)
LISTED = st.frozensets(st.integers(0, 310), max_size=40)


def covered(extents: list[Extent]) -> frozenset[int]:
    """Return the addresses of all words of some extents."""
    return frozenset(address for extent in extents for address in range(extent.address, extent.end))


@given(extents=EXTENTS, more=LISTED, words_max=st.integers(8, 125), gap=st.integers(0, 20))
def test_requests_read_every_value_whole_and_keep_the_limits(
    extents: list[Extent], more: frozenset[int], words_max: int, gap: int
) -> None:
    """Each value lies in one request; none is too long, and none covers more unlisted words in a row than allowed."""
    profile = replace(WATTNODE, words_max=words_max, gap_words_max=gap)
    listed = covered(extents) | more
    spans = coalesce(extents, profile, listed)
    for extent in extents:
        assert any(span.address <= extent.address and extent.end <= span.address + span.count for span in spans) or (
            extent.count > words_max
        )
    for span in spans:
        assert span.count <= max(words_max, *(extent.count for extent in extents))
        marks = "".join("x" if address in listed else " " for address in range(span.address, span.address + span.count))
        assert max(map(len, marks.split("x"))) <= gap


@given(extents=EXTENTS, barrier=st.integers(1, 300))
def test_no_request_joins_values_across_a_barrier(extents: list[Extent], barrier: int) -> None:
    """A request that lies on both sides of a barrier is one that a single value already forced."""
    profile = replace(WATTNODE, gap_words_max=124, barriers=(barrier,))
    whole = [extent for extent in extents if not extent.address < barrier < extent.end]
    for span in coalesce(whole, profile, covered(whole)):
        assert not span.address < barrier < span.address + span.count


@given(extents=EXTENTS)
def test_with_room_and_gaps_enough_one_request_is_made(extents: list[Extent]) -> None:
    """Where the map allows it, everything is read together."""
    low, high = min(extents).address, max(extent.end for extent in extents)
    profile = replace(WATTNODE, words_max=400, gap_words_max=400)
    assert coalesce(extents, profile, frozenset()) == (Span(3, low, high - low),)


def test_an_address_that_is_not_listed_is_not_read() -> None:
    """By default two registers with a foreign word between them are two requests, listed words join them."""
    pair = [Extent(10, 2), Extent(13, 2)]
    assert coalesce(pair, WATTNODE, covered(pair)) == (Span(3, 10, 2), Span(3, 13, 2))
    assert coalesce(pair, WATTNODE, covered(pair) | {12}) == (Span(3, 10, 5),)


def test_words_are_found_where_they_were_read() -> None:
    """A value comes from the request that covers it, whichever that is."""
    image = WordImage((Span(3, 100, 3), Span(3, 200, 2)), ((1, 2, 3), (4, 5)))
    assert image.words(Extent(101, 2)) == (2, 3)
    assert image.word(201) == 5


def test_words_that_were_never_asked_for_are_a_fault_of_ours() -> None:
    """Looking beyond what was read crashes instead of inventing a value."""
    with pytest.raises(AssertionError, match="no span covers"):
        WordImage((Span(3, 100, 3),), ((1, 2, 3),)).words(Extent(102, 2))


def test_listed_words_count_from_where_the_models_are() -> None:
    """In a SunSpec meter the listed words move with the models."""
    profile = load_profile("sunspec.meter-203")
    listed = listed_words(profile, {1: 2, 203: 70})
    assert {70 + 38, 70 + 39, 70 + 54, 2 + 50} <= listed
    assert 70 + 40 not in listed
