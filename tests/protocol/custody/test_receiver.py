"""The hub's end of custody: every slot, neighbour and verdict has one decision, and receipts say what is so."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import wire
from protocol.chain import Judgement, Verdict
from protocol.custody import receiver
from protocol.custody.receiver import DecisionKind, SafePolicy, Stored, Stream
from protocol.identity import NO_BLOCK, BlockHash, DeviceId, Epoch, KeyId
from protocol.messages import BlockHead, ReceiptCode

DEVICE = DeviceId(b"device...1")
EPOCH = Epoch(b"epoch..1")
STREAM = Stream(DEVICE, EPOCH)
OURS, OTHER, BEFORE, AFTER = (BlockHash(letter * 32) for letter in (b"o", b"x", b"b", b"a"))
SEQ = 5

bad_verdicts = [verdict for verdict in Verdict if verdict is not Verdict.OK]


def _arrival(verdict: Verdict = Verdict.OK, block_hash: BlockHash = OURS, previous: BlockHash = BEFORE) -> Judgement:
    head = BlockHead(DEVICE, EPOCH, SEQ, previous)
    return Judgement(verdict, block_hash, head, None, KeyId(bytes(8)), "" if verdict is Verdict.OK else "because")


def _slot(verdict: Verdict = Verdict.OK, block_hash: BlockHash = OURS) -> Stored:
    return Stored(SEQ, block_hash, verdict, BEFORE)


INTACT_BEFORE = Stored(SEQ - 1, BEFORE, Verdict.OK, NO_BLOCK)
INTACT_AFTER = Stored(SEQ + 1, AFTER, Verdict.OK, OURS)
PARTED_BEFORE = Stored(SEQ - 1, OTHER, Verdict.OK, NO_BLOCK)
PARTED_AFTER = Stored(SEQ + 1, AFTER, Verdict.OK, OTHER)
NEW, DUPLICATE, SUPERSEDES = DecisionKind.NEW, DecisionKind.DUPLICATE, DecisionKind.SUPERSEDES
JUNK, CONFLICT, REJECT = DecisionKind.JUNK, DecisionKind.CONFLICT, DecisionKind.REJECT


@pytest.mark.parametrize("bad", bad_verdicts)
def test_decision_table(bad: Verdict) -> None:
    """Each case of slot, neighbours and verdicts has its decision, whichever way the bad copy is bad."""
    damaged_neighbours = (PARTED_BEFORE._replace(verdict=bad), PARTED_AFTER._replace(verdict=bad))
    table = [
        (_arrival(), None, None, None, NEW),
        (_arrival(), None, INTACT_BEFORE, INTACT_AFTER, NEW),
        (_arrival(), None, PARTED_BEFORE, None, CONFLICT),
        (_arrival(), None, None, PARTED_AFTER, CONFLICT),
        (_arrival(), None, *damaged_neighbours, NEW),
        (_arrival(bad), None, PARTED_BEFORE, PARTED_AFTER, NEW),
        (_arrival(), _slot(), INTACT_BEFORE, INTACT_AFTER, DUPLICATE),
        (_arrival(bad), _slot(bad), None, None, DUPLICATE),
        (_arrival(bad), _slot(), None, None, DUPLICATE),
        (_arrival(), _slot(bad), None, None, SUPERSEDES),
        (_arrival(), _slot(bad), INTACT_BEFORE, INTACT_AFTER, SUPERSEDES),
        (_arrival(), _slot(bad), PARTED_BEFORE, None, CONFLICT),
        (_arrival(), _slot(bad), None, PARTED_AFTER, CONFLICT),
        (_arrival(), _slot(Verdict.OK, OTHER), INTACT_BEFORE, INTACT_AFTER, CONFLICT),
        (_arrival(bad), _slot(Verdict.OK, OTHER), None, INTACT_AFTER, JUNK),
        (_arrival(), _slot(bad, OTHER), INTACT_BEFORE, INTACT_AFTER, SUPERSEDES),
        (_arrival(), _slot(bad, OTHER), PARTED_BEFORE, None, CONFLICT),
        (_arrival(), _slot(bad, OTHER), None, PARTED_AFTER, CONFLICT),
        (_arrival(bad), _slot(bad, OTHER), None, None, JUNK),
        (_arrival(bad), _slot(bad, OTHER), None, INTACT_AFTER, SUPERSEDES),
        (_arrival(bad), _slot(bad, OTHER), None, PARTED_AFTER, JUNK),
    ]
    for number, (arrival, slot, before, after, expected) in enumerate(table):
        decision = receiver.decide(STREAM, arrival, slot, before, after)
        assert decision.kind is expected, number
        assert bool(decision.reason) == (expected is not NEW), number


def test_bytes_without_a_place_are_rejected() -> None:
    """Custody cannot be taken of bytes that name no slot, or a slot of another stream; the reason is kept."""
    nameless = _arrival(Verdict.MALFORMED)._replace(head=None)
    assert receiver.decide(STREAM, nameless, None, None, None) == receiver.Decision(REJECT, "because")
    foreign = _arrival()._replace(head=BlockHead(DEVICE, Epoch(b"epoch..2"), SEQ, BEFORE))
    assert receiver.decide(STREAM, foreign, None, None, None).kind is REJECT


@given(st.sets(st.integers(0, 20)), st.integers(-1, 20))
def test_advance_covers_exactly_the_contiguous_blocks(stored: set[int], committed: int) -> None:
    """The watermark moves to the last block before the first gap, and takes that block's hash."""
    stream = replace(STREAM, committed=committed, committed_hash=BEFORE)
    present = [(seq, BlockHash(bytes([seq]) * 32)) for seq in sorted(stored)]
    moved, newly = receiver.advance(stream, present)
    expected = committed
    while expected + 1 in stored:
        expected += 1
    assert moved.committed == expected
    assert newly == range(committed + 1, expected + 1)
    assert moved.committed_hash == (BlockHash(bytes([expected]) * 32) if expected in stored else BEFORE)


