"""The custody desk without a network: what it says to the hub, and what each word of the hub changes for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.custody import RESEND_MAX, Desk, DeskTerms, Moment, Outgoing
from edge.custody.desk import EPOCH_PAUSE_MS
from protocol import wire
from protocol.cose import Kind
from protocol.custody.sender import RetryPolicy
from protocol.identity import Epoch, hash_block
from protocol.messages import (
    Capability,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    Receipt,
    ReceiptCode,
    State,
)
from protocol.topics import Channel
from tests.edge.making import (
    AUTHOR,
    KEY,
    MINUTE_MS,
    audit,
    drawing,
    good,
    instant,
    journal_in_memory,
    readings_of,
)
from tests.protocol.strategies import HUB_KEY

if TYPE_CHECKING:
    from edge.journal import Journal

POLICY = RetryPolicy(base_ms=1_000, max_ms=8_000, hello_ms=50_000, refused_ms=2_000)


class Lot:
    """Chance that never repeats itself, and never spreads anything."""

    def __init__(self) -> None:
        self.draw = drawing()

    def jitter(self) -> float:
        """Return nothing to take off."""
        return 0.0


class FakeClerk:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.heard_hub = 0

    def heard(self, raw: bytes, moment: Moment) -> list[Outgoing]:
        """Take a command, and answer with its bytes."""
        self.commands.append(raw)
        return [Outgoing(Channel.RESULT, raw + moment.steady_ms.to_bytes(1, "big"))]

    def due(self, moment: Moment) -> list[Outgoing]:
        """Want something said once a second is over."""
        return [Outgoing(Channel.RESULT, b"late")] if moment.steady_ms >= 1_000 else []

    def hub_heard(self, moment: Moment) -> None:
        """Count."""
        self.heard_hub += moment.steady_ms >= 0

    def next_wakeup(self, steady_ms: int) -> int | None:
        """Wait for that second."""
        return max(steady_ms, 1_000)


class Play:
    """A desk in a session, and the words of a hub that holds what it is told to hold."""

    def __init__(self, blocks: int = 3, clerk: FakeClerk | None = None) -> None:
        self.now_ms = 0
        self.retention_ms = 0
        self.refresh_ms: int | None = None
        self.journal = journal_in_memory(draw=drawing())
        for seq in range(1, blocks + 1):
            self.take(seq)
        self.clerk = clerk
        self.desk = self.sit_down()
        self.said: list[Outgoing] = []
        self.connect()

    def take(self, minute: int) -> int:
        """Journal and seal one reading."""
        self.journal.record(instant(minute).wall_ms, [good(1, minute, minute)], MINUTE_MS)
        seq = self.journal.seal(instant(minute))
        assert seq is not None
        return seq

    def sit_down(self) -> Desk:
        """Return a desk that goes on from what the journal holds."""
        terms = DeskTerms(
            hub_key=HUB_KEY.public,
            command_key=HUB_KEY.public,
            retry=POLICY,
            retention_ms=self.retention_ms,
            refresh_ms=self.refresh_ms,
        )
        return Desk(
            self.journal,
            AUTHOR,
            terms,
            Lot(),
            b"kernel boot id..",
            instance=b"hardware",
            commands=self.clerk,
            health=lambda: {"disk_free_bytes": 7},
        )

    @property
    def moment(self) -> Moment:
        """Now."""
        return Moment(self.now_ms, instant(1_000))

    def connect(self) -> None:
        """Begin a session."""
        session = self.desk.begin_session()
        self.session = session
        self.said = self.desk.connected(session.nonce, self.moment)

    def speak(self, wait_ms: int = 0) -> list[int]:
        """Let time pass and the desk speak; return the numbers of the blocks it offers."""
        self.now_ms += wait_ms
        self.said = self.desk.speak(self.moment)
        return [wire.read_block(message.raw)[0].seq for message in self.said if message.channel is Channel.BLOCK]

    def hear(self, committed: int, **changes: object) -> None:
        """Hear a receipt for the current epoch; what is not said is as in answer to the latest hello."""
        found = self.journal.hash_of(committed) or b"unknown to us..."
        fields: dict[str, object] = {
            "device": AUTHOR.device,
            "epoch": self.journal.epoch,
            "committed": committed,
            "safe": -1,
            "committed_hash": found[:16] if committed >= 0 else b"",
            "selective": (),
            "window": 16,
            "pace_ms": 0,
            "nonce": self.desk.sender.nonce,
            "hub_at": self.now_ms,
            "timeline": b"life",
        }
        receipt = Receipt(**(fields | changes))  # type: ignore[arg-type]  # named fields, chosen by each test
        self.said = self.desk.heard(Channel.RECEIPT, wire.seal_receipt(receipt, HUB_KEY), self.moment)

    def state(self) -> State:
        """Return the hello that was said last."""
        (message,) = (message for message in self.said if message.channel is Channel.STATE)
        assert message.retain
        state, envelope = wire.read_state(message.raw)
        assert envelope.verified_by(Kind.STATE, KEY.public)
        return state


def genesis_of(journal: Journal) -> Genesis:
    """Return the genesis of the current epoch."""
    (frame,) = audit(journal, journal.epoch)[0].frames
    assert isinstance(frame, Genesis)
    return frame


def counts_of(journal: Journal) -> list[int]:
    """Return the readings in the current epoch."""
    return [count for *_, count in readings_of(audit(journal, journal.epoch))]


def test_a_hello_says_who_and_how_far() -> None:
    """The state of a session's beginning holds all that a hub needs to judge what it lacks and whom it talks to."""
    play = Play(2, FakeClerk())
    state = play.state()
    assert (state.epoch, state.head, state.committed, state.safe, state.floor) == (play.journal.epoch, 2, -1, -1, 0)
    assert state.head_hash == (play.journal.hash_of(2) or b"")[:16]
    assert (state.instance, state.kernel_boot_id) == (b"hardware", b"kernel boot id..")
    assert state.capabilities == (Capability.EPOCHS, Capability.COMMANDS)
    assert state.health == {"backlog_blocks": 3, "open_polls": 0, "disk_free_bytes": 7}
    assert state.session == b""
    death, _ = wire.read_state(play.session.death)
    assert (death.nonce, death.online) == (state.nonce, False)


