"""The hub's end of custody: decisions from what SQL holds, so that any worker can take any block.

In one transaction a worker loads the stream and the neighbours of the slot, asks `decide`, stores, and then moves the
stream on with `advance`, `flagged` and `safe_after`, in this order. Only after the commit does it sign `make_receipt`
and let the broker's acknowledgement go. Nothing here remembers anything between two calls.

R5: custody is unconditional. A block whose verdict is bad still takes its slot and is committed, or one poisoned block
would stop its device for ever; the receipt names it until an intact copy takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from protocol.chain import Verdict
from protocol.fields import SHORT_HASH_LENGTH
from protocol.identity import NO_BLOCK, BlockHash, DeviceId, Epoch
from protocol.messages import Receipt, ReceiptCode
from protocol.receipts import RANGES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.chain import Judgement
    from protocol.messages import BlockHead

_UNSIGNED = frozenset({Verdict.BAD_SIGNATURE, Verdict.UNKNOWN_KEY})
"""Verdicts on bytes that no known key is proved to have signed: every other one is given after the signature."""
STOPPED = frozenset({ReceiptCode.FORK, ReceiptCode.SUSPENDED})
"""Codes under which nothing more should be offered in this epoch."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What the hub holds of one epoch of one device.

    Blocks 0..`committed` are stored without a gap (-1 none), `committed_hash` is the hash of the last of them (zeros at
    -1), `safe` <= committed survives the loss of the primary database. `code` and `code_seq` are what receipts say.
    """

    device: DeviceId
    epoch: Epoch
    committed: int = -1
    safe: int = -1
    committed_hash: BlockHash = NO_BLOCK
    code: ReceiptCode = ReceiptCode.OK
    code_seq: int = -1

    def __post_init__(self) -> None:
        """Assert the order of the watermarks."""
        assert -1 <= self.safe <= self.committed, (self.safe, self.committed)


class Stored(NamedTuple):
    """A block in its slot: which, with what verdict, and the hash of the block it was sealed after."""

    seq: int
    hash: BlockHash
    verdict: Verdict
    previous: BlockHash


class DecisionKind(StrEnum):
    """What to do with a block that arrived.

    NEW: store it in its slot. DUPLICATE: it is there. SUPERSEDES: put it into the slot with its verdict, and the bytes
    that were there aside if their hash differs; if the slot is committed already, its readings count from now on. JUNK:
    keep the bytes aside, change nothing. CONFLICT: keep the bytes aside, the log is forked. REJECT: the bytes do not
    say where they belong, so custody cannot be taken.

    "Aside" is a set by hash: the same bytes may come many times.
    """

    NEW = "new"
    DUPLICATE = "duplicate"
    SUPERSEDES = "supersedes"
    JUNK = "junk"
    CONFLICT = "conflict"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a block that arrived, and why in one sentence (empty for NEW)."""

    kind: DecisionKind
    reason: str = ""


_NEW = Decision(DecisionKind.NEW)


class SafePolicy(StrEnum):
    """What makes a committed block safe: the commit itself (replicated storage), or a verified backup."""

    COMMIT = "commit"
    HOLD = "hold"


def decide(
    stream: Stream, arrival: Judgement, slot: Stored | None, before: Stored | None, after: Stored | None
) -> Decision:
    """Return what to do with `arrival`, given what its slot and the slots next to it hold (None: nothing)."""
    head = arrival.head
    if head is None:
        return Decision(DecisionKind.REJECT, arrival.reason)
    if (head.device, head.epoch) != (stream.device, stream.epoch):
        return Decision(DecisionKind.REJECT, "the block belongs to another device or epoch than its stream")
    assert slot is None or slot.seq == head.seq
    assert before is None or before.seq == head.seq - 1
    assert after is None or after.seq == head.seq + 1
    if slot is None:
        breaks = _breaks(before, arrival.hash, head.previous, after)
        return _unfitting(head.seq) if _is_intact(arrival) and breaks else _NEW
    if slot.hash == arrival.hash:
        return _decide_again(slot, arrival, before, after)
    if slot.verdict is Verdict.OK:
        kind = DecisionKind.CONFLICT if _is_intact(arrival) else DecisionKind.JUNK
        return Decision(kind, f"another block {head.seq} is held already")
    return _decide_damaged(head, arrival, before, after)


