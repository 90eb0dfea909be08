"""The device's end of custody: what is offered when, and which receipts change what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.custody.sender import OutcomeKind, RetryPolicy, Sender
from protocol.identity import BlockHash, DeviceId, Epoch
from protocol.messages import Receipt, ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = DeviceId(b"device...1")
EPOCH = Epoch(b"epoch..1")
NONCE = b"nonc"
POLICY = RetryPolicy(base_ms=1_000, max_ms=8_000, hello_ms=50_000, refused_ms=2_000)


def _hash_of(seq: int) -> BlockHash | None:
    return BlockHash(bytes([seq % 256]) * 32)


def _sender(head: int = 9, committed: int = -1, safe: int = -1) -> Sender:
    sender = Sender.resume(DEVICE, EPOCH, head=head, committed=committed, safe=safe, policy=POLICY)
    return sender.connected(NONCE, 0)


def _receipt(committed: int, **changes: object) -> Receipt:
    receipt = Receipt(
        device=DEVICE,
        epoch=EPOCH,
        committed=committed,
        safe=-1,
        committed_hash=bytes([committed % 256]) * 16 if committed >= 0 else b"",
        selective=(),
        window=4,
        pace_ms=0,
        nonce=b"",
        hub_at=0,
    )
    return replace(receipt, **changes)  # type: ignore[arg-type]  # named fields of Receipt, chosen by each test


def _after(sender: Sender, receipt: Receipt, now_ms: int = 10) -> tuple[Sender, OutcomeKind]:
    after, outcome = sender.received(receipt, _hash_of, now_ms)
    return after, outcome.kind


def _offer_all(sender: Sender, now_ms: int, jitter: float = 0) -> Sender:
    for seq in sender.due(now_ms):
        sender = sender.offered(seq, now_ms, jitter)
    return sender


def test_nothing_is_offered_without_a_session() -> None:
    """Before a session and after it nothing is due and nothing will be until an event."""
    resumed = Sender.resume(DEVICE, EPOCH, head=9, committed=-1, safe=-1)
    for sender in (resumed, _sender().disconnected()):
        assert sender.due(10**9) == ()
        assert sender.next_wakeup(0) is None
        assert not sender.hello_due(10**9)


def test_one_block_until_the_first_receipt() -> None:
    """A new session offers one block; the first receipt opens the window, oldest first."""
    sender = _sender()
    assert sender.due(0) == (0,)
    sender = _offer_all(sender, 0)
    assert sender.due(1) == ()
    sender, kind = _after(sender, _receipt(0))
    assert kind is OutcomeKind.APPLIED
    assert sender.due(10) == (1, 2, 3, 4)


def test_window_zero_stops_and_a_hello_asks_again() -> None:
    """With a closed window nothing is offered, and the state is sent again after a while."""
    sender, _ = _after(_sender(), _receipt(0, window=0))
    assert sender.due(10) == ()
    assert sender.next_wakeup(10) == 10 + POLICY.hello_ms
    assert sender.hello_due(10 + POLICY.hello_ms)


def test_pace_spaces_offers() -> None:
    """With a pace from the hub one block at a time is due, the next one after the pace."""
    sender, _ = _after(_sender(), _receipt(0, pace_ms=100))
    assert sender.due(10) == (1,)
    sender = sender.offered(1, 10, 0)
    assert sender.due(109) == ()
    assert sender.next_wakeup(10) == 110
    assert sender.due(110) == (2,)


@given(st.floats(0, 1), st.integers(1, 12))
def test_repetition_doubles_within_bounds(jitter: float, tries: int) -> None:
    """The n-th offer is repeated after base * 2^(n-1), at most max, of which jitter takes off up to half."""
    sender, now_ms = _sender(head=0), 0
    for _ in range(tries):
        assert sender.due(now_ms) == (0,)
        sender = sender.offered(0, now_ms, jitter)
        offered_ms, now_ms = now_ms, sender.in_flight[0].lost_ms
    full = min(POLICY.max_ms, POLICY.base_ms * 2 ** (tries - 1))
    assert full // 2 <= now_ms - offered_ms <= full
    assert sender.due(now_ms - 1) == ()


def test_selective_ranges_are_replaced_not_merged() -> None:
    """R2: what the last receipt does not list is offered again, even if an earlier one listed it."""
    sender, _ = _after(_sender(), _receipt(0, window=9, selective=((2, 3), (5, 9))))
    assert sender.due(10) == (1, 4)
    sender, _ = _after(_offer_all(sender, 10), _receipt(0, window=9, selective=((5, 9),)))
    assert sender.due(11) == (2, 3)


def test_less_is_believed_only_in_answer_to_the_latest_hello() -> None:
    """R3: a lower watermark without our nonce, or with an old one, changes no watermark and calls for a hello."""
    sender, _ = _after(_sender(committed=5, safe=2), _receipt(7, safe=4, nonce=NONCE))
    for nonce in (b"", NONCE, b"old!"):
        stale, kind = _after(sender, _receipt(3, nonce=nonce))
        assert kind is OutcomeKind.STALE
        assert (stale.committed, stale.safe, stale.window) == (7, 4, 4)
        assert stale.hello_due(POLICY.refused_ms)
    asked = sender.greeted(b"new!", 100)
    asked, kind = _after(asked, _receipt(3, safe=3, nonce=b"new!"), now_ms=110)
    assert kind is OutcomeKind.REGRESSED
    assert (asked.committed, asked.safe) == (3, 3)
    assert asked.due(110) == (4, 5, 6, 7)


def test_receipts_of_another_timeline_need_the_nonce() -> None:
    """R3: after the hub was restored, a late receipt from before cannot move the watermarks up again."""
    sender, _ = _after(_sender(committed=5), _receipt(2, nonce=NONCE, timeline=b"2"))
    assert sender.committed == 2
    late, kind = _after(sender, _receipt(8, safe=8, timeline=b"1"))
    assert kind is OutcomeKind.STALE
    assert (late.committed, late.safe) == (2, -1)


def test_safe_is_the_only_licence() -> None:
    """R1: blocks may be released through `safe`, whatever is committed."""
    sender, outcome = _sender().received(_receipt(7, safe=3), _hash_of, 10)
    assert (outcome.released_through, sender.safe, sender.committed) == (3, 3, 7)
    assert outcome.newly_committed == range(8)


@pytest.mark.parametrize(
    "receipt",
    [_receipt(3, device=DeviceId(b"device...2")), _receipt(3, epoch=Epoch(b"epoch..2"))],
)
def test_foreign_receipts_change_nothing(receipt: Receipt) -> None:
    """A receipt for another device or epoch is not ours to apply."""
    sender = _sender()
    assert _after(sender, receipt) == (sender, OutcomeKind.FOREIGN)


@pytest.mark.parametrize(
    ("receipt", "end"),
    [
        (_receipt(3, code=ReceiptCode.FORK, code_seq=4), OutcomeKind.FORKED),
        (_receipt(10), OutcomeKind.ROLLED_BACK),
        (_receipt(3, committed_hash=b"another block..."), OutcomeKind.ROLLED_BACK),
        (_receipt(10, code=ReceiptCode.BAD_SIGNATURE, code_seq=4), OutcomeKind.ROLLED_BACK),
        (
            _receipt(3, committed_hash=b"another block...", code=ReceiptCode.BAD_SIGNATURE, code_seq=4),
            OutcomeKind.ROLLED_BACK,
        ),
        (_receipt(-1, nonce=NONCE), OutcomeKind.LOST),
    ],
)
def test_another_log_under_our_name_ends_the_epoch(receipt: Receipt, end: OutcomeKind) -> None:
    """A receipt that contradicts what we hold moves no watermark, and nothing more is offered in any session."""
    sender = _offer_all(_sender(committed=1, safe=1).released(1), 0)
    after, kind = _after(sender, receipt)
    assert kind is end
    assert (after.committed, after.safe) == (1, 1)
    for silent in (after, after.disconnected().connected(b"new!", 10)):
        assert silent.due(10**9) == ()
        assert silent.next_wakeup(10) is None


def test_a_hub_that_lost_what_is_still_held_is_given_it_again() -> None:
    """Short of the first block that was released, a hub that went back ends no epoch: everything above is offered."""
    sender, kind = _after(_sender(committed=7, safe=7).released(4), _receipt(3, safe=3, nonce=NONCE))
    assert kind is OutcomeKind.REGRESSED
    assert sender.due(10) == (4, 5, 6, 7)


def test_a_forgotten_hash_proves_nothing_and_licenses_nothing() -> None:
    """A block whose hash is not known any more ends no epoch, and no licence rests on it."""
    sender, outcome = _sender(committed=5, safe=3).received(
        _receipt(6, safe=6, committed_hash=b"another block..."), lambda _seq: None, 10
    )
    assert outcome.kind is OutcomeKind.APPLIED
    assert (sender.committed, sender.safe, sender.ended) == (6, 3, False)


def test_an_answer_that_was_overtaken_takes_nothing_back() -> None:
    """R3: within one life of the hub, an answer to our hello that says less than a later receipt is stale."""
    sender, _ = _after(_sender(), _receipt(3, safe=1, timeline=b"1", hub_at=100))
    overtaken = _receipt(1, safe=1, timeline=b"1", nonce=NONCE, hub_at=99)
    after, kind = _after(sender, overtaken)
    assert kind is OutcomeKind.STALE
    assert (after.committed, after.hello_early) == (3, True)
    for believed in (replace(overtaken, timeline=b"2"), replace(overtaken, hub_at=101)):
        after, kind = _after(sender, believed)
        assert (kind, after.committed) == (OutcomeKind.REGRESSED, 1)


def test_a_licence_is_not_taken_back_within_one_life_of_the_hub() -> None:
    """A receipt with a lower `safe` that was overtaken by another changes no licence; one that answers does."""
    sender, _ = _after(_sender(), _receipt(5, safe=4))
    assert _after(sender, _receipt(5, safe=2))[0].safe == 4
    assert _after(sender, _receipt(5, safe=2, nonce=NONCE))[0].safe == 2


@pytest.mark.parametrize("committed", [4, 6])
def test_poisoned_copy_is_not_a_fork(committed: int) -> None:
    """A damaged copy at the hub is offered again intact, once per time-out, and is no reason to end the epoch."""
    poisoned = _receipt(
        committed, safe=committed, committed_hash=b"damaged.........", code=ReceiptCode.BAD_SIGNATURE, code_seq=4
    )
    sender, kind = _after(_sender(committed=2, safe=2), poisoned)
    assert kind is OutcomeKind.APPLIED
    assert sender.safe == 2, "what lies below damaged bytes need not be our history"
    assert sender.due(10)[0] == 4
    sender, _ = _after(_offer_all(sender, 10), poisoned, now_ms=20)
    assert 4 not in sender.due(20)
    assert sender.due(10 + POLICY.base_ms)[0] == 4
    sender, _ = _after(sender, _receipt(committed, safe=committed), now_ms=30)
    assert sender.safe == committed
    assert 4 not in sender.due(10**6)


def test_a_damaged_copy_is_not_released_here() -> None:
    """A block whose copy at the hub is damaged, and all after it, stay although the hub has committed them."""
    sender, _ = _after(_sender(), _receipt(6, safe=6, code=ReceiptCode.BAD_SIGNATURE, code_seq=4))
    assert (sender.committed, sender.safe) == (6, 3)


def test_a_damaged_copy_of_what_was_released_is_not_offered() -> None:
    """Only a block whose bytes are held can repair the hub's copy."""
    damaged = _receipt(6, code=ReceiptCode.BAD_SIGNATURE, code_seq=4)
    assert _after(_sender(committed=6).released(5), damaged)[0].repair is None
    assert _after(_sender(committed=6).released(4), damaged)[0].repair == 4


