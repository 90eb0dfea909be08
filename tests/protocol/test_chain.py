"""Level 1 tells every kind of bad bytes apart; level 2 finds every way a log can fail to continue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, chain, cose, wire
from protocol.chain import Break, Verdict
from protocol.identity import NO_BLOCK, BlockHash, BootId, DeviceId, Epoch, derive_device_id, hash_block
from protocol.messages import (
    Block,
    ClockEvent,
    Genesis,
    GenesisReason,
    Instant,
    MeterDescriptor,
    Readings,
    Register,
    TimeQuality,
)
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY, P256_KEY, blocks

KEYS = {key.key_id: key.public for key in (DEVICE_KEY, P256_KEY)}
GENESIS = Genesis(reason=GenesisReason.INSTALL, signing_key_spki=DEVICE_KEY.spki, agent_version="1")
FIRST = Block(
    device=derive_device_id(DEVICE_KEY.spki),
    epoch=Epoch(b"epoch..1"),
    seq=0,
    first_record=0,
    previous=NO_BLOCK,
    boot_count=1,
    boot_id=BootId(b"boot"),
    frames=(GENESIS,),
    sealed=Instant(wall_ms=1, boottime_ms=1, quality=TimeQuality.UNKNOWN),
)
DESCRIPTOR = MeterDescriptor(
    meter=4,
    make="CCS",
    model="WNC",
    serial="1",
    firmware="1",
    ratio=(1, 1),
    bus="rtu",
    unit_id=1,
    registers={0: Register("1-0:2.8.0", "Wh", 2, 32, "u", 10**9, 3, 1206, "little")},
)
READINGS = Readings(
    meter=4,
    descriptor=wire.describe(DESCRIPTOR),
    read_at=(1, 2, 3),
    offset_ms=(0, 0, 0),
    quality=(TimeQuality.UNKNOWN,) * 3,
    registers={0: (5, 6, 7)},
    status=(0, 0, 0),
)
FIRST_HASH = hash_block(wire.seal_block(FIRST, DEVICE_KEY))
SECOND = replace(FIRST, seq=1, first_record=1, previous=FIRST_HASH, frames=(DESCRIPTOR, READINGS))
SECOND_HASH = hash_block(wire.seal_block(SECOND, DEVICE_KEY))
THIRD = replace(SECOND, seq=2, first_record=5, previous=SECOND_HASH, frames=(READINGS,))


@given(blocks, st.sampled_from([DEVICE_KEY, P256_KEY]))
def test_intact_blocks_are_ok(block: Block, key: cose.SigningKey) -> None:
    """A block sealed by a known key is OK, with its content, its key and the hash of its bytes."""
    raw = wire.seal_block(block, key)
    judgement = chain.judge(raw, KEYS)
    assert (judgement.verdict, judgement.block, judgement.key_id) == (Verdict.OK, block, key.key_id)
    assert judgement.hash == hash_block(raw)
    assert judgement.head is not None
    assert (judgement.head.seq, judgement.head.previous) == (block.seq, block.previous)


@given(st.binary(max_size=100), st.integers(0, 400), st.integers(1, 255))
def test_judging_anything_raises_nothing(data: bytes, place: int, change: int) -> None:
    """Random bytes and damaged blocks get a verdict other than OK and a reason; nothing is raised."""
    damaged = bytearray(wire.seal_block(SECOND, DEVICE_KEY))
    damaged[place % len(damaged)] ^= change
    for raw in (data, bytes(damaged)):
        judgement = chain.judge(raw, KEYS)
        assert judgement.verdict is not Verdict.OK
        assert judgement.reason


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), st.binary(max_size=40))
def test_many_are_judged_as_each_alone(changes: list[tuple[int, int]], data: bytes) -> None:
    """Judged together or one by one, with more keys or with fewer, blocks get the same verdicts in the same order."""
    sealed = [(data, KEYS), (wire.seal_block(THIRD, P256_KEY), KEYS), (wire.seal_block(FIRST, DEVICE_KEY), {})]
    for place, change in changes:
        raw = bytearray(wire.seal_block(SECOND, DEVICE_KEY))
        raw[place % len(raw)] ^= change
        sealed.append((bytes(raw), KEYS))
    assert chain.judge_all(sealed) == [chain.judge(raw, keys) for raw, keys in sealed]


def test_verdicts_are_told_apart() -> None:
    """Foreign key, false signature, nonsense under a good signature, and news from the future each have a verdict."""
    payload = wire.encode_block(SECOND)
    content = cbor.decode(payload)
    assert isinstance(content, dict)
    foreign = cose.sign(cose.Kind.BLOCK, payload, HUB_KEY)
    false = cose.sign(cose.Kind.STATE, payload, DEVICE_KEY)
    nonsense = cose.sign(cose.Kind.BLOCK, cbor.encode(content | {7: []}), DEVICE_KEY)
    future = cose.sign(cose.Kind.BLOCK, cbor.encode(content | {-5: 1}), DEVICE_KEY)
    expected = {
        foreign: (Verdict.UNKNOWN_KEY, True),
        false: (Verdict.BAD_SIGNATURE, True),
        nonsense: (Verdict.MALFORMED, False),
        future: (Verdict.UNSUPPORTED, False),
    }
    for raw, (verdict, readable) in expected.items():
        judgement = chain.judge(raw, KEYS)
        assert (judgement.verdict, judgement.block is not None) == (verdict, readable)
        assert judgement.head is not None, "custody needs the head of each of these"
        assert judgement.head.seq == 1


def test_without_a_head_there_is_no_place_for_the_bytes() -> None:
    """Bytes that do not say whose they are have a verdict but no head."""
    for payload in (b"", cbor.encode([]), cbor.encode({0: 1, 1: bytes(10)})):
        judgement = chain.judge(cose.sign(cose.Kind.BLOCK, payload, DEVICE_KEY), KEYS)
        assert (judgement.verdict, judgement.head) == (Verdict.MALFORMED, None)


def test_a_whole_log_has_no_findings() -> None:
    """A log from genesis on begins, continues and explains its readings."""
    assert chain.begins(FIRST) is None
    assert chain.follows(FIRST, FIRST_HASH, SECOND) is None
    assert chain.follows(SECOND, SECOND_HASH, THIRD) is None
    known, findings = chain.describes(SECOND, {})
    assert findings == ()
    assert chain.describes(THIRD, known) == (known, ())


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (replace(FIRST, frames=(READINGS,)), Break.GENESIS),
        (replace(FIRST, seq=1), Break.GENESIS),
        (replace(FIRST, first_record=1), Break.GENESIS),
        (replace(FIRST, previous=FIRST_HASH), Break.GENESIS),
        (replace(FIRST, device=DeviceId(bytes(10))), Break.DEVICE),
    ],
)
def test_false_beginnings(block: Block, kind: Break) -> None:
    """An epoch that does not begin with its device's genesis is found out."""
    finding = chain.begins(block)
    assert finding is not None
    assert finding.kind is kind