def _decide_again(slot: Stored, arrival: Judgement, before: Stored | None, after: Stored | None) -> Decision:
    """Decide on the bytes that are in the slot already; a key may have become known since."""
    if slot.verdict is Verdict.OK or not _is_intact(arrival):
        return Decision(DecisionKind.DUPLICATE, f"block {slot.seq} is held already")
    if _breaks(before, slot.hash, slot.previous, after):
        return _unfitting(slot.seq)
    return Decision(DecisionKind.SUPERSEDES, f"block {slot.seq} is held already and is now found intact")


def _decide_damaged(head: BlockHead, arrival: Judgement, before: Stored | None, after: Stored | None) -> Decision:
    """Decide on other bytes than the damaged ones in the slot."""
    intact = _is_intact(arrival)
    if intact and _breaks(before, arrival.hash, head.previous, after):
        return _unfitting(head.seq)
    if intact or _is_wanted_by(after, arrival.hash):
        return Decision(DecisionKind.SUPERSEDES, f"the block {head.seq} that was held is damaged")
    return Decision(DecisionKind.JUNK, f"another block {head.seq} is held already, and both are damaged")


def _unfitting(seq: int) -> Decision:
    return Decision(DecisionKind.CONFLICT, f"block {seq} does not fit between the blocks that are held")


def _is_intact(arrival: Judgement) -> bool:
    return arrival.verdict is Verdict.OK


def advance(stream: Stream, present: Iterable[tuple[int, BlockHash]]) -> tuple[Stream, range]:
    """Return the stream moved over the blocks now contiguous, and their seqs: apply their readings in this order.

    `present` are (seq, hash) of stored blocks from `committed` on in ascending order, with or without the block
    `committed` itself; reading ends at the first gap. Give that block too after a SUPERSEDES, its hash is taken over.
    """
    committed, committed_hash = stream.committed, stream.committed_hash
    for seq, block_hash in present:
        if seq > committed + 1:
            break
        if seq >= committed:
            committed, committed_hash = seq, block_hash
    moved = replace(stream, committed=committed, committed_hash=committed_hash)
    return moved, range(stream.committed + 1, committed + 1)


def flagged(stream: Stream, *, fork_seq: int | None, bad_seq: int | None) -> Stream:
    """Return the stream with the code its receipts must carry, from the lowest conflict and the lowest bad block.

    `fork_seq` is the lowest seq with a conflict kept aside, `bad_seq` the lowest doubtful slot (`is_doubtful`), None
    where there is none. Ask for them in the transaction that stores, so that code and hash in a receipt agree.
    """
    if stream.code is ReceiptCode.SUSPENDED:
        return stream
    if fork_seq is not None:
        return replace(stream, code=ReceiptCode.FORK, code_seq=fork_seq)
    if bad_seq is not None:
        return replace(stream, code=ReceiptCode.BAD_SIGNATURE, code_seq=bad_seq)
    return replace(stream, code=ReceiptCode.OK, code_seq=-1)


def is_doubtful(stored: Stored, after: Stored | None) -> bool:
    """Return whether the device may hold better bytes than these.

    It cannot if it signed them, readable or not, nor if the intact block after them was sealed on exactly these bytes:
    then they are what the device sealed, and their fault is not one of transport.
    """
    return stored.verdict in _UNSIGNED and not _is_wanted_by(after, stored.hash)


def safe_after(stream: Stream, policy: SafePolicy) -> Stream:
    """Return the flagged stream with what is safe after a commit: all that is intact, or under HOLD what was (R1).

    Nor does it move under a code that ends the epoch, which may hide a doubtful block: what lies above is sealed again.
    """
    moves = policy is SafePolicy.COMMIT and stream.code not in STOPPED
    return safe_in_backup(stream, stream) if moves else stream


