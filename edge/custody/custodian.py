"""The rim of custody: owns the session with the hub, the clock and chance, and asks the desk what to do with them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from edge.custody.terms import Moment
from edge.uplink import Arrived, Broken, Connected, Disconnected, Woken, open_uplink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.clock import Clock
    from edge.custody.desk import Desk
    from edge.custody.terms import Outgoing
    from edge.settings import BrokerSettings, PostSettings
    from edge.uplink import Event
    from protocol.identity import DeviceId

_JITTER_BYTES = 4


class SystemChance:
    """The operating system's randomness."""

    def draw(self, size: int) -> bytes:
        """Return `size` random bytes."""
        return os.urandom(size)

    def jitter(self) -> float:
        """Return a random number from 0 to below 1."""
        return int.from_bytes(os.urandom(_JITTER_BYTES), "big") / (1 << 8 * _JITTER_BYTES)


class Custodian:
    """Runs until cancelled; `sealed` tells it of a new block, `settled` is set while the hub has every block."""

    def __init__(self, desk: Desk, hub: BrokerSettings | PostSettings, device: DeviceId, clock: Clock) -> None:
        self.settled = asyncio.Event()
        self._desk = desk
        self._clock = clock
        self._uplink = open_uplink(hub, device, desk.begin_session)
        self._note_progress()

    @property
    def online(self) -> bool:
        """Whether there is a session with the hub now."""
        return self._desk.online

    def sealed(self, seq: int) -> None:
        """Take note that block `seq` is sealed and durable."""
        self._desk.sealed(seq)
        self._note_progress()
        self._uplink.wake()

    def wake(self) -> None:
        """Let the desk look anew at what is to be said."""
        self._uplink.wake()

    async def run(self) -> None:
        """Hold the session and converse until cancelled."""
        async with self._uplink:
            while True:
                event = await self._next_event()
                if event is not None:
                    self._take(event)
                self._publish(self._desk.speak(self._moment()))
                self._note_progress()

    async def _next_event(self) -> Event | None:
        steady_ms = _steady_ms()
        wake_at = self._desk.next_wakeup(steady_ms)
        patience = None if wake_at is None else (wake_at - steady_ms) / 1000
        try:
            async with asyncio.timeout(patience):
                return await self._uplink.events.get()
        except TimeoutError:
            return None

    def _take(self, event: Event) -> None:
        match event:
            case Connected(nonce=nonce):
                self._publish(self._desk.connected(nonce, self._moment()))
            case Disconnected():
                self._desk.disconnected()
            case Arrived(channel=channel, raw=raw):
                self._publish(self._desk.heard(channel, raw, self._moment()))
            case Broken(error=error):
                raise error
            case Woken():
                pass

    def _publish(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._uplink.publish(message.channel, message.raw, retain=message.retain)

    def _moment(self) -> Moment:
        return Moment(_steady_ms(), self._clock.now())

    def _note_progress(self) -> None:
        if self._desk.settled:
            self.settled.set()
        else:
            self.settled.clear()


def _steady_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
