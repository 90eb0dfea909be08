"""Both ends of custody over a bad network: every block ends up at the hub intact, once; nothing is let go too early.

The sender, the receiver's decisions, the codec and the signatures are the real ones; storage and network are lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol import chain, cose, wire
from protocol.custody import receiver
from protocol.custody.receiver import DecisionKind, Stored, Stream
from protocol.custody.sender import RetryPolicy, Sender
from protocol.errors import ProtocolError
from protocol.identity import NO_BLOCK, BlockHash, BootId, Epoch, derive_device_id, hash_block
from protocol.messages import Block, Gap, GapCause, Instant, State, TimeQuality
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY

DEVICE = derive_device_id(DEVICE_KEY.spki)
EPOCH = Epoch(b"epoch..1")
POLICY = RetryPolicy(base_ms=1_000, max_ms=8_000, hello_ms=5_000, refused_ms=2_000)
WINDOW = 4


@dataclass
class Hub:
    """What a worker and its database do; `applied` counts how often the readings of a block were taken over."""

    stream: Stream = field(default_factory=lambda: Stream(DEVICE, EPOCH))
    slots: dict[int, Stored] = field(default_factory=dict)
    conflicts: set[int] = field(default_factory=set)
    applied: dict[int, int] = field(default_factory=dict)
    timeline: bytes = b"\x00"

    def copy(self) -> Hub:
        """Return what a backup holds."""
        return replace(self, slots=dict(self.slots), conflicts=set(self.conflicts), applied=dict(self.applied))

    def take(self, raw: bytes) -> bytes | None:
        """Commit what a message says and return the receipt for it."""
        try:
            state, envelope = wire.read_state(raw)
        except ProtocolError:
            return self._take_block(raw)
        return self._receipt(state.nonce) if envelope.verified_by(cose.Kind.STATE, DEVICE_KEY.public) else None

    def _take_block(self, raw: bytes) -> bytes | None:
        judgement = chain.judge(raw, {DEVICE_KEY.key_id: DEVICE_KEY.public})
        seq = judgement.head.seq if judgement.head else -1
        slot, before, after = (self.slots.get(near) for near in (seq, seq - 1, seq + 1))
        decision = receiver.decide(self.stream, judgement, slot, before, after)
        if decision.kind is DecisionKind.REJECT or judgement.head is None:
            return None
        if decision.kind is DecisionKind.CONFLICT:
            self.conflicts.add(seq)
        if decision.kind in (DecisionKind.NEW, DecisionKind.SUPERSEDES):
            self.slots[seq] = Stored(seq, judgement.hash, judgement.verdict, judgement.head.previous)
            if seq <= self.stream.committed:
                self._apply(seq)
        moved, newly = receiver.advance(self.stream, ((n, self.slots[n].hash) for n in sorted(self.slots)))
        for contiguous in newly:
            self._apply(contiguous)
        doubtful = (n for n, stored in self.slots.items() if receiver.is_doubtful(stored, self.slots.get(n + 1)))
        self.stream = receiver.flagged(
            moved, fork_seq=min(self.conflicts, default=None), bad_seq=min(doubtful, default=None)
        )
        return self._receipt(b"")

    def _apply(self, seq: int) -> None:
        if self.slots[seq].verdict is chain.Verdict.OK:
            self.applied[seq] = self.applied.get(seq, 0) + 1

    def _receipt(self, nonce: bytes) -> bytes:
        selective = receiver.selective_ranges(n for n in sorted(self.slots) if n > self.stream.committed)
        receipt = receiver.make_receipt(
            self.stream, selective, window=WINDOW, pace_ms=0, nonce=nonce, hub_at=0, timeline=self.timeline
        )
        return wire.seal_receipt(receipt, HUB_KEY)


class Interplay(RuleBasedStateMachine):
    """One device, one hub, a network that loses, repeats, reorders and damages, and restarts of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.hellos = 0
        self.hub = Hub()
        self.backup = self.hub.copy()
        self.blocks: list[bytes] = []
        self.released = -1
        self.to_hub: list[bytes] = []
        self.to_device: list[bytes] = []
        self.sender = Sender.resume(DEVICE, EPOCH, head=-1, committed=-1, safe=-1, policy=POLICY)
        self.reconnect()

    def _hash_of(self, seq: int) -> BlockHash | None:
        return hash_block(self.blocks[seq])

    def _say_hello(self) -> bytes:
        self.hellos += 1
        nonce = self.hellos.to_bytes(4, "big")
        self.to_hub.append(wire.seal_state(State(device=DEVICE, nonce=nonce, online=True, epoch=EPOCH), DEVICE_KEY))
        return nonce

    @rule()
    def seal(self) -> None:
        """Seal one more block after the last."""
        seq = len(self.blocks)
        gap = Gap(meter=seq % 3, from_at=seq, to_at=seq + 1, cause=GapCause.EDGE_OFF)
        block = Block(
            device=DEVICE,
            epoch=EPOCH,
            seq=seq,
            first_record=seq,
            previous=hash_block(self.blocks[-1]) if self.blocks else NO_BLOCK,
            boot_count=1,
            boot_id=BootId(b"boot"),
            frames=(gap,),
            sealed=Instant(wall_ms=seq, boottime_ms=seq, quality=TimeQuality.UNKNOWN),
        )
        self.blocks.append(wire.seal_block(block, DEVICE_KEY))
        self.sender = self.sender.sealed(seq)

    @rule(wait_ms=st.integers(0, 3_000), jitter=st.floats(0, 1))
    def wait_and_offer(self, wait_ms: int, jitter: float) -> None:
        """Let time pass, then let the device say what it has to say."""
        self.now_ms += wait_ms
        if self.sender.hello_due(self.now_ms):
            self.sender = self.sender.greeted(self._say_hello(), self.now_ms)
        for seq in self.sender.due(self.now_ms):
            if seq > self.released:
                self.to_hub.append(self.blocks[seq])
            self.sender = self.sender.offered(seq, self.now_ms, jitter)

    @precondition(lambda self: self.to_hub)
    @rule(place=st.integers(0, 5), keep=st.booleans(), answer=st.booleans(), damage=st.none() | st.integers(0, 10**6))
    def reach_hub(self, place: int, *, keep: bool, answer: bool, damage: int | None) -> None:
        """Deliver a message to the hub, late, repeated or damaged perhaps; its receipt may die with a worker."""
        message = self._fetch(self.to_hub, place, keep=keep)
        if damage is not None:
            position, flip = damage % len(message), 1 + damage % 255
            message = message[:position] + bytes([message[position] ^ flip]) + message[position + 1 :]
        receipt = self.hub.take(message)
        if receipt is not None and answer:
            self.to_device.append(receipt)

    @precondition(lambda self: self.to_device)
    @rule(place=st.integers(0, 5), keep=st.booleans())
    def reach_device(self, place: int, *, keep: bool) -> None:
        """Deliver a receipt to the device, late or repeated perhaps."""
        receipt = wire.read_receipt(self._fetch(self.to_device, place, keep=keep), HUB_KEY.public)
        self.sender, outcome = self.sender.received(receipt, self._hash_of, self.now_ms)
        self.released = max(self.released, min(outcome.released_through, self.sender.head - 1))
        self.sender = self.sender.released(self.released + 1)

    def _fetch(self, messages: list[bytes], place: int, *, keep: bool) -> bytes:
        return messages[place % len(messages)] if keep else messages.pop(place % len(messages))

    @precondition(lambda self: self.to_hub)
    @rule(place=st.integers(0, 5))
    def lose(self, place: int) -> None:
        """Lose a message; also what a hub does that crashes before its commit."""
        self._fetch(self.to_hub, place, keep=False)

    @rule()
    def reconnect(self) -> None:
        """Restart the device's program, which remembers what the journal holds, or its session."""
        sender = self.sender
        self.sender = Sender.resume(
            DEVICE,
            EPOCH,
            head=sender.head,
            committed=sender.committed,
            safe=sender.safe,
            floor=self.released + 1,
            timeline=sender.timeline,
            policy=POLICY,
        )
        self.sender = self.sender.connected(self._say_hello(), self.now_ms)

    @rule()
    def back_up(self) -> None:
        """Back the hub up; what is in a verified backup is safe."""
        self.hub.stream = receiver.safe_in_backup(self.hub.stream, self.hub.stream)
        self.backup = self.hub.copy()

    @rule()
    def restore(self) -> None:
        """Lose the hub's database and go back to the backup."""
        timeline = bytes([self.hub.timeline[0] + 1])
        self.hub = self.backup.copy()
        self.hub.timeline = timeline

    @invariant()
    def nothing_is_let_go_too_early(self) -> None:
        """Hold what the device released, intact, in the backup that the hub may be restored from (R1)."""
        for seq in range(self.released + 1):
            assert self.backup.slots[seq].hash == hash_block(self.blocks[seq])

    @invariant()
    def no_fork_is_seen_where_there_is_none(self) -> None:
        """Never take loss, damage or a restore for a forked log."""
        assert not self.sender.ended
        assert not self.hub.conflicts

    def teardown(self) -> None:
        """Once faults stop, all blocks are committed intact and once within bounded rounds."""
        for _ in range(60 + 4 * len(self.blocks)):
            if self._is_settled():
                break
            wakeup = self.sender.next_wakeup(self.now_ms)
            self.wait_and_offer(0 if wakeup is None else wakeup - self.now_ms, 0.5)
            while self.to_hub:
                self.reach_hub(0, keep=False, answer=True, damage=None)
            while self.to_device:
                self.reach_device(0, keep=False)
        assert self._is_settled()
        assert self.hub.applied == dict.fromkeys(range(len(self.blocks)), 1)

    def _is_settled(self) -> bool:
        held = [self.hub.slots[seq].hash for seq in range(self.hub.stream.committed + 1)]
        ours = [hash_block(raw) for raw in self.blocks]
        return held[: len(ours)] == ours and self.sender.committed == self.sender.head


Interplay.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestInterplay = Interplay.TestCase