def test_an_old_state_is_said_anew_beside_what_there_is_to_say() -> None:
    """Once it is old, under a new nonce; not before the one before was answered, and never where nobody asks for it."""
    play = Play(2)
    play.hear(2)
    first = play.desk.sender.nonce
    play.speak(10_000)
    assert play.said == []
    play.refresh_ms = 10_000
    play.desk = play.sit_down()
    play.connect()
    assert play.desk.sender.nonce != first
    play.hear(2)
    play.speak(9_999)
    assert play.said == []
    play.speak(1)
    again = play.state()
    assert again.session == play.session.nonce != again.nonce
    play.speak(1)
    assert play.said == []
    play.hear(2)
    play.desk.disconnected()
    play.speak(20_000)
    assert play.said == []


def test_the_hubs_word_is_durable_and_lets_go() -> None:
    """What a receipt says survives a restart at once, and what it declares safe is released, but for the newest."""
    play = Play()
    assert play.speak() == [0]
    assert not play.desk.settled
    play.hear(0)
    assert play.speak() == [1, 2, 3]
    play.hear(3, safe=3)
    assert play.desk.settled
    assert play.journal.floor() == 3
    sender = play.sit_down().sender
    assert (sender.committed, sender.safe, sender.floor, sender.timeline) == (3, 3, 3, b"life")
    play.desk.sealed(play.take(4))
    assert not play.desk.settled
    assert play.speak() == [4]


def test_a_receipt_from_an_earlier_life_of_the_hub_is_remembered_as_such_after_a_restart() -> None:
    """R3: which life of the hub we know is durable, so that no late receipt of another licenses anything."""
    play = Play()
    play.hear(1, safe=1, timeline=b"new")
    play.desk = play.sit_down()
    play.connect()
    play.hear(3, safe=3, timeline=b"old", nonce=b"")
    assert (play.desk.sender.committed, play.desk.sender.safe) == (1, 1)
    assert play.desk.sender.hello_early


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": ReceiptCode.FORK, "code_seq": 3}, GenesisReason.FORK),
        ({"committed_hash": b"another block..."}, GenesisReason.ROLLBACK),
    ],
)
def test_a_log_that_the_hub_contradicts_goes_on_in_a_new_epoch(
    changes: dict[str, object], reason: GenesisReason
) -> None:
    """R4: everything above `safe` is sealed again and offered, under a new hello of the same session."""
    play = Play()
    play.hear(2, safe=1)
    old, session = play.journal.epoch, play.session.nonce
    play.hear(3, **changes)
    assert play.journal.epoch != old
    state = play.state()
    assert (state.epoch, state.session, state.head) == (play.journal.epoch, session, 2)
    assert state.nonce not in {session, b""}
    genesis = genesis_of(play.journal)
    assert genesis.reason is reason
    assert genesis.predecessor == (old, 1, play.journal.hash_of(1, old))
    assert counts_of(play.journal) == [2, 3]
    assert play.speak() == [0]
    play.hear(0)
    assert play.speak() == [1, 2]


