"""The lives of a log: what was not safe is sealed again as it was, what is safe goes, what is gone is said to be."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edge.journal import BLOCK_RECORDS_MAX, Author
from edge.journal.errors import JournalUnavailableError
from edge.metering.outcome import Taken
from protocol import cbor, cose, wire
from protocol.custody.sender import RetryPolicy
from protocol.errors import TooLargeError
from protocol.identity import NO_BLOCK, BootId, hash_block
from protocol.key_statement import seal_key_statement
from protocol.messages import (
    FLAG_RESEALED,
    ClockEvent,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    KeyEvent,
    MeterDescriptor,
    PollErrors,
    Readings,
)
from tests.edge.making import (
    AUTHOR,
    BOOT,
    KEY,
    MINUTE_MS,
    audit,
    descriptor,
    drawing,
    failed,
    good,
    instant,
    journal_in_memory,
    readings_of,
)
from tests.protocol.strategies import HUB_KEY

if TYPE_CHECKING:
    from edge.journal import Journal
    from protocol.identity import Epoch
    from protocol.messages import Block

NEXT_BOOT = BootId(b"next")
POLICY = RetryPolicy()
DRAW = drawing()


def log_of(blocks: int, *, meters: int = 1) -> Journal:
    """Return a journal with a genesis and so many blocks, each with one reading per meter at the minute of its seq."""
    journal = journal_in_memory(draw=DRAW)
    for seq in range(1, blocks + 1):
        journal.record(instant(seq).wall_ms, [good(meter, seq, seq) for meter in range(1, meters + 1)], MINUTE_MS)
        assert journal.seal(instant(seq)) == seq
    return journal


def hear(journal: Journal, committed: int, safe: int, epoch: Epoch | None = None, timeline: bytes = b"") -> None:
    """Make the hub's word durable."""
    sender = replace(journal.sender(POLICY, epoch), committed=committed, safe=safe, timeline=timeline)
    journal.acknowledge(sender, f"receipt {committed} {safe}".encode())


def genesis_of(block: Block) -> Genesis:
    """Return the genesis, which stands alone in the first block."""
    (frame,) = block.frames
    assert isinstance(frame, Genesis)
    return frame


def test_what_is_not_safe_is_sealed_again_as_it_was() -> None:
    """R4: the new epoch holds every record above `safe` under its own boot, its meter described before it."""
    first = log_of(3)
    hear(first, 3, 1, timeline=b"life")
    journal = journal_in_memory(first.image(), minute=4, boot=NEXT_BOOT)
    journal.record(instant(4).wall_ms, [good(1, 4, 4, exponent=1), failed(2, 4)], MINUTE_MS)
    journal.seal(instant(4))
    old = journal.epoch
    originals = audit(journal, old)
    new = journal.begin_epoch(GenesisReason.FORK, instant(5), DRAW)
    genesis, *again = audit(journal, new)
    assert genesis_of(genesis).predecessor == (old, 1, journal.hash_of(1, old))
    assert genesis_of(genesis).predecessor_receipt == b"receipt 3 1"
    assert readings_of(again) == readings_of(originals[2:])
    assert [(block.boot_id, block.boot_count, block.flags) for block in again] == [
        (BOOT, 1, FLAG_RESEALED),
        (BOOT, 1, FLAG_RESEALED),
        (NEXT_BOOT, 2, FLAG_RESEALED),
    ]
    assert [frame for block in again for frame in block.frames if isinstance(frame, MeterDescriptor)] == [
        descriptor(1),
        descriptor(1, exponent=1),
    ]
    assert PollErrors(2, instant(4).wall_ms, instant(4).wall_ms, {"timeout": 1}) in again[-1].frames
    sender = journal.sender(POLICY)
    assert (sender.epoch, sender.head, sender.committed, sender.safe, sender.floor) == (new, 3, -1, -1, 0)
    assert sender.timeline == b"life"
    assert journal.block(3, old) is not None


