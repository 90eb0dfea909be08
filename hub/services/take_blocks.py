"""The work of one transaction on streams: put blocks into slots, learn keys, derive, and say what is held then."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from hub.services.derive_readings import Derivation
from hub.services.learn_keys import judge_again, learn_keys, stated_keys
from hub.store import changes, contests, custody, descriptors, states
from hub.store.changes import Subject, SubjectKind
from hub.store.custody import SLOTS_MAX, BlockRow, HeldStream, SavedStream
from protocol.chain import Judgement, Verdict
from protocol.custody import receiver
from protocol.custody.receiver import Decision, DecisionKind, Stored
from protocol.identity import format_device_id
from protocol.messages import BlockHead, ReceiptCode, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.services.accept_blocks import Terms
    from hub.services.derive_readings import KnownDescriptors
    from hub.store.custody import Place
    from protocol.identity import DeviceId
    from protocol.messages import Block, Receipt

_OVERTAKEN = "it went on with an old log after it had begun a new one"


class Judged(NamedTuple):
    """The bytes of a block with their verdict, and where they belong."""

    raw: bytes
    judgement: Judgement
    head: BlockHead


@dataclass(slots=True)
class _Taken:
    """A stream and what this transaction did to it.

    `slots` are those from its watermark on and whatever else was looked at; `intact` the blocks that were not held
    intact before, with when they were received; `is_odd` whether its code may have to change.
    """

    held: HeldStream
    slots: dict[int, Stored]
    intact: dict[int, tuple[Block, int]] = field(default_factory=dict)
    begun_at: int | None = None
    is_odd: bool = False


class Taking:
    """Give it what came, then `finish`: derived, saved and summed up in one receipt per stream it touched."""

    def __init__(self, connection: Connection, terms: Terms, known: KnownDescriptors, now: int) -> None:
        self.decisions: dict[DecisionKind, int] = {}
        self.rejected: list[str] = []
        self._connection = connection
        self._terms = terms
        self._now = now
        self._derivation = Derivation(connection, known, now)
        self._taken: dict[Place, _Taken] = {}
        self._unstored: list[BlockRow] = []

    @property
    def readings(self) -> Mapping[str, int]:
        """How many readings were derived from the blocks, by what became of them."""
        return self._derivation.readings

    def take(self, streams: Mapping[Place, Sequence[Judged]]) -> None:
        """Store or set aside blocks of registered devices, and learn the keys that those state which are intact."""
        self._load(streams)
        for place, judged in streams.items():
            taken = self._taken.get(place) or self._open(place, judged)
            if taken is not None:
                self._place_all(taken, judged)
        self._store()
        for (device, _), taken in list(self._taken.items()):
            statements = [statement for block, _ in taken.intact.values() for statement in stated_keys(block)]
            if statements or taken.held.judge_from is not None:
                self.learn(device, statements)

    def learn(self, device: DeviceId, statements: Iterable[bytes]) -> None:
        """Learn keys of a device, and take as intact what can be judged so since."""
        learn_keys(self._connection, device, statements, self._now)
        for place, block, received_at in judge_again(self._connection, device, self._now):
            self._load([place])
            taken = self._taken[place]
            taken.is_odd = True
            self._note_intact(taken, block, received_at)
            if block.seq in taken.slots:
                taken.slots[block.seq] = taken.slots[block.seq]._replace(verdict=Verdict.OK)

    def finish(self) -> list[Receipt]:
        """Derive what came, save the streams, and return their receipts: to be sent after the commit."""
        moved = [(taken, *self._advance(taken)) for taken in self._taken.values()]
        if not moved:
            return []
        systems = self._derivation.write()
        saved: list[SavedStream] = []
        for taken, stream, _ in moved:
            kept = receiver.safe_after(self._flag(taken, stream), self._terms.safe)
            fresh_at = self._now if taken.intact else None
            saved.append(SavedStream(taken.held.id, kept, taken.begun_at, fresh_at))
        custody.save_streams(self._connection, saved)
        subjects = [changes.FLEET, *(Subject(SubjectKind.SYSTEM, pts_id) for pts_id in systems)]
        changes.announce(self._connection, subjects, self._now)
        return self._draw([(one.stream, selective) for one, (_, _, selective) in zip(saved, moved, strict=True)])

    def _load(self, places: Iterable[Place]) -> None:
        missing = {place for place in places if place not in self._taken}
        if missing:
            held = custody.find_streams(self._connection, missing)
            slots = custody.slots_beyond(self._connection, held.values())
            self._taken.update({place: _Taken(one, slots[one.id]) for place, one in held.items()})

    def _open(self, place: Place, judged: Sequence[Judged]) -> _Taken | None:
        """Open an epoch, but only on the device's own word, for a stranger could name many."""
        device, epoch = place
        state = states.find_state(self._connection, device)
        if (state is not None and state.epoch == epoch) or any(one.judgement.verdict is Verdict.OK for one in judged):
            taken = _Taken(custody.open_stream(self._connection, device, epoch, self._now), {})
            self._taken[place] = taken
            return taken
        sentence = (
            f"a block on the topic of device {format_device_id(device)} belongs to an epoch that nothing signed by the "
            f"device has named: dropped ({judged[0].judgement.reason})"
        )
        self.rejected += [sentence] * len(judged)
        return None

    def _place_all(self, taken: _Taken, judged: Sequence[Judged]) -> None:
        committed, slots = taken.held.stream.committed, taken.slots
        last_known = max(slots, default=committed) if len(slots) >= SLOTS_MAX else None
        elsewhere = [
            one.head.seq
            for one in judged
            if one.head.seq <= committed or (last_known is not None and one.head.seq >= last_known)
        ]
        if elsewhere:
            slots |= custody.slots_near(self._connection, taken.held.id, elsewhere)
        for one in judged:
            kind = self._place(taken, one)
            self.decisions[kind] = self.decisions.get(kind, 0) + 1

    def _place(self, taken: _Taken, arrival: Judged) -> DecisionKind:
        """Store or set aside one block, and keep the slots around the batch as they are then."""
        seq, judgement, slots = arrival.head.seq, arrival.judgement, taken.slots
        decision = receiver.decide(taken.held.stream, judgement, slots.get(seq), slots.get(seq - 1), slots.get(seq + 1))
        if decision.kind is DecisionKind.DUPLICATE:
            return decision.kind
        row = BlockRow(
            stream=taken.held.id,
            seq=seq,
            hash=judgement.hash,
            previous=arrival.head.previous,
            received_at=self._now,
            verdict=judgement.verdict,
            raw=arrival.raw,
        )
        match decision.kind:
            case DecisionKind.NEW:
                self._unstored.append(row)
            case DecisionKind.SUPERSEDES:
                self._store()
                custody.supersede_block(self._connection, row)
            case DecisionKind.JUNK | DecisionKind.CONFLICT:
                self._set_aside(row, decision, arrival.head)
        is_intact = judgement.verdict is Verdict.OK
        if decision.kind in {DecisionKind.NEW, DecisionKind.SUPERSEDES}:
            slots[seq] = Stored(seq, judgement.hash, judgement.verdict, arrival.head.previous)
            if is_intact:
                assert judgement.block is not None, "an intact block can be read"
                self._note_intact(taken, judgement.block, self._now)
        taken.is_odd |= decision.kind is not DecisionKind.NEW or not is_intact
        return decision.kind

    def _set_aside(self, row: BlockRow, decision: Decision, head: BlockHead) -> None:
        """Keep a block beside the one in its slot, as long as there are not too many of them."""
        if not custody.set_aside(self._connection, row, decision.kind):
            device = format_device_id(head.device)
            kept = f"{custody.ASIDE_MAX} like it are kept already"
            self.rejected.append(f"a block of device {device} is dropped: {decision.reason}, and {kept}")

    def _store(self) -> None:
        custody.store_blocks(self._connection, self._unstored)
        self._unstored.clear()

    def _note_intact(self, taken: _Taken, block: Block, received_at: int) -> None:
        """Remember a block to be derived, and what its time of sealing says of the device's logs."""
        taken.intact[block.seq] = (block, received_at)
        if block.sealed.quality is TimeQuality.UNKNOWN:
            return
        if block.seq == 0:
            taken.begun_at = block.sealed.wall_ms
        overtaken_at = taken.held.overtaken_at
        if overtaken_at is not None and block.sealed.wall_ms > overtaken_at:
            contests.begin_contest(self._connection, block.device, _OVERTAKEN, self._now)

    def _advance(self, taken: _Taken) -> tuple[receiver.Stream, tuple[tuple[int, int], ...]]:
        """Move a stream over what is contiguous now, have what came derived; return it with what lies beyond a gap."""
        before = taken.held.stream
        beyond = sorted(seq for seq in taken.slots if seq >= before.committed)
        stream, _ = receiver.advance(before, ((seq, taken.slots[seq].hash) for seq in beyond))
        # Also what lies beyond a gap: the gap is never filled if the device lost its card, and the reading is true.
        for seq in sorted(taken.intact):
            self._derivation.add(taken.held.id, *taken.intact[seq])
        return stream, receiver.selective_ranges(seq for seq in beyond if seq > stream.committed)

    def _flag(self, taken: _Taken, stream: receiver.Stream) -> receiver.Stream:
        """Return the stream with its code, asked for only where it can be another than OK."""
        stream_id = taken.held.id
        if stream.code is ReceiptCode.OK and not taken.is_odd and stream_id not in self._derivation.waiting:
            return stream
        flagged = receiver.flagged(
            stream,
            fork_seq=custody.lowest_conflict(self._connection, stream_id),
            bad_seq=custody.lowest_doubtful(self._connection, stream_id),
        )
        waiting = descriptors.lowest_underived(self._connection, stream_id)
        # One that waits beyond a gap may find its descriptor in the gap.
        if flagged.code is ReceiptCode.OK and waiting is not None and waiting <= stream.committed:
            return replace(flagged, code=ReceiptCode.DESCRIPTOR_WANTED, code_seq=waiting)
        return flagged

    def _draw(self, streams: Sequence[tuple[receiver.Stream, tuple[tuple[int, int], ...]]]) -> list[Receipt]:
        devices = {stream.device for stream, _ in streams}
        contested = contests.find_contested(self._connection, devices)
        heads = states.find_heads(self._connection, devices)
        return [
            receiver.make_receipt(
                stream,
                selective,
                window=choose_window(heads.get(stream.device), stream, self._terms),
                pace_ms=self._terms.pace_ms,
                nonce=b"",
                hub_at=self._now,
                timeline=self._terms.timeline,
                contested=stream.device in contested,
            )
            for stream, selective in streams
        ]


def choose_window(named: states.Head | None, stream: receiver.Stream, terms: Terms) -> int:
    """Return how many blocks beyond its watermark a device may offer: more of them while it has a long backlog.

    `named` is the epoch and head that the device last named in a state.
    """
    if named is None:
        return terms.window
    epoch, head = named
    behind = epoch == stream.epoch and head - stream.committed > terms.window
    return terms.window_backfill if behind else terms.window
