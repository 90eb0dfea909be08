"""What a poll reads beside the energy: in its request or seldom, and that another meter is noticed at once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from edge.bus_errors import ExceptionReplyError, NoReplyError
from edge.metering.outcome import Stranger
from edge.metering.words import Span
from edge.poll import MeterPoller
from edge.profiles import load_profile
from tests.edge.test_poll import SHARK, WATTNODE, FakeBus, Ticks, failed, poller_of, shark_words, taken, wattnode_words

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile

PROFILE = load_profile(WATTNODE.profile)
ENERGY = Span(3, 1206, 2)
POWER = Span(3, 1008, 2)


def beside_the_energy(name: str) -> MeterProfile:
    """Return the WattNode's map with a point of it moved next to the energy."""
    points = tuple(replace(point, address=1208) if point.name == name else point for point in PROFILE.points)
    return replace(PROFILE, points=points)


def moved(bus: FakeBus, name: str) -> MeterPoller:
    """Return a poller of a meter that has this point next to its energy."""
    return MeterPoller(replace(WATTNODE, identify_every_polls=1000), beside_the_energy(name), bus, Ticks())


async def test_power_beside_the_energy_comes_with_each_poll() -> None:
    """It costs no request, and is multiplied by the external ratio like the energy."""
    bus = FakeBus(wattnode_words() | {1208: 0, 1209: 0x447A})
    poller = moved(bus, "power")
    for _ in range(2):
        bus.asked.clear()
        assert taken(await poller.poll()).beside.power_w == Fraction(5000)
    assert bus.asked == [(7, Span(3, 1206, 4))]


async def test_power_far_away_comes_when_the_meter_is_identified() -> None:
    """Each so many polls it is read behind energy and identity, and in between it is not known."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus, identify_every=2)
    powers = []
    for _ in range(5):
        bus.asked.clear()
        powers.append(taken(await poller.poll()).beside.power_w)
    assert powers == [5120, None, 5120, None, 5120]
    asked = [span for _, span in bus.asked]
    assert (asked[0], asked[-1]) == (ENERGY, POWER)


@pytest.mark.parametrize("error", [NoReplyError("silence"), ExceptionReplyError("refused", 2)])
async def test_what_is_only_beside_costs_no_reading(error: NoReplyError | ExceptionReplyError) -> None:
    """A power that cannot be read is left out."""
    bus = FakeBus(wattnode_words())

    def fail(span: Span) -> None:
        if span == POWER:
            bus.failures = [error]

    bus.before_read = fail
    result = taken(await poller_of(WATTNODE, bus).poll())
    assert (result.counts, result.beside.power_w) == ({0: 320}, None)


async def test_another_serial_beside_the_energy_is_noticed_in_the_same_poll() -> None:
    """A reading is never credited to the meter that was there before."""
    bus = FakeBus(wattnode_words() | {1208: 0x2345, 1209: 1})
    poller = moved(bus, "serial")
    assert taken(await poller.poll()).descriptor.serial == "74565"
    bus.words |= {1208: 0x9999, 1206: 7}
    result = taken(await poller.poll())
    assert (result.descriptor.serial, result.counts) == (str(0x19999), {0: 7})


async def test_a_meter_that_is_another_at_each_look_gives_no_reading() -> None:
    """What will not hold still is unstable."""
    bus = FakeBus(wattnode_words() | {1208: 0x2345, 1209: 1})

    def turn(span: Span) -> None:
        if span.address <= 1208 < span.address + span.count:
            bus.words[1208] += 1

    bus.before_read = turn
    assert failed(await moved(bus, "serial").poll()).cause == "unstable"


async def test_a_configuration_that_changed_behind_the_energy_is_read_again_with_it() -> None:
    """The energy that is taken was read after the identity that describes it was known."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus, identify_every=1)
    await poller.poll()
    bus.words |= {1602: 400}
    bus.asked.clear()
    assert taken(await poller.poll()).descriptor.note == "ct_amps=400"
    assert [span for _, span in bus.asked].count(ENERGY) == 2


async def test_the_scale_of_a_far_word_is_asked_once_though_the_meter_is_identified() -> None:
    """A Shark that is identified again and is the same needs no further look at its format."""
    bus = FakeBus(shark_words())
    poller = poller_of(SHARK, bus, identify_every=1)
    await poller.poll()
    bus.asked.clear()
    taken(await poller.poll())
    assert [span.address for _, span in bus.asked].count(0x7535) == 1


async def test_a_meter_with_another_serial_than_configured_shows_its_register_as_a_stranger() -> None:
    """It gives no reading, but the count that it shows is evidence of the exchange."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(replace(WATTNODE, serial="74566"), bus)
    failure = failed(await poller.poll())
    assert (failure.cause, failure.stranger) == ("identity", Stranger("74566", "74565", {0: 320}))
    assert failure.note == "the meter's serial number is '74565', not '74566'; was it exchanged?"
    assert POWER not in [span for _, span in bus.asked]
    assert not poller.answered


async def test_a_stranger_whose_register_cannot_be_read_is_refused_all_the_same() -> None:
    """Whatever goes wrong with a meter that is not wanted, the cause is that it is the wrong one."""
    bus = FakeBus(wattnode_words())

    def fail(span: Span) -> None:
        if span == ENERGY:
            bus.failures = [NoReplyError("silence")]

    bus.before_read = fail
    failure = failed(await poller_of(replace(WATTNODE, serial="74566"), bus).poll())
    assert (failure.cause, failure.stranger) == ("identity", None)


async def test_a_look_between_the_edges_leaves_what_is_seldom_read_to_them() -> None:
    """Looks neither use up the words that are read behind an identification nor bring the next one nearer."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus, identify_every=2)
    powers = []
    for _ in range(3):
        for _ in range(5):
            bus.asked.clear()
            assert taken(await poller.look()).beside.power_w is None
        powers.append(taken(await poller.poll()).beside.power_w)
        assert all(span == ENERGY for _, span in bus.asked[:1])
    assert powers == [5120, None, 5120]
    bus.asked.clear()
    await poller.look()
    assert bus.asked == [(7, ENERGY)]
