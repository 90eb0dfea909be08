"""The device's end of custody: which blocks to offer when, and what a receipt changes.

`Sender` is one frozen value; its verbs return a new one. It knows block numbers and hashes, not bytes; the journal
keeps those, and makes `committed` and `safe` durable. All times are ms of one clock of the caller's choice.

What the hub may rely on, and what the device may:

- R1: `safe` is the only licence to release a block. Neither `committed` nor a broker's PUBACK is one. And `safe` rises
  only by a receipt whose committed block is ours by its hash: else it may speak of another history up to there.
- R2: each receipt replaces the selective ranges of the one before; the hub may renege after a restore.
- R3: less than was committed before, or another timeline of the hub, is believed only in answer to our latest hello,
  and less within one timeline not even then if the hub has said more since.
- A receipt that contradicts what we hold (FORKED, ROLLED_BACK), or shows that the hub lacks what we released on its
  word (LOST), changes nothing, and ends all offering in this epoch: what is above `safe` goes into a new one (R4).
- A copy that was poisoned on the way is not a fork: the hub says BAD_SIGNATURE and we offer the intact copy again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from protocol.custody.flight import Flight, RetryPolicy, take_off
from protocol.custody.outcome import REFUSALS, Outcome, OutcomeKind
from protocol.fields import SHORT_HASH_LENGTH
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from protocol.identity import BlockHash, DeviceId, Epoch
    from protocol.messages import Receipt

__all__ = ["REFUSALS", "Flight", "Outcome", "OutcomeKind", "RetryPolicy", "Sender"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The state of custody of one epoch at the device. -1 <= safe <= committed <= head.

    `floor` is the lowest seq whose bytes are held. `nonce` is that of the latest hello until a receipt answers it, then
    empty. `hub_at` is the hub's time in the latest receipt of its `timeline`. `quiet_since_ms` is when we began to wait
    for a receipt. `repair` is a block whose copy at the hub is damaged, `paced_ms` the earliest time for the next
    offer, `ended` that nothing more is offered in this epoch, `hello_early` that only a hello can say what the hub has.
    """

    device: DeviceId
    epoch: Epoch
    head: int
    committed: int
    safe: int
    floor: int = 0
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    selective: tuple[tuple[int, int], ...] = ()
    window: int = 1
    pace_ms: int = 0
    nonce: bytes = b""
    timeline: bytes = b""
    hub_at: int = 0
    in_flight: Mapping[int, Flight] = field(default_factory=dict)
    repair: int | None = None
    online: bool = False
    ended: bool = False
    refused: ReceiptCode | None = None
    hello_early: bool = False
    hello_ms: int = 0
    quiet_since_ms: int = 0
    paced_ms: int = 0

    def __post_init__(self) -> None:
        """Assert the order of the watermarks."""
        assert -1 <= self.safe <= self.committed <= self.head, (self.safe, self.committed, self.head)

    @classmethod
    def resume(  # noqa: PLR0913 - what the journal holds, all by name
        cls,
        device: DeviceId,
        epoch: Epoch,
        *,
        head: int,
        committed: int,
        safe: int,
        floor: int = 0,
        timeline: bytes = b"",
        policy: RetryPolicy | None = None,
    ) -> Sender:
        """Return the sender after a start or restart, from what the journal holds."""
        return cls(
            device=device,
            epoch=epoch,
            head=head,
            committed=committed,
            safe=safe,
            floor=floor,
            timeline=timeline,
            policy=policy or RetryPolicy(),
        )

    def sealed(self, seq: int) -> Sender:
        """Return the sender after block `seq`, the next one, was sealed and made durable."""
        assert seq == self.head + 1, (seq, self.head)
        return replace(self, head=seq)

    def released(self, floor: int) -> Sender:
        """Return the sender after the journal let go of blocks: `floor` is the lowest whose bytes it still holds."""
        return replace(self, floor=floor)

    def connected(self, nonce: bytes, now_ms: int) -> Sender:
        """Return the sender in a new session that begins with a hello carrying `nonce`: one block until a receipt."""
        return replace(self.disconnected(), online=True, window=1, pace_ms=0, selective=(), refused=None).greeted(
            nonce, now_ms
        )

    def disconnected(self) -> Sender:
        """Return the sender without a session: it offers nothing, and what was in flight will be offered again."""
        return replace(self, online=False, in_flight={}, paced_ms=0, nonce=b"")

    def greeted(self, nonce: bytes, now_ms: int) -> Sender:
        """Return the sender after a further hello with a new `nonce` in the same session."""
        assert nonce, "a hello without a nonce proves nothing"
        return replace(self, nonce=nonce, hello_ms=now_ms, quiet_since_ms=now_ms, hello_early=False)

    def puzzled(self) -> Sender:
        """Return the sender that says hello again soon, because what the hub holds must be known for certain."""
        return replace(self, hello_early=True)

    def due(self, now_ms: int) -> tuple[int, ...]:
        """Return the seqs to offer now, oldest first; with a pace set by the hub, one at a time."""
        if now_ms < self.paced_ms:
            return ()
        ready = tuple(seq for seq, ready_ms in self._candidates() if ready_ms <= now_ms)
        return ready[:1] if self.pace_ms else ready

    def offered(self, seq: int, now_ms: int, jitter: float) -> Sender:
        """Return the sender after block `seq` was offered; `jitter` in 0..1 spreads when it would be offered again."""
        flight = take_off(self.in_flight.get(seq), now_ms, jitter, self.policy)
        return replace(
            self,
            in_flight={**self.in_flight, seq: flight},
            quiet_since_ms=self.quiet_since_ms if self.in_flight else now_ms,
            paced_ms=now_ms + self.pace_ms,
        )

    def hello_due(self, now_ms: int) -> bool:
        """Return whether to draw a new nonce and send the state again, telling `greeted`."""
        due_ms = self._hello_due_ms()
        return due_ms is not None and due_ms <= now_ms

    def next_wakeup(self, now_ms: int) -> int | None:
        """Return from when on `due` or `hello_due` says something, at least `now_ms`; None if an event must come."""
        offers = [max(ready_ms, self.paced_ms) for _, ready_ms in self._candidates()]
        hello_ms = self._hello_due_ms()
        times = offers if hello_ms is None else [*offers, hello_ms]
        return max(now_ms, min(times)) if times else None

    def received(
        self, receipt: Receipt, hash_of: Callable[[int], BlockHash | None], now_ms: int
    ) -> tuple[Sender, Outcome]:
        """Return the sender after `receipt`, whose signature was verified, and what the receipt meant.

        `hash_of` gives the hash of a block of this epoch, released or not; None if it is not known any more.
        """
        if (receipt.device, receipt.epoch) != (self.device, self.epoch):
            return self, self._outcome(OutcomeKind.FOREIGN, receipt)
        if receipt.code in REFUSALS:
            refused = replace(self, refused=receipt.code, in_flight={}, quiet_since_ms=now_ms)
            return refused, self._outcome(OutcomeKind.REFUSED, receipt)
        answers = bool(self.nonce) and receipt.nonce == self.nonce
        if self._is_stale(receipt, answers=answers):
            return self.puzzled(), self._outcome(OutcomeKind.STALE, receipt)
        end = self._end(receipt, hash_of)
        if end is not None:
            return replace(self, ended=True, in_flight={}), self._outcome(end, receipt)
        applied = self._applied(receipt, hash_of, now_ms, answers=answers)
        kind = OutcomeKind.REGRESSED if applied.committed < self.committed else OutcomeKind.APPLIED
        newly = range(self.committed + 1, applied.committed + 1)
        return applied, Outcome(kind, applied.safe, newly, receipt.code, receipt.code_seq)

    def _outcome(self, kind: OutcomeKind, receipt: Receipt) -> Outcome:
        return Outcome(kind, self.safe, range(0), receipt.code, receipt.code_seq)

    def _is_stale(self, receipt: Receipt, *, answers: bool) -> bool:
        """Return whether a receipt says less than we know, or comes from another timeline, and may not be believed."""
        known = bool(self.timeline) and bool(receipt.timeline)
        if answers:
            # One life of a hub never goes back: an answer that says less was overtaken on its way.
            overtaken = known and receipt.timeline == self.timeline and receipt.hub_at <= self.hub_at
            return overtaken and receipt.committed < self.committed
        return (known and receipt.timeline != self.timeline) or receipt.committed < self.committed

    def _end(self, receipt: Receipt, hash_of: Callable[[int], BlockHash | None]) -> OutcomeKind | None:
        """Return why nothing more can be offered in this epoch, None if it goes on."""
        if receipt.code is ReceiptCode.FORK:
            return OutcomeKind.FORKED
        if self._contradicts(receipt, hash_of):
            return OutcomeKind.ROLLED_BACK
        return OutcomeKind.LOST if receipt.committed + 1 < self.floor else None

    def _contradicts(self, receipt: Receipt, hash_of: Callable[[int], BlockHash | None]) -> bool:
        """Return whether the hub holds another log than ours under this epoch."""
        damaged = receipt.code is ReceiptCode.BAD_SIGNATURE
        if receipt.committed > self.head:
            # Damaged copies beyond our head are a stranger's bytes; our own blocks will take their places.
            return not (damaged and receipt.code_seq > self.head)
        if receipt.committed < 0:
            return False
        ours = hash_of(receipt.committed)
        if ours is None or ours[:SHORT_HASH_LENGTH] == receipt.committed_hash:
            return False
        # Only the lowest damaged copy is named, so any from there on may be damaged as well.
        return not (damaged and 0 <= receipt.code_seq <= receipt.committed)

    def _applied(
        self, receipt: Receipt, hash_of: Callable[[int], BlockHash | None], now_ms: int, *, answers: bool
    ) -> Sender:
        committed = min(receipt.committed, self.head)
        repair = self._repair(receipt)
        kept = {
            seq: flight
            for seq, flight in self.in_flight.items()
            if self._is_outstanding(seq, committed, receipt, repair)
            # Transport keeps order from device to hub: what was offered before an answered hello arrived or is lost.
            and not (answers and flight.offered_ms < self.hello_ms)
        }
        same_life = receipt.timeline == self.timeline
        return replace(
            self,
            committed=committed,
            safe=self._licensed(receipt, committed, hash_of, answers=answers),
            selective=receipt.selective,
            window=receipt.window,
            pace_ms=receipt.pace_ms,
            paced_ms=min(self.paced_ms, now_ms + receipt.pace_ms),
            nonce=b"" if answers else self.nonce,
            timeline=receipt.timeline or self.timeline,
            hub_at=max(self.hub_at, receipt.hub_at) if same_life else receipt.hub_at,
            in_flight=kept,
            repair=repair,
            refused=None,
            hello_early=False if answers else self.hello_early,
            quiet_since_ms=now_ms,
        )

    def _licensed(
        self, receipt: Receipt, committed: int, hash_of: Callable[[int], BlockHash | None], *, answers: bool
    ) -> int:
        """Return through where blocks may be released: never one whose copy at the hub is damaged, or not ours."""
        safe = min(receipt.safe, committed)
        if receipt.code is ReceiptCode.BAD_SIGNATURE:
            safe = max(-1, min(safe, receipt.code_seq - 1))
        ours = hash_of(receipt.committed) if 0 <= receipt.committed <= self.head else None
        if ours is None or ours[:SHORT_HASH_LENGTH] != receipt.committed_hash:
            # A damaged block hides whose history lies below it.
            safe = min(safe, self.safe)
        # Within one life of the hub a licence is never taken back; a receipt with a lower one was overtaken.
        return safe if answers else max(safe, self.safe)

    def _repair(self, receipt: Receipt) -> int | None:
        """Return the block to offer again because the hub's copy of it is damaged, if we still hold it."""
        named = receipt.code is ReceiptCode.BAD_SIGNATURE and self.floor <= receipt.code_seq <= self.head
        return receipt.code_seq if named else None

    def _is_outstanding(self, seq: int, committed: int, receipt: Receipt, repair: int | None) -> bool:
        """Return whether an offer of `seq` still waits for its answer."""
        if seq == repair:
            return seq == self.repair
        return seq > committed and not _within(receipt.selective, seq)

    def _candidates(self) -> Iterator[tuple[int, int]]:
        """Yield each seq that may be offered in this session, oldest first, and from when on."""
        if not self.online or self.ended or self.refused is not None or not self.window:
            return
        if self.repair is not None and self.repair <= self.committed:
            yield self.repair, self._ready_ms(self.repair)
        for seq in range(self.committed + 1, min(self.head, self.committed + self.window) + 1):
            if seq == self.repair or not _within(self.selective, seq):
                yield seq, self._ready_ms(seq)

    def _ready_ms(self, seq: int) -> int:
        flight = self.in_flight.get(seq)
        return flight.lost_ms if flight else 0

    def _hello_due_ms(self) -> int | None:
        """Return when a new hello will be due if nothing happens until then."""
        if not self.online or self.ended:
            return None
        if self.refused is not None or self.hello_early:
            return self.hello_ms + self.policy.refused_ms
        waiting = self.head > self.committed and (bool(self.in_flight) or not self.window)
        return self.quiet_since_ms + self.policy.hello_ms if waiting else None


def _within(ranges: tuple[tuple[int, int], ...], seq: int) -> bool:
    return any(first <= seq <= last for first, last in ranges)
