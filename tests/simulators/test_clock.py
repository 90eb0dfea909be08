"""Properties of the simulated clock: lock-step with its sleepers, and time that never turns back."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Instant, TimeQuality
from simulators.clock import ClockServer, Pace, SimulatedClock
from simulators.errors import ClockLostError, SimulatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from edge.clock import Clock

BOOT = bytes(range(16))
START, STEP, END = 1_000_000, 900_000, 1_000_000 + 100 * 900_000
WAIT_SECONDS = 10.0
BAD_BOOT_ID = b'{"now": 1, "booted_at": 1, "kernel_boot_id": "zz"}\n'


@asynccontextmanager
async def connected(server: ClockServer, sleepers: int = 1) -> AsyncIterator[SimulatedClock]:
    """Return an edge's clock for a while."""
    clock = await SimulatedClock.connect("127.0.0.1", server.port, sleepers=sleepers)
    try:
        yield clock
    finally:
        clock.close()


async def settle() -> None:
    """Let everything happen that needs no time: a few rounds of messages over the loopback."""
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_now_is_what_the_server_says() -> None:
    """The edge sees wall time, time since boot and the boot id of the server, and trusts them."""
    async with ClockServer(START, END, kernel_boot_id=BOOT, booted_ms=START - 5) as server, connected(server) as own:
        clock: Clock = own
        assert clock.now() == Instant(START, 5, TimeQuality.SYNCHRONISED)
        assert (clock.kernel_boot_id, clock.boot_id) == (BOOT, BOOT[:4])


async def test_time_is_the_instant_slept_until_and_stands_while_the_edge_works() -> None:
    """After each sleep both ends are exactly at its instant, and stay there until the next sleep."""
    async with ClockServer(START, END) as server, connected(server) as clock:
        for edge in range(START + STEP, END + 1, STEP):
            await clock.sleep_until(edge)
            assert server.now_ms == edge == clock.now().wall_ms
        await settle()
        assert server.now_ms == END
        assert not server.finished.is_set()


async def test_a_sleep_into_the_past_returns_at_once_and_moves_nothing() -> None:
    """Time never goes backwards."""
    async with ClockServer(START, END) as server, connected(server) as clock:
        await clock.sleep_until(START + STEP)
        for past in (START, START + STEP, 0, -5):
            await clock.sleep_until(past)
        assert server.now_ms == START + STEP == clock.now().wall_ms


async def test_a_sleep_beyond_the_end_is_never_answered() -> None:
    """The end sets `finished`, leaves time where it was, and is no end for a server without one."""
    async with ClockServer(START, END) as server, connected(server) as clock:
        await clock.sleep_until(END)
        sleeper = asyncio.create_task(clock.sleep_until(END + 1))
        async with asyncio.timeout(WAIT_SECONDS):
            await server.finished.wait()
        await settle()
        assert not sleeper.done()
        assert server.now_ms == END
        sleeper.cancel()
    async with ClockServer(START) as server, connected(server) as clock:
        await clock.sleep_until(10**15)
        assert not server.finished.is_set()


async def test_the_edge_may_die_and_come_back() -> None:
    """A new connection finds time where the old one left it; what the old one slept for is forgotten."""
    async with ClockServer(START, END, kernel_boot_id=BOOT) as server:
        async with connected(server) as clock:
            await clock.sleep_until(START + STEP)
            server.pause()
            sleeper = asyncio.create_task(clock.sleep_until(START + 9 * STEP))
            await settle()
        with pytest.raises(ClockLostError):
            await sleeper
        await settle()
        server.resume()
        async with connected(server) as clock:
            await settle()
            assert server.now_ms == START + STEP == clock.now().wall_ms
            assert clock.now().boottime_ms == STEP
            await clock.sleep_until(START + 2 * STEP)
            assert server.now_ms == START + 2 * STEP


async def test_the_newest_connection_is_the_edge() -> None:
    """An edge that comes back before its predecessor is noticed dead takes over; the predecessor's time has ended."""
    async with ClockServer(START, END) as server, connected(server) as old, connected(server) as new:
        await new.sleep_until(START + STEP)
        with pytest.raises(ClockLostError):
            await old.sleep_until(START + 2 * STEP)
        assert server.now_ms == START + STEP


async def test_a_reboot_is_seen_by_the_next_connection() -> None:
    """Another boot id and a new count of time since boot."""
    async with ClockServer(START, END, kernel_boot_id=BOOT) as server:
        async with connected(server) as clock:
            await clock.sleep_until(START + STEP)
        server.reboot(BOOT[::-1])
        async with connected(server) as clock:
            assert clock.kernel_boot_id == BOOT[::-1]
            assert clock.now() == Instant(START + STEP, 0, TimeQuality.SYNCHRONISED)


async def test_paused_time_wakes_nobody() -> None:
    """Between `pause` and `resume` a sleeper sleeps, and then wakes at its instant."""
    async with ClockServer(START, END) as server, connected(server) as clock:
        server.pause()
        sleeper = asyncio.create_task(clock.sleep_until(START + STEP))
        await settle()
        assert not sleeper.done()
        assert server.now_ms == START
        server.resume()
        await asyncio.wait_for(sleeper, WAIT_SECONDS)
        assert server.now_ms == START + STEP


