"""Verification: is this block what a known key sealed (level 1), and does it continue the log before it (level 2).

`judge` never raises for bytes: bad bytes are evidence too, and get a verdict that is kept beside them. The findings of
level 2 are returned values for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from protocol import cose, wire
from protocol.errors import ProtocolError, UnsupportedError
from protocol.identity import NO_BLOCK, derive_device_id, hash_block
from protocol.messages import BlockHead, Genesis, MeterDescriptor, Readings, record_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from protocol.cose import Envelope, VerifyingKey
    from protocol.identity import BlockHash, DescriptorId, KeyId
    from protocol.messages import Block


class Verdict(StrEnum):
    """What level 1 says of a block's bytes; everything but OK keeps its readings out of all sums."""

    OK = "ok"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"


_SOUND = (Verdict.OK, "")


class Judgement(NamedTuple):
    """The verdict on the bytes of one block.

    `head` is who and where the bytes claim to be, None where not even that can be read: only then can custody not be
    taken. `block` is what they say, None unless all of it can be read; believe it only if the verdict is OK. `reason`
    is one sentence, empty for OK.
    """

    verdict: Verdict
    hash: BlockHash
    head: BlockHead | None
    block: Block | None
    key_id: KeyId | None
    reason: str


def judge(raw: bytes, verifying_keys: Mapping[KeyId, VerifyingKey]) -> Judgement:
    """Return the level 1 verdict on a sealed block, given the signing keys of the device that it is said to come from.

    The signature is looked at before the content, so that bytes damaged on the way are told from a device that seals
    nonsense.
    """
    return judge_all([(raw, verifying_keys)])[0]


def judge_all(sealed: Sequence[tuple[bytes, Mapping[KeyId, VerifyingKey]]]) -> list[Judgement]:
    """Return the verdict on each of these sealed blocks as `judge` does, in their order.

    Each step goes over all blocks before the next one begins: a signature check drives whatever else was being run out
    of the processor's caches, and step by step takes a seventh less time than block by block.
    """
    opened = [_open(raw) for raw, _ in sealed]
    checked = [_check(envelope, keys) for envelope, (_, keys) in zip(opened, sealed, strict=True)]
    return [
        _conclude(raw, envelope, verdict, reason)
        for (raw, _), envelope, (verdict, reason) in zip(sealed, opened, checked, strict=True)
    ]


def _open(raw: bytes) -> Envelope | ProtocolError:
    try:
        return cose.open_envelope(raw)
    except ProtocolError as error:
        return error


def _check(envelope: Envelope | ProtocolError, verifying_keys: Mapping[KeyId, VerifyingKey]) -> tuple[Verdict, str]:
    """Return the verdict on a seal, and the reason for one that is not OK."""
    if isinstance(envelope, ProtocolError):
        return _verdict_on(envelope), str(envelope)
    key = verifying_keys.get(envelope.key_id)
    if key is None:
        return Verdict.UNKNOWN_KEY, f"signing key {envelope.key_id.hex()} is not known for this device"
    if not envelope.verified_by(cose.Kind.BLOCK, key):
        return Verdict.BAD_SIGNATURE, f"key {envelope.key_id.hex()} did not sign these bytes"
    return _SOUND


def _conclude(raw: bytes, envelope: Envelope | ProtocolError, verdict: Verdict, reason: str) -> Judgement:
    """Return the verdict on the seal together with what it seals, which has to be readable too."""
    block_hash = hash_block(raw)
    if isinstance(envelope, ProtocolError):
        return Judgement(verdict, block_hash, None, None, None, reason)
    try:
        block = wire.decode_block(envelope.payload)
    except ProtocolError as error:
        if verdict is Verdict.OK:
            verdict, reason = _verdict_on(error), str(error)
        return Judgement(verdict, block_hash, _read_head(envelope), None, envelope.key_id, reason)
    head = BlockHead(block.device, block.epoch, block.seq, block.previous)
    return Judgement(verdict, block_hash, head, block, envelope.key_id, reason)


class Break(StrEnum):
    """How a block fails to continue its log."""

    PREVIOUS = "previous"
    SEQ = "seq"
    RECORD = "record"
    GENESIS = "genesis"
    DEVICE = "device"
    DESCRIPTOR = "descriptor"


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """What level 2 has to say against a block, in one sentence; kept with the block."""

    kind: Break
    message: str


def begins(block: Block) -> ChainFinding | None:
    """Return what is wrong with `block` as the first of an epoch, None if nothing is.

    A genesis without key history binds the log to its device by itself: the SubjectPublicKeyInfo in it must hash to the
    device id. With a history the binding takes the statements in it, which are not judged here.
    """
    genesis = block.frames[0]
    if not isinstance(genesis, Genesis):
        return ChainFinding(Break.GENESIS, "the first record of the epoch is not a genesis")
    if block.seq or block.first_record or block.previous != NO_BLOCK:
        message = (
            f"a genesis stands in block {block.seq}, record {block.first_record}, instead of at the very beginning"
        )
        return ChainFinding(Break.GENESIS, message)
    if not genesis.key_history and derive_device_id(genesis.signing_key_spki) != block.device:
        return ChainFinding(Break.DEVICE, "the genesis names a signing key that does not hash to the device id")
    return None


def follows(previous: Block, previous_hash: BlockHash, block: Block) -> ChainFinding | None:
    """Return how `block` fails to continue the log after `previous`, None if it does continue it."""
    if (block.device, block.epoch) != (previous.device, previous.epoch):
        return ChainFinding(Break.DEVICE, "the two blocks are not of one device and epoch")
    if block.seq != previous.seq + 1:
        return ChainFinding(Break.SEQ, f"block {block.seq} stands after block {previous.seq}")
    if block.previous != previous_hash:
        message = f"block {block.seq} was sealed after another block {previous.seq} than the one that is held"
        return ChainFinding(Break.PREVIOUS, message)
    next_record = previous.first_record + sum(map(record_count, previous.frames))
    if block.first_record != next_record:
        message = f"block {block.seq} begins with record {block.first_record}, expected {next_record}"
        return ChainFinding(Break.RECORD, message)
    if any(isinstance(frame, Genesis) for frame in block.frames):
        return ChainFinding(Break.GENESIS, f"block {block.seq} holds a second genesis")
    return None


def describes(
    block: Block, known: Mapping[DescriptorId, MeterDescriptor]
) -> tuple[dict[DescriptorId, MeterDescriptor], tuple[ChainFinding, ...]]:
    """Return the descriptors known after `block`, and a finding for each frame of readings without its descriptor.

    `known` are those of the earlier blocks of the epoch. A descriptor must precede the first reading that names it,
    be of the same meter and explain every register that was read.
    """
    after, findings = dict(known), []
    for frame in block.frames:
        if isinstance(frame, MeterDescriptor):
            after[wire.describe(frame)] = frame
        elif isinstance(frame, Readings):
            descriptor = after.get(frame.descriptor)
            explained = descriptor is not None and descriptor.meter == frame.meter
            if descriptor is None or not explained or not frame.registers.keys() <= descriptor.registers.keys():
                message = (
                    f"block {block.seq} has readings of meter {frame.meter} that no descriptor before them explains"
                )
                findings.append(ChainFinding(Break.DESCRIPTOR, message))
    return after, tuple(findings)


def _verdict_on(error: ProtocolError) -> Verdict:
    return Verdict.UNSUPPORTED if isinstance(error, UnsupportedError) else Verdict.MALFORMED


def _read_head(envelope: Envelope) -> BlockHead | None:
    try:
        return wire.decode_head(envelope.payload)
    except ProtocolError:
        return None
