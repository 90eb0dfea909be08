"""What devices state beside readings: gaps, failed polls, clocks, commands, what happened to meters; each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.store import stated_tables
from hub.store.dialect import insert_rows
from hub.store.patterns import pattern_to_signed
from protocol.messages import ClockEvent, CommandEvent, Gap, MeterEvent, PollErrors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from protocol.identity import BootId, DeviceId

Statement = Gap | PollErrors | ClockEvent | CommandEvent | MeterEvent
WHOLE_METER = -1
"""The register of an event that is about a whole meter."""


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
        (stated_tables.gap, Gap),
        (stated_tables.poll_error, PollErrors),
        (stated_tables.clock_event, ClockEvent),
        (stated_tables.command_event, CommandEvent),
        (stated_tables.meter_event, MeterEvent),
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
        case MeterEvent():
            about = (WHOLE_METER if said.register is None else said.register, said.note or "")
            readings = (*_counted(said.before), *_counted(said.after))
            contents = [(said.meter, said.at, said.kind, *about, *readings, said.was, said.now)]
    return [(one.device, one.boot_id, *content, one.stream, one.record) for content in contents]


def _counted(reading: tuple[int, int] | None) -> tuple[int | None, int | None]:
    return (None, None) if reading is None else (reading[0], pattern_to_signed(reading[1]))
