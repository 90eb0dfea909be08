"""The journal itself: take polls, seal blocks, remember the hub's word, let go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from edge.journal.summary import read_counts, read_meters
from edge.metering.outcome import Taken
from edge.metering.pack import OpenPoll, pack_polls
from protocol import wire
from protocol.custody.sender import RetryPolicy, Sender
from protocol.errors import TooLargeError
from protocol.identity import BlockHash, BootId, DescriptorId, DeviceId, Epoch, hash_block
from protocol.messages import (
    Block,
    Gap,
    GapCause,
    Latest,
    TimeQuality,
    record_count,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database

    from edge.metering.outcome import PollOutcome
    from protocol.cose import SigningKey
    from protocol.messages import Frame, Instant, MeterDescriptor

BLOCK_RECORDS_MAX = 500
"""Polls and statements per block at most; a block that would pass 64 KiB all the same takes fewer."""
LATEST_MAX = 200


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes the log: the device, its signing key, and the agent's version."""

    device: DeviceId
    key: SigningKey
    agent_version: str


class Journal:
    """See the module. Made by `open_journal`."""

    def __init__(self, db: Database, author: Author, epoch: Epoch, boot_count: int, lock: IO[bytes]) -> None:
        self._db = db
        self._lock = lock
        self._author = author
        self.epoch = epoch
        self.boot_count = boot_count
        self._declared: dict[int, tuple[MeterDescriptor, DescriptorId]] = {}

    def close(self) -> None:
        """Close the database; what was committed stays."""
        self._db.close()
        self._lock.close()

    # Polls and statements: open until sealed.

    def record(self, edge_at: int, outcomes: Sequence[PollOutcome], interval_ms: int) -> None:
        """Take the outcomes of one cycle into the log in one durable commit; when this returns, they are taken.

        Interval edges that passed without a poll since the last cycle are stated as a gap first.
        """
        try:
            with self._db.atomic():
                self._state_missed(edge_at, [outcome.meter for outcome in outcomes], interval_ms)
                for outcome in outcomes:
                    self._record_poll(edge_at, outcome)
        except BaseException:
            # What was rolled back was not declared either.
            self._declared.clear()
            raise

    def _state_missed(self, edge_at: int, meters: Sequence[int], interval_ms: int) -> None:
        last_edges = self.last_edges()
        for meter in meters:
            missed_at = last_edges.get(meter, edge_at) + interval_ms
            if missed_at < edge_at:
                self.state(Gap(meter, missed_at, edge_at, GapCause.EDGE_OFF))

    def _record_poll(self, edge_at: int, outcome: PollOutcome) -> None:
        result = outcome.result
        descriptor: DescriptorId | None = None
        counts: str | None = None
        cause: str | None = None
        if isinstance(result, Taken):
            descriptor = self._declare(result.descriptor)
            counts = json.dumps(result.counts)
        else:
            cause = result.cause
        poll = {
            "boot_count": self.boot_count,
            "meter": outcome.meter,
            "edge_at": edge_at,
            "read_at": outcome.read_at,
            "boottime_ms": outcome.boottime_ms,
            "half_width_ms": outcome.half_width_ms,
            "quality": int(outcome.before.quality),
            "descriptor": descriptor,
            "counts": counts,
            "cause": cause,
        }
        self._db.execute(_INSERT_POLL, poll)
        self._db.execute(_NOTE_GOOD_POLL if cause is None else _NOTE_FAILED_POLL, poll)

    def _declare(self, descriptor: MeterDescriptor) -> DescriptorId:
        """Put the descriptor into the chain unless it is the one in force: it must precede its first reading."""
        known = self._declared.get(descriptor.meter)
        if known is not None and known[0] is descriptor:
            return known[1]
        identity = wire.describe(descriptor)
        self._declared[descriptor.meter] = (descriptor, identity)
        row = self._db.execute("select descriptor from meter where meter = ?", [descriptor.meter]).fetchone()
        if row is None or row[0] != identity:
            self.state(descriptor)
        return identity

    def state(self, frame: Frame) -> None:
        """Put a statement (descriptor, clock event, gap) into the log, durably."""
        self._db.execute(
            "insert into statement (boot_count, frame) values (?, ?)", [self.boot_count, wire.encode_frame(frame)]
        )

    def has_open_before(self, edge_at: int) -> bool:
        """Return whether a poll of this interval edge (UTC ms) or an earlier one is not sealed yet."""
        return bool(self._db.execute("select exists (select 1 from poll where edge_at <= ?)", [edge_at]).fetchone()[0])

    def last_edges(self) -> dict[int, int]:
        """Return for each meter the newest interval edge (UTC ms) that has a journaled poll, good or failed."""
        return dict(self._db.execute("select meter, edge_at from meter").fetchall())

    def latest(self) -> dict[int, Latest]:
        """Return the newest good reading of each meter, of at most `LATEST_MAX` meters: the freshest."""
        good = [row for row in read_meters(self._db) if row.read_at is not None]
        good.sort(key=lambda row: -(row.read_at or 0))
        return {row.meter: Latest(row.read_at or 0, row.counts) for row in good[:LATEST_MAX]}

    @property
    def open_polls(self) -> int:
        """How many polls are taken but not sealed."""
        return int(self._db.execute("select count(*) from poll").fetchone()[0])

    # Blocks: sealed once, kept until the hub's receipt and the retention both allow to let go.

    def seal(self, now: Instant, flags: int = 0) -> int | None:
        """Seal what is open of the oldest boot into one signed block and return its seq; None if nothing is open.

        Building, signing, storing and clearing is one transaction: after a crash it has happened or it has not.
        """
        boot = self._db.execute(_OLDEST_OPEN_BOOT).fetchone()
        if boot is None:
            return None
        limit = BLOCK_RECORDS_MAX
        while True:
            try:
                return self._seal_some(boot[0], BootId(boot[1]), now, flags, limit)
            except TooLargeError:
                if limit == 1:
                    raise
                limit //= 2

    def _seal_some(self, boot_count: int, boot_id: BootId, now: Instant, flags: int, limit: int) -> int:
        """Seal at most `limit` polls and statements of a boot."""
        statements = self._db.execute(_OPEN_STATEMENTS, [boot_count, limit]).fetchall()
        # A descriptor precedes its readings: while statements are left over, readings wait for the next block.
        polls = self._db.execute(_OPEN_POLLS, [boot_count, limit - len(statements)]).fetchall()
        head, head_hash, next_record = self._db.execute(
            "select head, head_hash, next_record from epoch where epoch = ?", [self.epoch]
        ).fetchone()
        block = Block(
            device=self._author.device,
            epoch=self.epoch,
            seq=head + 1,
            first_record=next_record,
            previous=BlockHash(head_hash),
            boot_count=boot_count,
            boot_id=boot_id,
            frames=(
                *(wire.decode_frame(frame) for _, frame in statements),
                *pack_polls([_open_poll(row[1:]) for row in polls]),
            ),
            sealed=now,
            flags=flags,
        )
        with self._db.atomic():
            self._store(block)
            self._db.execute("delete from statement where n <= ?", [statements[-1][0] if statements else 0])
            self._db.execute("delete from poll where n <= ?", [polls[-1][0] if polls else 0])
        return block.seq

    def _store(self, block: Block) -> None:
        raw = wire.seal_block(block, self._author.key)
        identity = hash_block(raw)
        self._db.execute(
            "insert into block (epoch, seq, hash, sealed_at, raw) values (?, ?, ?, ?, ?)",
            [self.epoch, block.seq, identity, block.sealed.wall_ms, raw],
        )
        next_record = block.first_record + sum(record_count(frame) for frame in block.frames)
        self._db.execute(
            "update epoch set head = ?, head_hash = ?, next_record = ? where epoch = ?",
            [block.seq, identity, next_record, self.epoch],
        )

    def block(self, seq: int) -> bytes | None:
        """Return the signed bytes of block `seq` of the current epoch, None if it is not held."""
        row = self._db.execute("select raw from block where epoch = ? and seq = ?", [self.epoch, seq]).fetchone()
        return bytes(row[0]) if row else None

    def hash_of(self, seq: int) -> BlockHash | None:
        """Return the hash of block `seq` of the current epoch, None if it is not held."""
        row = self._db.execute("select hash from block where epoch = ? and seq = ?", [self.epoch, seq]).fetchone()
        return BlockHash(row[0]) if row else None

    def floor(self) -> int:
        """Return the lowest seq of the current epoch that is still held."""
        return int(self._db.execute("select min(seq) from block where epoch = ?", [self.epoch]).fetchone()[0])

    # Custody.

    def sender(self, policy: RetryPolicy) -> Sender:
        """Return the custody state as it was last made durable."""
        head, committed, safe = self._db.execute(
            "select head, committed, safe from epoch where epoch = ?", [self.epoch]
        ).fetchone()
        return Sender.resume(self._author.device, self.epoch, head=head, committed=committed, safe=safe, policy=policy)

    def acknowledge(self, sender: Sender, receipt: bytes) -> None:
        """Make the hub's word durable: the watermarks that `sender` took from the signed bytes `receipt`."""
        self._db.execute(
            "update epoch set committed = ?, safe = ?, receipt = ? where epoch = ?",
            [sender.committed, sender.safe, receipt, self.epoch],
        )

    def release(self, now: Instant, retention_ms: int) -> int:
        """Let go of blocks that are `safe` at the hub and older than the retention; return how many (rule R1).

        The newest block always stays: the next one is chained to it.
        """
        cursor = self._db.execute(
            "delete from block where epoch = ? and sealed_at < ? and seq <="
            " (select min(safe, head - 1) from epoch where epoch = block.epoch)",
            [self.epoch, now.wall_ms - retention_ms],
        )
        return int(cursor.rowcount)


