"""A simulated clock that runs as fast as the line under test can follow, and its two ends.

`ClockServer` holds the one time that meters and edge share; `SimulatedClock` is the edge's view of it over a loopback
connection. Time stands still while the edge works and moves only when the edge says until when it would sleep: then
it *is* that instant, so that a register is read exactly at the edge of its interval, at any speed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from simulators.clock_wire import LineProtocol
from simulators.edge_clock import SimulatedClock
from simulators.errors import SimulatorError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AS_FAST_AS_POSSIBLE", "ClockServer", "Pace", "SimulatedClock"]

KERNEL_BOOT_ID_SIZE = 16
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast time may run: without limit before `from_ms` (UTC ms), then `speed` simulated seconds per real second.

    `speed` None: never a limit.
    """

    speed: int | None = None
    from_ms: int = 0

    def wait_seconds(self, now_ms: int, until_ms: int) -> float:
        """Return how many real seconds the simulated time between the two instants takes."""
        if self.speed is None:
            return 0.0
        return max(until_ms - max(now_ms, self.from_ms), 0) / 1000 / self.speed


AS_FAST_AS_POSSIBLE = Pace()


class ClockServer:
    """The simulated time, served to one edge at a time on a free loopback port; use as an async context manager.

    It starts at `start_ms` and never goes backwards. A sleep beyond `end_ms` (None: time has no end) is never answered
    and sets `finished`. The edge may be killed and come back: time stays where it was. A new connection replaces the
    old one. `pace` None is as fast as possible. The machine is taken to have booted at `booted_ms` (default:
    `start_ms`); all instants are UTC ms. Raises SimulatorError for an end before the start or a kernel boot id that is
    not 16 bytes.
    """

    def __init__(
        self,
        start_ms: int,
        end_ms: int | None = None,
        *,
        kernel_boot_id: bytes = bytes(KERNEL_BOOT_ID_SIZE),
        booted_ms: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        if end_ms is not None and end_ms < start_ms:
            message = f"the simulated time ends at {end_ms}, before it starts at {start_ms}; give a later end"
            raise SimulatorError(message)
        if len(kernel_boot_id) != KERNEL_BOOT_ID_SIZE:
            message = f"a kernel boot id has {KERNEL_BOOT_ID_SIZE} bytes, not {len(kernel_boot_id)}; draw a new one"
            raise SimulatorError(message)
        self.port = 0
        self.finished = asyncio.Event()
        self._now_ms = start_ms
        self._end_ms = end_ms
        self._booted_ms = start_ms if booted_ms is None else booted_ms
        self._kernel_boot_id = kernel_boot_id
        self._pace = pace or AS_FAST_AS_POSSIBLE
        self._is_paused = False
        self._wanted_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self._client: _ClockConnection | None = None

    @property
    def now_ms(self) -> int:
        """This moment of simulated time, UTC ms: the last instant the edge woke up at."""
        return self._now_ms

    @property
    def is_used(self) -> bool:
        """Whether an edge lives by this clock now."""
        return self._client is not None

    async def start(self) -> None:
        """Begin to listen; `port` then tells where."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ClockConnection(self), _HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop time for good: the edge's clock is lost."""
        self._cancel_timer()
        if self._server is None:
            return
        self._server.close()
        if self._client is not None:
            self._client.abort()
        await self._server.wait_closed()
        self._server = None

    def pause(self) -> None:
        """Let no sleeper wake up until `resume`."""
        self._is_paused = True
        self._cancel_timer()

    def resume(self) -> None:
        """Let time go on after `pause`."""
        self._is_paused = False
        self._review()

    def set_pace(self, pace: Pace) -> None:
        """Run at another pace from now on, also for the sleep that is under way."""
        self._pace = pace
        self._review()

    def reboot(self, kernel_boot_id: bytes) -> None:
        """Say to the next connection that the machine has booted at this moment, under a new boot id (16 bytes)."""
        self._kernel_boot_id = kernel_boot_id
        self._booted_ms = self._now_ms

    def join(self, client: _ClockConnection) -> None:
        """Serve `client` instead of the one before, which is dead or about to be."""
        if self._client is not None:
            self._client.abort()
        self._client = client
        self._want(None)
        client.send(now=self._now_ms, booted_at=self._booted_ms, kernel_boot_id=self._kernel_boot_id.hex())

    def leave(self, client: _ClockConnection) -> None:
        """Forget a client whose connection is closed, and what it waited for."""
        if self._client is client:
            self._client = None
            self._want(None)

    def sleep(self, client: _ClockConnection, until_ms: int | None) -> None:
        """Wake `client` at `until_ms` (UTC ms; None: it no longer sleeps); replaces what it asked for before."""
        if self._client is client:
            self._want(until_ms)

    def _want(self, until_ms: int | None) -> None:
        self._wanted_ms = until_ms
        self._review()

    def _review(self) -> None:
        """Decide anew when the sleeper is woken up."""
        self._cancel_timer()
        if self._wanted_ms is None or self._is_paused:
            return
        if self._end_ms is not None and self._wanted_ms > self._end_ms:
            self.finished.set()
            return
        seconds = self._pace.wait_seconds(self._now_ms, self._wanted_ms)
        if seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)
        else:
            self._wake()

    def _wake(self) -> None:
        until_ms, client = self._wanted_ms, self._client
        if until_ms is None or client is None:
            return
        self._wanted_ms = None
        self._now_ms = max(self._now_ms, until_ms)
        client.send(now=self._now_ms)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def __aenter__(self) -> Self:
        """Start, and return the server."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        await self.stop()


class _ClockConnection(LineProtocol):
    """The server's end."""

    def __init__(self, server: ClockServer) -> None:
        super().__init__()
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.join(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.leave(self)

    def line_received(self, content: dict[str, object]) -> None:
        until_ms = content.get("sleep_until", False)
        if until_ms is None or type(until_ms) is int:
            self._server.sleep(self, until_ms)
        else:
            self.abort()
