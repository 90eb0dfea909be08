"""The parts of the simulation do what they say: time, the broker's troubles, power cuts."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.topics import Channel
from simulators.custody.broker import CALM, Broker, Weather
from simulators.custody.card import Card, PowerCutError
from simulators.custody.events import Events
from simulators.custody.faults import MIXES, Fault, plan_faults

HOUR_MS = 3_600_000


@dataclass
class Ear:
    """Hears."""

    heard: list[bytes] = field(default_factory=list)
    losses: list[bool] = field(default_factory=list)

    def hear(self, _channel: Channel, raw: bytes) -> None:
        """Take a message."""
        self.heard.append(raw)

    def lose_session(self, *, pushed_off: bool) -> None:
        """Take note of the end of the session."""
        self.losses.append(pushed_off)


def connected(weather: Weather) -> tuple[Events, Broker, Ear, Ear]:
    """Return a broker with one device and the hub."""
    events = Events(0)
    broker = Broker(events, random.Random(1), weather)  # noqa: S311 - repeatable
    device, hub = Ear(), Ear()
    broker.serve(hub)
    broker.connect(device, b"death")
    return events, broker, device, hub


@given(st.lists(st.integers(0, 1000)))
def test_events_happen_in_order(instants: list[int]) -> None:
    """Actions happen by their instant, and in the order in which they were planned where that is the same."""
    events, happened = Events(0), list[tuple[int, int]]()
    for number, instant in enumerate(instants):
        events.at(instant, lambda number=number: happened.append((events.now_ms, number)))  # type: ignore[misc]
    events.run_until(1000)
    assert happened == sorted((instant, number) for number, instant in enumerate(instants))
    assert events.now_ms == 1000


def test_in_calm_weather_everything_arrives_once() -> None:
    """Without weather the broker is a wire."""
    events, broker, device, hub = connected(CALM)
    for number in range(50):
        broker.to_hub(device, Channel.BLOCK, bytes([number]))
        broker.to_device(Channel.RECEIPT, bytes([number]))
    events.run_until(HOUR_MS)
    assert sorted(hub.heard) == sorted(device.heard) == [bytes([number]) for number in range(50)]


def test_bad_weather_loses_doubles_and_damages() -> None:
    """Each trouble of the weather is there, and nothing else is."""
    for weather, arrives in (
        (Weather(lost=1, doubled=0, slow=0, damaged=0), 0),
        (Weather(lost=0, doubled=1, slow=0, damaged=0), 2),
        (Weather(lost=0, doubled=0, slow=1, damaged=0), 1),
    ):
        events, broker, device, hub = connected(weather)
        broker.to_hub(device, Channel.BLOCK, b"block")
        events.run_until(HOUR_MS)
        assert hub.heard == [b"block"] * arrives
    events, broker, device, hub = connected(Weather(lost=0, doubled=0, slow=0, damaged=1))
    broker.to_hub(device, Channel.BLOCK, b"block")
    events.run_until(HOUR_MS)
    assert len(hub.heard) == 1
    assert sum((a ^ b).bit_count() for a, b in zip(hub.heard[0], b"block", strict=True)) == 1


def test_nobody_hears_through_a_partition() -> None:
    """A cut link loses what is said, ends the session, and lets nobody in until it is mended."""
    events, broker, device, hub = connected(CALM)
    broker.cut()
    broker.to_hub(device, Channel.BLOCK, b"block")
    broker.to_device(Channel.RECEIPT, b"receipt")
    assert not broker.is_reachable
    events.run_until(HOUR_MS)
    assert b"block" not in hub.heard
    assert (device.heard, device.losses) == ([], [False])
    broker.mend()
    assert broker.is_reachable


def test_who_comes_with_the_same_id_pushes_the_other_off() -> None:
    """A clone takes the session over; the device that had it is told later."""
    events, broker, device, _ = connected(CALM)
    clone = Ear()
    broker.connect(clone, b"death")
    broker.to_device(Channel.RECEIPT, b"receipt")
    events.run_until(HOUR_MS)
    assert (device.losses, clone.losses) == ([True], [])
    assert (device.heard, clone.heard) == ([], [b"receipt"])


@pytest.mark.parametrize("forgets", [False, True])
def test_a_broker_keeps_for_the_hub_or_forgets(*, forgets: bool) -> None:
    """What comes while the hub is away waits for it, unless the broker forgets what it had acknowledged."""
    events, broker, device, hub = connected(CALM)
    broker.serve(None)
    broker.to_hub(device, Channel.BLOCK, b"block")
    events.run_until(HOUR_MS)
    if forgets:
        broker.forget()
    broker.serve(hub)
    assert hub.heard == ([] if forgets else [b"block"])


@given(st.integers(0, 12))
def test_a_power_cut_keeps_what_was_committed_and_nothing_else(statements: int) -> None:
    """Wherever power fails between statements, the card holds whole transactions only."""
    card = Card.insert(None)
    card.execute("create table pair (number integer)")
    card.cut_power_after(statements)
    done = 0
    try:
        for number in range(3):
            card.execute("begin")
            card.execute("insert into pair values (?)", [number])
            card.execute("insert into pair values (?)", [number])
            card.execute("commit")
            done = number + 1
    except PowerCutError:
        pass
    survivor = Card.insert(card.image())
    held = [number for (number,) in survivor.execute("select number from pair order by number")]
    assert held == [number for number in range(done) for _ in range(2)]
    with pytest.raises(sqlite3.OperationalError):
        survivor.execute("select number from nothing")


def test_every_fault_is_in_the_mix_of_some_seed() -> None:
    """Four seeds in a row can meet every fault there is, in the order of time."""
    assert {fault for mix in MIXES for fault in mix} == set(Fault)
    for seed in range(40):
        planned = plan_faults(seed, random.Random(seed), 0, 96 * HOUR_MS)  # noqa: S311 - repeatable
        assert planned == sorted(planned)
        assert {one.fault for one in planned} <= {*MIXES[seed % 4], Fault.HUB_RESTORED}
