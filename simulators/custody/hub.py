"""The hub: the real services over the real tables, in the order in which its ingest uses them, and a disk to lose."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hub.notices import Notices
from hub.services.accept_blocks import Arrival, Terms, accept_blocks
from hub.services.advance_safe import advance_safe
from hub.services.answer_state import answer_state
from hub.services.check_backup import check_contents
from hub.services.register_device import register_device
from hub.store import backups, registry
from hub.store.memory import MemoryDatabase, empty_image
from protocol import wire
from protocol.custody.receiver import SafePolicy
from protocol.topics import Channel
from simulators.custody import invariants
from simulators.custody.invariants import Watermark
from simulators.custody.shown import Shown

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from hub.services.check_backup import Contents
    from protocol.cose import SigningKey
    from protocol.custody.receiver import Stream
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Receipt
    from simulators.custody.facts import Fact
    from simulators.custody.site import Site

BATCH_MS = 200
"""How long the worker waits for more before it commits what has arrived."""
VERIFYING_MS = (60_000, 1_200_000)
"""How long it takes until a backup has been read back."""
GAP_MS = 2_000
RESTART_MS = (1_000, 300_000)
WINDOW = 16
WINDOW_BACKFILL = 64
TIMELINE_BYTES = 8
_BEFORE_COMMIT_SHARE = 0.5
_REDELIVERED_SHARE = 0.5


class WorkerCrashError(Exception):
    """The hub's worker died before its commit."""