@given(st.sets(st.integers(0, 60)))
def test_selective_ranges_are_the_lowest_runs(stored: set[int]) -> None:
    """The ranges are closed, apart, ascending, at most eight, and hold the lowest stored numbers and no others."""
    ranges = receiver.selective_ranges(sorted(stored))
    covered = [seq for first, last in ranges for seq in range(first, last + 1)]
    assert covered == sorted(stored)[: len(covered)]
    assert len(ranges) == 8 or len(covered) == len(stored)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


def test_codes_by_precedence() -> None:
    """A fork outweighs damage, a suspension outweighs both, and nothing is left when both are resolved."""
    bad = receiver.flagged(STREAM, fork_seq=None, bad_seq=3)
    assert (bad.code, bad.code_seq) == (ReceiptCode.BAD_SIGNATURE, 3)
    fork = receiver.flagged(bad, fork_seq=7, bad_seq=3)
    assert (fork.code, fork.code_seq) == (ReceiptCode.FORK, 7)
    assert receiver.flagged(fork, fork_seq=None, bad_seq=None) == STREAM
    suspended = replace(STREAM, code=ReceiptCode.SUSPENDED)
    assert receiver.flagged(suspended, fork_seq=1, bad_seq=1) == suspended


def test_damage_is_doubtful_until_the_next_block_vouches_for_it() -> None:
    """An unproved copy may be a damaged one, unless the intact block after it was sealed on exactly these bytes."""
    bad = _slot(Verdict.BAD_SIGNATURE)
    assert not receiver.is_doubtful(_slot(), None)
    assert receiver.is_doubtful(bad, None)
    assert receiver.is_doubtful(bad, PARTED_AFTER)
    assert receiver.is_doubtful(bad, INTACT_AFTER._replace(verdict=Verdict.BAD_SIGNATURE))
    assert not receiver.is_doubtful(bad, INTACT_AFTER)


@pytest.mark.parametrize("verdict", [Verdict.MALFORMED, Verdict.UNSUPPORTED])
def test_what_the_device_signed_is_never_doubtful(verdict: Verdict) -> None:
    """A block that nobody can read but its device signed has no better copy; naming it would hide damaged ones."""
    assert not receiver.is_doubtful(_slot(verdict), None)
    assert not receiver.is_doubtful(_slot(verdict), INTACT_AFTER._replace(verdict=Verdict.BAD_SIGNATURE))


