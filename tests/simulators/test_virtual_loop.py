"""Time that jumps: in order, never over octets that are under way, never past a thread."""

from __future__ import annotations

import asyncio
import os
import threading
import tty
from typing import TYPE_CHECKING

import pytest

from edge.bus import open_bus
from edge.clock import SystemClock
from edge.metering.words import Span
from edge.settings import RtuLine
from protocol.messages import TimeQuality
from simulators import virtual_loop
from simulators.bus import LinePace, RtuBus, line_seconds
from simulators.errors import SimulatorError
from simulators.virtual_loop import run_virtually
from simulators.virtual_time import VirtualKernel, VirtualTime

if TYPE_CHECKING:
    from pathlib import Path

    from simulators.image import ExceptionCode

YEAR_SECONDS = 31_536_000.0
START = 1_700_000_000_000


def test_a_year_of_timers_is_in_order_and_exact() -> None:
    """Sleepers wake at their very instants, in order, however far apart these are."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        woken: list[float] = []

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append(loop.time())

        await asyncio.gather(*(sleep(seconds) for seconds in (YEAR_SECONDS, 0.001, 3600.0, 900.25)))
        return woken

    assert run_virtually(main()) == pytest.approx([0.001, 900.25, 3600.0, YEAR_SECONDS], abs=1e-6)


def test_a_timer_for_this_very_instant_is_due_however_long_the_loop_has_lived() -> None:
    """After months a float has no room between an instant and the loop's tolerance; time must go on all the same."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(YEAR_SECONDS)
        rung = asyncio.Event()
        loop.call_at(loop.time(), rung.set)
        await rung.wait()
        return rung.is_set()

    assert run_virtually(main())


def test_octets_come_before_any_time_out() -> None:
    """What is written to a pseudo-terminal or a socket is read at the same instant, each of 2,000 times."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(10):
            writer.write(octets)
        writer.close()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        loop.add_reader(theirs, lambda: arrived.put_nowait(os.read(theirs, 10)))
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for number in range(2000):
            octets = number.to_bytes(4, "big")
            async with asyncio.timeout(0.001):
                os.write(ours, octets)
                assert await arrived.get() == octets
                writer.write(octets)
                assert await reader.readexactly(4) == octets
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        loop.remove_reader(theirs)
        os.close(ours)
        os.close(theirs)
        return loop.time()

    assert run_virtually(main()) == 0.0


def test_time_stands_still_while_a_thread_works() -> None:
    """A thread that the loop started is done before any time-out, whatever else sleeps."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        wait = threading.Event()
        loop.call_later(0.5, pytest.fail, "a timer overtook the thread")
        assert await loop.run_in_executor(None, wait.wait, 0.05) is False
        return loop.time()

    assert run_virtually(main()) == 0.0


def test_waiting_for_what_cannot_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world in which nothing is left to happen ends with an error instead of hanging."""
    monkeypatch.setattr(virtual_loop, "PATIENCE_SECONDS", 0.01)
    loop = virtual_loop.VirtualLoop()
    try:
        with pytest.raises(SimulatorError, match="who is waited for"):
            loop.run_until_complete(loop.create_future())
    finally:
        loop.close()


class Constant:
    """A meter whose words are all one."""

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return ones."""
        del function_code, address, at_ms
        return (1,) * count

    def report(self) -> bytes | None:
        """Return nothing."""
        return None

    def identification(self) -> dict[int, bytes] | None:
        """Return nothing."""
        return None


@pytest.mark.parametrize(
    ("pace", "words"), [(LinePace(9_600), 2), (LinePace(19_200, turnaround_ms=20), 10), (LinePace(115_200), 125)]
)
def test_the_edge_polls_a_paced_line_at_the_limit_of_the_wire(pace: LinePace, words: int, tmp_path: Path) -> None:
    """Over a year's worth of round trips in small, the edge's own bus loses not a millisecond to the physical limit."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        link = tmp_path / "line"
        async with RtuBus({1: Constant()}, VirtualTime(START), link, pace=pace):
            bus = open_bus(RtuLine(name="line", port=str(link), baud=pace.baud))
            await bus.read(1, Span(3, 0, words), timeout_seconds=1.0)
            began = loop.time()
            for _ in range(100):
                await bus.read(1, Span(3, 0, words), timeout_seconds=1.0)
            await bus.close()
            return loop.time() - began

    assert run_virtually(main()) == pytest.approx(100 * line_seconds(8, 5 + 2 * words, pace), abs=0.001)


def test_a_stepped_wall_clock_is_known_as_such() -> None:
    """The edge's real clock, on a virtual kernel, is synchronised before and after a step and says so during it."""

    async def main() -> None:
        time = VirtualTime(START)
        clock = SystemClock(VirtualKernel(time, lambda at_ms: 7_200_000 if 5_000 <= at_ms - START < 9_000 else 0))
        assert clock.now().quality is TimeQuality.SYNCHRONISED
        await time.sleep_until(START + 5_000)
        stepped = clock.now()
        assert (stepped.wall_ms, stepped.boottime_ms) == (START + 7_205_000, 5_000)
        assert stepped.quality is TimeQuality.UNKNOWN
        await time.sleep_until(START + 9_000)
        assert (clock.now().wall_ms, clock.now().quality) == (START + 9_000, TimeQuality.SYNCHRONISED)

    run_virtually(main())