class _Disk(MemoryDatabase):
    """The hub's database on a disk that can fail a commit."""

    crashes_next = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            if self.crashes_next:
                self.crashes_next = False
                raise WorkerCrashError


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database on another disk, and the facts that it shows."""

    made_at: int
    image: bytes
    facts: frozenset[Fact]
    streams: tuple[Stream, ...] = ()


@dataclass(slots=True)
class Counts:
    """What the hub went through."""

    commits: int = 0
    blocks: int = 0
    receipts: int = 0
    crashes: int = 0
    backups: int = 0
    decisions: dict[str, int] = field(default_factory=dict)


class SimulatedHub:
    """One worker, one database, one receipt key; `crash_share` is how many of its batches end in a crash."""

    def __init__(self, site: Site, chance: random.Random, key: SigningKey) -> None:
        self.counts = Counts()
        self.crash_share = 0.0
        self._events = site.events
        self._broker = site.broker
        self._ledger = site.ledger
        self._device = site.author.device
        self._chance = chance
        self._key = key
        self._pem: bytes | None = None
        self._arrived: list[tuple[Channel, bytes]] = []
        self._backup: Backup | None = None
        self._lives = 0
        self._loses_disk_at_gap = False
        self._has_gap = False
        self._is_up = False
        self._open(empty_image())

    def _open(self, image: bytes) -> None:
        """Begin a new life of the database from this image: what it holds is held twice, and safe."""
        self._lives += 1
        self._timeline = self._lives.to_bytes(TIMELINE_BYTES, "big")
        self.disk = _Disk(image)
        self.shown = Shown(self.disk.raw)
        with self.disk.write() as connection:
            if registry.find_timeline(connection) is None:
                registry.start_timeline(connection, self._timeline, self._events.now_ms)
            else:
                registry.renew_timeline(connection, self._timeline, self._events.now_ms)
        if self._backup is not None:
            advance_safe(self.disk, self._backup.streams)
        self._durable = self._read_streams()
        self._notices = Notices(self.disk, self._key, self._terms)
        if self._pem is not None:
            self.register(self._pem)

    def register(self, pem: bytes) -> None:
        """Register the device, once for all lives of the database to come."""
        self._pem = pem
        register_device(self.disk, pem, "simulated", self._events.now_ms)
        self._say_unasked()

    # What arrives.

    def hear(self, channel: Channel, raw: bytes) -> None:
        """Take a message; the worker looks after it in a moment."""
        if not self._arrived:
            self._events.after(BATCH_MS, self._work)
        self._arrived.append((channel, raw))

    def go_down(self) -> None:
        """End the process; what it had not committed is the broker's again, which may deliver it or not."""
        self._is_up = False
        self._broker.serve(None)
        unacknowledged, self._arrived = self._arrived, []
        if self._chance.random() < _REDELIVERED_SHARE:
            for channel, raw in unacknowledged:
                self._broker.keep(channel, raw)

    def come_up(self) -> None:
        """Start the process."""
        self._is_up = True
        self._notices = Notices(self.disk, self._key, self._terms)
        self._say_unasked()
        self._broker.serve(self)

    def calm_down(self) -> None:
        """Be up from now on, and stay whole."""
        self.crash_share = 0.0
        self._loses_disk_at_gap = False
        self.come_up()

    def _work(self) -> None:
        """Commit what arrived, then send receipts, then acknowledge; a crash may come between any two of these."""
        if not self._arrived:
            return
        dies = self._chance.random() < self.crash_share
        self.disk.crashes_next = dies and self._chance.random() < _BEFORE_COMMIT_SHARE
        try:
            receipts = self._commit([*self._arrived])
        except WorkerCrashError:
            self.counts.crashes += 1
            self._crash()
            return
        self._look()
        if dies:
            self.counts.crashes += 1
            self._crash()
            return
        self._arrived.clear()
        for receipt in receipts:
            self.publish(receipt)

    def _crash(self) -> None:
        self.go_down()
        self._events.after(self._chance.randint(*RESTART_MS), self.come_up)

    def _commit(self, batch: Sequence[tuple[Channel, bytes]]) -> list[Receipt]:
        now = self._events.now_ms
        self.counts.commits += 1
        receipts: list[Receipt] = []
        blocks = [Arrival(self._device, raw) for channel, raw in batch if channel is Channel.BLOCK]
        self.counts.blocks += len(blocks)
        if blocks:
            accepted = accept_blocks(self.disk, blocks, self._terms, now)
            receipts += accepted.receipts
            self._refuse(accepted.refused)
            for kind, number in accepted.decisions.items():
                self.counts.decisions[kind] = self.counts.decisions.get(kind, 0) + number
        for channel, raw in batch:
            if channel is Channel.STATE:
                answer = answer_state(self.disk, self._device, raw, terms=self._terms, now=now, retained=False)
                receipts += [answer.receipt] if answer.receipt is not None else []
                self._refuse([answer.refused] if answer.refused is not None else [])
        return receipts

    def _refuse(self, places: Iterable[tuple[DeviceId, Epoch]]) -> None:
        for place in places:
            self._notices.refuse(place)

    def publish(self, receipt: Receipt) -> None:
        """Send a receipt, which must not say more than the database holds durably."""
        invariants.no_receipt_precedes_its_commit(receipt, self._durable.get(receipt.epoch))
        self.counts.receipts += 1
        self._broker.to_device(Channel.RECEIPT, wire.seal_receipt(receipt, self._key))
        self._has_gap = bool(receipt.selective)
        if self._has_gap and self._loses_disk_at_gap:
            self._events.after(GAP_MS, self._lose_disk_if_gap)

    def _say_unasked(self) -> None:
        """Welcome a device that was registered since, and tell what a backup has made safe, if the process is up."""
        if not self._is_up:
            return
        for notice in self._notices.due(self._events.now_ms):
            self.publish(wire.read_receipt(notice.raw, self._key.public))

    def _look(self) -> None:
        """Look at what the last commit made durable."""
        added, changed = self.shown.look()
        invariants.accepted_facts_never_change(changed)
        invariants.the_hub_holds_only_what_was_read(added, self._ledger.taken)
        self._durable = self._read_streams()

    def _read_streams(self) -> dict[Epoch, Watermark]:
        rows = self.disk.raw.execute("select epoch, committed, committed_hash from stream")
        return {epoch: Watermark(committed, known) for epoch, committed, known in rows}

    @property
    def _terms(self) -> Terms:
        return Terms(
            safe=SafePolicy.HOLD, window=WINDOW, window_backfill=WINDOW_BACKFILL, pace_ms=0, timeline=self._timeline
        )

    # The disk.

    def back_up(self) -> None:
        """Copy the database; some time later the copy has been read back, and what it holds is safe."""
        backup = Backup(self._events.now_ms, self.disk.image(), frozenset(self.shown.facts()))
        life = self._lives
        self._events.after(self._chance.randint(*VERIFYING_MS), lambda: self._verify(backup, life))

    def _verify(self, backup: Backup, life: int) -> None:
        if life != self._lives:
            return
        copy = MemoryDatabase(backup.image)
        with copy.read() as connection:
            contents = check_contents(connection, lambda _step, _done, _all: None)
        copy.close()
        self.counts.backups += 1
        self._backup = replace(backup, streams=contents.streams)
        self._ledger.backed_up = backup.facts
        advance_safe(self.disk, contents.streams)
        with self.disk.write() as connection:
            backups.add_backup(connection, _row(backup, contents, self._events.now_ms))
        self._look()
        self._say_unasked()

    def lose_disk(self) -> None:
        """Lose the database, and begin a new life from the last verified backup, or from nothing."""
        before = self.facts_in_custody()
        self.disk.close()
        self._arrived.clear()
        self._open(self._backup.image if self._backup is not None else empty_image())
        self._ledger.lose_in_hub(before - self.facts_in_custody())

    def lose_disk_at_gap(self) -> None:
        """Lose the database once a device was told of blocks beyond a gap, and before the gap is filled."""
        self._loses_disk_at_gap = True

    def _lose_disk_if_gap(self) -> None:
        if self._has_gap and self._loses_disk_at_gap:
            self._loses_disk_at_gap = False
            self.lose_disk()

    def facts_in_custody(self) -> set[Fact]:
        """Return what the intact blocks say that the database holds."""
        return self._ledger.library.facts_in(self.shown.block_bytes())


def _row(backup: Backup, contents: Contents, now: int) -> backups.Backup:
    """Return what the hub remembers of a verified backup."""
    return backups.Backup(
        made_at=backup.made_at,
        verified_at=now,
        path="simulated",
        timeline=contents.timeline,
        blocks=contents.counts.blocks,
        readings=contents.counts.readings,
    )
