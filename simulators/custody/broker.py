"""The broker and both links, trusted with nothing: messages are lost, late, doubled, overtaken and damaged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from protocol.topics import Channel

if TYPE_CHECKING:
    import random

    from simulators.custody.events import Events

QUICK_MS = (20, 400)
SLOW_MS = (1_000, 240_000)
NOTICE_MS = (0, 90_000)
"""How long a device takes to notice that its session is dead."""
_DEATH_SHARE = 0.5
"""How often a broker really sends a dead session's last word."""


@dataclass(frozen=True, slots=True)
class Weather:
    """The share of messages that are lost, delivered twice, late by up to minutes, or damaged."""

    lost: float
    doubled: float
    slow: float
    damaged: float


CALM = Weather(lost=0, doubled=0, slow=0, damaged=0)


class Listener(Protocol):
    """Who hears messages: a device in its session, or the hub."""

    def hear(self, channel: Channel, raw: bytes) -> None:
        """Take a message that arrived."""
        ...


class Client(Listener, Protocol):
    """A device as the broker knows it."""

    def lose_session(self, *, pushed_off: bool) -> None:
        """Notice that the session is over, perhaps because another client came with the same id."""
        ...


class Broker:
    """One client id for all who have the device's key: who connects pushes off who was there."""

    def __init__(self, events: Events, chance: random.Random, weather: Weather) -> None:
        self.weather = weather
        self._cuts = 0
        self.hub: Listener | None = None
        self.sends = 0
        self._events = events
        self._chance = chance
        self._client: Client | None = None
        self._death = b""
        self._kept: list[tuple[Channel, bytes]] = []
        self._trace = hashlib.sha256()

    @property
    def trace(self) -> str:
        """The hash over everything that was delivered so far, and when."""
        return self._trace.hexdigest()

    # Sessions.

    @property
    def is_reachable(self) -> bool:
        """Whether there is a way through from the device's site."""
        return not self._cuts

    def connect(self, client: Client, death: bytes) -> None:
        """Open a session for this client, which left this death message; push off whoever had one."""
        assert self.is_reachable, "who cannot reach a broker has no session"
        if self._client is not client:
            self._end_session(pushed_off=True)
        self._client, self._death = client, death

    def is_connected(self, client: Client) -> bool:
        """Return whether the session is this client's."""
        return self._client is client and not self._cuts

    def disconnect(self, client: Client) -> None:
        """End the session of this client if it has one."""
        if self._client is client:
            self._client = None

    def cut(self) -> None:
        """Cut the device's link: its messages are lost from now on, and it notices some time later."""
        self._cuts += 1
        self._end_session(pushed_off=False)

    def drop_session(self) -> None:
        """End the session as a restarted broker does."""
        self._end_session(pushed_off=False)

    def _end_session(self, *, pushed_off: bool) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        self._events.after(self._chance.randint(*NOTICE_MS), partial(client.lose_session, pushed_off=pushed_off))
        if self._chance.random() < _DEATH_SHARE:
            for delay_ms, copy in self._travel(self._death):
                self._events.after(delay_ms, partial(self._arrive_at_hub, Channel.STATE, copy))

    def mend(self) -> None:
        """Mend one cut of the device's link; a device finds out when it tries again."""
        self._cuts = max(0, self._cuts - 1)

    def clear_up(self) -> None:
        """Mend every cut, and lose, delay and damage nothing any more."""
        self._cuts = 0
        self.weather = CALM

    def keep(self, channel: Channel, raw: bytes) -> None:
        """Keep a message that the hub did not acknowledge."""
        self._kept.append((channel, raw))

    def serve(self, hub: Listener | None) -> None:
        """Let the hub come (with what was kept for it) or go."""
        self.hub = hub
        kept, self._kept = self._kept, []
        for channel, raw in kept:
            self._arrive_at_hub(channel, raw)

    def forget(self) -> None:
        """Forget everything that was acknowledged to a device and not delivered yet."""
        self._kept.clear()

    # Messages.

    def to_hub(self, client: Client, channel: Channel, raw: bytes) -> None:
        """Carry a message of this client to the hub, perhaps."""
        self.sends += 1
        if self.is_connected(client):
            for delay_ms, copy in self._travel(raw):
                self._events.after(delay_ms, partial(self._arrive_at_hub, channel, copy))

    def to_device(self, channel: Channel, raw: bytes) -> None:
        """Carry a message to whoever holds the device's session when it gets there, perhaps."""
        for delay_ms, copy in self._travel(raw):
            self._events.after(delay_ms, partial(self._arrive_at_device, channel, copy))

    def _travel(self, raw: bytes) -> list[tuple[int, bytes]]:
        """Return the copies of a message that arrive, and after how long."""
        chance, weather = self._chance, self.weather
        if chance.random() < weather.lost:
            return []
        copies = 2 if chance.random() < weather.doubled else 1
        return [(self._delay_ms(), self._damage(raw)) for _ in range(copies)]

    def _delay_ms(self) -> int:
        return self._chance.randint(*(SLOW_MS if self._chance.random() < self.weather.slow else QUICK_MS))

    def _damage(self, raw: bytes) -> bytes:
        if self._chance.random() >= self.weather.damaged:
            return raw
        place = self._chance.randrange(len(raw))
        return raw[:place] + bytes([raw[place] ^ 1 << self._chance.randrange(8)]) + raw[place + 1 :]

    def _arrive_at_hub(self, channel: Channel, raw: bytes) -> None:
        self._note("hub", channel, raw)
        if self.hub is None:
            self._kept.append((channel, raw))
        else:
            self.hub.hear(channel, raw)

    def _arrive_at_device(self, channel: Channel, raw: bytes) -> None:
        client = self._client
        if client is not None and not self._cuts:
            self._note("device", channel, raw)
            client.hear(channel, raw)

    def _note(self, to: str, channel: Channel, raw: bytes) -> None:
        self._trace.update(f"{self._events.now_ms} {to} {channel} {len(raw)} ".encode() + raw)