def test_a_puzzled_device_says_hello_soon() -> None:
    """Who must know for certain what the hub holds asks again after a moment, and once."""
    sender, _ = _after(_sender(), _receipt(5))
    assert not sender.hello_due(POLICY.refused_ms)
    assert sender.puzzled().hello_due(POLICY.refused_ms)
    assert not sender.puzzled().greeted(b"new!", POLICY.refused_ms).hello_due(POLICY.refused_ms)


def test_damaged_copy_ahead_of_the_watermark_is_offered_in_its_turn() -> None:
    """A damaged copy among the selective ranges is offered again although its slot is taken."""
    receipt = _receipt(0, selective=((2, 4),), code=ReceiptCode.BAD_SIGNATURE, code_seq=3)
    assert _after(_sender(), receipt)[0].due(10) == (1, 3)


def test_strangers_bytes_beyond_our_head_are_not_a_fork() -> None:
    """Garbage in the slot of a block that we have not sealed yet does not end the epoch: our block replaces it."""
    receipt = _receipt(10, safe=10, code=ReceiptCode.BAD_SIGNATURE, code_seq=10)
    sender, kind = _after(_sender(), receipt)
    assert kind is OutcomeKind.APPLIED
    assert (sender.committed, sender.safe) == (9, -1), "nothing shows that the nine before it are ours"
    assert sender.sealed(10).due(10) == (10,)


