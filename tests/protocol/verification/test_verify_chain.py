"""Levels 1 and 2: no byte can change, no block can move, and no key can seal out of its turn without being told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose, wire
from protocol.evidence import Claim
from protocol.identity import BlockHash, DeviceId, Epoch, derive_device_id, hash_block
from protocol.key_statement import seal_key_statement
from protocol.messages import GenesisReason, Instant, KeyEvent, ReceiptCode, TimeQuality
from protocol.verification import Level, Report, Severity, Terms, arrange, verify
from tests.protocol.logs import BOOTED_AT, FIRST_EPOCH, MIDNIGHT, STEP, Log, key, meter, readings, whole_log

if TYPE_CHECKING:
    from collections.abc import Sequence

HUB = key(9)
LOG = whole_log()
CLAIM = Claim(
    device=LOG.device,
    epoch=LOG.epoch,
    seq=4,
    meter=0,
    serial="WN-1",
    register=0,
    obis="1-0:2.8.0",
    read_at=MIDNIGHT + 12 * STEP,
    boottime_ms=MIDNIGHT + 12 * STEP - BOOTED_AT,
    raw=1120,
    value=1120,
    exponent=0,
    unit="Wh",
)


def check(messages: Sequence[bytes], terms: Terms | None = None) -> Report:
    """Verify these messages."""
    return verify(arrange(messages), terms or Terms())


def faults(report: Report, severity: Severity = Severity.ERROR) -> list[tuple[int, str]]:
    """Return level and sentence of every finding of a severity."""
    return [(finding.level.value, finding.message) for finding in report.findings if finding.severity is severity]


def test_a_whole_log_holds_at_every_level_and_is_counted() -> None:
    """An untouched log has no findings at all, in whatever order its blocks come and however often."""
    shuffled = LOG.blocks * 2
    shuffled.sort(key=hash_block)
    for messages in (LOG.blocks, shuffled):
        report = check(messages)
        assert (report.verified, report.findings) == (True, ())
        assert [report.holds(level) for level in Level] == [True] * 3
        assert (report.counts.blocks, report.counts.readings, report.counts.meters) == (25, 96, 1)
        assert report.epochs[0].stretches == ((0, 24),)
    assert check(shuffled) == check(LOG.blocks)


@given(st.integers(0, 24), st.integers(0, 300), st.integers(1, 255))
def test_no_byte_can_change(place: int, at: int, change: int) -> None:
    """Whichever byte of whichever block is altered, a level fails."""
    blocks = list(LOG.blocks)
    damaged = bytearray(blocks[place])
    damaged[at % len(damaged)] ^= change
    blocks[place] = bytes(damaged)
    assert not check(blocks).verified


@given(st.sets(st.integers(0, 24), min_size=1))
def test_a_block_left_out_is_named(shown: set[int]) -> None:
    """A hole fails level 2 and nothing below it, unless nothing but the genesis stands before it; both are told."""
    blocks = [LOG.blocks[0], *(LOG.blocks[seq] for seq in sorted(shown - {0}))]
    report = check(blocks, Terms(enrolment_keys=(key(1).public,)))
    assert report.holds(Level.SIGNATURE)
    seqs = [seq for first, last in report.epochs[0].stretches for seq in range(first, last + 1)]
    assert seqs == sorted(shown | {0})
    holes = any(later - earlier > 1 for earlier, later in pairwise(seqs))
    later = seqs[1:]
    is_whole = all(after - before == 1 for before, after in pairwise(later if seqs[1:2] != [1] else seqs))
    assert report.holds(Level.CHAIN) is is_whole
    told = faults(report) + faults(report, Severity.WARNING)
    assert any("not shown" in message for level, message in told if level == 2) == holes


def test_what_was_left_out_is_named_block_by_block() -> None:
    """One sentence for each hole; a bundle, which says what it is about, may have them."""
    part = [LOG.blocks[seq] for seq in (0, 1, 2, 4, 9)]
    assert [message.split(" not shown")[0] for _, message in faults(check(part))] == [
        "block 3 was",
        "blocks 5 to 8 were",
    ]
    bundle = check(part, Terms(claims=(CLAIM,)))
    assert faults(bundle) == []
    assert [message for level, message in faults(bundle, Severity.NOTE) if level == 2] == [
        "block 3 was not shown, so nothing is said of what is in there",
        "blocks 5 to 8 were not shown, so nothing is said of what is in there",
    ]
    late = check([LOG.blocks[seq] for seq in (4, 5)], Terms(claims=(CLAIM,), enrolment_keys=(key(1).public,)))
    assert (2, "blocks 0 to 3 were not shown, so nothing is said of what is in there") in faults(late, Severity.NOTE)


def test_an_export_of_what_a_hub_lacks_is_no_broken_log() -> None:
    """Genesis and hand-over stand alone before the blocks they are to prove; after those nothing may be missing."""
    log, _ = rotated()
    log.seal(readings([7, 8], 6))
    fine = check([log.blocks[seq] for seq in (0, 2, 4, 5)])
    assert (fine.verified, len(faults(fine, Severity.WARNING))) == (True, 2)
    assert not check([log.blocks[seq] for seq in (0, 2, 3, 5)]).verified


def test_a_part_without_genesis_needs_the_devices_key() -> None:
    """Without the genesis the key is unknown; given as the enrolment key, it proves itself by the device's id."""
    assert [level for level, _ in faults(check(LOG.blocks[3:]))] == [1], "told once, not once for each block"
    report = check(LOG.blocks[3:], Terms(enrolment_keys=(key(1).public,)))
    assert report.verified
    assert faults(report, Severity.WARNING)[0][1].startswith("blocks 0 to 2 were not shown")
    told = [message for _, message in faults(report, Severity.WARNING) if "whose descriptor" in message]
    assert [message.split(" there")[0] for message in told] == ["from block 3 on"]
    assert not check(LOG.blocks[3:], Terms(enrolment_keys=(key(2).public,))).verified