def test_what_is_open_goes_into_the_new_epoch() -> None:
    """Polls and statements not sealed yet are sealed in the new epoch, with their meter described there."""
    journal = log_of(1)
    hear(journal, 1, 1)
    journal.record(instant(2).wall_ms, [good(1, 2, 2)], MINUTE_MS)
    event = ClockEvent(1, 0, 5000, 0, 0)
    journal.state(event)
    new = journal.begin_epoch(GenesisReason.OPERATOR, instant(3), DRAW)
    assert journal.sender(POLICY).head == 0
    journal.seal(instant(3))
    _, block = audit(journal, new)
    assert block.frames[:2] == (event, descriptor(1))
    assert readings_of([block]) == [(BOOT, 1, instant(2).wall_ms, 2 * MINUTE_MS, 2)]
    assert block.flags == 0


def test_before_anything_was_safe_the_whole_log_is_sealed_again() -> None:
    """With nothing in common with the hub, the predecessor is named without a block, and nothing is left out."""
    journal = log_of(2)
    old = journal.epoch
    new = journal.begin_epoch(GenesisReason.ROLLBACK, instant(5), DRAW)
    genesis, *again = audit(journal, new)
    assert genesis_of(genesis).predecessor == (old, -1, NO_BLOCK)
    assert genesis_of(genesis).predecessor_receipt is None
    assert readings_of(again) == readings_of(audit(journal, old))


def test_a_key_that_followed_another_is_explained_in_the_genesis() -> None:
    """Key events are not sealed again: the genesis names the key that signs and how it followed from the first."""
    journal = log_of(1)
    statement = seal_key_statement(AUTHOR.device, KEY, HUB_KEY)
    journal.state(KeyEvent(statement))
    assert journal.seal(instant(2)) == 2
    journal.author = Author(AUTHOR.device, HUB_KEY, "1", (statement,))
    journal.begin_epoch(GenesisReason.OPERATOR, instant(3), DRAW)
    blocks = [wire.read_block(journal.block(seq) or b"") for seq in range(2)]
    assert all(envelope.key_id == HUB_KEY.key_id for _, envelope in blocks)
    genesis = genesis_of(blocks[0][0])
    assert (genesis.signing_key_spki, genesis.key_history) == (HUB_KEY.spki, (statement,))
    assert journal.sender(POLICY).head == 1, "a block of key events alone has nothing to seal again"


def test_damaged_bytes_become_an_honest_gap() -> None:
    """A block that is not what was signed is left out and its polls are said to be missing; the rest goes on."""
    journal = log_of(5, meters=2)
    journal.db.execute("update block set raw = zeroblob(100) where seq in (2, 3)")
    new = journal.begin_epoch(GenesisReason.DATABASE_LOST, instant(6), DRAW)
    journal.seal(instant(6))
    _, *again, last = audit(journal, new)
    assert [count for *_, count in readings_of(again)] == [1, 1, 4, 4, 5, 5]
    span = (instant(2).wall_ms, instant(3).wall_ms + 1)
    assert last.frames == (Gap(1, *span, GapCause.DAMAGED), Gap(2, *span, GapCause.DAMAGED))


def test_what_a_newer_agent_sealed_is_not_passed_over_in_silence() -> None:
    """A block that is whole and cannot be read here holds up no new epoch, and its polls are said to be missing."""
    journal = log_of(3)
    raw = cose.sign(cose.Kind.BLOCK, cbor.encode({-1: "says more than is known here"}), KEY)
    journal.db.execute("update block set raw = ?, hash = ? where seq = 2", [raw, hash_block(raw)])
    new = journal.begin_epoch(GenesisReason.FORK, instant(4), DRAW)
    journal.seal(instant(4))
    _, *again, last = audit(journal, new)
    assert [count for *_, count in readings_of(again)] == [1, 3]
    assert last.frames == (Gap(1, instant(2).wall_ms, instant(2).wall_ms + 1, GapCause.DAMAGED),)


def test_lost_rows_become_a_gap_up_to_now() -> None:
    """A block of which there is no trace is a gap from the seal before it to the one after it, or now."""
    journal = log_of(3)
    journal.db.execute("delete from block where seq >= 2")
    journal.begin_epoch(GenesisReason.DATABASE_LOST, instant(9), DRAW)
    journal.seal(instant(9))
    *_, last = audit(journal, journal.epoch)
    assert last.frames == (Gap(1, instant(1).wall_ms, instant(9).wall_ms + 1, GapCause.DAMAGED),)


