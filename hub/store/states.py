"""What devices last said of themselves, and what the hub holds against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.store import schema
from hub.store.dialect import insert_or_replace
from protocol.identity import DeviceId, Epoch

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's last state.

    `session` is the nonce of its session's first hello, `heard_at` when the hub last heard it, `changed_at` when it
    last came or went (UTC ms).
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


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the hub holds of a device: watermark and code of its newest stream, and how many blocks need a look."""

    device: DeviceId
    epoch: Epoch
    committed: int
    safe: int
    code: int
    block_at: int


@dataclass(frozen=True, slots=True)
class Oddities:
    """Counts, per device, of what was kept but not counted: see `hub.services.read_fleet` for the sentences."""

    bad_blocks: int
    aside_blocks: int
    conflicts: int
    underived: int


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
)


def find_state(connection: Connection, device: DeviceId) -> DeviceState | None:
    """Return the device's last state."""
    table = schema.device_state
    row = connection.execute(select(table).where(table.c.device == device)).one_or_none()
    if row is None:
        return None
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
    )


def save_state(connection: Connection, state: DeviceState) -> None:
    """Keep the device's state in place of the one before."""
    table = schema.device_state
    values = {name: getattr(state, name) for name in _CHANGING}
    connection.execute(
        insert_or_replace(connection, table, ["device"], _CHANGING),
        {**values, "device": state.device, "online": int(state.online)},
    )


def newest_stream(connection: Connection, device: DeviceId) -> StreamFacts | None:
    """Return the stream of the device that last received a block."""
    table = schema.stream
    row = connection.execute(
        select(table).where(table.c.device == device).order_by(table.c.block_at.desc(), table.c.id.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return StreamFacts(DeviceId(row.device), Epoch(row.epoch), row.committed, row.safe, row.code, row.block_at)


def count_oddities(connection: Connection, device: DeviceId) -> Oddities:
    """Return how much of what a device sent was kept without being counted."""
    streams = select(schema.stream.c.id).where(schema.stream.c.device == device)
    registers = select(schema.register.c.id).where(schema.register.c.device == device)
    block, aside = schema.block, schema.block_aside
    conflict, underived = schema.reading_conflict, schema.underived
    bad = select(func.count()).select_from(block).where(block.c.stream_id.in_(streams), block.c.verdict != "ok")
    kept = select(func.count()).select_from(aside).where(aside.c.stream_id.in_(streams), aside.c.reason == "conflict")
    values = select(func.count()).select_from(conflict).where(conflict.c.register_id.in_(registers))
    waiting = select(func.count()).select_from(underived).where(underived.c.stream_id.in_(streams))
    return Oddities(
        bad_blocks=connection.execute(bad).scalar_one(),
        aside_blocks=connection.execute(kept).scalar_one(),
        conflicts=connection.execute(values).scalar_one(),
        underived=connection.execute(waiting).scalar_one(),
    )
