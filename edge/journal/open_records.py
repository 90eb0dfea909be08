"""Polls and statements that are taken but not sealed yet.

Sealed blocks carry their hash and signature; until then nobody notices a changed bit, not even SQLite. So each row has
a check sum (CRC-32 as in ISO/IEC 3309): a signature will vouch for it, it must still be what was written.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from edge.journal.descriptors import find_descriptor
from edge.journal.errors import JournalDamagedError
from edge.journal.month_copy import Copied
from edge.journal.summary import read_counts
from edge.metering.memory import write_memory
from edge.metering.outcome import Taken
from edge.metering.pack import OpenPoll, pack_polls
from protocol import wire
from protocol.identity import DescriptorId
from protocol.messages import Readings, TimeQuality
from protocol.records import STATUS_GOOD

if TYPE_CHECKING:
    from sqlite_utils import Database

    from edge.journal.chain_end import Boot
    from edge.metering.outcome import PollOutcome
    from protocol.messages import Frame


class PollRow(NamedTuple):
    """A row of the table `poll`, but for its number and check sum."""

    boot_count: int
    meter: int
    edge_at: int
    read_at: int
    boottime_ms: int
    half_width_ms: int
    quality: int
    descriptor: bytes | None
    counts: str | None
    cause: str | None
    status: int

    def check_sum(self) -> int:
        """Return the sum over all of it; a status of 0 is left out, as it was before there was one."""
        plain = [column.hex() if isinstance(column, bytes) else column for column in self]
        if self.status == STATUS_GOOD:
            plain.pop()
        return zlib.crc32(json.dumps(plain).encode())

    def open_poll(self) -> OpenPoll:
        """Return the poll as it is packed into a frame."""
        return OpenPoll(
            meter=self.meter,
            read_at=self.read_at,
            boottime_ms=self.boottime_ms,
            half_width_ms=self.half_width_ms,
            quality=TimeQuality(self.quality),
            descriptor=DescriptorId(self.descriptor) if self.descriptor else None,
            counts=read_counts(self.counts) if self.counts else None,
            cause=self.cause,
            status=self.status,
        )


@dataclass(frozen=True, slots=True)
class OpenRecords:
    """What is open of one boot, ready to be sealed: frames, and the newest rows that they hold."""

    frames: tuple[Frame, ...]
    last_statement: int
    last_poll: int


def add_poll(
    db: Database, boot_count: int, edge_at: int, outcome: PollOutcome, descriptor: DescriptorId | None
) -> None:
    """Take a poll of the interval edge `edge_at` (UTC ms), and note it as its meter's newest."""
    result = outcome.result
    is_good = isinstance(result, Taken)
    poll = PollRow(
        boot_count=boot_count,
        meter=outcome.meter,
        edge_at=edge_at,
        read_at=outcome.read_at,
        boottime_ms=outcome.boottime_ms,
        half_width_ms=outcome.half_width_ms,
        quality=int(outcome.before.quality),
        descriptor=descriptor,
        counts=json.dumps(result.counts) if isinstance(result, Taken) else None,
        cause=None if isinstance(result, Taken) else result.cause,
        status=result.status if isinstance(result, Taken) else STATUS_GOOD,
    )
    memory = None if outcome.memory is None else write_memory(outcome.memory)
    columns = {**poll._asdict(), "memory": memory}
    db.execute(_INSERT_POLL, {**columns, "check_sum": poll.check_sum()})
    db.execute(_NOTE_GOOD_POLL if is_good else _NOTE_FAILED_POLL, columns)


def add_statement(db: Database, boot_count: int, frame: Frame) -> None:
    """Take a statement."""
    encoded = wire.encode_frame(frame)
    db.execute(
        "insert into statement (boot_count, frame, check_sum) values (?, ?, ?)",
        [boot_count, encoded, sum_frame(encoded)],
    )