def _open_poll(row: tuple[int, int, int, int, int, bytes | None, str | None, str | None]) -> OpenPoll:
    meter, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause = row
    return OpenPoll(
        meter=meter,
        read_at=read_at,
        boottime_ms=boottime_ms,
        half_width_ms=half_width_ms,
        quality=TimeQuality(quality),
        descriptor=DescriptorId(descriptor) if descriptor else None,
        counts=read_counts(counts) if counts else None,
        cause=cause,
    )


_INSERT_POLL = """
insert into poll
    (boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause)
values
    (:boot_count, :meter, :edge_at, :read_at, :boottime_ms, :half_width_ms, :quality, :descriptor, :counts, :cause)
"""

_NOTE_GOOD_POLL = """
insert into meter (meter, edge_at, descriptor, read_at, counts, polls, failures)
values (:meter, :edge_at, :descriptor, :read_at, :counts, 1, 0)
on conflict (meter) do update set edge_at = excluded.edge_at, descriptor = excluded.descriptor,
    read_at = excluded.read_at, counts = excluded.counts, polls = polls + 1
"""

_NOTE_FAILED_POLL = """
insert into meter (meter, edge_at, failed_at, cause, polls, failures)
values (:meter, :edge_at, :read_at, :cause, 1, 1)
on conflict (meter) do update set edge_at = excluded.edge_at, failed_at = excluded.failed_at,
    cause = excluded.cause, polls = polls + 1, failures = failures + 1
"""

_OLDEST_OPEN_BOOT = """
select boot_count, boot_id from boot where boot_count =
    (select min(boot_count) from (select boot_count from poll union all select boot_count from statement))
"""

_OPEN_STATEMENTS = "select n, frame from statement where boot_count = ? order by n limit ?"

_OPEN_POLLS = """
select n, meter, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause
from poll where boot_count = ? order by n limit ?
"""
