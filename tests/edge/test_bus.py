"""The bus against meters that answer late, wrongly, twice or not at all, octet by octet over real sockets and ptys."""

from __future__ import annotations

import asyncio
import errno
import re
import termios
from typing import TYPE_CHECKING, Literal

import pytest
import serial
from pymodbus.exceptions import ModbusException

from edge.bus import (
    BackOff,
    BadReplyError,
    Bus,
    BusError,
    BusyError,
    ExceptionReplyError,
    NoReplyError,
    NotConnectedError,
    open_bus,
)
from edge.bus.serial_line import why_port_shut
from edge.metering.frames import crc16
from edge.metering.words import Span
from edge.settings import AsciiLine, RtuLine, RtuTcpEndpoint, TcpEndpoint
from tests.edge.fake_meter import AT_ONCE, FakeMeter, Reply, framed, truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from edge.metering.requests import Request
    from edge.settings import BusKind

SHORT = 0.15
LONG = 30.0
"""A time-out that a test never waits for: whoever does is ended by `BOUND`."""
BOUND = 10.0


@pytest.fixture(params=["rtu", "ascii", "tcp", "rtu-tcp"])
async def meter(request: pytest.FixtureRequest) -> AsyncIterator[FakeMeter]:
    """Return a meter on each kind of bus in turn."""
    fake = FakeMeter(request.param)
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def rtu() -> AsyncIterator[FakeMeter]:
    """Return a meter on a serial line."""
    fake = FakeMeter("rtu")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def tcp() -> AsyncIterator[FakeMeter]:
    """Return a meter on TCP."""
    fake = FakeMeter("tcp")
    await fake.start()
    yield fake
    await fake.stop()


async def read(
    bus: Bus, address: int, count: int = 2, *, unit: int = 1, timeout_seconds: float = LONG
) -> tuple[int, ...]:
    """Read holding words, within the bound that every wait of these tests has."""
    async with asyncio.timeout(BOUND):
        return await bus.read(unit, Span(3, address, count), timeout_seconds=timeout_seconds)


async def test_words_come_back_in_order(meter: FakeMeter) -> None:
    """A good answer gives exactly the words asked for, with either function code."""
    bus = meter.bus()
    assert await read(bus, 1206, 4) == (1206, 1207, 1208, 1209)
    assert await bus.read(7, Span(4, 40107, 17), timeout_seconds=LONG) == tuple(range(40107, 40124))
    assert bus.connections == 1
    await bus.close()


async def test_a_refusal_keeps_the_connection(meter: FakeMeter) -> None:
    """An exception is an answer: it names its code, and the line is as good as before."""
    bus = meter.bus()
    meter.script = lambda _, body: Reply(bytes([body[0], body[1] | 0x80, 2]))
    with pytest.raises(
        ExceptionReplyError, match="unit 1: the meter refused words 10 to 11 with exception 2"
    ) as refusal:
        await read(bus, 10)
    assert (refusal.value.code, refusal.value.cause) == (2, "exception-2")
    meter.script = lambda _, body: truth(body)
    assert await read(bus, 20) == (20, 21)
    assert bus.connections == 1
    await bus.close()


async def test_a_late_reply_is_credited_to_nobody(meter: FakeMeter) -> None:
    """A reply that comes after the time-out is not taken for the answer to the next request of the same shape."""
    bus = meter.bus()
    meter.script = lambda number, body: Reply(truth(body).body, after_seconds=1.5 * SHORT if number == 1 else 0)
    with pytest.raises(NoReplyError, match="no reply within"):
        await read(bus, 100, timeout_seconds=SHORT)
    assert await read(bus, 200) == (200, 201)
    assert await read(bus, 300) == (300, 301)
    await bus.close()


async def test_no_request_is_sent_while_a_late_reply_may_come(rtu: FakeMeter) -> None:
    """On a line the next request waits until it was silent for a whole time-out after the late reply."""
    bus = rtu.bus()
    rtu.script = lambda number, body: Reply(truth(body).body, after_seconds=1.5 * SHORT if number == 1 else 0)
    with pytest.raises(NoReplyError):
        await read(bus, 100, timeout_seconds=SHORT)
    await read(bus, 200)
    assert rtu.events == ["request 100", "reply", "request 200", "reply"]
    await bus.close()