def test_safe_follows_the_policy_and_ends_before_damage() -> None:
    """R1: a commit is safe under COMMIT, a verified backup under HOLD, and a doubtful block under neither."""
    stream = replace(STREAM, committed=9, safe=2, committed_hash=OURS)
    assert receiver.safe_after(stream, SafePolicy.HOLD).safe == 2
    assert receiver.safe_after(stream, SafePolicy.COMMIT).safe == 9
    damaged = receiver.flagged(stream, fork_seq=None, bad_seq=5)
    assert receiver.safe_after(damaged, SafePolicy.COMMIT).safe == 4
    assert receiver.safe_after(receiver.flagged(stream, fork_seq=None, bad_seq=1), SafePolicy.COMMIT).safe == 2
    assert receiver.safe_in_backup(stream, replace(stream, committed=6)).safe == 6
    assert receiver.safe_in_backup(stream, replace(damaged, committed=8)).safe == 4


def test_a_fork_hides_no_damage_from_safe() -> None:
    """R1: a fork's code leaves no room for a doubtful block's, so that no commit makes anything safe under it."""
    stream = replace(STREAM, committed=9, safe=2, committed_hash=OURS)
    forked = receiver.flagged(stream, fork_seq=7, bad_seq=5)
    assert forked.code is ReceiptCode.FORK
    assert receiver.safe_after(forked, SafePolicy.COMMIT).safe == 2


def test_receipts_license_nothing_from_a_doubtful_block_on() -> None:
    """R1: whatever is safe by storage, the device keeps its intact copy of a block that is damaged here."""
    stream = Stream(DEVICE, EPOCH, committed=9, safe=9, committed_hash=OURS)
    damaged = receiver.flagged(stream, fork_seq=None, bad_seq=5)
    receipt = receiver.make_receipt(damaged, (), window=16, pace_ms=0, nonce=b"", hub_at=1, timeline=b"")
    assert (receipt.committed, receipt.safe) == (9, 4)


@given(st.sampled_from(ReceiptCode), st.integers(-1, 5), st.sets(st.integers(7, 40)))
def test_receipts_say_what_is_held_and_can_be_sealed(code: ReceiptCode, committed: int, ahead: set[int]) -> None:
    """A receipt carries the stream's watermarks, names its hash exactly when there is one, and is legal on the wire."""
    stream = replace(STREAM, committed=committed, committed_hash=OURS, code=code)
    receipt = receiver.make_receipt(
        stream,
        receiver.selective_ranges(sorted(ahead)),
        window=16,
        pace_ms=0,
        nonce=b"nonc",
        hub_at=1,
        timeline=b"t",
    )
    assert wire.decode_receipt(wire.encode_receipt(receipt)) == receipt
    assert receipt.committed_hash == (OURS[:16] if committed >= 0 else b"")
    assert (receipt.window == 0) == (code in (ReceiptCode.FORK, ReceiptCode.SUSPENDED))


@pytest.mark.parametrize("code", [ReceiptCode.OK, ReceiptCode.FORK, ReceiptCode.BAD_SIGNATURE, ReceiptCode.SUSPENDED])
def test_a_contest_is_told_only_where_nothing_else_is(code: ReceiptCode) -> None:
    """A fork must be told, or the device begins no new log, and damage too, or it sends no better copy."""
    stream = replace(STREAM, committed=9, safe=9, committed_hash=OURS, code=code)
    receipt = receiver.make_receipt(stream, (), window=16, pace_ms=0, nonce=b"", hub_at=1, timeline=b"", contested=True)
    assert receipt.code is (ReceiptCode.CONTESTED if code is ReceiptCode.OK else code)
    assert (receipt.committed, receipt.safe) == (9, 9)


def test_refusal_takes_no_custody() -> None:
    """A refusal commits nothing, closes the window, and is legal on the wire."""
    refusal = receiver.refuse(DEVICE, EPOCH, ReceiptCode.UNKNOWN_KEY, nonce=b"nonc", hub_at=1, timeline=b"")
    assert (refusal.committed, refusal.safe, refusal.window, refusal.nonce) == (-1, -1, 0, b"nonc")
    assert wire.decode_receipt(wire.encode_receipt(refusal)) == refusal