def test_a_hub_that_lost_what_it_declared_safe_is_given_all_that_is_held() -> None:
    """What was released on its word is a gap with the licence beside it; all else that is held is sealed again."""
    journal = log_of(4)
    hear(journal, 4, 2)
    oldest = journal.epoch
    journal.begin_epoch(GenesisReason.OPERATOR, instant(5), DRAW)
    for minute in range(6, 10):
        journal.record(instant(minute).wall_ms, [good(1, minute, minute)], MINUTE_MS)
        journal.seal(instant(minute))
    hear(journal, 5, 4)
    hear(journal, 6, 4)
    journal.db.execute("update block set sealed_at = ? where epoch = ?", [instant(0).wall_ms, oldest])
    assert journal.release(instant(100), retention_ms=MINUTE_MS * 93) == 5 + 4
    old, licence = journal.epoch, b"receipt 5 4"
    hear(journal, 1, 1)
    new = journal.begin_epoch(GenesisReason.HUB_LOST, instant(101), drawing(), hub_holds=1)
    journal.seal(instant(101))
    genesis, *again, last = audit(journal, new)
    assert genesis_of(genesis).predecessor == (old, 1, journal.hash_of(1, old))
    assert genesis_of(genesis).predecessor_receipt == licence
    assert [count for *_, count in readings_of(again)] == [7, 8, 9]
    assert last.frames == (Gap(1, instant(4).wall_ms, instant(6).wall_ms + 1, GapCause.PRUNED),)


def test_older_epochs_are_sealed_again_for_a_hub_that_lost_them() -> None:
    """Safe blocks of an archived epoch that are held still are not forgotten when the hub lost its word on them."""
    journal = log_of(2)
    hear(journal, 2, 2)
    journal.begin_epoch(GenesisReason.OPERATOR, instant(3), DRAW)
    new = journal.begin_epoch(GenesisReason.HUB_LOST, instant(4), drawing(), hub_holds=-1)
    assert [count for *_, count in readings_of(audit(journal, new))] == [1, 2]


def test_an_archived_epoch_is_kept_until_it_is_covered() -> None:
    """Blocks above `safe` stay until everything sealed again is safe, in the next epoch or the one after that."""
    journal = log_of(3)
    hear(journal, 3, 1)
    first = journal.epoch
    second = journal.begin_epoch(GenesisReason.FORK, instant(4), DRAW)
    assert journal.release(instant(100), 0) == 2
    assert journal.release(instant(100), 0) == 0
    hear(journal, 1, 1)
    assert journal.release(instant(100), 0) == 2, "the genesis and the first block of the second epoch"
    third = journal.begin_epoch(GenesisReason.FORK, instant(5), DRAW)
    assert (journal.block(2, first), journal.block(2, second)) != (None, None)
    hear(journal, 1, 0)
    assert journal.release(instant(100), 0) == 1, "the third genesis"
    assert journal.block(2, first) is not None
    hear(journal, 1, 1)
    assert journal.release(instant(100), 0) == 2 + 1, "all of the first and of the second epoch"
    assert journal.block(3, first) is None
    assert journal.hash_of(3, first) is not None
    assert journal.block(1, third) is not None, "the newest block stays"


def test_an_archived_epoch_goes_by_its_own_word_too() -> None:
    """What the hub declares safe of an archived epoch may go, whatever became of the copies."""
    journal = log_of(3)
    first = journal.epoch
    journal.begin_epoch(GenesisReason.OPERATOR, instant(4), DRAW)
    hear(journal, 3, 2, first)
    assert journal.release(instant(100), 0) == 3
    assert [journal.block(seq, first) is None for seq in range(4)] == [True, True, True, False]
    assert journal.sender(POLICY, first).floor == 3


def test_a_new_epoch_is_there_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """If sealing again fails midway, the old epoch is the current one and nothing of the new one is there."""
    journal = log_of(3)
    old, image = journal.epoch, journal.image()
    seal_block = wire.seal_block

    def fail_at_last(block: Block, key: object) -> bytes:
        if block.seq == 3:
            message = "no room"
            raise sqlite3.OperationalError(message)
        assert key is KEY
        return seal_block(block, KEY)

    monkeypatch.setattr(wire, "seal_block", fail_at_last)
    with pytest.raises(JournalUnavailableError):
        journal.begin_epoch(GenesisReason.FORK, instant(4), DRAW)
    monkeypatch.undo()
    assert journal.epoch == old
    assert journal_in_memory(journal.image()).epoch == old
    assert journal_in_memory(image).epoch == old
    journal.begin_epoch(GenesisReason.FORK, instant(4), DRAW)
    assert len(audit(journal, journal.epoch)) == 4


