"""The walk from the marker to the models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.errors import WrongMeterError
from edge.metering.sunspec import MODELS_MAX, locate_models
from edge.profiles import load_profile

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile
    from edge.metering.words import Location, Span

SUNSPEC = load_profile("sunspec.meter-203")
assert SUNSPEC.sunspec is not None
BASES = (0, 1000, 4096, 40000, 50000)
ANYWHERE = replace(SUNSPEC, sunspec=replace(SUNSPEC.sunspec, bases=BASES))
MARKER = (0x5375, 0x6E53)


def chain(base: int, models: list[tuple[int, int]]) -> dict[int, int]:
    """Return the words of a map: the marker, each model's id and length, and the end."""
    words = {base: MARKER[0], base + 1: MARKER[1]}
    address = base + 2
    for model, length in [*models, (0xFFFF, 0)]:
        words |= {address: model, address + 1: length}
        address += 2 + length
    return words


def walk(profile: MeterProfile, words: dict[int, int]) -> tuple[Location, list[Span]]:
    """Run the walk against a map; a word that is not in it answers an exception."""
    steps = locate_models(profile)
    asked: list[Span] = []
    try:
        span = next(steps)
        while True:
            asked.append(span)
            wanted = range(span.address, span.address + span.count)
            known = all(address in words for address in wanted)
            span = steps.send(tuple(words[address] for address in wanted) if known else None)
    except StopIteration as end:
        location: Location = end.value
        return location, asked


@given(
    base=st.sampled_from(BASES),
    common_length=st.sampled_from([65, 66]),
    between=st.lists(st.tuples(st.integers(2, 200), st.integers(0, 100)), max_size=5),
    behind=st.integers(0, 200),
)
def test_models_are_found_wherever_they_are(
    base: int, common_length: int, between: list[tuple[int, int]], behind: int
) -> None:
    """At each base, with any models between, the announced lengths lead to the common model and to 203."""
    words = chain(base, [(1, common_length), *between, (203, 105), (behind, 10)])
    location, _ = walk(ANYWHERE, words)
    assert location[1] == base + 2
    assert words[location[203]] == 203
    assert location[203] == base + 4 + common_length + sum(length + 2 for _, length in between)


def test_the_walk_ends_when_all_is_found() -> None:
    """No header behind the last wanted model is read."""
    _, asked = walk(SUNSPEC, chain(40000, [(1, 65), (203, 105), (64001, 10)]))
    assert [(span.address, span.count) for span in asked] == [(40000, 2), (40002, 2), (40069, 2)]


def test_the_first_of_equal_models_is_meant() -> None:
    """A device with two model 203 gives the place of the first."""
    location, _ = walk(replace(SUNSPEC), chain(40000, [(203, 105), (203, 105), (1, 66)]))
    assert location[203] == 40002


def test_a_meter_behind_an_inverter_has_a_common_model_of_its_own() -> None:
    """Of several common models the last before the meter is the meter's; those of meters behind it are others'."""
    models = [(1, 65), (103, 50), (1, 65), (203, 105), (1, 65), (203, 105)]
    location, _ = walk(SUNSPEC, chain(40000, models))
    assert location == {1: 40002 + 67 + 52, 203: 40002 + 67 + 52 + 67}


def test_words_of_another_map_at_a_base_are_passed_over() -> None:
    """Socomec's letters at 50000 and exceptions elsewhere are no marker; the walk goes on to the next base."""
    words = {50000: 0x0053, 50001: 0x004F} | chain(4096, [(1, 65), (203, 105)])
    bases = (50000, 0, 40000, 4096)
    assert SUNSPEC.sunspec is not None
    profile = replace(SUNSPEC, sunspec=replace(SUNSPEC.sunspec, bases=bases))
    location, asked = walk(profile, words)
    assert location == {1: 4098, 203: 4165}
    assert [span.address for span in asked[:4]] == list(bases)


def test_a_header_that_is_refused_is_the_end_of_the_map() -> None:
    """An exception where a model should begin, as behind a wrong length, ends the walk and names what is missing."""
    words = chain(40000, [(1, 66), (204, 81), (203, 105)])
    del words[40002 + 68 + 83]
    with pytest.raises(WrongMeterError, match="has no model 203"):
        walk(SUNSPEC, words)


@pytest.mark.parametrize("model", [201, 202, 204, 211, 212, 213, 214])
def test_the_profile_says_which_meter_model_is_looked_for(model: int) -> None:
    """A wiring or number format of its own is a model of its own, found as any other, whatever length it announces."""
    points = tuple(replace(point, relative_to=model) for point in SUNSPEC.energy_points)
    assert SUNSPEC.sunspec is not None
    sunspec = replace(SUNSPEC.sunspec, model=model)
    profile = replace(SUNSPEC, points=points, identity=(), sunspec=sunspec)
    location, _ = walk(profile, chain(40000, [(1, 66), (203, 105), (model, 81), (64001, 3)]))
    assert location == {model: 40002 + 68 + 107}


def test_without_a_marker_it_is_the_wrong_meter() -> None:
    """Neither exceptions nor other words at the bases pass for SunSpec."""
    with pytest.raises(WrongMeterError, match="no SunSpec marker at 40000, 0, 50000"):
        walk(SUNSPEC, {0: 0x5375, 1: 0x6E54})


def test_a_missing_model_is_named() -> None:
    """A map that ends without the model says which one it lacks."""
    with pytest.raises(WrongMeterError, match="has no model 203"):
        walk(SUNSPEC, chain(40000, [(1, 66), (201, 105)]))


@pytest.mark.parametrize("length", [0, 1000])
def test_a_map_without_an_end_ends_the_walk(length: int) -> None:
    """Endless headers, or lengths that lead beyond the address space, end in a bounded number of requests."""
    steps = locate_models(SUNSPEC)
    next(steps)
    steps.send(MARKER)
    with pytest.raises(WrongMeterError, match="has no model 1, 203"):  # noqa: PT012 - the walk is driven until it ends
        for _ in range(MODELS_MAX):
            steps.send((64000, length))


def test_a_map_of_absolute_addresses_is_not_walked() -> None:
    """A profile without SunSpec asks for nothing."""
    assert walk(load_profile("eig.shark-100"), {}) == ({}, [])