async def test_several_sleepers_are_woken_in_order_and_none_is_overtaken() -> None:
    """With two sleepers time moves only when both sleep, and to the earlier instant."""
    async with ClockServer(START, END) as server, connected(server, sleepers=2) as clock:
        seen: list[int] = []

        async def sleep_every(step: int) -> None:
            for until in range(START + step, START + 60 * step + 1, step):
                await clock.sleep_until(until)
                for _ in range(3):
                    await asyncio.sleep(0.001)
                    assert clock.now().wall_ms == until == server.now_ms
                seen.append(until)

        # Alone at the end, the slower one has no company; the faster ends first and stays asleep.
        slow = asyncio.create_task(sleep_every(7_000))
        fast = asyncio.create_task(sleep_every(5_000))
        await asyncio.wait_for(fast, WAIT_SECONDS)
        company = asyncio.create_task(clock.sleep_until(END))
        await asyncio.wait_for(slow, WAIT_SECONDS)
        company.cancel()
        assert seen == sorted(seen)
        assert len(seen) == 120


async def test_a_cancelled_sleeper_is_awake() -> None:
    """Who gives up sleeping stops time, so that it is not overtaken."""
    async with ClockServer(START, END, pace=Pace(speed=1)) as server, connected(server) as clock:
        sleeper = asyncio.create_task(clock.sleep_until(START + STEP))
        await settle()
        sleeper.cancel()
        await settle()
        server.set_pace(Pace())
        await settle()
        assert server.now_ms == START
        await clock.sleep_until(START + 1)
        assert server.now_ms == START + 1


async def test_a_new_pace_counts_for_the_sleep_under_way() -> None:
    """A sleeper at a slow pace wakes when the pace becomes unlimited."""
    async with ClockServer(START, END, pace=Pace(speed=1)) as server, connected(server) as clock:
        sleeper = asyncio.create_task(clock.sleep_until(START + STEP))
        await settle()
        assert not sleeper.done()
        server.set_pace(Pace())
        await asyncio.wait_for(sleeper, WAIT_SECONDS)


async def test_a_paced_sleep_arrives() -> None:
    """At a pace, a sleep ends at exactly its instant too."""
    async with ClockServer(START, END, pace=Pace(speed=900_000)) as server, connected(server) as clock:
        for edge in (START + STEP, START + 2 * STEP):
            await asyncio.wait_for(clock.sleep_until(edge), WAIT_SECONDS)
            assert server.now_ms == edge


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6))
def test_pace_counts_only_the_time_after_its_beginning(now: int, later: int, from_ms: int, speed: int) -> None:
    """History is free of charge; from the given instant on, simulated time costs real time."""
    until = now + later
    charged_ms = max(until - max(now, from_ms), 0)
    assert Pace(speed, from_ms).wait_seconds(now, until) == pytest.approx(charged_ms / (1000 * speed))
    assert Pace(None, from_ms).wait_seconds(now, until) == 0


async def test_a_lost_server_ends_the_edge() -> None:
    """Sleepers, and whoever would sleep later, get one clear error."""
    async with ClockServer(START, END) as server:
        clock = await SimulatedClock.connect("127.0.0.1", server.port)
        server.pause()
        sleeper = asyncio.create_task(clock.sleep_until(START + STEP))
        await settle()
    with pytest.raises(ClockLostError, match=f"127.0.0.1:{server.port} went away"):
        await sleeper
    with pytest.raises(ClockLostError):
        await clock.sleep_until(START + STEP)
    with pytest.raises(ClockLostError, match="start the clock server first"):
        await SimulatedClock.connect("127.0.0.1", server.port)


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"{}\n", b'{"sleep_until": "soon"}\n', b"x" * 5000])
async def test_the_server_breaks_with_strangers(line: bytes) -> None:
    """A connection that speaks otherwise is broken, and the next edge is served."""
    async with ClockServer(START, END) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(line)
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()
        async with connected(server) as clock:
            await clock.sleep_until(START + STEP)


@pytest.mark.parametrize("greeting", [b"nonsense\n", b"{}\n", b'{"now": 1}\n', BAD_BOOT_ID, b""])
async def test_the_edge_breaks_with_a_stranger(greeting: bytes) -> None:
    """Something else that listens there is no clock."""

    def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    stranger = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = stranger.sockets[0].getsockname()[1]
    with pytest.raises(ClockLostError):
        await SimulatedClock.connect("127.0.0.1", port)
    stranger.close()
    await stranger.wait_closed()


def test_impossible_clocks_are_refused() -> None:
    """An end before the start, and a boot id of another size, are refused."""
    with pytest.raises(SimulatorError, match="before it starts"):
        ClockServer(START, START - 1)
    with pytest.raises(SimulatorError, match="16 bytes, not 4"):
        ClockServer(START, kernel_boot_id=BOOT[:4])