def safe_in_backup(stream: Stream, saved: Stream) -> Stream:
    """Return the stream with what is safe since a backup was verified that holds it as `saved`.

    That ends before the lowest doubtful block there: the device must not let go of the one intact copy.
    """
    safe = max(stream.safe, min(_intact_through(saved), stream.committed))
    return stream if safe == stream.safe else replace(stream, safe=safe)


def selective_ranges(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return the lowest 8 closed ranges that ascending `seqs` (stored beyond `committed`) form."""
    ranges: list[tuple[int, int]] = []
    for seq in seqs:
        if ranges and seq <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(seq, ranges[-1][1]))
        elif len(ranges) == RANGES_MAX:
            break
        else:
            ranges.append((seq, seq))
    return tuple(ranges)


def make_receipt(  # noqa: PLR0913 - a receipt has this many fields, all but two by name
    stream: Stream,
    selective: tuple[tuple[int, int], ...],
    *,
    window: int,
    pace_ms: int,
    nonce: bytes,
    hub_at: int,
    timeline: bytes,
    contested: bool = False,
) -> Receipt:
    """Return the receipt for what is committed of `stream`; call it after the commit only.

    `nonce` is that of the state it answers, else empty; `hub_at` is UTC ms. The window is closed under a code that ends
    the epoch, and the licence to release ends before a doubtful block. A `contested` device is told so where the stream
    itself has nothing to say; custody goes on.
    """
    told = ReceiptCode.CONTESTED if contested and stream.code is ReceiptCode.OK else stream.code
    return Receipt(
        device=stream.device,
        epoch=stream.epoch,
        committed=stream.committed,
        safe=min(stream.safe, _intact_through(stream)),
        committed_hash=stream.committed_hash[:SHORT_HASH_LENGTH] if stream.committed >= 0 else b"",
        selective=selective,
        window=0 if stream.code in STOPPED else window,
        pace_ms=pace_ms,
        nonce=nonce,
        hub_at=hub_at,
        code=told,
        code_seq=stream.code_seq,
        timeline=timeline,
    )


def refuse(  # noqa: PLR0913 - whom, why, and the three things every receipt carries by name
    device: DeviceId, epoch: Epoch, code: ReceiptCode, *, nonce: bytes, hub_at: int, timeline: bytes
) -> Receipt:
    """Return the receipt that takes no custody: nothing committed, window 0, `code` saying why.

    For UNKNOWN_KEY (the device is not registered), UNSUPPORTED_VERSION or SUSPENDED; a sender changes none of its
    watermarks for these.
    """
    return Receipt(
        device=device,
        epoch=epoch,
        committed=-1,
        safe=-1,
        committed_hash=b"",
        selective=(),
        window=0,
        pace_ms=0,
        nonce=nonce,
        hub_at=hub_at,
        code=code,
        timeline=timeline,
    )


def _intact_through(stream: Stream) -> int:
    """Return the last committed seq before a doubtful block."""
    doubtful = stream.code is ReceiptCode.BAD_SIGNATURE and stream.code_seq >= 0
    return min(stream.committed, stream.code_seq - 1) if doubtful else stream.committed


def _breaks(before: Stored | None, block_hash: BlockHash, previous: BlockHash, after: Stored | None) -> bool:
    """Return whether an intact block contradicts an intact neighbour's place in the chain."""
    parted = before is not None and before.verdict is Verdict.OK and before.hash != previous
    return parted or (after is not None and after.verdict is Verdict.OK and after.previous != block_hash)


def _is_wanted_by(after: Stored | None, block_hash: BlockHash) -> bool:
    """Return whether the intact block after it was sealed on exactly these bytes."""
    return after is not None and after.verdict is Verdict.OK and after.previous == block_hash