def test_a_card_that_was_put_back_is_noticed() -> None:
    """A hub that holds more of this epoch than we do has seen it go on: ours is an old image."""
    play = Play()
    play.hear(7)
    assert genesis_of(play.journal).reason is GenesisReason.ROLLBACK
    assert counts_of(play.journal) == [1, 2, 3]


def test_a_hub_that_lost_what_was_released_hears_of_it() -> None:
    """The new epoch begins with the licence, states the gap, and holds all that is left."""
    play = Play(4)
    play.hear(4, safe=2)
    assert play.journal.floor() == 3
    old = play.journal.epoch
    play.connect()
    play.hear(0, timeline=b"next")
    genesis = genesis_of(play.journal)
    assert genesis.reason is GenesisReason.HUB_LOST
    assert genesis.predecessor == (old, 0, play.journal.hash_of(0, old))
    assert genesis.predecessor_receipt is not None
    assert wire.read_receipt(genesis.predecessor_receipt, HUB_KEY.public).safe == 2
    play.desk.sealed(play.take(5))
    *_, last = audit(play.journal, play.journal.epoch)
    assert last.frames[0] == Gap(1, instant(1).wall_ms, instant(2).wall_ms + 1, GapCause.PRUNED)
    assert counts_of(play.journal) == [3, 4, 5]


def test_epochs_do_not_follow_each_other_at_once() -> None:
    """A hub that contradicts each new epoch gets one a minute, then one in two minutes, until it commits to one."""
    play = Play(1)
    for pause_ms in (0, EPOCH_PAUSE_MS, 2 * EPOCH_PAUSE_MS):
        old = play.journal.epoch
        play.hear(-1, code=ReceiptCode.FORK)
        if pause_ms:
            assert play.journal.epoch == old
            assert not play.desk.settled
            assert play.speak() == []
            assert play.desk.next_wakeup(play.now_ms) == play.now_ms + pause_ms
            assert play.speak(pause_ms - 1) == []
            assert play.speak(1) == [0]
        assert play.journal.epoch != old
    play.hear(0)
    play.now_ms += 4 * EPOCH_PAUSE_MS
    play.hear(0, code=ReceiptCode.FORK)
    play.hear(-1, code=ReceiptCode.FORK)
    assert play.desk.next_wakeup(play.now_ms) == play.now_ms + EPOCH_PAUSE_MS


def damage(journal: Journal, seq: int) -> None:
    """Flip what is stored of a block."""
    journal.db.execute("update block set raw = zeroblob(90) where epoch = ? and seq = ?", [journal.epoch, seq])


def test_a_block_that_rotted_before_the_hub_had_it_is_given_up_openly() -> None:
    """Only once the hub's answer says that it lacks the block: a new epoch, the loss stated, the rest sealed again."""
    play = Play()
    play.hear(0)
    damage(play.journal, 2)
    assert play.speak() == [1]
    assert play.state().epoch == play.journal.epoch
    assert play.speak() == [0]
    genesis = genesis_of(play.journal)
    assert genesis.reason is GenesisReason.DATABASE_LOST
    play.take(4)
    *_, last = audit(play.journal, play.journal.epoch)
    assert last.frames[0] == Gap(1, instant(2).wall_ms, instant(2).wall_ms + 1, GapCause.DAMAGED)
    assert counts_of(play.journal) == [1, 3, 4]


def test_a_block_that_rotted_after_it_was_offered_is_asked_for_first() -> None:
    """The receipt may be what is missing: the hub is asked before anything is given up."""
    play = Play(1)
    play.hear(0)
    assert play.speak() == [1]
    damage(play.journal, 1)
    old = play.journal.epoch
    assert play.speak(POLICY.base_ms) == []
    assert play.speak(POLICY.refused_ms) == []
    assert play.state().nonce == play.desk.sender.nonce
    play.hear(1)
    assert (play.journal.epoch, play.desk.settled) == (old, True)


def test_a_block_that_rotted_in_both_places_is_given_up() -> None:
    """A hub whose copy is damaged asks for ours; if ours is damaged too, nobody has it."""
    play = Play()
    damage(play.journal, 1)
    play.hear(3, code=ReceiptCode.BAD_SIGNATURE, code_seq=1)
    assert play.speak() == []
    assert genesis_of(play.journal).reason is GenesisReason.DATABASE_LOST
    assert counts_of(play.journal) == [2, 3]


def test_without_a_session_a_new_epoch_waits_for_its_hello() -> None:
    """An end that falls due between two sessions is announced in the next."""
    play = Play(1)
    play.hear(-1, code=ReceiptCode.FORK)
    play.hear(-1, code=ReceiptCode.FORK)
    old = play.journal.epoch
    play.desk.disconnected()
    assert not play.desk.online
    assert play.speak(EPOCH_PAUSE_MS) == []
    assert play.said == []
    assert play.desk.say_hello(play.moment) == []
    assert play.journal.epoch != old
    play.connect()
    assert play.state().epoch == play.journal.epoch


