"""The frames of a block as CBOR maps: key 0 is the kind, key 9 a note, the rest is the kind's own.

`write_*` turns a frame into the map to encode, `read_frame` turns a decoded map back, checking everything. The field
tables are in `protocol/spec/README.md`. Reading raises MalformedError for what can never be right and UnsupportedError
for what a newer writer may mean; a kind of frame that is not known here is kept as it came (`UnknownFrame`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import columns
from protocol.descriptor import read_descriptor, write_descriptor
from protocol.errors import MalformedError
from protocol.fields import (
    COUNT_MAX,
    KEY_BYTES_MAX,
    KIND,
    NAME_MAX,
    REGISTERS_MAX,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    Fields,
    FrameKind,
    array,
    integer,
    member,
    named,
    numbered,
    octets,
    read_key_history,
    read_note,
    text,
    with_note,
)
from protocol.identity import (
    BOOT_ID_LENGTH,
    DESCRIPTOR_ID_LENGTH,
    EPOCH_LENGTH,
    HASH_LENGTH,
    BlockHash,
    BootId,
    DescriptorId,
    Epoch,
)
from protocol.messages import (
    ClockEvent,
    CommandEvent,
    Frame,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    KeyEvent,
    MeterDescriptor,
    PollErrors,
    Readings,
    TimeQuality,
    UnknownFrame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_MAX = 4096
"""Readings in one frame; a longer series goes into several frames."""
CAUSE_MAX = 32
CAUSES_MAX = 300
RECEIPT_BYTES_MAX = 4096
CONFIG_HASH_LENGTH = 8


_READINGS = {
    1: "meter",
    2: "rows",
    3: "times",
    4: "offsets",
    5: "registers",
    6: "status",
    7: "time quality",
    8: "descriptor id",
}


def write_frame(frame: Frame) -> dict[int, object]:
    """Return the map that encodes `frame`; raises MalformedError for readings whose columns do not fit together."""
    match frame:
        case Readings():
            content = _write_readings(frame)
        case Genesis():
            content = _write_genesis(frame)
        case MeterDescriptor():
            content = write_descriptor(frame)
        case UnknownFrame():
            content = {KIND: frame.kind, **frame.content}
        case _:
            content = with_note(_write_event(frame), frame.note)
    return content


def _write_event(frame: ClockEvent | CommandEvent | Gap | KeyEvent | PollErrors) -> dict[int, object]:
    match frame:
        case ClockEvent():
            offsets = {2: frame.old_offset_ms, 3: frame.new_offset_ms}
            return {KIND: FrameKind.CLOCK, 1: frame.boottime_ms, **offsets, 4: frame.source, 5: frame.error_ms}
        case Gap():
            return {KIND: FrameKind.GAP, 1: frame.meter, 2: frame.from_at, 3: frame.to_at, 4: frame.cause}
        case CommandEvent():
            config = {4: frame.config_hash} if frame.config_hash else {}
            return {KIND: FrameKind.COMMAND, 1: frame.number, 2: frame.operation, 3: frame.outcome, **config}
        case KeyEvent():
            return {KIND: FrameKind.KEY, 1: frame.statement}
        case _:
            span = [frame.from_at, frame.to_at]
            return {KIND: FrameKind.POLL_ERRORS, 1: frame.meter, 2: dict(frame.counts), 3: span}


def read_frame(content: object) -> Frame:
    """Return the frame in this decoded map; raises MalformedError or UnsupportedError."""
    fields = Fields(content, "frame")
    kind = integer(fields.need(KIND, "kind"), "the frame kind", 0, U16_MAX)
    if kind not in _READ_BY_KIND:
        return UnknownFrame(kind=kind, content=fields.unread())
    return _READ_BY_KIND[FrameKind(kind)](fields)


def _write_readings(frame: Readings) -> dict[int, object]:
    """Return the map that encodes `frame`; raises MalformedError if it has no rows or its columns differ in length."""
    rows = len(frame.read_at)
    lengths = {len(frame.offset_ms), len(frame.quality), len(frame.status), *map(len, frame.registers.values())}
    if not rows or lengths != {rows}:
        message = (
            f"readings of meter {frame.meter} have columns of {sorted({rows, *lengths})} rows, expected one length"
        )
        raise MalformedError(message)
    content: dict[int, object] = {
        KIND: FrameKind.READINGS,
        1: frame.meter,
        2: rows,
        3: columns.encode_times(frame.read_at),
        4: columns.encode_offsets(frame.offset_ms),
        5: {register: columns.encode_counts(counts) for register, counts in frame.registers.items()},
        6: columns.encode_repeated(frame.status),
        7: columns.encode_repeated(frame.quality),
        8: frame.descriptor,
    }
    if frame.boot_id is not None:
        content[10] = frame.boot_id
    return with_note(content, frame.note)


def _write_genesis(frame: Genesis) -> dict[int, object]:
    content: dict[int, object] = {
        KIND: FrameKind.GENESIS,
        1: frame.reason,
        2: frame.signing_key_spki,
        5: frame.agent_version,
    }
    if frame.predecessor is not None:
        content[3] = list(frame.predecessor)
    if frame.predecessor_receipt is not None:
        content[4] = frame.predecessor_receipt
    if frame.key_history:
        content[6] = list(frame.key_history)
    return with_note(content, frame.note)


def _read_genesis(fields: Fields) -> Genesis:
    receipt = None
    if fields.has(4):
        receipt = octets(fields.need(4, "predecessor receipt"), "the predecessor's receipt", 1, RECEIPT_BYTES_MAX)
    return Genesis(
        reason=member(fields.need(1, "reason"), "the genesis reason", GenesisReason),
        signing_key_spki=octets(fields.need(2, "signing key"), "the signing key", 1, KEY_BYTES_MAX),
        agent_version=text(fields.need(5, "agent version"), "the agent version", 0, NAME_MAX),
        predecessor=_read_predecessor(fields.need(3, "predecessor")) if fields.has(3) else None,
        predecessor_receipt=receipt,
        key_history=read_key_history(fields.need(6, "key history")) if fields.has(6) else (),
        note=read_note(fields),
    )


def _read_predecessor(value: object) -> tuple[Epoch, int, BlockHash]:
    epoch, seq, block = array(value, "the predecessor", 3, 3)
    return (
        Epoch(octets(epoch, "the predecessor's epoch", EPOCH_LENGTH, EPOCH_LENGTH)),
        integer(seq, "the predecessor's last seq", -1, COUNT_MAX),
        BlockHash(octets(block, "the predecessor's last hash", HASH_LENGTH, HASH_LENGTH)),
    )


def _read_readings(fields: Fields) -> Readings:
    meter, rows_named, times, offsets, listed_counts, statuses, qualities, descriptor = fields.need_all(_READINGS)
    rows = integer(rows_named, "the number of readings", 1, ROWS_MAX)
    listed = numbered(listed_counts, "the registers read", U16_MAX, REGISTERS_MAX)
    if not listed:
        message = "readings without a register say nothing: a poll without a value is a poll error"
        raise MalformedError(message)
    # Registers first: they hold one entry per row, so a few bytes cannot claim thousands of rows in the short columns.
    registers = {register: columns.decode_counts(column, rows) for register, column in listed.items()}
    boot_id = None
    if fields.has(10):
        boot_id = BootId(octets(fields.need(10, "boot id"), "the boot id", BOOT_ID_LENGTH, BOOT_ID_LENGTH))
    return Readings(
        meter=integer(meter, "the meter index", 0, U16_MAX),
        descriptor=DescriptorId(octets(descriptor, "the descriptor id", DESCRIPTOR_ID_LENGTH, DESCRIPTOR_ID_LENGTH)),
        read_at=columns.decode_times(times, rows),
        offset_ms=columns.decode_offsets(offsets, rows),
        quality=_qualities(columns.decode_repeated(qualities, "a time quality", rows, U16_MAX)),
        registers=registers,
        status=columns.decode_repeated(statuses, "a poll status", rows, U32_MAX),
        boot_id=boot_id,
        note=read_note(fields),
    )


def _qualities(column: tuple[int, ...]) -> tuple[TimeQuality, ...]:
    known = {value: member(value, "a time quality", TimeQuality) for value in set(column)}
    return tuple([known[value] for value in column])


def _read_meter(fields: Fields) -> int:
    return integer(fields.need(1, "meter"), "the meter index", 0, U16_MAX)


def _read_clock_event(fields: Fields) -> ClockEvent:
    return ClockEvent(
        boottime_ms=integer(fields.need(1, "boottime"), "the boottime", 0, TIME_MS_MAX),
        old_offset_ms=integer(fields.need(2, "old offset"), "the old offset", -TIME_MS_MAX, TIME_MS_MAX),
        new_offset_ms=integer(fields.need(3, "new offset"), "the new offset", -TIME_MS_MAX, TIME_MS_MAX),
        source=integer(fields.need(4, "source"), "the clock source", 0, U16_MAX),
        error_ms=integer(fields.need(5, "error"), "the clock error", 0, TIME_MS_MAX),
        note=read_note(fields),
    )


def _read_command_event(fields: Fields) -> CommandEvent:
    # Both words stay texts: an archive must be readable by those who do not know the operation.
    config = fields.need(4, "config hash") if fields.has(4) else None
    return CommandEvent(
        number=integer(fields.need(1, "number"), "the command's number", 0, COUNT_MAX),
        operation=text(fields.need(2, "operation"), "the operation", 1, NAME_MAX),
        outcome=text(fields.need(3, "outcome"), "the outcome", 1, NAME_MAX),
        config_hash=b""
        if config is None
        else octets(config, "the config hash", CONFIG_HASH_LENGTH, CONFIG_HASH_LENGTH),
        note=read_note(fields),
    )


def _read_key_event(fields: Fields) -> KeyEvent:
    statement = octets(fields.need(1, "statement"), "a key statement", 1, KEY_BYTES_MAX)
    return KeyEvent(statement=statement, note=read_note(fields))


def _read_gap(fields: Fields) -> Gap:
    from_at, to_at = _in_time_order(fields.need(2, "from"), fields.need(3, "to"))
    return Gap(
        meter=_read_meter(fields),
        from_at=from_at,
        to_at=to_at,
        cause=member(fields.need(4, "cause"), "the cause of a gap", GapCause),
        note=read_note(fields),
    )


def _read_poll_errors(fields: Fields) -> PollErrors:
    counts = named(fields.need(2, "counts"), "the poll errors", CAUSES_MAX, CAUSE_MAX)
    from_at, to_at = _in_time_order(*array(fields.need(3, "span"), "the span of poll errors", 2, 2))
    return PollErrors(
        meter=_read_meter(fields),
        from_at=from_at,
        to_at=to_at,
        counts={cause: integer(count, "a number of polls", 1, U32_MAX) for cause, count in counts.items()},
        note=read_note(fields),
    )


def _in_time_order(from_at: object, to_at: object) -> tuple[int, int]:
    start = integer(from_at, "the start of a span", 0, TIME_MS_MAX)
    return start, integer(to_at, "the end of a span", start, TIME_MS_MAX)


_READ_BY_KIND: dict[FrameKind, Callable[[Fields], Frame]] = {
    FrameKind.GENESIS: _read_genesis,
    FrameKind.READINGS: _read_readings,
    FrameKind.DESCRIPTOR: read_descriptor,
    FrameKind.CLOCK: _read_clock_event,
    FrameKind.COMMAND: _read_command_event,
    FrameKind.GAP: _read_gap,
    FrameKind.KEY: _read_key_event,
    FrameKind.POLL_ERRORS: _read_poll_errors,
}