async def test_a_cancelled_read_leaves_no_reply_behind(meter: FakeMeter) -> None:
    """Whoever gives up a read does not leave its answer to the next one."""
    bus = meter.bus()
    meter.script = lambda number, body: Reply(truth(body).body, after_seconds=SHORT if number == 1 else 0)
    reading = asyncio.create_task(bus.read(1, Span(3, 100, 2), timeout_seconds=2 * SHORT))
    await asyncio.sleep(SHORT / 3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read(bus, 200) == (200, 201)
    await bus.close()


WRONG = {
    "another unit": lambda body: bytes([body[0] + 1]) + truth(body).body[1:],
    "another function": lambda body: bytes([body[0], 4]) + truth(body).body[2:],
    "another number of words": lambda body: bytes([body[0], body[1], 2]) + truth(body).body[3:5],
    "a byte count that lies": lambda body: bytes([body[0], body[1], 6]) + truth(body).body[3:],
    "surplus octets": lambda body: truth(body).body + b"\0\0",
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_not_the_answer_is_refused_at_once(meter: FakeMeter, wrong: str) -> None:
    """A wrong answer is an error of its own, without waiting for the time-out."""
    bus = meter.bus()
    meter.script = lambda _, body: Reply(WRONG[wrong](body))
    with pytest.raises(BadReplyError, match="bus, unit 1: ") as fault:
        await read(bus, 100)
    assert fault.value.cause == "bad-reply"
    await bus.close()


@pytest.mark.parametrize("wrong", WRONG)
async def test_after_a_wrong_answer_the_next_one_is_right(meter: FakeMeter, wrong: str) -> None:
    """Whatever was wrong is gone before the next request."""
    bus = meter.bus()
    meter.script = lambda number, body: Reply(WRONG[wrong](body)) if number == 1 else truth(body)
    with pytest.raises(BadReplyError):
        await read(bus, 100, timeout_seconds=SHORT)
    assert await read(bus, 200) == (200, 201)
    await bus.close()


FRAMES = [
    ("tcp", bytes.fromhex("7777 0000 0007 01 03 04 0064 0065"), "transaction"),
    ("tcp", bytes.fromhex("0001 0001 0007 01 03 04 0064 0065"), "protocol"),
    ("rtu", bytes.fromhex("01 03 04 0064 0065 0000"), "check sum"),
    ("rtu", bytes.fromhex("FF 01 03 04 0064 0065"), "unit 255"),
]


@pytest.mark.parametrize(("kind", "frame", "message"), FRAMES)
async def test_a_frame_that_is_broken_is_refused_at_once(
    kind: Literal["rtu", "tcp"], frame: bytes, message: str
) -> None:
    """A wrong transaction, protocol or check sum, or noise before a frame, gives no words."""
    fake = FakeMeter(kind)
    await fake.start()
    fake.script = lambda _, body: Reply(body, frame=frame)
    bus = fake.bus()
    with pytest.raises(BadReplyError, match=message):
        await read(bus, 100)
    await bus.close()
    await fake.stop()


async def test_an_adapter_that_hears_itself_is_read_through(rtu: FakeMeter) -> None:
    """With local_echo the request's own octets before the answer are passed over."""

    def echo(_: int, body: bytes) -> Reply:
        request = body + crc16(body).to_bytes(2, "little")
        answer = truth(body).body
        return Reply(body, frame=request + answer + crc16(answer).to_bytes(2, "little"))

    rtu.script = echo
    bus = rtu.bus(local_echo=True)
    assert await read(bus, 100) == (100, 101)
    await bus.close()


@pytest.mark.parametrize("kind", ["rtu", "ascii"])
@pytest.mark.parametrize(("address", "echoes"), [(100, "alone"), (100, "before the answer"), (1024, "like an answer")])
async def test_an_adapter_that_hears_itself_is_recognised(kind: BusKind, address: int, echoes: str) -> None:
    """Without local_echo the request's own octets are no answer, and the error says which setting is missing."""
    fake = FakeMeter(kind)
    await fake.start()
    fake.script = lambda _, body: Reply(
        b"", frame=framed(kind, body) + (b"" if echoes == "alone" else framed(kind, truth(body).body))
    )
    bus = fake.bus()
    with pytest.raises(BadReplyError, match="local_echo = true"):
        await read(bus, address)
    await bus.close()
    await fake.stop()


async def test_a_line_that_is_never_silent_has_another_master(rtu: FakeMeter) -> None:
    """Octets that keep coming after a failure end in an error that says what to look for."""
    bus = rtu.bus()
    rtu.script = lambda _, __: None
    with pytest.raises(NoReplyError):
        await read(bus, 100, timeout_seconds=SHORT)

    async def chatter() -> None:
        while True:
            rtu.write_to_line(b"\x55")
            await asyncio.sleep(SHORT / 5)

    noise = asyncio.create_task(chatter())
    with pytest.raises(BusyError, match="second master") as failure:
        await read(bus, 100, timeout_seconds=SHORT)
    assert (failure.value.cause, bus.tally.busy) == ("busy", 1)
    noise.cancel()
    rtu.script = lambda _, body: truth(body)
    assert await read(bus, 200) == (200, 201)
    await bus.close()


async def test_octets_that_nobody_asked_for_leave_the_connection_alone(meter: FakeMeter) -> None:
    """What comes between two requests, however well formed or broken, is not an answer and breaks nothing."""
    bus = meter.bus()
    await read(bus, 10)
    for frame in ("0001 0000 0007 01 03 04 FFFF FFFF", "0000 0000 0003 01 63 00", "01 03 04 FFFF FFFF 7BD7"):
        meter.push(bytes.fromhex(frame))
        await asyncio.sleep(0.01)
        assert await read(bus, 200) == (200, 201)
    assert bus.connections == 1
    await bus.close()


async def test_surplus_octets_in_the_next_moment_are_a_fault(meter: FakeMeter) -> None:
    """Octets that follow a good answer before it was handed on spoil it."""
    bus = meter.bus()
    judge = bus._wire.framing.fault

    def judge_and_add(octets: bytes, request: Request, sent: bytes) -> str | None:
        if len(octets) > 1:
            asyncio.get_running_loop().call_soon(bus._on_packet, False, b"\0")  # noqa: FBT003 - as pymodbus calls it
        return judge(octets, request, sent) if len(octets) > 1 else "a surplus octet"

    bus._wire.framing.fault = judge_and_add  # type: ignore[method-assign]  # the moment cannot be hit from outside
    with pytest.raises(BadReplyError, match="surplus"):
        await read(bus, 10)
    await bus.close()


async def test_requests_take_turns(meter: FakeMeter) -> None:
    """Reads that are asked for together are sent one after the other, each after the answer before it."""
    bus = meter.bus()
    meter.script = lambda _, body: Reply(truth(body).body, after_seconds=0.01)
    answers = await asyncio.gather(*(read(bus, address) for address in (10, 20, 30)))
    assert answers == [(10, 11), (20, 21), (30, 31)]
    assert meter.events == ["request 10", "reply", "request 20", "reply", "request 30", "reply"]
    await bus.close()


async def test_an_endpoint_that_comes_back_is_read_again(tcp: FakeMeter) -> None:
    """While the server is down reads fail by name; when it is back they succeed, over a connection counted as new."""
    bus = tcp.bus()
    await read(bus, 10)
    await tcp.stop()
    with pytest.raises(NotConnectedError, match=f"nothing accepts Modbus TCP at 127.0.0.1:{tcp.port}") as failure:
        await read(bus, 20)
    assert failure.value.cause == "not-connected"
    await tcp.start()
    assert await read(bus, 30) == (30, 31)
    assert bus.connections == 2
    await bus.close()


async def test_an_endpoint_that_was_not_there_at_first_is_read_later(tcp: FakeMeter) -> None:
    """A first connection that fails is tried again like any other."""
    await tcp.stop()
    bus = tcp.bus()
    with pytest.raises(NotConnectedError):
        await read(bus, 10)
    await tcp.start()
    assert await read(bus, 10) == (10, 11)
    await bus.close()


async def test_an_idle_connection_that_was_closed_costs_no_reading(tcp: FakeMeter) -> None:
    """A server that hangs up between two polls is connected to anew within the next read."""
    bus = tcp.bus()
    await read(bus, 10)
    await tcp.hang_up()
    assert await read(bus, 20) == (20, 21)
    assert (bus.connections, tcp.connections) == (2, 2)
    await bus.close()


async def test_a_connection_lost_during_each_request_is_said_at_once(tcp: FakeMeter) -> None:
    """A server that hangs up instead of answering is not waited for until the time-out."""
    bus = tcp.bus()
    tcp.script = lambda *_: tcp.disconnect()
    with pytest.raises(NotConnectedError, match="lost during the request"):
        await read(bus, 10)
    await bus.close()


async def test_a_port_that_is_down_is_left_alone_for_a_while(tcp: FakeMeter) -> None:
    """Within the back-off a read fails at once with the reason, without trying to connect."""
    await tcp.stop()
    bus = tcp.bus(BackOff(first_seconds=60.0, max_seconds=60.0))
    with pytest.raises(NotConnectedError):
        await read(bus, 10)
    await tcp.start()
    with pytest.raises(NotConnectedError, match=r"nothing accepts Modbus TCP .*; the next attempt is in [56]\d\.\d s"):
        await read(bus, 10)
    assert tcp.connections == 0
    await bus.close()


async def test_after_a_time_out_only_tcp_counts_as_a_new_connection(meter: FakeMeter) -> None:
    """A line reopened to drain it has the same meters on it; behind a new TCP connection could be another."""
    bus = meter.bus()
    meter.script = lambda number, body: truth(body) if number != 2 else None
    await read(bus, 10)
    with pytest.raises(NoReplyError):
        await read(bus, 20, timeout_seconds=SHORT)
    await read(bus, 30)
    assert bus.connections == (1 if meter.is_serial else 2)
    await bus.close()


async def test_a_line_that_went_away_counts_as_new(rtu: FakeMeter) -> None:
    """When the adapter is gone the read says so, and the port that comes back is another connection."""
    bus = rtu.bus()
    await read(bus, 10)
    old_port = str(rtu.port)
    await rtu.stop()
    with pytest.raises(BusError) as failure:
        await read(bus, 20, timeout_seconds=SHORT)
    assert failure.value.cause == "not-connected"
    assert old_port in str(failure.value)
    await bus.close()


async def test_a_missing_port_is_named_with_what_to_do() -> None:
    """Whoever mistypes a port reads which one is missing and which there are."""
    bus = open_bus(RtuLine(name="roof", port="/dev/ttyUSB77"))
    with pytest.raises(NotConnectedError, match=r"roof: there is no serial port /dev/ttyUSB77; .*\(ports found: .+\)"):
        await read(bus, 10)
    await bus.close()


async def test_a_speed_that_the_port_does_not_have_is_said_so(rtu: FakeMeter) -> None:
    """A baud rate that the driver refuses is a sentence, not a crash."""
    bus = open_bus(RtuLine(name="roof", port=str(rtu.port), baud=-1, silence_ms=0))
    with pytest.raises(NotConnectedError, match=r"does not open: .*; correct its baud or format"):
        await read(bus, 10)
    await bus.close()


async def test_a_format_that_the_port_does_not_have_is_said_so(rtu: FakeMeter) -> None:
    """Seven bits on a port that has eight is the same sentence at each try, and leaves the port free for another."""
    line = RtuLine(name="roof", port=str(rtu.port), format="7E1", silence_ms=0)
    bus = open_bus(line, AT_ONCE)
    for _ in range(2):
        with pytest.raises(NotConnectedError) as failure:
            await read(bus, 10)
        assert str(failure.value) == (
            f"roof: serial port {rtu.port} cannot do 19200 baud with format 7E1; correct its baud or format"
        )
    other = rtu.bus()
    assert await read(other, 10) == (10, 11)
    await other.close()
    await bus.close()


async def test_a_port_that_breaks_while_it_is_set_up_is_said_so(
    rtu: FakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter that goes away between opening and setting up is a sentence, and is read when it is back."""
    bus = rtu.bus()

    def break_down(*_: object) -> None:
        raise termios.error(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(termios, "tcsetattr", break_down)
        with pytest.raises(NotConnectedError, match=r"does not open: .*output error; check the adapter") as failure:
            await read(bus, 10)
    assert str(rtu.port) in str(failure.value)
    assert await read(bus, 10) == (10, 11)
    await bus.close()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "denied"), "add the user to the group dialout"),
        (OSError(errno.EBUSY, "busy"), "held by another program"),
        (OSError(errno.EIO, "broken"), "does not open: .*broken; check the adapter"),
    ],
)
def test_a_shut_port_says_what_to_do(error: OSError, message: str) -> None:
    """Each way in which a port stays shut has its own remedy."""
    assert re.search(message, why_port_shut("/dev/ttyUSB0", error))


async def test_what_the_library_refuses_is_a_bad_reply(meter: FakeMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of the library's own leaves the bus."""
    bus = meter.bus()
    await read(bus, 10)

    async def refuse(*_: object, **__: object) -> None:
        message = "the library is at a loss"
        raise ModbusException(message)

    monkeypatch.setattr(bus._client, "read_holding_registers", refuse)
    with pytest.raises(BadReplyError, match="at a loss"):
        await read(bus, 10, timeout_seconds=SHORT)
    assert await read(bus, 20) == (20, 21)
    await bus.close()


async def test_a_port_held_by_another_program_is_said_so(rtu: FakeMeter) -> None:
    """Two masters on one line are refused by the port's lock, in words."""
    holder = serial.Serial(str(rtu.port), exclusive=True)
    bus = rtu.bus()
    with pytest.raises(NotConnectedError, match="held by another program"):
        await read(bus, 10)
    holder.close()
    assert await read(bus, 10) == (10, 11)
    await bus.close()


async def test_the_bus_s_own_time_out_goes_before_the_meter_s(tcp: FakeMeter) -> None:
    """A time-out configured for the bus is the one that is kept."""
    tcp.script = lambda _, __: None
    endpoint = TcpEndpoint(name="bus", host="127.0.0.1", port=int(tcp.port), timeout_seconds=SHORT)
    bus = open_bus(endpoint)
    with pytest.raises(NoReplyError, match=f"within {SHORT:g} s"):
        await read(bus, 10, timeout_seconds=LONG)
    await bus.close()


@pytest.mark.parametrize(
    ("line", "asked_ms", "seconds"),
    [
        (RtuLine(name="a", port="p", baud=9600), 0, 3.5 * 10 / 9600),
        (RtuLine(name="a", port="p", baud=9600, format="8E1"), 0, 3.5 * 11 / 9600),
        (RtuLine(name="a", port="p", baud=115200), 0, 0.00175),
        (RtuLine(name="a", port="p", baud=115200), 5, 0.005),
        (RtuLine(name="a", port="p", baud=9600, silence_ms=20), 5, 0.02),
        (RtuLine(name="a", port="p", baud=9600, silence_ms=0), 5, 0.0),
    ],
)
def test_the_silence_between_frames(line: RtuLine, asked_ms: int, seconds: float) -> None:
    """It is 3.5 characters or what the meter asks for, unless the line's settings say otherwise."""
    assert open_bus(line)._wire.silence_seconds(asked_ms) == pytest.approx(seconds)


def test_what_the_octets_take_on_each_wire() -> None:
    """A request and its reply take their characters' time; ASCII twice as many; behind TCP the slowest usual line."""
    rtu, lower = RtuLine(name="a", port="p", baud=9600), AsciiLine(name="a", port="p", baud=9600)
    tcp = TcpEndpoint(name="a", host="h")
    assert open_bus(rtu)._wire.transfer_seconds(6) == pytest.approx(17 * 10 / 9600)
    assert open_bus(lower)._wire.transfer_seconds(6) == pytest.approx(2 * 17 * 10 / 9600)
    assert open_bus(tcp)._wire.transfer_seconds(6) == pytest.approx(17 * 11 / 9600)


def test_the_silence_behind_an_endpoint() -> None:
    """A server that numbers its replies needs no pause; on a line behind a serial server the meter has its own."""
    assert open_bus(TcpEndpoint(name="a", host="h"))._wire.silence_seconds(5) == 0.0
    assert open_bus(RtuTcpEndpoint(name="a", host="h"))._wire.silence_seconds(5) == 0.005
