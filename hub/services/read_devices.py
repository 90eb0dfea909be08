"""Read how the hub stands with devices: what it heard of each, last and how far."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.store import contests, registry, states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.store.registry import Device
    from hub.store.states import DeviceState, StreamFacts

SILENT_AFTER_MS = 24 * 3_600_000
"""A device that said it is online and was not heard for this long counts as silent: a broker may lose its last word."""


class Link(StrEnum):
    """How the hub stands with a device."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER_SEEN = "never seen"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A registered device. `since` is when the link took this state, `backlog` how many sealed blocks the hub lacks.

    `contested` says why its identity is contested, and is empty where it is not.
    """

    device: Device
    link: Link
    since: int | None
    heard_at: int | None
    block_at: int | None
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
    return tuple(view_device(one, now) for one in hear_devices(connection, devices))


def hear_devices(connection: Connection, devices: Sequence[Device] | None = None) -> tuple[HeardDevice, ...]:
    """Return what was heard of these devices, or of every registered one: three queries, however many they are."""
    ids = None if devices is None else [device.id for device in devices]
    known_states, known_streams = states.list_states(connection, ids), states.list_streams(connection, ids)
    contested = contests.find_contested(connection, ids)
    return tuple(
        HeardDevice(device, known_states.get(device.id), known_streams.get(device.id, ()), contested.get(device.id, ""))
        for device in (registry.list_devices(connection) if devices is None else devices)
    )


def view_device(heard: HeardDevice, now: int) -> DeviceView:
    """Return how the hub stands with a device at `now` (UTC ms)."""
    state, stream = heard.state, heard.stream
    committed = stream.committed if stream else -1
    return DeviceView(
        device=heard.device,
        link=_link(heard, now),
        since=state.changed_at if state else None,
        heard_at=heard.heard_at,
        block_at=heard.block_at,
        backlog=max(0, state.head - committed) if state is not None and state.epoch is not None else 0,
        committed=committed,
        safe=stream.safe if stream else -1,
        agent_version=state.agent_version if state else "",
        contested=heard.contested,
    )


def _link(heard: HeardDevice, now: int) -> Link:
    if heard.heard_at is None:
        return Link.NEVER_SEEN
    if heard.state is None or not heard.state.online:
        return Link.OFFLINE
    return Link.SILENT if now - heard.heard_at > SILENT_AFTER_MS else Link.ONLINE