def test_only_what_was_asked_is_judged() -> None:
    """A fault of a higher level does not show at a lower one."""
    log = Log()
    log.seal(meter())
    log.seal(readings([10, 9]))
    assert not check(log.blocks).verified
    report = check(log.blocks, Terms(level=Level.CHAIN))
    assert (report.verified, report.findings) == (True, ())
    with pytest.raises(AssertionError):
        report.holds(Level.PLAUSIBILITY)


def test_strange_messages_are_named() -> None:
    """What is neither block nor receipt fails level 1, with its number in the file."""
    state = cose.sign(cose.Kind.STATE, cbor.encode({0: 1}), key(1))
    report = check([*LOG.blocks, b"\x01", state])
    assert [message.split(":")[0] for _, message in faults(report)] == [
        "message 26 cannot be read",
        "message 27 is neither a block nor a receipt",
    ]


def test_a_block_that_only_a_newer_reader_understands_is_named() -> None:
    """Its signature may be good: what it says cannot be vouched for, and the rest is judged without it."""
    content = cbor.decode(wire.encode_block(wire.read_block(LOG.blocks[0])[0]))
    assert isinstance(content, dict)
    future = cose.sign(cose.Kind.BLOCK, cbor.encode(content | {-5: 1}), key(1))
    report = check([future, *LOG.blocks[1:]], Terms(enrolment_keys=(key(1).public,)))
    assert "block 0 is unsupported" in faults(report)[0][1]
    assert report.epochs[0].stretches == ((1, 24),)


def test_a_replaced_block_does_not_fit() -> None:
    """Two intact blocks for one place are a fork; a lone wrong one breaks the chain after it."""
    other = Log()
    other.seal(meter())
    other.seal(readings([1, 2, 3, 4]))
    both = check([*LOG.blocks, other.blocks[1]])
    assert any("2 intact blocks claim to be block 1" in message for _, message in faults(both))
    assert not any("was sealed after another" in message for _, message in faults(both)), "the fitting one is taken"
    swapped = check([LOG.blocks[0], other.blocks[1], *LOG.blocks[2:]])
    assert (2, "block 2 was sealed after another block 1 than the one that is held") in faults(swapped)


def test_a_log_that_does_not_begin_is_found_out() -> None:
    """A block 0 without a genesis, and readings without a descriptor in a whole log, fail level 2."""
    log = Log()
    log.seal(readings([1]))
    assert any(level == 2 and "descriptor" in message for level, message in faults(check(log.blocks)))
    block, _ = wire.read_block(LOG.blocks[1])
    stray = wire.seal_block(replace(block, seq=0), key(1))
    report = check([stray], Terms(enrolment_keys=(key(1).public,)))
    assert any("not a genesis" in message for _, message in faults(report))


def rotated() -> tuple[Log, bytes]:
    """Return a log that hands over from key 1 to key 2 in block 2, and the statement."""
    log = Log()
    log.seal(meter())
    log.seal(readings([1, 2], 0))
    statement = log.rotate(key(2))
    log.seal(readings([3, 4], 2))
    log.seal(readings([5, 6], 4))
    return log, statement


def test_a_key_may_hand_over() -> None:
    """Blocks after the key event are sealed by the new key; a part that shows the event is enough."""
    log, _ = rotated()
    assert check(log.blocks).findings == ()
    assert check([log.blocks[0], log.blocks[2], log.blocks[4]]).holds(Level.SIGNATURE)
    assert not check([log.blocks[0], log.blocks[4]]).holds(Level.SIGNATURE)


