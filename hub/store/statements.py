"""What devices state beside readings: gaps, failed polls, moved clocks, commands carried out; each statement once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.store import schema
from hub.store.dialect import insert_rows
from protocol.messages import ClockEvent, CommandEvent, Gap, PollErrors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from protocol.identity import BootId, DeviceId

Statement = Gap | PollErrors | ClockEvent | CommandEvent


class Stated(NamedTuple):
    """A statement, and the place where it came: the device in a boot, record of a stream, sealed when (UTC ms)."""

    device: DeviceId
    boot_id: BootId
    stream: int
    record: int
    sealed_at: int
    said: Statement


def add_statements(connection: Connection, statements: Sequence[Stated]) -> None:
    """Keep what devices state. What was stated before, in the same boot, is the same statement sealed again."""
    for table, kind in (
        (schema.gap, Gap),
        (schema.poll_error, PollErrors),
        (schema.clock_event, ClockEvent),
        (schema.command_event, CommandEvent),
    ):
        insert_rows(connection, table, [row for one in statements if isinstance(one.said, kind) for row in _rows(one)])


def _rows(one: Stated) -> list[tuple[object, ...]]:
    """Return the rows of a statement, in the order of its table's columns."""
    said = one.said
    contents: list[tuple[object, ...]]
    match said:
        case Gap():
            contents = [(said.meter, said.from_at, said.to_at, said.cause.value)]
        case PollErrors():
            contents = [(said.meter, said.from_at, said.to_at, cause, polls) for cause, polls in said.counts.items()]
        case ClockEvent():
            offsets = (said.old_offset_ms, said.new_offset_ms)
            contents = [(said.boottime_ms, *offsets, said.source, said.error_ms)]
        case CommandEvent():
            contents = [(said.number, said.operation, said.outcome, said.config_hash, one.sealed_at)]
    return [(one.device, one.boot_id, *content, one.stream, one.record) for content in contents]
