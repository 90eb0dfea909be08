"""Take custody of blocks: verify, store bytes and what follows from them in one transaction, and say so afterwards.

R5 of the protocol: custody is unconditional for a registered device. A block with a bad verdict is stored and
committed like any other, only nothing is derived from it; the receipt names it until an intact copy arrives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from hub.services.derive_readings import Derivation
from hub.store import changes, custody, descriptors, registry, states
from hub.store.changes import Subject, SubjectKind
from hub.store.custody import BlockRow, HeldStream
from protocol.chain import Judgement, Verdict, judge
from protocol.cose import VerifyingKey
from protocol.custody import receiver
from protocol.custody.receiver import DecisionKind, SafePolicy, Stored
from protocol.identity import format_device_id
from protocol.messages import BlockHead, ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.store.database import Database
    from protocol.identity import DeviceId, Epoch, KeyId
    from protocol.messages import Block, Receipt


@dataclass(frozen=True, slots=True)
class Terms:
    """What receipts grant: see `hub.config.HubSettings`; `timeline` is the id of this life of the database."""

    safe: SafePolicy
    window: int
    window_backfill: int
    pace_ms: int
    timeline: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """The bytes of a block, and the device on whose topic they came."""

    device: DeviceId
    raw: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch. `receipts` hold one per stream; `rejected` one sentence per block not taken."""

    receipts: tuple[Receipt, ...]
    rejected: tuple[str, ...]
    refused: frozenset[tuple[DeviceId, Epoch]]
    decisions: Mapping[DecisionKind, int]


@dataclass(frozen=True, slots=True)
class _Judged:
    raw: bytes
    judgement: Judgement
    head: BlockHead


class _Moved(NamedTuple):
    """A stream after its blocks of this batch, and whether any of them was intact and not held so before."""

    held: HeldStream
    selective: tuple[tuple[int, int], ...]
    has_fresh: bool


def accept_blocks(database: Database, arrivals: Sequence[Arrival], terms: Terms, now: int) -> Accepted:
    """Take custody of `arrivals` and return the receipts to send; all of it is durable when this returns.

    Blocks of devices that are not registered are not taken: their receipt refuses with UNKNOWN_KEY. Bytes that do not
    say where they belong, or that belong to another device than their topic, or to an epoch that nothing signed by the
    device ever named, are rejected. Raises StoreUnavailableError, in which case nothing was taken.
    """
    keys = load_keys(database, {arrival.device for arrival in arrivals})
    streams: dict[tuple[DeviceId, Epoch], list[_Judged]] = {}
    rejected: list[str] = []
    for arrival in arrivals:
        judgement = judge(arrival.raw, keys[arrival.device])
        if judgement.head is None or judgement.head.device != arrival.device:
            rejected.append(_describe_rejection(arrival, judgement))
            continue
        place = (judgement.head.device, judgement.head.epoch)
        streams.setdefault(place, []).append(_Judged(arrival.raw, judgement, judgement.head))
    refused = frozenset(place for place in streams if not keys[place[0]])
    batch = _Batch(terms, now)
    if streams:
        with database.write() as connection:
            batch.accept(connection, {place: judged for place, judged in streams.items() if place not in refused})
            batch.refuse(connection, {place: len(streams[place]) for place in sorted(refused)})
    return Accepted(tuple(batch.receipts), (*rejected, *batch.rejected), refused, batch.decisions)


