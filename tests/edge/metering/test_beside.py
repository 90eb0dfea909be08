"""What comes with the energy costs no request and never breaks one; what it says is exact."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.metering.beside import BESIDE_WORDS_MAX, plan_beside, read_beside
from edge.metering.outcome import Beside
from edge.metering.words import WordImage, coalesce, listed_words, place
from edge.profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.metering.beside import BesidePlan
    from edge.metering.profile import MeterProfile, Point
    from edge.metering.words import Span

WATTNODE = load_profile("ccs.wattnode-modbus")
SHARK = load_profile("eig.shark-100")
SUNSPEC = load_profile("sunspec.meter-203")
TICK = replace(WATTNODE.point("ct_amps"), name="tick", quantity="witness", role="tick", type="u16", address=1208)
SERIAL = replace(WATTNODE.point("serial"), address=1209)
POWER = replace(WATTNODE.point("power"), address=1211)


def plan(profile: MeterProfile, *names: str, location: Mapping[int, int] | None = None) -> BesidePlan:
    """Return what is read beside these registers."""
    at = location or {}
    energy = [place(profile.point(name), at) for name in names]
    return plan_beside(profile, at, energy, listed_words(profile, at))


def wattnode(*points: Point) -> MeterProfile:
    """Return the WattNode's map with these points in place of those of the same name."""
    names = {point.name for point in points}
    return replace(WATTNODE, points=(*(p for p in WATTNODE.points if p.name not in names), *points))


def names(plan: BesidePlan) -> tuple[list[str], list[str]]:
    """Return what is read with the energy, and what seldom."""
    return [each.point.name for each in plan.points], [each.point.name for each in plan.seldom]


def image(spans: tuple[Span, ...], words: Mapping[int, int]) -> WordImage:
    """Return what a meter with these words answers, 0 elsewhere."""
    return WordImage(
        spans, tuple(tuple(words.get(span.address + offset, 0) for offset in range(span.count)) for span in spans)
    )


def test_neighbours_come_with_the_energy_and_the_rest_seldom() -> None:
    """What lies next to the register is in its request; the power far away is read when the meter is identified."""
    found = plan(wattnode(TICK, SERIAL), "energy_in_nr")
    assert names(found) == (["tick", "serial"], ["power"])
    assert [(span.address, span.count) for span in found.spans] == [(1206, 5)]
    assert [(span.address, span.count) for span in found.seldom_spans] == [(1008, 2)]
    assert [each.point.name for each in found.same_meter] == ["serial"]


def test_a_scale_word_comes_along_or_the_power_does_not() -> None:
    """A SunSpec power is read with its scale factor, in one request of its own."""
    found = plan(SUNSPEC, "energy_export", location={1: 40002, 203: 40069})
    assert names(found)[1] == ["power"]
    assert [(span.address, span.count) for span in found.seldom_spans] == [(40087, 5)]


def test_far_neighbours_cost_too_many_words() -> None:
    """A gap that the profile allows is not bridged at any price."""
    far = replace(TICK, address=1208 + BESIDE_WORDS_MAX)
    assert names(plan(replace(wattnode(far), gap_words_max=100), "energy_in_nr"))[1] == ["tick", "power"]
    near = replace(TICK, address=1207 + BESIDE_WORDS_MAX)
    assert names(plan(replace(wattnode(near), gap_words_max=100), "energy_in_nr"))[0] == ["tick"]