@pytest.mark.parametrize("leave_out", [(), (3,)])
def test_the_old_key_no_longer_seals(leave_out: tuple[int, ...]) -> None:
    """After the hand-over a block by the old key fails level 1, whether or not the blocks between are shown."""
    log, _ = rotated()
    log.signer = key(1)
    log.seal(readings([7], 6))
    report = check([raw for seq, raw in enumerate(log.blocks) if seq not in leave_out])
    assert [level for level, _ in faults(report)] == [1, *(2 for _ in leave_out)]
    assert f"block 5 was sealed by key {key(1).key_id.hex()} where" in faults(report)[0][1]


def test_a_key_event_must_say_something_true() -> None:
    """A statement that is not one, is of another device, or is not about the sealing key fails."""
    stranger = seal_key_statement(whole_log().device, key(5), key(6))
    foreign = seal_key_statement(DeviceId(b"x" * 10), key(1), key(2))
    for statement, words in (
        (b"nonsense", "says nothing"),
        (foreign, "another device"),
        (stranger, "not known for this device"),
    ):
        log = Log()
        log.seal(meter())
        log.seal(KeyEvent(statement))
        assert any(level == 2 and words in message for level, message in faults(check(log.blocks))), words
    log, statement = rotated()
    log.seal(KeyEvent(statement))
    assert check(log.blocks).verified, "saying it again says nothing new"
    log = Log(signer=key(1))
    log.seal(meter())
    log.rotate(key(2))
    log.signer = key(2)
    log.seal(KeyEvent(seal_key_statement(log.device, key(1), key(3))))
    assert any("is not about the key" in message for _, message in faults(check(log.blocks)))


def test_a_key_history_binds_a_later_genesis() -> None:
    """A genesis under a later key holds if its history leads from the enrolment key to it, and not otherwise."""
    first = seal_key_statement(LOG.device, key(1), key(2))
    second = seal_key_statement(LOG.device, key(2), key(3))
    good = Log(signer=key(3), history=(first, second))
    good.seal(meter())
    assert check(good.blocks).findings == ()
    for signer, history in (
        (key(2), (first, second)),
        (key(3), (second,)),
        (key(3), (first, second, first)),
        (key(4), (first, b"?")),
    ):
        bad = Log(signer=signer, history=history)
        bad.seal(meter())
        report = check(bad.blocks, Terms(enrolment_keys=(key(1).public,)))
        assert not report.verified
    unusable = Log()
    unusable.seal(meter())
    block, _ = wire.read_block(unusable.blocks[0])
    odd = replace(block, device=LOG.device, frames=(replace(unusable.genesis(), signing_key_spki=b"odd"),))
    assert not check([wire.seal_block(odd, key(1))]).verified


def test_keys_that_state_each_other_lead_nowhere() -> None:
    """Statements in a circle do not send the verifier round for ever."""
    circle = (seal_key_statement(LOG.device, key(1), key(2)), seal_key_statement(LOG.device, key(2), key(1)))
    log = Log(signer=key(1), history=circle)
    log.seal(meter(), KeyEvent(seal_key_statement(LOG.device, key(2), key(5))))
    assert isinstance(check(log.blocks), Report)


def test_an_unusable_enrolment_key_unlocks_nothing() -> None:
    """A genesis whose key hashes to the device id and is no key of ours leaves its block unverified."""
    odd = replace(
        wire.read_block(LOG.blocks[0])[0],
        device=derive_device_id(b"odd key"),
        frames=(replace(LOG.genesis(), signing_key_spki=b"odd key"),),
    )
    report = check([wire.seal_block(odd, key(1))])
    assert faults(report)[0][0] == 1


def test_epochs_name_the_one_before() -> None:
    """A successor holds if its predecessor is the block shown, fails if another, and says so if none is shown."""
    log = whole_log()
    fine = log.successor(20)
    fine.seal(meter())
    assert check([*fine.blocks, *log.blocks]).verified
    assert [epoch.epoch for epoch in check([*fine.blocks, *log.blocks]).epochs] == [FIRST_EPOCH, fine.epoch]
    assert any("not shown" in message for _, message in faults(check(fine.blocks), Severity.NOTE))
    assert check(fine.blocks).verified
    false = log.successor(20, predecessor=(log.epoch, 20, BlockHash(b"x" * 32)))
    false.seal(meter())
    assert any("another block 20" in message for _, message in faults(check([*log.blocks, *false.blocks])))
    none = log.successor(20, GenesisReason.DATABASE_LOST, predecessor=(log.epoch, 99, BlockHash(b"x" * 32)))
    none.seal(meter())
    assert any("not shown" in message for _, message in faults(check([*log.blocks, *none.blocks]), Severity.NOTE))


def test_an_epoch_cannot_begin_with_a_key_that_had_handed_over() -> None:
    """After block 4 of a log that rotated, the old key begins no epoch; after block 1 it may, as a rollback does."""
    log, _ = rotated()
    for last, is_fine in ((4, False), (1, True)):
        back = log.successor(last, GenesisReason.ROLLBACK, signer=key(1))
        back.seal(meter())
        assert check([*log.blocks, *back.blocks]).verified is is_fine