def test_a_full_block_is_split_if_its_meters_must_be_described_again() -> None:
    """Descriptors that make a block too large put its rows into several, and no row is lost or moved."""
    journal = journal_in_memory(draw=DRAW)
    wordy = {
        meter: replace(descriptor(meter), note="n" * 256, make="m" * 64, model="o" * 64) for meter in range(1, 180)
    }
    for meter, described in wordy.items():
        journal.record(instant(1).wall_ms, [replace(good(meter, 1, 1), result=Taken({0: 1}, described))], MINUTE_MS)
    while journal.seal(instant(1)) is not None:
        pass
    safe = journal.sender(POLICY).head
    hear(journal, safe, safe)
    for minute in range(2, 4):
        journal.record(
            instant(minute).wall_ms,
            [replace(good(meter, minute, minute), result=Taken({0: minute}, wordy[meter])) for meter in wordy],
            MINUTE_MS,
        )
    journal.seal(instant(4))
    assert 2 * len(wordy) < BLOCK_RECORDS_MAX
    old = journal.epoch
    journal.begin_epoch(GenesisReason.FORK, instant(5), DRAW)
    _, *again = audit(journal, journal.epoch)
    assert len(again) > 1
    assert readings_of(again) == readings_of(audit(journal, old)[-1:])
    assert sum(isinstance(frame, Readings) for block in again for frame in block.frames) == len(wordy)


def test_a_released_block_leaves_its_hash() -> None:
    """Whatever a hub says of the past can be compared for ever, though the bytes are gone."""
    journal = log_of(3)
    known = [journal.hash_of(seq) for seq in range(4)]
    hear(journal, 3, 3)
    assert journal.release(instant(100), 0) == 3
    assert [journal.hash_of(seq) for seq in range(4)] == known
    assert journal.floor() == 3
    assert journal.hash_of(4) is None


def test_only_a_run_from_the_oldest_is_released() -> None:
    """A clock that was set back makes no hole: what is held is held from one seq on."""
    journal = log_of(4)
    hear(journal, 4, 4)
    journal.db.execute("update block set sealed_at = ? where seq = 1", [instant(500).wall_ms])
    assert journal.release(instant(100), 0) == 1
    assert journal.floor() == 1


def test_a_large_block_of_one_meter_is_cut_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is too large by its rows alone is cut between rows."""
    journal = log_of(0)
    for minute in range(1, 201):
        journal.record(instant(minute).wall_ms, [good(1, minute, minute**6)], MINUTE_MS)
    journal.seal(instant(201))
    original = readings_of(audit(journal, journal.epoch))
    largest = len(journal.block(1) or b"")
    seal_block = wire.seal_block

    def refuse_large(block: Block, key: object) -> bytes:
        assert key is KEY
        raw = seal_block(block, KEY)
        if len(raw) > largest * 2 // 3:
            raise TooLargeError
        return raw

    monkeypatch.setattr(wire, "seal_block", refuse_large)
    journal.begin_epoch(GenesisReason.FORK, instant(202), DRAW)
    _, *again = audit(journal, journal.epoch)
    assert len(again) > 1
    assert readings_of(again) == original


def test_the_licence_covers_what_was_released() -> None:
    """Once blocks are gone on a hub's word, the receipt that allowed it outlives any that says less."""
    journal = log_of(5)
    hear(journal, 5, 4)
    journal.release(instant(100), 0)
    hear(journal, 2, 2)
    hear(journal, 3, 3)
    assert journal.db.execute("select receipt, licence from epoch").fetchone() == (b"receipt 3 3", b"receipt 5 4")
    hear(journal, 5, 5)
    assert journal.db.execute("select receipt, licence from epoch").fetchone() == (b"receipt 5 5", b"receipt 5 5")