@settings(max_examples=200)
@given(
    addresses=st.tuples(*[st.integers(1180, 1230)] * 3),
    words_max=st.integers(4, 40),
    gap=st.integers(0, 10),
    barriers=st.lists(st.integers(1180, 1230), max_size=2),
)
def test_the_energy_is_read_as_before(
    addresses: tuple[int, int, int], words_max: int, gap: int, barriers: list[int]
) -> None:
    """Whatever lies beside, there are as many requests as without it, and each register whole in one of them."""
    points = [replace(point, address=at) for point, at in zip((TICK, SERIAL, POWER), addresses, strict=True)]
    profile = replace(wattnode(*points), words_max=words_max, gap_words_max=gap, barriers=tuple(barriers))
    energy = [place(profile.point(name), {}) for name in ("energy_in_nr", "energy_net_nr")]
    narrow = coalesce(energy, profile, listed_words(profile, {}))
    found = plan(profile, "energy_in_nr", "energy_net_nr")
    assert len(found.spans) == len(narrow)
    assert sum(span.count for span in found.spans) <= sum(span.count for span in narrow) + BESIDE_WORDS_MAX
    for extent in [*energy, *(extent for each in found.points for extent in each.extents)]:
        image(found.spans, {}).words(extent)
    for each in found.seldom:
        image(found.seldom_spans, {}).words(each.extent)


def test_power_is_in_watts_and_without_a_sign() -> None:
    """A net power of -1000.0 of kW is a million W; a meter without a power point has none."""
    found = plan(wattnode(replace(POWER, address=1208, unit="kW")), "energy_in_nr")
    words = image(found.spans, {1208: 0x0000, 1209: 0xC47A})
    assert read_beside(found, words, None) == Beside(power_w=Fraction(1_000_000))
    blind = replace(WATTNODE, points=tuple(p for p in WATTNODE.points if p.quantity != "active_power"))
    assert names(plan(blind, "energy_in_nr")) == ([], [])


def test_what_was_read_seldom_counts_when_it_was_read() -> None:
    """Seldom words are looked into only in the poll that read them."""
    found = plan(WATTNODE, "energy_in_nr")
    seldom = image(found.seldom_spans, {1009: 0x447A})
    assert read_beside(found, image(found.spans, {}), seldom).power_w == 1000
    assert read_beside(found, image(found.spans, {}), None).power_w is None
    assert read_beside(found, image(found.spans, {}), WordImage((), ())).power_w is None


def test_witnesses_are_numbers_by_role_and_a_sentinel_is_none() -> None:
    """What means "no value" is left out."""
    found = plan(wattnode(replace(TICK, not_available=(0xFFFF,))), "energy_in_nr")
    assert read_beside(found, image(found.spans, {1208: 7}), None).witnesses == {"tick": 7}
    assert read_beside(found, image(found.spans, {1208: 0xFFFF}), None).witnesses == {}


def test_the_whole_meters_power_is_preferred() -> None:
    """A net power speaks for all registers, wherever it stands in the file."""
    points = (replace(POWER, name="export_power", direction="export", address=1), POWER)
    profile = replace(WATTNODE, points=(*points, *(p for p in WATTNODE.points if p.name != "power")))
    assert [each.point.name for each in plan(profile, "energy_in_nr").seldom] == ["power"]


def test_a_total_is_compared_with_its_parts_in_counts() -> None:
    """The Shark's received, delivered and total come in one request, each with its own sign."""
    found = plan(SHARK, "energy_received")
    assert [(span.address, span.count) for span in found.spans] == [(0x44B, 8)]
    parts = {0x44B: 0xFFE9, 0x44C: 0xA638, 0x44D: 0, 0x44E: 700, 0x451: 0x16, 0x452: 0x5C84}
    assert read_beside(found, image(found.spans, parts), None).sum_gap == 0
    assert read_beside(found, image(found.spans, parts | {0x44E: 703}), None).sum_gap == 3


def test_totals_that_count_otherwise_are_not_compared() -> None:
    """Another scale, or a part that can be reset alone, is no part of the sum; nor is a pair that is not one."""
    for change in ({"scale": 10}, {"resettable": False}, {"direction": "net"}):
        points = tuple(replace(p, **change) if p.name == "energy_delivered" else p for p in SHARK.points)
        found = plan(replace(SHARK, points=points), "energy_received")
        assert [(span.address, span.count) for span in found.spans] == [(0x44B, 2)]
