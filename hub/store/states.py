"""What devices last said of themselves, and what the hub holds against it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from hub.store import schema
from hub.store.descriptors import Underived
from hub.store.dialect import insert_or_replace
from protocol.chain import Verdict
from protocol.custody.receiver import DecisionKind
from protocol.identity import DeviceId, Epoch

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row, Select, Table


Head = tuple[Epoch | None, int]
"""The epoch that a device says it is in, and the newest seq it has sealed in it."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's last state.

    `session` is the nonce of its session's first hello, `heard_at` when the hub last heard it, `changed_at` when it
    last came or went (UTC ms). `cadence_ms` is how often it seals a block by its own word,
    `unset_since` since when it says that nobody keeps its clock right.
    """

    device: DeviceId
    online: bool
    session: bytes
    heard_at: int
    changed_at: int
    epoch: Epoch | None
    head: int
    committed: int
    safe: int
    floor: int
    device_at: int | None
    time_quality: int | None
    agent_version: str
    cadence_ms: int | None = None
    unset_since: int | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the hub holds of one epoch of a device; `block_at` is when an intact new block last came (None: never)."""

    device: DeviceId
    epoch: Epoch
    committed: int
    safe: int
    code: int
    block_at: int | None


@dataclass(frozen=True, slots=True)
class Oddities:
    """Counts, per device, of what was kept but not counted: see `hub.services.find_oddities` for the sentences.

    The last three count blocks by `hub.store.descriptors.Underived`.
    """

    bad_blocks: int = 0
    aside_blocks: int = 0
    conflicts: int = 0
    waiting: int = 0
    unexplained: int = 0
    failed: int = 0


_CHANGING = (
    "online",
    "session",
    "heard_at",
    "changed_at",
    "epoch",
    "head",
    "committed",
    "safe",
    "floor",
    "device_at",
    "time_quality",
    "agent_version",
    "cadence_ms",
    "unset_since",
)


def find_state(connection: Connection, device: DeviceId) -> DeviceState | None:
    """Return the device's last state."""
    table = schema.device_state
    row = connection.execute(select(table).where(table.c.device == device)).one_or_none()
    return None if row is None else _state(row)


_HEADS = select(schema.device_state.c.device, schema.device_state.c.epoch, schema.device_state.c.head).where(
    schema.device_state.c.device.in_(bindparam("devices", expanding=True))
)


def find_heads(connection: Connection, devices: Collection[DeviceId]) -> dict[DeviceId, Head]:
    """Return the epoch and the head that each of these devices last named; those never heard are left out."""
    rows = connection.execute(_HEADS, {"devices": list(devices)})
    return {device: (epoch, head) for device, epoch, head in rows}


def list_states(connection: Connection, devices: Collection[DeviceId] | None = None) -> dict[DeviceId, DeviceState]:
    """Return the last state of these devices, or of all; those that never sent one are left out."""
    query = select(schema.device_state)
    if devices is not None:
        query = query.where(schema.device_state.c.device.in_(list(devices)))
    return {DeviceId(row.device): _state(row) for row in connection.execute(query)}


def save_state(connection: Connection, state: DeviceState) -> None:
    """Keep the device's state in place of the one before."""
    table = schema.device_state
    values = {name: getattr(state, name) for name in _CHANGING}
    connection.execute(
        insert_or_replace(connection, table, ["device"], _CHANGING),
        {**values, "device": state.device, "online": int(state.online)},
    )


def is_heard(connection: Connection, device: DeviceId) -> bool:
    """Return whether an intact block of a device ever came."""
    table = schema.stream
    known = select(table.c.id).where(table.c.device == device, table.c.block_at.is_not(None)).limit(1)
    return connection.execute(known).first() is not None


def heard_among(connection: Connection, devices: Collection[DeviceId]) -> frozenset[DeviceId]:
    """Return of which of these devices an intact block ever came."""
    table = schema.stream
    known = select(table.c.device).where(table.c.device.in_(list(devices)), table.c.block_at.is_not(None)).distinct()
    return frozenset(map(DeviceId, connection.execute(known).scalars()))


def has_blocks(connection: Connection) -> bool:
    """Return whether an intact block of any device ever came."""
    known = select(schema.stream.c.id).where(schema.stream.c.block_at.is_not(None)).limit(1)
    return connection.execute(known).first() is not None


def list_streams(
    connection: Connection, devices: Collection[DeviceId] | None = None
) -> dict[DeviceId, tuple[StreamFacts, ...]]:
    """Return the streams of these devices, or of all, first of each the one in which an intact block last came."""
    table = schema.stream
    query = select(table).order_by(table.c.device, table.c.block_at.desc().nulls_last(), table.c.id)
    if devices is not None:
        query = query.where(table.c.device.in_(list(devices)))
    rows = connection.execute(query)
    return {
        DeviceId(device): tuple(
            StreamFacts(DeviceId(device), Epoch(row.epoch), row.committed, row.safe, row.code, row.block_at)
            for row in group
        )
        for device, group in itertools.groupby(rows, key=lambda row: row.device)
    }


def count_oddities(connection: Connection) -> dict[DeviceId, Oddities]:
    """Return how much of what each device sent was kept without being counted; devices without any are left out."""
    found: dict[DeviceId, Oddities] = {}
    for name, query in _oddities().items():
        for row in connection.execute(query):
            device = DeviceId(row.device)
            found[device] = replace(found.get(device, Oddities()), **{name: row.number})
    return found


def find_oddities(connection: Connection, device: DeviceId) -> Oddities:
    """Return how much of what a device sent was kept without being counted."""
    counted = {}
    for name, query in _oddities().items():
        (owner, *_) = query.selected_columns
        row = connection.execute(query.where(owner == device)).one_or_none()
        counted[name] = 0 if row is None else row.number
    return Oddities(**counted)


def _oddities() -> dict[str, Select[tuple[bytes, int]]]:
    """Return what is counted, by the names of `Oddities`, each by device."""
    block, aside, underived = schema.block, schema.block_aside, schema.underived
    return {
        "bad_blocks": _by_device(block).where(block.c.verdict != Verdict.OK.value),
        "aside_blocks": _by_device(aside).where(aside.c.reason == DecisionKind.CONFLICT.value),
        "conflicts": select(schema.register.c.device, func.count().label("number"))
        .join(schema.reading_conflict, schema.reading_conflict.c.register_id == schema.register.c.id)
        .group_by(schema.register.c.device),
        **{reason.value: _by_device(underived).where(underived.c.reason == reason.value) for reason in Underived},
    }


def _by_device(table: Table) -> Select[tuple[bytes, int]]:
    """Return the count, by device, of the rows of a table that refers to streams."""
    stream = schema.stream
    return (
        select(stream.c.device, func.count().label("number"))
        .join(table, table.c.stream_id == stream.c.id)
        .group_by(stream.c.device)
    )


def _state(row: Row[tuple[object, ...]]) -> DeviceState:
    return DeviceState(
        device=DeviceId(row.device),
        online=bool(row.online),
        session=row.session,
        heard_at=row.heard_at,
        changed_at=row.changed_at,
        epoch=None if row.epoch is None else Epoch(row.epoch),
        head=row.head,
        committed=row.committed,
        safe=row.safe,
        floor=row.floor,
        device_at=row.device_at,
        time_quality=row.time_quality,
        agent_version=row.agent_version,
        cadence_ms=row.cadence_ms,
        unset_since=row.unset_since,
    )
