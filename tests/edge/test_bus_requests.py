"""What a bus asks beside words, how long it waits, and what it counts, over real sockets and pseudo-terminals."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edge.bus import BadReplyError, Bus, BusError, BusTally, ExceptionReplyError, NoReplyError, NotConnectedError
from edge.bus.exchange import Exchange
from edge.bus.wire import RtuFraming
from edge.metering.requests import Request
from edge.metering.words import Span
from tests.edge.fake_meter import FakeMeter, Reply, framed, truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SHORT = 0.15
LONG = 30.0
"""A time-out that a test never waits for: whoever does is ended by `BOUND`."""
BOUND = 10.0
WATTNODE_SAYS = b"\x01\xffContinental Control Systems LLC, WattNode MODBUS Model WNC-3Y-208-MB SN 74565"


@pytest.fixture(params=["rtu", "ascii", "tcp", "rtu-tcp"])
async def meter(request: pytest.FixtureRequest) -> AsyncIterator[FakeMeter]:
    """Return a meter on each kind of bus in turn."""
    fake = FakeMeter(request.param)
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(params=["rtu", "ascii", "rtu-tcp"])
async def unnumbered(request: pytest.FixtureRequest) -> AsyncIterator[FakeMeter]:
    """Return a meter on each kind of bus whose replies do not name their request."""
    fake = FakeMeter(request.param)
    await fake.start()
    yield fake
    await fake.stop()


async def read(bus: Bus, address: int, unit: int = 1, timeout_seconds: float = LONG) -> tuple[int, ...]:
    """Read two words, within the bound that every wait of these tests has."""
    async with asyncio.timeout(BOUND):
        return await bus.read(unit, Span(3, address, 2), timeout_seconds=timeout_seconds)


def identification(body: bytes) -> Reply:
    """Answer the first request with two objects and the second with the last."""
    first = body[4]
    head = b"\x0e\x01\x01" + (b"\xff\x02\x02" if first == 0 else b"\x00\x00\x01")
    objects = b"\x00\x05Veris\x01\x05E51C2" if first == 0 else b"\x02\x03101"
    return Reply(body[:2] + head + objects)


async def test_a_meter_says_who_it_is(meter: FakeMeter) -> None:
    """The server id comes whole, its last octet too; the meter can be read over the same connection."""
    bus = meter.bus()
    meter.script = lambda _, body: (
        Reply(body[:2] + bytes([len(WATTNODE_SAYS)]) + WATTNODE_SAYS) if body[1] == 17 else truth(body)
    )
    assert await bus.report_server_id(7, timeout_seconds=LONG) == WATTNODE_SAYS
    assert meter.bodies == [b"\x07\x11"]
    assert await read(bus, 10) == (10, 11)
    assert bus.connections == 1
    await bus.close()


async def test_a_meter_shows_its_device_identification(meter: FakeMeter) -> None:
    """All objects of the basic identification come, with as many requests as the meter needs for them."""
    bus = meter.bus()
    meter.script = lambda _, body: identification(body)
    assert await bus.read_device_identification(7, timeout_seconds=LONG) == {0: b"Veris", 1: b"E51C2", 2: b"101"}
    assert meter.bodies == [b"\x07\x2b\x0e\x01\x00", b"\x07\x2b\x0e\x01\x02"]
    await bus.close()


async def test_an_identification_without_end_is_refused(meter: FakeMeter) -> None:
    """A meter that always says there is more is given up after a stated number of requests."""
    bus = meter.bus()
    meter.script = lambda _, body: Reply(body[:2] + b"\x0e\x01\x01\xff\x00\x01\x00\x01X")
    with pytest.raises(BadReplyError, match="no end"):
        await bus.read_device_identification(1, timeout_seconds=LONG)
    assert len(meter.bodies) == 8
    await bus.close()


@pytest.mark.parametrize("call", ["report_server_id", "read_device_identification"])
async def test_a_meter_that_does_not_know_the_function_says_so(meter: FakeMeter, call: str) -> None:
    """Exception 1 to an identity request is an answer with its code."""
    bus = meter.bus()
    meter.script = lambda _, body: Reply(bytes([body[0], body[1] | 0x80, 1]))
    with pytest.raises(ExceptionReplyError, match=r"the meter refused its .* with exception 1"):
        await getattr(bus, call)(1, timeout_seconds=LONG)
    await bus.close()


@pytest.mark.parametrize("call", ["report_server_id", "read_device_identification"])
async def test_words_are_no_answer_to_who_are_you(meter: FakeMeter, call: str) -> None:
    """A reply with words, however whole, is refused where an identity was asked for; and the other way round."""
    bus = meter.bus()
    meter.script = lambda number, body: (
        Reply(bytes([body[0], 3, 4, 0, 1, 0, 2])) if number == 1 else Reply(bytes([body[0], 17, 2, 1, 255]))
    )
    with pytest.raises(BadReplyError, match="function 3"):
        await getattr(bus, call)(1, timeout_seconds=SHORT)
    with pytest.raises(BadReplyError, match="function 17"):
        await read(bus, 10, timeout_seconds=SHORT)
    await bus.close()


async def test_a_meter_that_answered_is_waited_for_less(meter: FakeMeter) -> None:
    """After quick replies a silent meter costs a fraction of its time-out, and the next try has all of it again."""
    bus = meter.bus()
    await read(bus, 10)
    meter.script = lambda *_: None
    with pytest.raises(NoReplyError) as failure:
        await read(bus, 20, timeout_seconds=2.0)
    waited_seconds = float(str(failure.value).split()[-2])
    assert waited_seconds < 1.0
    with pytest.raises(NoReplyError, match=f"within {SHORT:g} s"):
        await read(bus, 20, timeout_seconds=SHORT)
    await bus.close()


async def test_patience_is_with_each_meter_on_its_own(meter: FakeMeter) -> None:
    """That one unit is quick says nothing about another."""
    bus = meter.bus()
    await read(bus, 10, unit=1)
    meter.script = lambda _, body: Reply(truth(body).body, after_seconds=0.8)
    assert await read(bus, 20, unit=2, timeout_seconds=2.0) == (20, 21)
    await bus.close()


async def test_after_a_short_wait_the_wire_is_silent_for_the_whole_time_out(unnumbered: FakeMeter) -> None:
    """However soon a request was given up, nothing is asked while the profile would still allow its reply."""
    bus = unnumbered.bus()
    await read(bus, 10)
    unnumbered.script = lambda number, body: Reply(truth(body).body, after_seconds=0.8 if number == 2 else 0.0)
    with pytest.raises(NoReplyError):
        await read(bus, 100, timeout_seconds=1.0)
    assert await read(bus, 200, timeout_seconds=1.0) == (200, 201)
    assert unnumbered.events[2:] == ["request 100", "reply", "request 200", "reply"]
    await bus.close()


async def test_a_serial_server_that_hands_a_late_reply_to_the_next_connection() -> None:
    """A reply to nobody's question on a fresh connection is drained before anything is asked over it."""
    fake = FakeMeter("rtu-tcp")
    await fake.start()
    bus = fake.bus()
    fake.script = lambda number, body: None if number == 1 else truth(body)
    with pytest.raises(NoReplyError):
        await read(bus, 100, timeout_seconds=SHORT)
    reading = asyncio.create_task(read(bus, 200, timeout_seconds=LONG))
    while fake.connections < 2:
        await asyncio.sleep(0.01)
    fake.push(framed("rtu-tcp", truth(fake.bodies[0]).body))
    fake.events.append("late reply")
    assert await reading == (200, 201)
    assert fake.events == ["request 100", "late reply", "request 200", "reply"]
    assert bus.connections == 2
    await bus.close()
    await fake.stop()