@pytest.mark.parametrize("code", [ReceiptCode.UNKNOWN_KEY, ReceiptCode.UNSUPPORTED_VERSION, ReceiptCode.SUSPENDED])
def test_refusal_waits_and_asks_again(code: ReceiptCode) -> None:
    """A refusal moves no watermark and stops offers; a hello follows, and a receipt in answer resumes everything."""
    sender = _offer_all(_sender(committed=3, safe=3), 0)
    refused, outcome = sender.received(_receipt(-1, code=code, nonce=NONCE), _hash_of, 10)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, code)
    assert (refused.committed, refused.safe, refused.due(10**6)) == (3, 3, ())
    assert refused.next_wakeup(10) == POLICY.refused_ms
    assert refused.hello_due(POLICY.refused_ms)
    asked = refused.greeted(b"new!", 2_000)
    assert not asked.hello_due(2_001)
    resumed, kind = _after(asked, _receipt(3, nonce=b"new!"), now_ms=2_010)
    assert kind is OutcomeKind.APPLIED
    assert resumed.due(2_010) == (4, 5, 6, 7)


def test_hello_only_when_receipts_fail_to_come() -> None:
    """The state is sent again only if blocks were offered and no receipt came for the stated time."""
    sender, _ = _after(_sender(head=0), _receipt(0, nonce=NONCE))
    assert not sender.hello_due(10**9)
    late = 10**6
    sender = sender.sealed(1)
    assert not sender.hello_due(late)
    sender = sender.offered(1, late, 0)
    assert not sender.hello_due(late + POLICY.hello_ms - 1)
    assert sender.hello_due(late + POLICY.hello_ms)