def test_an_old_key_begins_no_epoch_of_its_own() -> None:
    """An epoch that names none before it fails under a key that had handed over by then, as far as clocks can tell."""
    log, _ = rotated()
    for begun, quality, severity in (
        (10**6, TimeQuality.SYNCHRONISED, Severity.ERROR),
        (10**6, TimeQuality.UNKNOWN, Severity.WARNING),
        (-(10**6), TimeQuality.SYNCHRONISED, Severity.NOTE),
    ):
        other = Log(epoch=Epoch(b"epoch..2"), reason=GenesisReason.DATABASE_LOST)
        block, _ = wire.read_block(other.seal(meter()))
        sealed = Instant(MIDNIGHT + begun, 1000, quality)
        report = check([*log.blocks, wire.seal_block(replace(block, sealed=sealed), key(1))])
        told = [one.severity for one in report.findings if "names none before it" in one.message]
        assert told == ([] if severity is Severity.NOTE else [severity])
        assert report.holds(Level.SIGNATURE) is (severity is not Severity.ERROR)


def test_a_genesis_that_names_itself_is_put_in_order_all_the_same() -> None:
    """Epochs that call themselves or each other their predecessor end the ordering nowhere, and lie about a hash."""
    selfish = Log(predecessor=(FIRST_EPOCH, 0, BlockHash(b"x" * 32)))
    selfish.seal(meter())
    assert [level for level, _ in faults(check(selfish.blocks))] == [2]
    other = Log(epoch=Epoch(b"epoch..2"), predecessor=(FIRST_EPOCH, 0, BlockHash(b"x" * 32)))
    other.seal(meter())
    circular = Log(predecessor=(other.epoch, 0, hash_block(other.blocks[0])))
    circular.seal(meter())
    assert [level for level, _ in faults(check([*other.blocks, *circular.blocks]))] == [2]


def test_many_epochs_are_put_in_order() -> None:
    """However their clocks stood and however they come, each epoch follows the one that it names."""
    logs = [Log()]
    logs[0].seal()
    for number in range(1, 40):
        log = logs[-1].successor(0, epoch=Epoch(bytes([255 - number]) * 8))
        log.seal()
        logs.append(log)
    report = check([raw for log in reversed(logs) for raw in log.blocks])
    assert [epoch.epoch for epoch in report.epochs] == [log.epoch for log in logs]
    assert report.findings == ()


def test_receipts_are_held_against_the_blocks() -> None:
    """A receipt is believed under the hub's key only, and must speak of the block shown."""
    terms = Terms(hub_key=HUB.public)
    good, forged = LOG.receipt(24, HUB), LOG.receipt(24, key(8))
    assert any("it is the block shown" in m for _, m in faults(check([*LOG.blocks, good], terms), Severity.NOTE))
    assert [level for level, _ in faults(check([*LOG.blocks, forged], terms))] == [1]
    assert any("no hub key" in m for _, m in faults(check([*LOG.blocks, good]), Severity.NOTE))
    other = Log()
    other.seal(meter())
    other.seal(readings([7]))
    assert [level for level, _ in faults(check([*LOG.blocks, other.receipt(1, HUB)], terms))] == [2]
    part = check([*LOG.blocks[:3], good], terms)
    assert any("that block was not shown" in message for _, message in faults(part, Severity.NOTE))
    flagged = check([*LOG.blocks, LOG.receipt(24, HUB, ReceiptCode.BAD_SIGNATURE)], terms)
    assert any("bad signature" in message for _, message in faults(flagged, Severity.WARNING))
    stranger = whole_log().successor(0)
    stranger.seal(meter())
    assert check([*LOG.blocks, stranger.receipt(0, HUB)], terms).verified


def test_a_claim_without_a_receipt_is_told() -> None:
    """A receipt of another epoch, of an earlier block or of nobody known says nothing of the claimed reading."""
    terms = Terms(hub_key=HUB.public, claims=(CLAIM,))
    stranger = LOG.successor(0)
    stranger.seal(meter())
    for receipt, is_told in (
        (LOG.receipt(4, HUB), False),
        (LOG.receipt(2, HUB), True),
        (stranger.receipt(0, HUB), True),
        (LOG.receipt(4, key(8)), True),
    ):
        told = faults(check([*LOG.blocks, receipt], terms), Severity.WARNING)
        assert any("no verified receipt of the hub reaches" in message for _, message in told) is is_told


def test_progress_is_told_block_by_block() -> None:
    """Each different block is announced once."""
    told: list[int] = []
    verify(arrange(LOG.blocks), Terms(), partial(told.append, 1))
    assert len(told) == 25
