"""Coalescing: every wanted word is read, in few requests, within the map's limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.words import Extent, Span, Word, WordImage, coalesce, listed_words
from edge.profiles import load_profile

WATTNODE = load_profile("ccs.wattnode-modbus")
EXTENTS = st.lists(
    st.builds(Extent, st.sampled_from([3, 4]), st.integers(0, 300), st.integers(1, 8)), min_size=1, max_size=12
)
LISTED = st.frozensets(st.tuples(st.sampled_from([3, 4]), st.integers(0, 310)), max_size=40)


def covered(extents: list[Extent]) -> frozenset[Word]:
    """Return all words of some extents."""
    return frozenset(
        (extent.function_code, address) for extent in extents for address in range(extent.address, extent.end)
    )


@given(extents=EXTENTS, more=LISTED, words_max=st.integers(8, 125), gap=st.integers(0, 20))
def test_requests_read_every_value_whole_and_keep_the_limits(
    extents: list[Extent], more: frozenset[Word], words_max: int, gap: int
) -> None:
    """Each value lies in one request; none is too long, and none covers more unlisted words in a row than allowed."""
    profile = replace(WATTNODE, words_max=words_max, gap_words_max=gap)
    listed = covered(extents) | more
    spans = coalesce(extents, profile, listed)
    for extent in extents:
        assert any(
            span.function_code == extent.function_code
            and span.address <= extent.address
            and extent.end <= span.address + span.count
            for span in spans
        )
    for span in spans:
        assert span.count <= max(words_max, *(extent.count for extent in extents))
        addresses = range(span.address, span.address + span.count)
        marks = "".join("x" if (span.function_code, address) in listed else " " for address in addresses)
        assert max(map(len, marks.split("x"))) <= gap


@given(extents=EXTENTS, barrier=st.integers(1, 300))
def test_no_request_joins_values_across_a_barrier(extents: list[Extent], barrier: int) -> None:
    """A request that lies on both sides of a barrier is one that a single value already forced."""
    profile = replace(WATTNODE, gap_words_max=124, barriers=(barrier,))
    whole = [extent for extent in extents if not extent.address < barrier < extent.end]
    for span in coalesce(whole, profile, covered(whole)):
        assert not span.address < barrier < span.address + span.count


@given(extents=EXTENTS)
def test_with_room_and_gaps_enough_one_request_is_made_of_each_function(extents: list[Extent]) -> None:
    """Where the map allows it, everything that one function code reads is read together, and nothing else with it."""
    profile = replace(WATTNODE, words_max=400, gap_words_max=400)
    spans = []
    for function_code in sorted({extent.function_code for extent in extents}):
        alike = [extent for extent in extents if extent.function_code == function_code]
        low, high = min(alike).address, max(extent.end for extent in alike)
        spans.append(Span(function_code, low, high - low))
    assert coalesce(extents, profile, frozenset()) == tuple(spans)


def test_an_address_that_is_not_listed_is_not_read() -> None:
    """By default two registers with a foreign word between them are two requests, listed words join them."""
    pair = [Extent(3, 10, 2), Extent(3, 13, 2)]
    assert coalesce(pair, WATTNODE, covered(pair)) == (Span(3, 10, 2), Span(3, 13, 2))
    assert coalesce(pair, WATTNODE, covered(pair) | {(4, 12)}) == (Span(3, 10, 2), Span(3, 13, 2))
    assert coalesce(pair, WATTNODE, covered(pair) | {(3, 12)}) == (Span(3, 10, 5),)


def test_words_are_found_where_they_were_read() -> None:
    """A value comes from the request that covers it, with its own function code, whichever that is."""
    image = WordImage((Span(3, 100, 3), Span(4, 100, 3), Span(3, 200, 2)), ((1, 2, 3), (6, 7, 8), (4, 5)))
    assert image.words(Extent(3, 101, 2)) == (2, 3)
    assert image.words(Extent(4, 101, 2)) == (7, 8)
    assert image.words(Extent(3, 201, 1)) == (5,)


def test_words_that_were_never_asked_for_are_a_fault_of_ours() -> None:
    """Looking beyond what was read, or with another function code, crashes instead of inventing a value."""
    image = WordImage((Span(3, 100, 3),), ((1, 2, 3),))
    for extent in (Extent(3, 102, 2), Extent(4, 100, 1)):
        with pytest.raises(AssertionError, match="no span covers"):
            image.words(extent)


def test_listed_words_count_from_where_the_models_are() -> None:
    """In a SunSpec meter the listed words move with the models."""
    profile = load_profile("sunspec.meter-203")
    listed = listed_words(profile, {1: 2, 203: 70})
    assert {(3, 70 + 38), (3, 70 + 39), (3, 70 + 54), (3, 2 + 50)} <= listed
    assert (3, 70 + 40) not in listed
