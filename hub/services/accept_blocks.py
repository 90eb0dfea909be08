"""Take custody of blocks: verify, store bytes and what follows from them in one transaction, and say so afterwards.

R5 of the protocol: custody is unconditional for a registered device. A block with a bad verdict is stored and
committed like any other, only nothing is derived from it; the receipt names it until an intact copy arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.derive_readings import known_descriptors
from hub.services.learn_keys import explain_key, stated_keys, verifying_key
from hub.services.take_blocks import Judged, Taking
from hub.store import changes, registry
from protocol.chain import Judgement, Verdict, judge, judge_all
from protocol.custody import receiver
from protocol.identity import format_device_id
from protocol.messages import Genesis, ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.store.custody import Place
    from hub.store.database import Database
    from protocol.cose import VerifyingKey
    from protocol.custody.receiver import DecisionKind, SafePolicy
    from protocol.identity import DeviceId, Epoch, KeyId
    from protocol.messages import Receipt


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
    """What became of a batch. `receipts` hold one per stream; `rejected` one sentence per block not taken.

    `results` counts all its blocks by their decision, `rejected` where there was nothing to decide, or `unregistered`;
    `readings` those of its intact blocks: `stored`, `duplicate` (sealed again), or in `conflict` with one that is held.
    """

    receipts: tuple[Receipt, ...]
    rejected: tuple[str, ...]
    refused: frozenset[tuple[DeviceId, Epoch]]
    decisions: Mapping[DecisionKind, int]
    results: Mapping[str, int]
    readings: Mapping[str, int]


def accept_blocks(database: Database, arrivals: Sequence[Arrival], terms: Terms, now: int) -> Accepted:
    """Take custody of `arrivals` and return the receipts to send; all of it is durable when this returns.

    Blocks of devices that are not registered are not taken: their receipt refuses with UNKNOWN_KEY. Bytes that do not
    say where they belong, or that belong to another device than their topic, or to an epoch that nothing signed by the
    device ever named, are rejected. Raises StoreUnavailableError, in which case nothing was taken.
    """
    keys = load_keys(database, {arrival.device for arrival in arrivals})
    streams: dict[Place, list[Judged]] = {}
    rejected: list[str] = []
    for arrival, judgement in zip(arrivals, _judge_all(arrivals, keys), strict=True):
        if judgement.head is None or judgement.head.device != arrival.device:
            rejected.append(_describe_rejection(arrival, judgement))
            continue
        place = (judgement.head.device, judgement.head.epoch)
        streams.setdefault(place, []).append(Judged(arrival.raw, judgement, judgement.head))
    refused = frozenset(place for place in streams if not keys[place[0]])
    if not streams:
        return Accepted((), tuple(rejected), refused, {}, {"rejected": len(rejected)}, {})
    known = known_descriptors(database)
    known.look_up(database, (one.judgement.block for judged in streams.values() for one in judged))
    with database.write() as connection:
        taking = Taking(connection, terms, known, now)
        taking.take({place: judged for place, judged in streams.items() if place not in refused})
        receipts = taking.finish()
        receipts += _refuse(connection, {place: len(streams[place]) for place in sorted(refused)}, terms, now)
    results: dict[str, int] = {kind.value: number for kind, number in taking.decisions.items()}
    results["unregistered"] = sum(len(streams[place]) for place in refused)
    # What belongs to an epoch that nobody named was not decided on either.
    results["rejected"] = len(arrivals) - sum(results.values())
    return Accepted(tuple(receipts), (*rejected, *taking.rejected), refused, taking.decisions, results, taking.readings)


def load_keys(database: Database, devices: set[DeviceId]) -> dict[DeviceId, dict[KeyId, VerifyingKey]]:
    """Return the verifying keys of these devices; none for a device that is not registered."""
    with database.read() as connection:
        return {
            device: {key_id: verifying_key(spki) for key_id, spki in keys.items()}
            for device, keys in registry.keys_of_all(connection, devices).items()
        }


def _judge_all(
    arrivals: Sequence[Arrival], keys: Mapping[DeviceId, Mapping[KeyId, VerifyingKey]]
) -> Iterator[Judgement]:
    """Yield the verdict on each block; one that begins a log may itself bring the history that explains its key."""
    judgements = judge_all([(arrival.raw, keys[arrival.device]) for arrival in arrivals])
    for arrival, judgement in zip(arrivals, judgements, strict=True):
        if judgement.verdict is Verdict.UNKNOWN_KEY and keys[arrival.device]:
            yield _judge_again(arrival, judgement, keys[arrival.device])
        else:
            yield judgement


def _judge_again(arrival: Arrival, judgement: Judgement, keys: Mapping[KeyId, VerifyingKey]) -> Judgement:
    """Return the verdict on a block of a key that is not known, unless its own key history explains that."""
    block = judgement.block
    if block is None or block.device != arrival.device or not isinstance(block.frames[0], Genesis):
        return judgement
    explained = explain_key(arrival.device, stated_keys(block))
    return judgement if explained is None else judge(arrival.raw, {**keys, explained.key_id: explained})


def _refuse(connection: Connection, places: Mapping[Place, int], terms: Terms, now: int) -> list[Receipt]:
    """Remember devices nobody has registered, and return the receipts that tell them so."""
    receipts = []
    for (device, epoch), blocks in places.items():
        if registry.note_unknown_device(connection, device, now, blocks):
            changes.announce(connection, [changes.FLEET], now)
        code = ReceiptCode.UNKNOWN_KEY
        receipts.append(receiver.refuse(device, epoch, code, nonce=b"", hub_at=now, timeline=terms.timeline))
    return receipts


def _describe_rejection(arrival: Arrival, judgement: Judgement) -> str:
    topic = format_device_id(arrival.device)
    if judgement.head is None:
        return f"bytes on the topic of device {topic} are no block: {judgement.reason}"
    return f"a block of device {format_device_id(judgement.head.device)} came on the topic of device {topic}: dropped"