class _Batch:
    """One transaction's work, stream by stream."""

    def __init__(self, terms: Terms, now: int) -> None:
        self.receipts: list[Receipt] = []
        self.rejected: list[str] = []
        self.decisions: dict[DecisionKind, int] = {}
        self._terms = terms
        self._now = now

    def accept(self, connection: Connection, streams: Mapping[tuple[DeviceId, Epoch], Sequence[_Judged]]) -> None:
        """Store the blocks of registered devices, derive what they say, and draw up a receipt per stream."""
        if not streams:
            return
        derivation = Derivation(connection, self._now)
        moved: list[_Moved] = []
        for place, judged in streams.items():
            held = self._hold(connection, *place, judged)
            if held is not None:
                moved.append(self._accept_stream(connection, derivation, held, judged))
        if not moved:
            return
        systems = derivation.write()
        for held, selective, has_fresh in moved:
            saved = replace(held, stream=receiver.safe_after(_flag(connection, held), self._terms.safe))
            custody.save_stream(connection, saved, self._now if has_fresh else None)
            self.receipts.append(
                receiver.make_receipt(
                    saved.stream,
                    selective,
                    window=choose_window(connection, saved.stream, self._terms),
                    pace_ms=self._terms.pace_ms,
                    nonce=b"",
                    hub_at=self._now,
                    timeline=self._terms.timeline,
                )
            )
        subjects = [changes.FLEET, *(Subject(SubjectKind.SYSTEM, pts_id) for pts_id in systems)]
        changes.announce(connection, subjects, self._now)

    def refuse(self, connection: Connection, places: Mapping[tuple[DeviceId, Epoch], int]) -> None:
        """Remember devices nobody has registered, and draw up the receipts that tell them so."""
        for (device, epoch), blocks in places.items():
            if registry.note_unknown_device(connection, device, self._now, blocks):
                changes.announce(connection, [changes.FLEET], self._now)
            self.receipts.append(
                receiver.refuse(
                    device,
                    epoch,
                    ReceiptCode.UNKNOWN_KEY,
                    nonce=b"",
                    hub_at=self._now,
                    timeline=self._terms.timeline,
                )
            )

    def _hold(
        self, connection: Connection, device: DeviceId, epoch: Epoch, judged: Sequence[_Judged]
    ) -> HeldStream | None:
        """Return the stream of an epoch; a new one only on the device's own word, for a stranger could name many."""
        held = custody.find_stream(connection, device, epoch)
        if held is not None:
            return held
        state = states.find_state(connection, device)
        if (state is not None and state.epoch == epoch) or any(one.judgement.verdict is Verdict.OK for one in judged):
            return custody.open_stream(connection, device, epoch, self._now)
        sentence = (
            f"a block on the topic of device {format_device_id(device)} belongs to an epoch that nothing signed by the "
            f"device has named: dropped ({judged[0].judgement.reason})"
        )
        self.rejected += [sentence] * len(judged)
        return None

    def _accept_stream(
        self, connection: Connection, derivation: Derivation, held: HeldStream, judged: Sequence[_Judged]
    ) -> _Moved:
        fresh: dict[int, Block] = {}
        repaired: set[int] = set()
        seqs = [arrival.head.seq for arrival in judged]
        near = custody.slots_near(connection, held.id, seqs)
        for arrival in judged:
            kind = self._place(connection, held, arrival, near)
            self.decisions[kind] = self.decisions.get(kind, 0) + 1
            if kind in {DecisionKind.NEW, DecisionKind.SUPERSEDES} and arrival.judgement.verdict is Verdict.OK:
                assert arrival.judgement.block is not None, "an intact block can be read"
                fresh[arrival.head.seq] = arrival.judgement.block
                if arrival.head.seq <= held.stream.committed:
                    repaired.add(arrival.head.seq)
        slots = custody.slots_from(connection, held.id, max(0, held.stream.committed))
        stream, reached = receiver.advance(held.stream, ((slot.seq, slot.hash) for slot in slots))
        for seq in (*sorted(repaired), *reached):
            if seq in fresh:
                derivation.add(held.id, fresh[seq])
            else:
                derivation.add_stored(held.id, [seq])
        selective = receiver.selective_ranges(slot.seq for slot in slots if slot.seq > stream.committed)
        return _Moved(replace(held, stream=stream), selective, bool(fresh))

    def _place(
        self, connection: Connection, held: HeldStream, arrival: _Judged, near: dict[int, Stored]
    ) -> DecisionKind:
        """Store or set aside one block, and keep `near`, the slots around the batch, as they are then."""
        seq, judgement = arrival.head.seq, arrival.judgement
        decision = receiver.decide(held.stream, judgement, near.get(seq), near.get(seq - 1), near.get(seq + 1))
        block = BlockRow(
            stream=held.id,
            seq=seq,
            hash=judgement.hash,
            previous=arrival.head.previous,
            raw=arrival.raw,
            received_at=self._now,
            verdict=judgement.verdict,
        )
        match decision.kind:
            case DecisionKind.NEW:
                custody.store_block(connection, block)
            case DecisionKind.SUPERSEDES:
                custody.supersede_block(connection, block)
            case DecisionKind.JUNK | DecisionKind.CONFLICT:
                custody.set_aside(connection, block, decision.kind)
            case DecisionKind.DUPLICATE | DecisionKind.REJECT:
                pass
        if decision.kind in {DecisionKind.NEW, DecisionKind.SUPERSEDES}:
            near[seq] = Stored(seq, judgement.hash, judgement.verdict, arrival.head.previous)
        return decision.kind


def choose_window(connection: Connection, stream: receiver.Stream, terms: Terms) -> int:
    """Return how many blocks beyond its watermark a device may offer: more of them while it has a long backlog."""
    state = states.find_state(connection, stream.device)
    behind = state is not None and state.epoch == stream.epoch and state.head - stream.committed > terms.window
    return terms.window_backfill if behind else terms.window


def _flag(connection: Connection, held: HeldStream) -> receiver.Stream:
    stream = receiver.flagged(
        held.stream,
        fork_seq=custody.lowest_conflict(connection, held.id),
        bad_seq=custody.lowest_doubtful(connection, held.id),
    )
    waiting = descriptors.lowest_underived(connection, held.id)
    if stream.code is ReceiptCode.OK and waiting is not None:
        return replace(stream, code=ReceiptCode.DESCRIPTOR_WANTED, code_seq=waiting)
    return stream


def load_keys(database: Database, devices: set[DeviceId]) -> dict[DeviceId, dict[KeyId, VerifyingKey]]:
    """Return the verifying keys of these devices; none for a device that is not registered."""
    with database.read() as connection:
        return {
            device: {
                key_id: VerifyingKey.from_spki(spki) for key_id, spki in registry.keys_of(connection, device).items()
            }
            for device in devices
        }


def _describe_rejection(arrival: Arrival, judgement: Judgement) -> str:
    topic = format_device_id(arrival.device)
    if judgement.head is None:
        return f"bytes on the topic of device {topic} are no block: {judgement.reason}"
    return f"a block of device {format_device_id(judgement.head.device)} came on the topic of device {topic}: dropped"
