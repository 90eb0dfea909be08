"""The edge's view of the simulated clock: an `edge.clock.Clock` whose time the clock's server decides."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Self

from protocol.identity import BootId
from protocol.messages import Instant, TimeQuality
from simulators.clock_wire import LineProtocol
from simulators.errors import ClockLostError

_BOOT_ID = re.compile("[0-9a-f]{32}")
_BOOT_ID_SIZE = 4
_GREETING_SECONDS_MAX = 10.0


class SimulatedClock:
    """Time as the clock's server last told it, always synchronised; it stands still while the edge works.

    Time moves only when `sleepers` tasks sleep at once, and then to the earliest of their instants: an edge with
    several tasks that sleep says how many, so that none is overtaken while it works. Get one from `connect`.
    """

    def __init__(self, connection: _EdgeConnection, greeting: _Greeting, sleepers: int) -> None:
        self.kernel_boot_id = greeting.kernel_boot_id
        self.boot_id = BootId(greeting.kernel_boot_id[:_BOOT_ID_SIZE])
        self._booted_ms = greeting.booted_ms
        self._connection = connection
        self._sleepers = sleepers

    @classmethod
    async def connect(cls, host: str, port: int, *, sleepers: int = 1) -> Self:
        """Return the clock served at this address; raises ClockLostError if none answers there."""
        loop = asyncio.get_running_loop()
        place = f"{host}:{port}"
        try:
            async with asyncio.timeout(_GREETING_SECONDS_MAX):
                _, connection = await loop.create_connection(lambda: _EdgeConnection(place, sleepers), host, port)
                greeting = await connection.greeting
        except OSError as error:
            message = f"no simulated clock answers at {place} ({error}); start the clock server first"
            raise ClockLostError(message) from error
        return cls(connection, greeting, sleepers)

    def now(self) -> Instant:
        """Return the last instant the server told."""
        now_ms = self._connection.now_ms
        return Instant(wall_ms=now_ms, boottime_ms=now_ms - self._booted_ms, quality=TimeQuality.SYNCHRONISED)

    async def sleep_until(self, wall_ms: int) -> None:
        """Return when it is `wall_ms` (UTC ms) or later; raises ClockLostError if the server went away."""
        await self._connection.sleep_until(wall_ms)

    def close(self) -> None:
        """Leave the server; whoever still sleeps gets ClockLostError."""
        self._connection.abort()


@dataclass(frozen=True, slots=True)
class _Greeting:
    """What the server says first: when the machine booted (UTC ms) and under which id."""

    booted_ms: int
    kernel_boot_id: bytes


class _EdgeConnection(LineProtocol):
    """The edge's end: who sleeps until when, and the earliest of it asked of the server once all do."""

    def __init__(self, place: str, sleepers: int) -> None:
        super().__init__()
        self.greeting: asyncio.Future[_Greeting] = asyncio.get_running_loop().create_future()
        self.now_ms = 0
        self._place = place
        self._sleepers = sleepers
        self._sleeping: dict[asyncio.Future[None], int] = {}
        self._asked_ms: int | None = None
        self._is_lost = False

    async def sleep_until(self, wall_ms: int) -> None:
        if self._is_lost:
            raise self._lost_error()
        if wall_ms <= self.now_ms:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping[woken] = wall_ms
        self._ask()
        try:
            await woken
        finally:
            # Still there only if the sleeper was cancelled: it is awake now, so time has to stop.
            if self._sleeping.pop(woken, None) is not None:
                self._ask()

    def line_received(self, content: dict[str, object]) -> None:
        now_ms = content.get("now")
        if type(now_ms) is not int or not (self.greeting.done() or self._greet(content)):
            self.abort()
            return
        self.now_ms = max(self.now_ms, now_ms)
        if self._asked_ms is not None and self._asked_ms <= self.now_ms:
            self._asked_ms = None
        for woken in [woken for woken, until_ms in self._sleeping.items() if until_ms <= self.now_ms]:
            if not woken.done():
                del self._sleeping[woken]
                woken.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._is_lost = True
        for woken in self._sleeping:
            if not woken.done():
                woken.set_exception(self._lost_error())
        self._sleeping.clear()
        if not self.greeting.done():
            self.greeting.set_exception(self._lost_error())

    def _greet(self, content: dict[str, object]) -> bool:
        booted_ms, boot_id = content.get("booted_at"), content.get("kernel_boot_id")
        if type(booted_ms) is not int or not isinstance(boot_id, str) or _BOOT_ID.fullmatch(boot_id) is None:
            return False
        self.greeting.set_result(_Greeting(booted_ms, bytes.fromhex(boot_id)))
        return True

    def _ask(self) -> None:
        """Tell the server the earliest instant anyone sleeps until, or that someone is awake, if that is news."""
        if self._is_lost:
            return
        everyone_sleeps = len(self._sleeping) >= self._sleepers
        until_ms = min(self._sleeping.values()) if everyone_sleeps and self._sleeping else None
        if until_ms != self._asked_ms:
            self._asked_ms = until_ms
            self.send(sleep_until=until_ms)

    def _lost_error(self) -> ClockLostError:
        return ClockLostError(f"the simulated clock at {self._place} went away; this program ends with it")