def test_answered_hello_settles_what_was_offered_before() -> None:
    """What was offered before an answered hello and is not listed is lost, and due at once; later offers are not."""
    sender, _ = _after(_sender(), _receipt(0, nonce=NONCE))
    sender = sender.offered(1, 10, 0).offered(2, 10, 0)
    sender = sender.greeted(b"new!", 20).offered(3, 30, 0)
    sender, _ = _after(sender, _receipt(0, selective=((2, 2),), nonce=b"new!"), now_ms=40)
    assert sender.due(40) == (1, 4)


receipts = st.builds(
    lambda committed, below, **changes: _receipt(committed, safe=max(-1, committed - below), **changes),
    st.integers(-1, 12),
    st.integers(0, 3),
    window=st.integers(0, 5),
    pace_ms=st.sampled_from([0, 300]),
    nonce=st.sampled_from([b"", NONCE, b"new!"]),
    code=st.sampled_from(ReceiptCode),
    code_seq=st.integers(-1, 12),
    hub_at=st.integers(0, 3),
    timeline=st.sampled_from([b"", b"1", b"2"]),
    selective=st.sampled_from([(), ((13, 14),)]),
)
steps = st.lists(
    st.tuples(st.sampled_from(["seal", "connect", "disconnect", "greet", "offer", "release", "receive"]), receipts),
    max_size=12,
)


@given(steps, st.integers(0, 4_000), st.floats(0, 1))
def test_promises_hold_in_every_state(events: list[tuple[str, Receipt]], wait_ms: int, jitter: float) -> None:
    """Whatever happens: offers lie within the window, watermarks are in order, and the wake-up time is exact."""
    sender, now_ms = _sender(head=3), 0
    for event, receipt in events:
        now_ms += wait_ms
        sender = _step(sender, event, receipt, now_ms, jitter)
        assert -1 <= sender.safe <= sender.committed <= sender.head
        due = sender.due(now_ms)
        window = range(sender.committed + 1, min(sender.head, sender.committed + sender.window) + 1)
        assert set(due) <= {*window, sender.repair}
        assert all(seq >= sender.floor for seq in due)
        wakeup = sender.next_wakeup(now_ms)
        speaks = bool(due) or sender.hello_due(now_ms)
        assert speaks == (wakeup == now_ms)
        if wakeup is not None:
            assert sender.due(wakeup) or sender.hello_due(wakeup)
            assert speaks or not (sender.due(wakeup - 1) or sender.hello_due(wakeup - 1))


def _step(sender: Sender, event: str, receipt: Receipt, now_ms: int, jitter: float) -> Sender:
    due = sender.due(now_ms)
    steps: dict[str, Callable[[], Sender]] = {
        "seal": lambda: sender.sealed(sender.head + 1),
        "connect": lambda: sender.connected(NONCE, now_ms),
        "disconnect": sender.disconnected,
        "greet": lambda: sender.greeted(b"new!", now_ms) if sender.online else sender,
        "offer": lambda: sender.offered(due[0], now_ms, jitter) if due else sender,
        "release": lambda: sender.released(max(sender.floor, sender.safe)),
        "receive": lambda: sender.received(receipt, _hash_of, now_ms)[0],
    }
    return steps[event]()


@pytest.mark.parametrize("seq", [9, 11])
def test_a_gap_in_sealed_blocks_is_our_own_bug(seq: int) -> None:
    """Sealing anything but the next block stops the program."""
    with pytest.raises(AssertionError):
        _sender(head=9).sealed(seq)