def test_what_the_hub_says_of_an_archived_epoch_counts_forward_only() -> None:
    """It may let go of more there; less, another life of the hub, or another history change nothing."""
    play = Play()
    play.hear(1, safe=0)
    old = play.journal.epoch
    play.hear(1, code=ReceiptCode.FORK, code_seq=2)
    archived = {"epoch": old, "nonce": b""}
    short = (play.journal.hash_of(3, old) or b"")[:16]
    for refused in (
        {"committed_hash": b"another block..."},
        {"committed_hash": short, "timeline": b"other"},
        {"committed_hash": short, "code": ReceiptCode.FORK},
        {"committed_hash": short, "code": ReceiptCode.UNKNOWN_KEY},
        {"committed_hash": short, "epoch": Epoch(b"not ours")},
    ):
        play.hear(3, safe=2, **(archived | refused))
        assert play.journal.sender(POLICY, old).committed == 1
    play.hear(3, safe=2, committed_hash=short, **archived)
    kept = play.journal.sender(POLICY, old)
    assert (kept.committed, kept.safe, kept.floor) == (3, 2, 3)
    play.hear(1, committed_hash=(play.journal.hash_of(1, old) or b"")[:16], **archived)
    assert play.journal.sender(POLICY, old).committed == 3


def test_blocks_of_any_epoch_are_handed_out_again_in_bounded_runs() -> None:
    """`resend` gives the bytes that were signed, as far as they are held, and never more than it says at once."""
    play = Play(RESEND_MAX + 3)
    old = play.journal.epoch
    originals = [play.journal.block(seq) for seq in range(RESEND_MAX + 4)]
    play.hear(2, safe=1)
    play.hear(2, code=ReceiptCode.FORK)
    first = play.desk.resend(old, 0, 10_000)
    assert [message.raw for message in first] == originals[2:RESEND_MAX]
    rest = play.desk.resend(old, RESEND_MAX, 10_000)
    assert [message.raw for message in rest] == originals[RESEND_MAX:]
    assert play.desk.resend(Epoch(b"not ours"), 0, 3) == []
    assert [hash_block(message.raw) for message in play.desk.resend(play.journal.epoch, 0, 0)] == [
        play.journal.hash_of(0)
    ]


def test_room_is_made_of_what_is_safe_alone() -> None:
    """A full disk gets back what the hub holds safely at once, and nothing above it."""
    play = Play()
    play.retention_ms = 10**12
    play.desk = play.sit_down()
    play.connect()
    play.hear(3, safe=1)
    assert play.journal.floor() == 0
    play.desk.make_room(play.moment)
    assert (play.journal.floor(), play.desk.sender.floor) == (2, 2)


def test_commands_go_to_whoever_carries_them_out() -> None:
    """The desk passes commands on, asks for what is due, and tells of each fresh word of the hub, of no stale one."""
    clerk = FakeClerk()
    play = Play(1, clerk)
    assert play.desk.heard(Channel.COMMAND, b"do", play.moment) == [Outgoing(Channel.RESULT, b"do\0")]
    assert clerk.commands == [b"do"]
    play.hear(-1, nonce=b"late")
    play.hear(-1, nonce=b"")
    assert clerk.heard_hub == 0
    play.hear(-1)
    assert clerk.heard_hub == 1
    play.hear(1, nonce=b"")
    assert clerk.heard_hub == 2
    assert play.desk.next_wakeup(0) == 1_000
    play.speak(1_000)
    assert play.said == [Outgoing(Channel.RESULT, b"late")]


def test_commands_without_a_key_are_not_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    """Who configured no command key takes no commands, and says so."""
    play = Play(1)
    assert play.desk.heard(Channel.COMMAND, b"do", play.moment) == []
    assert "no command key" in caplog.text
    assert play.desk.heard(Channel.STATE, b"anything", play.moment) == []


def test_a_contested_identity_is_told_once_and_custody_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Two machines with one key: people must act, readings must not wait for them."""
    play = Play()
    play.hear(0, code=ReceiptCode.CONTESTED)
    play.hear(1, code=ReceiptCode.CONTESTED)
    assert caplog.text.count("meter-hub device resolve") == 1
    assert play.speak() == [2, 3]


def test_a_hub_that_went_back_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """A restored hub gets the rest again, and the log says why."""
    play = Play()
    play.hear(3)
    play.connect()
    play.hear(1, timeline=b"next")
    assert "the hub went back to block 1" in caplog.text
    assert play.speak() == [2, 3]