def test_key_history_replaces_the_direct_binding() -> None:
    """After a key rotation the genesis names a newer key, and carries the statements that bind it."""
    assert (
        chain.begins(replace(FIRST, frames=(replace(GENESIS, signing_key_spki=b"new", key_history=(b"old",)),))) is None
    )


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (replace(SECOND, previous=BlockHash(b"x" * 32)), Break.PREVIOUS),
        (replace(SECOND, seq=2), Break.SEQ),
        (replace(SECOND, seq=0), Break.SEQ),
        (replace(SECOND, first_record=2), Break.RECORD),
        (replace(SECOND, first_record=0), Break.RECORD),
        (replace(SECOND, epoch=Epoch(b"epoch..2")), Break.DEVICE),
        (replace(SECOND, device=DeviceId(bytes(10))), Break.DEVICE),
        (replace(SECOND, frames=(GENESIS,)), Break.GENESIS),
    ],
)
def test_broken_continuations(block: Block, kind: Break) -> None:
    """A block that does not continue the one before is found out, and the sentence names a block."""
    finding = chain.follows(FIRST, FIRST_HASH, block)
    assert finding is not None
    assert finding.kind is kind


@pytest.mark.parametrize(
    "frames",
    [
        (READINGS,),
        (READINGS, DESCRIPTOR),
        (replace(DESCRIPTOR, serial="2"), READINGS),
        (DESCRIPTOR, replace(READINGS, meter=5)),
        (DESCRIPTOR, replace(READINGS, registers={1: (5, 6, 7)})),
    ],
)
def test_unexplained_readings(frames: tuple[MeterDescriptor | Readings, ...]) -> None:
    """Readings whose descriptor is absent, late, another meter's or silent on a register are found out."""
    _, findings = chain.describes(replace(SECOND, frames=frames), {})
    assert [finding.kind for finding in findings] == [Break.DESCRIPTOR]


def test_frames_without_readings_need_no_descriptor() -> None:
    """Statements about clock and gaps stand by themselves."""
    event = ClockEvent(boottime_ms=1, old_offset_ms=0, new_offset_ms=5, source=2, error_ms=1)
    assert chain.describes(replace(SECOND, frames=(event,)), {}) == ({}, ())
