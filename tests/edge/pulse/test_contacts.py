"""Pulses are counted once each, whatever a contact does around them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pulse.contacts import Contacts, Edge
from simulators.pulses import MS, SimulatedContacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.settings import PulseForm

DEBOUNCE_NS = 20 * MS


def _take(edges: Iterable[Edge], form: PulseForm, until_ns: int) -> Contacts:
    state = Contacts(form, DEBOUNCE_NS).begin("y", is_closed=False)
    for edge in edges:
        state = state.take(edge)
    return state.settle(until_ns)


@given(st.lists(st.integers(45, 500), max_size=40), st.randoms(use_true_random=False))
def test_each_closing_counts_once_however_it_bounces(gaps_ms: list[int], chance: random.Random) -> None:
    """Contacts that bounce for less than the debounce time give as many pulses as they closed."""
    output = SimulatedContacts(chance=chance, bounce_ns=19 * MS, bounces_max=5)
    at_ns = 0
    for gap_ms in gaps_ms:
        at_ns += (gap_ms + 45) * MS
        output.pulse(at_ns, 45 * MS)
    edges = output.read() if gaps_ms else []
    output.close()
    assert _take(edges, "closings", at_ns + 100 * MS).pulses == len(gaps_ms)
    assert _take(edges, "changes", at_ns + 100 * MS).pulses == 2 * len(gaps_ms)


@given(st.integers(1, 19), st.integers(1, 30))
def test_spikes_are_no_pulses(lasts_ms: int, spikes: int) -> None:
    """What is over before the debounce time is a disturbance and counts nothing."""
    output = SimulatedContacts(chance=random.Random(0))  # noqa: S311 - a seed, for replay
    for spike in range(spikes):
        output.spike((spike + 1) * 100 * MS, lasts_ms * MS)
    edges = output.read()
    output.close()
    state = _take(edges, "changes", 1_000_000 * MS)
    assert (state.pulses, state.lost_edges) == (0, 0)


@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_two_contacts_count_in_turn(turns: int, chance: random.Random) -> None:
    """With both contacts wired a pulse is each time the other one closes: one that chatters alone counts nothing."""
    output = SimulatedContacts(("y", "z"), chance=chance)
    at_ns = 100 * MS
    output.pulse(at_ns, 50 * MS, "z")
    for turn in range(turns):
        for _ in range(chance.randint(1, 3)):
            at_ns += 100 * MS
            output.pulse(at_ns, 50 * MS, "z" if turn % 2 else "y")
    edges = output.read()
    output.close()
    state = Contacts("alternate", DEBOUNCE_NS).begin("y", is_closed=False).begin("z", is_closed=False)
    for edge in edges:
        state = state.take(edge)
    assert state.settle(at_ns + 1000 * MS).pulses == turns


def test_how_a_contact_stands_at_first_is_no_pulse() -> None:
    """A contact found closed was closed before anyone counted; with two contacts it says which is next."""
    closed = Contacts("closings", 0).begin("y", is_closed=True)
    assert closed.settle(MS).pulses == 0
    opened = closed.take(Edge("y", is_closed=False, at_ns=MS, number=1)).settle(2 * MS)
    assert opened.pulses == 0
    assert opened.take(Edge("y", is_closed=True, at_ns=3 * MS, number=2)).settle(4 * MS).pulses == 1
    unknown = Contacts("alternate", 0).begin("y", is_closed=False).begin("z", is_closed=False)
    assert unknown.take(Edge("z", is_closed=True, at_ns=MS, number=1)).settle(MS).pulses == 0


@pytest.mark.parametrize("dropped", [1, 2, 3])
def test_edges_that_the_kernel_dropped_are_known(dropped: int) -> None:
    """A hole in the numbers of a line's edges tells how many are missing; no pulse is invented for them."""
    output = SimulatedContacts(chance=random.Random(0))  # noqa: S311 - a seed, for replay
    output.pulse(100 * MS, 50 * MS)
    output.pulse(300 * MS, 50 * MS)
    output.drop(dropped)
    output.pulse(500 * MS, 50 * MS)
    state = _take(output.read(), "closings", 1000 * MS)
    output.close()
    assert state.lost_edges == dropped
    assert state.pulses <= 3


def test_an_edge_counts_only_when_it_has_lasted() -> None:
    """A closing is pending until the debounce time is over, and then counts without a further edge."""
    state = Contacts("closings", DEBOUNCE_NS).begin("y", is_closed=False)
    state = state.take(Edge("y", is_closed=True, at_ns=0, number=1))
    assert state.settle(DEBOUNCE_NS - 1).pulses == 0
    assert state.settle(DEBOUNCE_NS).pulses == 1
