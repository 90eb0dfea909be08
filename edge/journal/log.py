"""The journal itself: take polls, seal blocks, remember the hub's word, let go."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from edge.journal import epochs
from edge.journal.chain_end import Author, Boot, append_block
from edge.journal.descriptors import mark_stated, newest_descriptors, remember_descriptor, with_descriptors
from edge.journal.errors import JournalDamagedError, reports_faults, translated
from edge.journal.open_records import add_poll, add_statement, clear_open, read_edge, read_open
from edge.journal.outages import missed_polls
from edge.journal.summary import read_meters
from edge.metering.memory import read_memory
from edge.metering.outcome import Taken
from edge.metering.schedule import is_near_month_edge, next_edge
from protocol.errors import TooLargeError
from protocol.identity import BlockHash, BootId, DescriptorId, Epoch
from protocol.messages import GenesisReason, Latest, MeterDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlite_utils import Database

    from edge.journal.month_copy import MonthCopy
    from edge.metering.memory import MeterMemory
    from edge.metering.outcome import PollOutcome
    from protocol.custody.sender import RetryPolicy, Sender
    from protocol.messages import Frame, Instant

BLOCK_RECORDS_MAX = 500
"""Polls and statements per block at most; a block that would pass 64 KiB all the same takes fewer."""
LATEST_MAX = 200


@reports_faults
class Journal:
    """See the package. Made by `open_journal` or `adopt_journal`; `epoch` is the current one."""

    def __init__(self, db: Database, author: Author, epoch: Epoch, boot: Boot, lock: IO[bytes] | None = None) -> None:
        self.month_copy: MonthCopy | None = None
        self.db = db
        self.author = author
        self.epoch = epoch
        self.boot = boot
        self._lock = lock
        self._declared: dict[int, tuple[MeterDescriptor, DescriptorId]] = {}

    @property
    def boot_count(self) -> int:
        """The number of this boot in the log."""
        return self.boot.count

    def close(self) -> None:
        """Close the database; what was committed stays."""
        self.db.close()
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Write everything that is written inside in one durable commit, or nothing of it."""
        try:
            with translated("the journal"), self.db.atomic():
                yield
        except BaseException:
            # What was rolled back is not kept either.
            self._declared.clear()
            raise

    def image(self) -> bytes:
        """Return all that is committed as the bytes of a database; for a journal in memory."""
        return self.db.conn.serialize()

    # Polls and statements: open until sealed.

    def record(
        self, edge_at: int, outcomes: Sequence[PollOutcome], interval_ms: int, *, is_sparing: bool = False
    ) -> None:
        """Take the outcomes of one cycle into the log in one durable commit; when this returns, they are taken.

        With them go what their judgement states and remembers; a meter may have been polled twice. Interval edges that
        passed without a poll since the last cycle are stated as a gap first, see `edge.journal.outages`. `is_sparing`
        says that edges will go on to be left out, see `skip_from`.
        """
        with self.atomic():
            for gap in missed_polls(self.db, self.boot.count, edge_at, outcomes, interval_ms):
                self.state(gap)
            for outcome in outcomes:
                self._record_poll(edge_at, outcome)
            if not is_sparing:
                self.db.execute("delete from thrift")
            # Read before the commit: after it nothing may fail any more, or what was taken would pass for not taken.
            is_copied = self.month_copy is not None and is_near_month_edge(edge_at)
            copies = read_edge(self.db, self.boot, edge_at) if is_copied else ()
        if self.month_copy is not None and copies:
            self.month_copy.add(copies)

    def skip_from(self, edge_at: int) -> None:
        """Take note, durably, that polls are left out from this interval edge (UTC ms) on because the disk is full."""
        self.db.execute("insert into thrift (since) select ? where not exists (select 1 from thrift)", [edge_at])

    def room(self) -> int:
        """Return how many bytes the file holds free inside, where released blocks were."""
        pages = self.db.execute("pragma freelist_count").fetchone()[0]
        return int(pages) * int(self.db.execute("pragma page_size").fetchone()[0])

    def record_beside(self, outcome: PollOutcome, interval_ms: int) -> None:
        """Take a poll that was made beside the interval edges: for the schedule it is as if it had not been made."""
        with self.atomic():
            last_edge = self.last_edges().get(outcome.meter)
            # It is sealed together with the polls of the next edge.
            self._record_poll(next_edge(outcome.read_at, interval_ms), outcome)
            if last_edge is None:
                self.db.execute("delete from meter where meter = ?", [outcome.meter])
            else:
                self.db.execute("update meter set edge_at = ? where meter = ?", [last_edge, outcome.meter])

    def _record_poll(self, edge_at: int, outcome: PollOutcome) -> None:
        result = outcome.result
        for event in outcome.events:
            self.state(event)
        descriptor = self._declare(result.descriptor) if isinstance(result, Taken) else None
        add_poll(self.db, self.boot.count, edge_at, outcome, descriptor)

    def _declare(self, descriptor: MeterDescriptor) -> DescriptorId:
        """Keep the descriptor: it will be stated in the chain before the first reading that refers to it."""
        known = self._declared.get(descriptor.meter)
        if known is not None and known[0] is descriptor:
            return known[1]
        identity = remember_descriptor(self.db, descriptor)
        self._declared[descriptor.meter] = (descriptor, identity)
        return identity

    def state(self, frame: Frame) -> None:
        """Put a statement (clock event, gap, command) into the log, durably. Descriptors come with their readings."""
        assert not isinstance(frame, MeterDescriptor), "a descriptor is stated with the readings that refer to it"
        add_statement(self.db, self.boot.count, frame)

    def has_open_before(self, edge_at: int) -> bool:
        """Return whether a poll of this interval edge (UTC ms) or an earlier one is not sealed yet."""
        return bool(self.db.execute("select exists (select 1 from poll where edge_at <= ?)", [edge_at]).fetchone()[0])

    def last_edges(self) -> dict[int, int]:
        """Return for each meter the newest interval edge (UTC ms) that has a journaled poll, good or failed."""
        return dict(self.db.execute("select meter, edge_at from meter").fetchall())

    def memories(self) -> dict[int, MeterMemory]:
        """Return what is remembered of each meter; one whose memory was lost or is unreadable is left out."""
        rows = self.db.execute("select meter, memory from meter where memory is not null").fetchall()
        return {meter: memory for meter, text in rows if (memory := read_memory(text)) is not None}

    def latest(self) -> dict[int, Latest]:
        """Return the newest good reading of each meter, of at most `LATEST_MAX` meters: the freshest."""
        good = [row for row in read_meters(self.db) if row.read_at is not None]
        good.sort(key=lambda row: -(row.read_at or 0))
        return {row.meter: Latest(row.read_at or 0, row.counts) for row in good[:LATEST_MAX]}

    def descriptors(self) -> dict[int, MeterDescriptor]:
        """Return for each meter what the counts of its newest good reading mean."""
        return newest_descriptors(self.db)

    @property
    def open_polls(self) -> int:
        """How many polls are taken but not sealed."""
        return int(self.db.execute("select count(*) from poll").fetchone()[0])

    # Blocks: sealed once, kept until the hub's receipt and the retention both allow to let go.

    def seal(self, now: Instant, flags: int = 0) -> int | None:
        """Seal what is open of the oldest boot into one signed block and return its seq; None if nothing is open.

        Building, signing, storing and clearing is one transaction: after a crash it has happened or it has not.
        """
        boot = self.db.execute(_OLDEST_OPEN_BOOT).fetchone()
        if boot is None:
            return None
        if boot[1] is None:
            message = f"something is open of boot {boot[0]}, which the journal does not know: it has to be salvaged"
            raise JournalDamagedError(message)
        limit = BLOCK_RECORDS_MAX
        while True:
            try:
                return self._seal_some(Boot(boot[0], BootId(boot[1])), now, flags, limit)
            except TooLargeError:
                if limit == 1:
                    raise
                limit //= 2

    def _seal_some(self, boot: Boot, now: Instant, flags: int, limit: int) -> int:
        """Seal at most `limit` polls and statements of a boot."""
        records = read_open(self.db, boot.count, limit)
        frames = with_descriptors(self.db, self.epoch, records.frames)
        with self.db.atomic():
            seq = append_block(self.db, self.author, self.epoch, frames, boot=boot, now=now, flags=flags)
            mark_stated(self.db, self.epoch, frames)
            clear_open(self.db, boot.count, records)
        return seq

    def block(self, seq: int, epoch: Epoch | None = None) -> bytes | None:
        """Return the signed bytes of block `seq` of an epoch (None: the current one), None if they are not held."""
        row = self._block(seq, epoch)
        return bytes(row[1]) if row and row[1] is not None else None

    def hash_of(self, seq: int, epoch: Epoch | None = None) -> BlockHash | None:
        """Return the hash of block `seq` of an epoch (None: the current one), released or not; None if unknown."""
        row = self._block(seq, epoch)
        return BlockHash(row[0]) if row else None

    def _block(self, seq: int, epoch: Epoch | None) -> tuple[bytes, bytes | None] | None:
        row: tuple[bytes, bytes | None] | None = self.db.execute(
            "select hash, raw from block where epoch = ? and seq = ?", [epoch or self.epoch, seq]
        ).fetchone()
        return row

    def floor(self) -> int:
        """Return the lowest seq of the current epoch whose bytes are held."""
        return int(self.db.execute("select floor from epoch where epoch = ?", [self.epoch]).fetchone()[0])

    # Custody.

    def has_epoch(self, epoch: Epoch) -> bool:
        """Return whether this is an epoch of this log, current or archived."""
        return epochs.find_epoch(self.db, epoch) is not None

    def sender(self, policy: RetryPolicy, epoch: Epoch | None = None) -> Sender:
        """Return the custody state of an epoch (None: the current one) as it was last made durable."""
        row = epochs.find_epoch(self.db, epoch or self.epoch)
        assert row is not None, "an epoch of this journal"
        return row.sender(policy)

    def acknowledge(self, sender: Sender, receipt: bytes) -> None:
        """Make the hub's word on an epoch durable: what `sender` took from the signed bytes `receipt`."""
        self.db.execute(
            ACKNOWLEDGE,
            {
                "epoch": sender.epoch,
                "committed": sender.committed,
                "safe": sender.safe,
                "timeline": sender.timeline,
                "receipt": receipt,
            },
        )

    def release(self, now: Instant, retention_ms: int) -> int:
        """Let go of the bytes of blocks that are `safe` at the hub and older than the retention; return how many (R1).

        Every epoch is looked at; see `edge.journal.epochs.release_blocks`.
        """
        return epochs.release_blocks(self.db, now, retention_ms)

    def begin_epoch(
        self, reason: GenesisReason, now: Instant, draw: Callable[[int], bytes], *, hub_holds: int | None = None
    ) -> Epoch:
        """Begin a new epoch and seal again in it what is above `safe` (R4); what is open will be sealed there.

        One transaction: after a crash the old epoch is the current one still, or the new one is complete. `draw(n)`
        gives n random bytes. See `edge.journal.epochs.begin_epoch`.
        """
        self.epoch = epochs.begin_epoch(
            self.db, self.author, self.boot, reason=reason, now=now, draw=draw, hub_holds=hub_holds
        )
        return self.epoch


_OLDEST_OPEN_BOOT = """
select open.boot_count, boot_id
from (select boot_count from poll union all select boot_count from statement) as open
left join boot on boot.boot_count = open.boot_count order by open.boot_count limit 1
"""

ACKNOWLEDGE = """
update epoch set committed = :committed, safe = :safe, timeline = :timeline, receipt = :receipt,
    licence = case when licence is null or (:safe > safe and :safe >= floor - 1) then :receipt else licence end
where epoch = :epoch
"""