def read_open(db: Database, boot_count: int, limit: int) -> OpenRecords:
    """Return at most `limit` open records of a boot, statements first; raises JournalDamagedError."""
    statements = db.execute(_OPEN_STATEMENTS, [boot_count, limit]).fetchall()
    polls = db.execute(_OPEN_POLLS, [boot_count, limit - len(statements)]).fetchall()
    stated: list[Frame] = []
    for n, encoded, check_sum in statements:
        _demand(check_sum, sum_frame(encoded), f"statement {n}")
        stated.append(wire.decode_frame(encoded))
    rows = [PollRow(*columns) for _, *columns, _ in polls]
    for poll, (n, *_, check_sum) in zip(rows, polls, strict=True):
        _demand(check_sum, poll.check_sum(), f"poll {n}")
    return OpenRecords(
        frames=(*stated, *pack_polls([row.open_poll() for row in rows])),
        last_statement=statements[-1][0] if statements else 0,
        last_poll=polls[-1][0] if polls else 0,
    )


def read_edge(db: Database, boot: Boot, edge_at: int) -> tuple[Copied, ...]:
    """Return the open readings of an interval edge (UTC ms), each with its descriptor."""
    rows = [PollRow(*columns) for _, *columns, _ in db.execute(_POLLS_OF_EDGE, [boot.count, edge_at]).fetchall()]
    copies: list[Copied] = []
    for row in rows:
        frame = pack_polls([row.open_poll()])[0]
        descriptor = find_descriptor(db, frame.descriptor) if isinstance(frame, Readings) else None
        if isinstance(frame, Readings) and descriptor is not None:
            copies.append(Copied(descriptor, replace(frame, boot_id=boot.id)))
    return tuple(copies)


def clear_open(db: Database, boot_count: int, records: OpenRecords) -> None:
    """Take away what was sealed of a boot. After a salvage, older rows may be those of a newer boot."""
    db.execute("delete from statement where boot_count = ? and n <= ?", [boot_count, records.last_statement])
    db.execute("delete from poll where boot_count = ? and n <= ?", [boot_count, records.last_poll])


def sum_frame(frame: bytes) -> int:
    """Return the check sum of an encoded statement."""
    return zlib.crc32(frame)


def _demand(found: int | None, computed: int, what: str) -> None:
    if found not in {None, computed}:
        message = f"{what} in the journal is not what was written: what is readable has to be salvaged"
        raise JournalDamagedError(message)


_INSERT_POLL = """
insert into poll (
    boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause, status,
    check_sum
) values (
    :boot_count, :meter, :edge_at, :read_at, :boottime_ms, :half_width_ms, :quality, :descriptor, :counts, :cause,
    :status, :check_sum
)
"""

_NOTE_GOOD_POLL = """
insert into meter (meter, edge_at, descriptor, read_at, counts, polls, failures, memory)
values (:meter, :edge_at, :descriptor, :read_at, :counts, 1, 0, :memory)
on conflict (meter) do update set edge_at = excluded.edge_at, descriptor = excluded.descriptor,
    read_at = excluded.read_at, counts = excluded.counts, polls = polls + 1,
    memory = coalesce(excluded.memory, memory)
"""

_NOTE_FAILED_POLL = """
insert into meter (meter, edge_at, failed_at, cause, polls, failures, memory)
values (:meter, :edge_at, :read_at, :cause, 1, 1, :memory)
on conflict (meter) do update set edge_at = excluded.edge_at, failed_at = excluded.failed_at,
    cause = excluded.cause, polls = polls + 1, failures = failures + 1, memory = coalesce(excluded.memory, memory)
"""

_OPEN_STATEMENTS = "select n, frame, check_sum from statement where boot_count = ? order by n limit ?"

_POLLS_OF_EDGE = """
select n, boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause,
    status, check_sum
from poll where boot_count = ? and edge_at = ? and counts is not null order by n
"""

_OPEN_POLLS = """
select n, boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause,
    status, check_sum
from poll where boot_count = ? order by n limit ?
"""
