"""Read how the hub stands with devices: what it heard of each, last and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.hearing import Hearing, Link, judge_link
from hub.services.read_thresholds import load_thresholds
from hub.store import contests, registry, states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.store.registry import Device
    from hub.store.states import DeviceState, StreamFacts


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A registered device. `since` is when the link took this state, `backlog` how many sealed blocks the hub lacks.

    `cadence_ms` is how often it seals one by its own word, None where it did not say. `contested` says why its identity
    is contested, and is empty where it is not.
    """

    device: Device
    link: Link
    since: int | None
    heard_at: int | None
    block_at: int | None
    cadence_ms: int | None
    backlog: int
    committed: int
    safe: int
    agent_version: str
    contested: str


@dataclass(frozen=True, slots=True)
class HeardDevice:
    """What the hub heard of a registered device: its last state, and its streams, the one read last first."""

    device: Device
    state: DeviceState | None
    streams: tuple[StreamFacts, ...]
    contested: str

    @property
    def stream(self) -> StreamFacts | None:
        """The stream of the epoch that the device says it is in; before it ever said so, the one read last."""
        if self.state is None or self.state.epoch is None:
            return self.streams[0] if self.streams else None
        return next((stream for stream in self.streams if stream.epoch == self.state.epoch), None)

    @property
    def block_at(self) -> int | None:
        """When an intact new block last came."""
        return self.streams[0].block_at if self.streams else None

    @property
    def heard_at(self) -> int | None:
        """When anything signed by the device last came."""
        instants = (self.state.heard_at if self.state else None, self.block_at)
        return max((at for at in instants if at is not None), default=None)


def read_devices(connection: Connection, now: int, devices: Sequence[Device] | None = None) -> tuple[DeviceView, ...]:
    """Return these devices, or every registered one, as they stand at `now` (UTC ms)."""
    return view_devices(connection, hear_devices(connection, devices), now)


def hear_devices(connection: Connection, devices: Sequence[Device] | None = None) -> tuple[HeardDevice, ...]:
    """Return what was heard of these devices, or of every registered one: three queries, however many they are."""
    ids = None if devices is None else [device.id for device in devices]
    known_states, known_streams = states.list_states(connection, ids), states.list_streams(connection, ids)
    contested = contests.find_contested(connection, ids)
    return tuple(
        HeardDevice(device, known_states.get(device.id), known_streams.get(device.id, ()), contested.get(device.id, ""))
        for device in (registry.list_devices(connection) if devices is None else devices)
    )


def view_devices(connection: Connection, heard: Sequence[HeardDevice], now: int) -> tuple[DeviceView, ...]:
    """Return how the hub stands with devices at `now` (UTC ms), by the thresholds of then."""
    silent_ms = load_thresholds(connection, now).ms("device_silent_hours")
    return tuple(_view(one, silent_ms, now) for one in heard)


def _view(heard: HeardDevice, silent_ms: int, now: int) -> DeviceView:
    state, stream = heard.state, heard.stream
    committed = stream.committed if stream else -1
    hearing = Hearing(
        is_there=state is not None and state.online,
        changed_at=state.changed_at if state else None,
        heard_at=heard.heard_at,
        block_at=heard.block_at,
        cadence_ms=state.cadence_ms if state else None,
        silent_ms=silent_ms,
    )
    link, since = judge_link(hearing, now)
    return DeviceView(
        device=heard.device,
        link=link,
        since=since,
        heard_at=hearing.heard_at,
        block_at=hearing.block_at,
        cadence_ms=hearing.cadence_ms,
        backlog=max(0, state.head - committed) if state is not None and state.epoch is not None else 0,
        committed=committed,
        safe=stream.safe if stream else -1,
        agent_version=state.agent_version if state else "",
        contested=heard.contested,
    )
