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
    U16_MAX,
    U32_MAX,
    Fields,
    FrameKind,
    array,
    integer,
    member,
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
    Frame,
    Genesis,
    GenesisReason,
    MeterDescriptor,
    Readings,
    TimeQuality,
    UnknownFrame,
)
from protocol.statements import (
    read_clock_event,
    read_command_event,
    read_gap,
    read_key_event,
    read_meter_event,
    read_poll_errors,
    write_statement,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_MAX = 4096
"""Readings in one frame; a longer series goes into several frames."""
RECEIPT_BYTES_MAX = 4096


_QUALITIES = {quality.value: quality for quality in TimeQuality}
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
            content = write_statement(frame)
    return content


def read_frame(content: object) -> Frame:
    """Return the frame in this decoded map; raises MalformedError or UnsupportedError."""
    fields = Fields(content, "frame")
    kind = integer(fields.need(KIND, "kind"), "the frame kind", 0, U16_MAX)
    read = _READ_BY_KIND.get(kind)
    return UnknownFrame(kind=kind, content=fields.unread()) if read is None else read(fields)


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
    try:
        return tuple([_QUALITIES[value] for value in column])
    except KeyError:
        return tuple([member(value, "a time quality", TimeQuality) for value in column])


_READ_BY_KIND: dict[int, Callable[[Fields], Frame]] = {
    FrameKind.GENESIS: _read_genesis,
    FrameKind.READINGS: _read_readings,
    FrameKind.DESCRIPTOR: read_descriptor,
    FrameKind.CLOCK: read_clock_event,
    FrameKind.COMMAND: read_command_event,
    FrameKind.GAP: read_gap,
    FrameKind.KEY: read_key_event,
    FrameKind.POLL_ERRORS: read_poll_errors,
    FrameKind.METER_EVENT: read_meter_event,
}
