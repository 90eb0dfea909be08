"""Descriptors by id: kept for ever, and stated in each epoch before the first reading there that refers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import wire
from protocol.messages import MeterDescriptor, Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlite_utils import Database

    from protocol.identity import DescriptorId, Epoch
    from protocol.messages import Frame


def remember_descriptor(db: Database, descriptor: MeterDescriptor) -> DescriptorId:
    """Keep what readings will refer to, and return its id."""
    identity = wire.describe(descriptor)
    db.execute(
        "insert into descriptor (id, frame) values (?, ?)"
        " on conflict (id) do update set frame = excluded.frame where frame is null",
        [identity, wire.encode_frame(descriptor)],
    )
    return identity


def with_descriptors(db: Database, epoch: Epoch, frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Return `frames` with the descriptors that `epoch` lacks put before the readings that refer to them.

    A descriptor among `frames` that the epoch has already is left out. Mark what was sealed with `mark_stated`.
    """
    stated: set[bytes] = set()
    complete: list[Frame] = []
    for frame in frames:
        if isinstance(frame, MeterDescriptor):
            identity = wire.describe(frame)
            if identity in stated or _is_stated(db, epoch, identity):
                continue
            stated.add(identity)
        elif isinstance(frame, Readings) and frame.descriptor not in stated:
            descriptor = None if _is_stated(db, epoch, frame.descriptor) else find_descriptor(db, frame.descriptor)
            if descriptor is not None:
                complete.append(descriptor)
            stated.add(frame.descriptor)
        complete.append(frame)
    return tuple(complete)


def mark_stated(db: Database, epoch: Epoch, frames: Iterable[Frame]) -> None:
    """Take note that the descriptors among `frames` are sealed in `epoch`."""
    for frame in frames:
        if isinstance(frame, MeterDescriptor):
            identity = remember_descriptor(db, frame)
            db.execute("update descriptor set stated_in = ? where id = ?", [epoch, identity])


def _is_stated(db: Database, epoch: Epoch, identity: DescriptorId) -> bool:
    row = db.execute("select stated_in from descriptor where id = ?", [identity]).fetchone()
    return row is not None and row[0] == epoch


def find_descriptor(db: Database, identity: DescriptorId) -> MeterDescriptor | None:
    """Return a descriptor by its id, None if its content is not held."""
    row = db.execute("select frame from descriptor where id = ?", [identity]).fetchone()
    frame = wire.decode_frame(row[0]) if row is not None and row[0] is not None else None
    assert frame is None or isinstance(frame, MeterDescriptor)
    return frame


def newest_descriptors(db: Database) -> dict[int, MeterDescriptor]:
    """Return for each meter what its newest reading refers to, where that is held."""
    described = {meter: wire.decode_frame(frame) for meter, frame in db.execute(_NEWEST).fetchall()}
    return {meter: frame for meter, frame in described.items() if isinstance(frame, MeterDescriptor)}


_NEWEST = """
select meter.meter, descriptor.frame from meter join descriptor on descriptor.id = meter.descriptor
where descriptor.frame is not null
"""
