"""One poll's requests: how many, in which order, and when their answers may be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.errors import DecodeError, NotAvailableError, ProfileError, UnstableError
from edge.metering.profile import ScaleSource
from edge.metering.read_plan import OBIS_CONSUMED, OBIS_GENERATED, TRIES_MAX, plan_reads, read_once
from edge.metering.words import Span
from edge.profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.metering.read_plan import ReadPlan, Replies, Sighting

WATTNODE = load_profile("ccs.wattnode-modbus")
SHARK = load_profile("eig.shark-100")
SUNSPEC = load_profile("sunspec.meter-203")
ENERGY = Span(3, 0x44B, 8)
"""The four registers are two words each: received, delivered, net, total; the total is compared with its parts."""
REST = (0,) * 6
FORMAT = Span(3, 0x7535, 1)


def drive(
    plan: ReadPlan, witness: Replies | None, answer: Callable[[Span], tuple[int, ...]]
) -> tuple[Sighting, list[Span]]:
    """Run one poll against a function that plays the meter; return what was seen and the requests made."""
    steps = read_once(plan, witness)
    asked: list[Span] = []
    try:
        span = next(steps)
        while True:
            asked.append(span)
            span = steps.send(answer(span))
    except StopIteration as end:
        sighting: Sighting = end.value
        return sighting, asked


def shark_plan() -> ReadPlan:
    """Return the plan that reads what a Shark received."""
    return plan_reads(SHARK, generated="energy_received", consumed=None, location={})


def test_neighbouring_registers_share_one_request() -> None:
    """The WattNode's two totals are read together, in one request of four words."""
    plan = plan_reads(WATTNODE, generated="energy_in_nr", consumed="energy_net_nr", location={})
    assert plan.energy_spans == (Span(3, 1204, 4),)
    assert plan.witness_spans == ()
    assert [register.obis for register in plan.registers] == [OBIS_GENERATED, OBIS_CONSUMED]


def test_a_sunspec_register_shares_its_request_with_its_scale_factor() -> None:
    """Export and scale factor are 17 words of one request, wherever the model is."""
    plan = plan_reads(SUNSPEC, generated="energy_export", consumed=None, location={1: 40002, 203: 40069})
    assert plan.energy_spans == (Span(3, 40107, 17),)
    assert plan.witness_spans == ()


def test_a_scale_word_far_away_is_a_witness() -> None:
    """The Shark's format word is read by its own request, for both registers at once."""
    plan = plan_reads(SHARK, generated="energy_received", consumed="energy_delivered", location={})
    assert plan.energy_spans == (ENERGY,)
    assert plan.witness_spans == (FORMAT,)


def test_a_scale_word_that_would_make_the_request_too_long_is_a_witness() -> None:
    """A short-winded SunSpec meter is still read, its scale factor around the energy."""
    short = replace(SUNSPEC, words_max=16)
    plan = plan_reads(short, generated="energy_export", consumed=None, location={1: 2, 203: 70})
    assert plan.energy_spans == (Span(3, 108, 2),)
    assert plan.witness_spans == (Span(3, 124, 1),)


