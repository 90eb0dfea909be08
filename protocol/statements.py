"""The frames by which a device states what happened: clock, commands, keys, gaps, failed polls, meters.

`write_statement` turns one into the map to encode, `read_*` turn a decoded map back, checking everything. The field
tables are in `protocol/spec/README.md`.
"""

from __future__ import annotations

from protocol.fields import (
    COUNT_MAX,
    KEY_BYTES_MAX,
    KIND,
    NAME_MAX,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    U64_MAX,
    Fields,
    FrameKind,
    array,
    integer,
    member,
    named,
    octets,
    read_note,
    text,
    with_note,
)
from protocol.messages import ClockEvent, CommandEvent, Gap, GapCause, KeyEvent, MeterEvent, PollErrors

CAUSE_MAX = 32
CAUSES_MAX = 300
CONFIG_HASH_LENGTH = 8

Statement = ClockEvent | CommandEvent | Gap | KeyEvent | MeterEvent | PollErrors


def write_statement(frame: Statement) -> dict[int, object]:
    """Return the map that encodes `frame`, with its note."""
    return with_note(_write(frame), frame.note)


def _write(frame: Statement) -> dict[int, object]:
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
        case MeterEvent():
            return _write_meter_event(frame)
        case _:
            span = [frame.from_at, frame.to_at]
            return {KIND: FrameKind.POLL_ERRORS, 1: frame.meter, 2: dict(frame.counts), 3: span}


def _write_meter_event(frame: MeterEvent) -> dict[int, object]:
    """Return the map that encodes `frame`: what it leaves open has no key."""
    optional: dict[int, object] = {
        4: frame.register,
        5: None if frame.before is None else list(frame.before),
        6: None if frame.after is None else list(frame.after),
        7: frame.was or None,
        8: frame.now or None,
    }
    said = {key: value for key, value in optional.items() if value is not None}
    return {KIND: FrameKind.METER_EVENT, 1: frame.meter, 2: frame.at, 3: frame.kind, **said}


def _read_meter(fields: Fields) -> int:
    return integer(fields.need(1, "meter"), "the meter index", 0, U16_MAX)


def read_clock_event(fields: Fields) -> ClockEvent:
    """Return the clock event in these fields; raises MalformedError."""
    return ClockEvent(
        boottime_ms=integer(fields.need(1, "boottime"), "the boottime", 0, TIME_MS_MAX),
        old_offset_ms=integer(fields.need(2, "old offset"), "the old offset", -TIME_MS_MAX, TIME_MS_MAX),
        new_offset_ms=integer(fields.need(3, "new offset"), "the new offset", -TIME_MS_MAX, TIME_MS_MAX),
        source=integer(fields.need(4, "source"), "the clock source", 0, U16_MAX),
        error_ms=integer(fields.need(5, "error"), "the clock error", 0, TIME_MS_MAX),
        note=read_note(fields),
    )


def read_command_event(fields: Fields) -> CommandEvent:
    """Return the command event in these fields; raises MalformedError."""
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


def read_key_event(fields: Fields) -> KeyEvent:
    """Return the key event in these fields; raises MalformedError."""
    statement = octets(fields.need(1, "statement"), "a key statement", 1, KEY_BYTES_MAX)
    return KeyEvent(statement=statement, note=read_note(fields))


def read_gap(fields: Fields) -> Gap:
    """Return the gap in these fields; raises MalformedError."""
    from_at, to_at = _in_time_order(fields.need(2, "from"), fields.need(3, "to"))
    return Gap(
        meter=_read_meter(fields),
        from_at=from_at,
        to_at=to_at,
        cause=member(fields.need(4, "cause"), "the cause of a gap", GapCause),
        note=read_note(fields),
    )


def read_poll_errors(fields: Fields) -> PollErrors:
    """Return the poll errors in these fields; raises MalformedError."""
    counts = named(fields.need(2, "counts"), "the poll errors", CAUSES_MAX, CAUSE_MAX)
    from_at, to_at = _in_time_order(*array(fields.need(3, "span"), "the span of poll errors", 2, 2))
    return PollErrors(
        meter=_read_meter(fields),
        from_at=from_at,
        to_at=to_at,
        counts={cause: integer(count, "a number of polls", 1, U32_MAX) for cause, count in counts.items()},
        note=read_note(fields),
    )


def read_meter_event(fields: Fields) -> MeterEvent:
    """Return the meter event in these fields; raises MalformedError."""
    # What happened stays a text: an archive must be readable by those who do not know the word.
    return MeterEvent(
        meter=_read_meter(fields),
        at=integer(fields.need(2, "time"), "the time of an event", 0, TIME_MS_MAX),
        kind=text(fields.need(3, "event"), "what happened to a meter", 1, CAUSE_MAX),
        register=integer(fields.need(4, "register"), "the register", 0, U16_MAX) if fields.has(4) else None,
        before=_read_counted(fields.need(5, "reading before")) if fields.has(5) else None,
        after=_read_counted(fields.need(6, "reading after")) if fields.has(6) else None,
        was=text(fields.need(7, "was"), "what was before", 1, NAME_MAX) if fields.has(7) else "",
        now=text(fields.need(8, "now"), "what is now", 1, NAME_MAX) if fields.has(8) else "",
        note=read_note(fields),
    )


def _read_counted(value: object) -> tuple[int, int]:
    read_at, count = array(value, "a reading beside an event", 2, 2)
    return (
        integer(read_at, "the time of a reading", 0, TIME_MS_MAX),
        integer(count, "the raw count of a reading", 0, U64_MAX),
    )


def _in_time_order(from_at: object, to_at: object) -> tuple[int, int]:
    start = integer(from_at, "the start of a span", 0, TIME_MS_MAX)
    return start, integer(to_at, "the end of a span", start, TIME_MS_MAX)