async def test_a_reply_that_waited_for_a_busy_machine_is_taken(meter: FakeMeter) -> None:
    """A whole reply is there when the program finds the time to look: that its time-out is over too costs nothing."""
    bus = meter.bus()
    await read(bus, 10)

    def answer_and_stall(_: int, body: bytes) -> None:
        meter.push(framed(meter.kind, truth(body).body, b"\0\2"))
        time.sleep(2 * SHORT)

    meter.script = answer_and_stall
    assert await read(bus, 20, timeout_seconds=SHORT) == (20, 21)
    assert bus.tally.timeouts == 0
    await bus.close()


async def test_a_bus_counts_what_happened(meter: FakeMeter) -> None:
    """Every request is counted once, under what became of it."""
    bus = meter.bus()
    damaged = bytearray(framed(meter.kind, bytes([1, 3, 4, 0, 1, 0, 2])))
    damaged[-3 if meter.kind == "ascii" else -1] ^= 1
    steps: list[tuple[Reply | None, type[BusError]]] = [
        (Reply(bytes([1, 0x83, 2])), ExceptionReplyError),
        (None, NoReplyError),
        (Reply(bytes([2, 3, 4, 0, 1, 0, 2])), BadReplyError),
    ]
    if meter.kind != "tcp":
        steps.append((Reply(b"", frame=bytes(damaged)), BadReplyError))
    await read(bus, 10)
    for reply, error in steps:
        meter.script = lambda _, __, reply=reply: reply  # type: ignore[misc]  # mypy infers no default arguments
        with pytest.raises(error):
            await read(bus, 10, timeout_seconds=SHORT)
    tally = bus.tally
    assert replace(tally, delay_ms=0, delay_ms_max=0) == BusTally(
        requests=len(steps) + 1,
        replies=2,
        refusals=1,
        timeouts=1,
        strangers=1,
        check_sums=len(steps) - 3,
        openings=len(steps) - 1,
    )
    assert 0 <= tally.delay_ms_max <= tally.delay_ms
    await bus.close()


async def test_a_bus_counts_what_it_could_not_do() -> None:
    """A connection that was lost, an endpoint that was not there, and a line that was never silent are counted."""
    fake = FakeMeter("tcp")
    await fake.start()
    bus = fake.bus()
    fake.script = lambda *_: fake.disconnect()
    with pytest.raises(NotConnectedError):
        await read(bus, 10)
    await fake.stop()
    with pytest.raises(NotConnectedError):
        await read(bus, 10)
    assert bus.tally == BusTally(requests=1, lost=1, openings=1, shut=1)


async def test_a_whole_reply_has_time_to_be_handed_on() -> None:
    """Once a reply is whole the time-out is put off, so that it cannot fall between the reply and its reader."""
    exchange = Exchange(RtuFraming(), Request(1, 3, 1), "bus, unit 1", SHORT)
    async with exchange.deadline:
        due_at = exchange.deadline.when() or 0.0
        frame = framed("rtu", bytes([1, 3, 2, 0, 7]))
        assert exchange.on_received(frame[:-1]) == frame[:-1]
        assert exchange.deadline.when() == due_at
        assert exchange.on_received(frame) == frame
        assert (exchange.deadline.when() or 0.0) > due_at
        assert exchange.body == bytes([3, 2, 0, 7])