@pytest.mark.parametrize(
    ("generated", "consumed", "message"),
    [
        ("energy_out", None, "no energy point 'energy_out'; choose one of energy_net_nr, energy_in_nr"),
        ("power", None, "no energy point 'power'"),
        ("energy_in_nr", "energy_in_nr", "both energy_in_nr"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(generated: str, consumed: str | None, message: str) -> None:
    """Only two different energy points of the profile can be chosen."""
    with pytest.raises(ProfileError, match=message):
        plan_reads(WATTNODE, generated=generated, consumed=consumed, location={})


def test_one_request_gives_counts_and_scale() -> None:
    """Where everything shares a request, one request is all a poll makes."""
    plan = plan_reads(SUNSPEC, generated="energy_export", consumed="energy_import", location={1: 40002, 203: 40069})
    words = (0, 221, *(0,) * 6, 0, 3, *(0,) * 6, 2)
    sighting, asked = drive(plan, None, lambda _: words)
    assert asked == [Span(3, 40107, 17)]
    assert (sighting.counts, sighting.scale_words, sighting.witness) == ((221, 3), (2, 2), ())


def test_a_known_witness_costs_one_further_request() -> None:
    """In the steady state a Shark is asked twice: energy, then format."""
    sighting, asked = drive(
        shark_plan(), ((0x3362,),), lambda span: (0xFFE9, 0xA638, *REST) if span == ENERGY else (0x3362,)
    )
    assert asked == [ENERGY, FORMAT]
    assert (sighting.counts, sighting.scale_words) == ((0xFFE9A638,), (0x3362,))


def test_first_contact_looks_at_the_witness_before_the_energy() -> None:
    """Without an earlier witness the energy is bracketed within the poll itself."""
    _, asked = drive(shark_plan(), None, lambda span: (0, 1, *REST) if span == ENERGY else (0x3362,))
    assert asked == [FORMAT, ENERGY, FORMAT]


@given(formats=st.lists(st.sampled_from([0x3362, 0x3332, 0x3302]), min_size=TRIES_MAX + 1, max_size=TRIES_MAX + 1))
def test_counts_are_only_believed_between_equal_witnesses(formats: list[int]) -> None:
    """A count is returned with the format before and after it, if these are equal, and else there is no reading."""
    seen: list[int] = []
    reads = 0

    def answer(span: Span) -> tuple[int, ...]:
        nonlocal reads
        if span == ENERGY:
            reads += 1
            return (0, reads, *REST)
        seen.append(formats[len(seen)])
        return (seen[-1],)

    pairs = [formats[number] == formats[number + 1] for number in range(TRIES_MAX)]
    if not any(pairs):
        with pytest.raises(UnstableError, match="someone programming"):
            drive(shark_plan(), None, answer)
        return
    sighting, _ = drive(shark_plan(), None, answer)
    good = pairs.index(True)
    assert sighting.counts == (good + 1,)
    assert sighting.scale_words == (formats[good],)
    assert sighting.witness == ((formats[good],),)


def test_a_stale_witness_leads_to_a_second_look() -> None:
    """A format changed since the last poll is read again before its counts are believed."""
    sighting, asked = drive(shark_plan(), ((0x3362,),), lambda span: (0, 7, *REST) if span == ENERGY else (0x3332,))
    assert asked == [ENERGY, FORMAT, ENERGY, FORMAT]
    assert sighting.scale_words == (0x3332,)


def test_a_register_without_a_value_gives_no_reading() -> None:
    """A listed pattern is not a count."""
    points = tuple(replace(point, not_available=(0x80000000,)) for point in WATTNODE.points)
    plan = plan_reads(replace(WATTNODE, points=points), generated="energy_in_nr", consumed=None, location={})
    with pytest.raises(NotAvailableError, match="energy_in_nr holds 0x80000000"):
        drive(plan, None, lambda _: (0x0000, 0x8000))


def test_a_register_that_its_type_cannot_hold_gives_no_reading() -> None:
    """A word beyond base 10000 is not carried over into a count."""
    energy = replace(WATTNODE.point("energy_in_nr"), type="m10k", modulus=10**8)
    plan = plan_reads(replace(WATTNODE, points=(energy,)), generated="energy_in_nr", consumed=None, location={})
    with pytest.raises(DecodeError, match="the words 0x27100001 are no m10k"):
        drive(plan, None, lambda _: (0x0001, 10_000))


def test_each_function_code_is_a_request_of_its_own() -> None:
    """Registers at one address that different functions read are two requests, and neither is taken for the other."""
    holding = replace(WATTNODE.point("energy_in_nr"), scale_source=ScaleSource("power-of-ten", 1208))
    input_ = replace(holding, name="input", function_code=4)
    profile = replace(WATTNODE, points=(holding, input_), gap_words_max=10)
    plan = plan_reads(profile, generated="input", consumed="energy_in_nr", location={})
    words = {3: (3, 0, 1), 4: (4, 0, 2)}
    sighting, asked = drive(plan, None, lambda span: words[span.function_code])
    assert asked == [Span(3, 1206, 3), Span(4, 1206, 3)]
    assert (sighting.counts, sighting.scale_words) == ((4, 3), (2, 1))


def test_zero_is_a_count() -> None:
    """A meter that was just installed has produced nothing, and says so."""
    plan = plan_reads(SUNSPEC, generated="energy_export", consumed=None, location={1: 2, 203: 70})
    sighting, _ = drive(plan, None, lambda _: (0,) * 17)
    assert sighting.counts == (0,)
