"""Messages survive the wire unchanged, and nothing but a ProtocolError comes out of bytes that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor, cose, wire
from protocol.commands import UnknownOrder
from protocol.cose import Kind
from protocol.errors import MalformedError, ProtocolError, TooLargeError, UnsupportedError, UnverifiedError
from protocol.identity import BlockHash, BootId, DescriptorId, DeviceId, Epoch
from protocol.messages import (
    Block,
    Frame,
    Gap,
    GapCause,
    Instant,
    MeterDescriptor,
    Readings,
    Receipt,
    ReceiptCode,
    Register,
    State,
    TimeQuality,
    UnknownFrame,
)
from tests.protocol.strategies import (
    COMMAND_KEY,
    DEVICE_KEY,
    HUB_KEY,
    blocks,
    cbor_values,
    commands,
    descriptors,
    frames,
    receipts,
    results,
    states,
)

GAP = Gap(meter=1, from_at=10, to_at=20, cause=GapCause.EDGE_OFF)
READINGS = Readings(
    meter=1,
    descriptor=DescriptorId(bytes(8)),
    read_at=(10, 20),
    offset_ms=(0, 0),
    quality=(TimeQuality.SYNCHRONISED,) * 2,
    registers={0: (7, 8)},
    status=(0, 0),
)
BLOCK = Block(
    device=DeviceId(bytes(10)),
    epoch=Epoch(bytes(8)),
    seq=3,
    first_record=9,
    previous=BlockHash(bytes(32)),
    boot_count=1,
    boot_id=BootId(bytes(4)),
    frames=(GAP, READINGS),
    sealed=Instant(wall_ms=30, boottime_ms=5, quality=TimeQuality.SYNCHRONISED),
)
RECEIPT = Receipt(
    device=BLOCK.device,
    epoch=BLOCK.epoch,
    committed=3,
    safe=2,
    committed_hash=bytes(16),
    selective=((5, 6),),
    window=16,
    pace_ms=0,
    nonce=b"",
    hub_at=40,
)


@given(blocks)
def test_block_round_trip(block: Block) -> None:
    """Every block comes back from its seal as it was, with the key that sealed it."""
    again, envelope = wire.read_block(wire.seal_block(block, DEVICE_KEY))
    assert again == block
    assert envelope.key_id == DEVICE_KEY.key_id


@given(states())
def test_state_round_trip(state: State) -> None:
    """Every state comes back from its seal as it was."""
    assert wire.read_state(wire.seal_state(state, DEVICE_KEY))[0] == state


@given(receipts())
def test_receipt_round_trip(receipt: Receipt) -> None:
    """Every receipt comes back from its seal as it was, to one who has the hub's key."""
    assert wire.read_receipt(wire.seal_receipt(receipt, HUB_KEY), HUB_KEY.public) == receipt


@given(frames)
def test_frame_round_trip(frame: Frame) -> None:
    """Every frame alone comes back as it was: the journal keeps them so until they are sealed."""
    assert wire.decode_frame(wire.encode_frame(frame)) == frame


@given(receipts())
def test_receipt_of_another_key_is_not_read(receipt: Receipt) -> None:
    """A receipt that the expected key did not sign cannot be read at all."""
    with pytest.raises(UnverifiedError):
        wire.read_receipt(wire.seal_receipt(receipt, DEVICE_KEY), HUB_KEY.public)


def test_state_does_not_pass_as_receipt() -> None:
    """A message of one kind, sealed by the right key, is not taken for one of another kind."""
    state = State(device=BLOCK.device, nonce=b"1234", online=True)
    with pytest.raises(UnverifiedError):
        wire.read_receipt(wire.seal_state(state, HUB_KEY), HUB_KEY.public)


@given(commands)
def test_command_round_trip(command: Command) -> None:
    """Every command comes back from its seal as it was, to one who has the command key."""
    assert wire.read_command(wire.seal_command(command, COMMAND_KEY), COMMAND_KEY.public) == command


@given(results)
def test_result_round_trip(result: Result) -> None:
    """Every result comes back from its seal as it was, with the key that sealed it."""
    again, envelope = wire.read_result(wire.seal_result(result, DEVICE_KEY))
    assert again == result
    assert envelope.verified_by(Kind.RESULT, DEVICE_KEY.public)


@given(commands, st.sampled_from(Kind))
def test_command_of_another_key_or_kind_is_not_read(command: Command, kind: Kind) -> None:
    """A command that the command key did not seal as a command cannot be read; the receipt key is another."""
    with pytest.raises(UnverifiedError, match="the command names key"):
        wire.read_command(wire.seal_command(command, HUB_KEY), COMMAND_KEY.public)
    if kind is not Kind.COMMAND:
        with pytest.raises(UnverifiedError, match="as a command"):
            wire.read_command(cose.sign(kind, wire.encode_command(command), COMMAND_KEY), COMMAND_KEY.public)


if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.commands import Command, Result


@settings(max_examples=300)
@given(st.sampled_from([BLOCK, replace(BLOCK, frames=(GAP,))]) | blocks, st.data())
def test_decoding_mutated_fields_raises_only_protocol_errors(block: Block, data: st.DataObject) -> None:
    """A legal payload with any one value inside replaced by another is read or refused, never a crash."""
    content = cbor.decode(wire.encode_block(block))
    _replace_somewhere(content, data)
    try:
        encoded = cbor.encode(content)
        again = wire.decode_block(encoded)
    except ProtocolError:
        return
    assert wire.decode_block(wire.encode_block(again)) == again


@given(states().map(wire.encode_state) | receipts().map(wire.encode_receipt), st.data())
def test_decoding_mutated_messages_raises_only_protocol_errors(payload: bytes, data: st.DataObject) -> None:
    """The same holds for states and receipts, whichever of the two is expected."""
    content = cbor.decode(payload)
    _replace_somewhere(content, data)
    for decode in (wire.decode_state, wire.decode_receipt):
        try:
            decode(cbor.encode(content))
        except ProtocolError:
            continue


def _replace_somewhere(content: object, data: st.DataObject) -> None:
    """Replace one value inside nested lists and maps."""
    while True:
        assert isinstance(content, dict | list)
        if not content:
            return
        key = data.draw(st.sampled_from(list(content) if isinstance(content, dict) else range(len(content))))
        if isinstance(content[key], dict | list) and data.draw(st.booleans()):
            content = content[key]
            continue
        content[key] = data.draw(cbor_values(1))
        return


@given(blocks, st.integers(11, 2**30), cbor_values(2))
def test_unknown_optional_fields_are_ignored(block: Block, key: int, value: object) -> None:
    """A block with a further field of a newer writer reads as without it."""
    content = cbor.decode(wire.encode_block(block))
    assert isinstance(content, dict)
    assert wire.decode_block(cbor.encode(content | {key: value})) == block


@pytest.mark.parametrize("path", [(), (7, 0), (7, 1)])
def test_unknown_critical_fields_are_unsupported(path: tuple[int, ...]) -> None:
    """A negative key in a block or frame says: do not read on without knowing me; the head is still readable."""
    content = cbor.decode(wire.encode_block(BLOCK))
    place: object = content
    for step in path:
        assert isinstance(place, dict | list)
        place = place[step]
    assert isinstance(place, dict)
    place[-1] = 0
    payload = cbor.encode(content)
    with pytest.raises(UnsupportedError, match="critical key -1"):
        wire.decode_block(payload)
    assert wire.decode_head(payload).seq == BLOCK.seq


def test_unknown_frames_are_kept() -> None:
    """A frame of a kind unknown here is kept with all it says."""
    frame = UnknownFrame(kind=77, content={1: [1, {2: b"x"}], 9: "note"})
    assert wire.decode_block(wire.encode_block(replace(BLOCK, frames=(frame,)))).frames == (frame,)


@pytest.mark.parametrize(
    ("decode", "content"),
    [
        (wire.decode_receipt, {0: 1, 1: bytes(10), 2: bytes(8), 3: -1, 4: -1, 7: 0, 8: 0, 10: 0, 11: 99}),
        (wire.decode_frame, {0: 5, 1: 0, 2: 0, 3: 1, 4: "sunspots"}),
        (wire.decode_frame, {0: 0, 1: "boredom", 2: b"k", 5: ""}),
        (wire.decode_state, {0: 1, 1: bytes(10), 9: b"1234", 10: [0, 0, 5, 0], 15: True}),
        (wire.decode_result, {0: 1, 1: bytes(10), 2: 0, 3: "forgotten", 5: 0}),
    ],
)
def test_words_of_the_future_are_unsupported(decode: Callable[[bytes], object], content: dict[int, object]) -> None:
    """A code, cause, reason or quality that only a newer version knows is told from nonsense."""
    with pytest.raises(UnsupportedError):
        decode(cbor.encode(content))


def test_an_order_of_the_future_has_a_number_to_be_rejected_by() -> None:
    """A command whose operation only a newer hub knows is read all the same, and says the same when written again."""
    content = {0: 1, 1: bytes(10), 2: 7, 3: "dance", 4: {1: "tango"}, 5: 0, 6: 60, 7: bytes(8)}
    command = wire.decode_command(cbor.encode(content))
    assert (command.number, command.order) == (7, UnknownOrder("dance", {1: "tango"}))
    assert wire.encode_command(command) == cbor.encode(content)


@pytest.mark.parametrize(
    "block",
    [
        replace(BLOCK, frames=()),
        replace(BLOCK, seq=-1),
        replace(BLOCK, seq=2**53),
        replace(BLOCK, device=DeviceId(bytes(9))),
        replace(BLOCK, previous=BlockHash(bytes(31))),
        replace(BLOCK, frames=(replace(GAP, to_at=9),)),
        replace(BLOCK, frames=(replace(GAP, note="x" * 257),)),
        replace(BLOCK, frames=(replace(READINGS, registers={}),)),
        replace(BLOCK, frames=(replace(READINGS, registers={0: (7, -1)}),)),
        replace(BLOCK, frames=(replace(READINGS, registers={0: (7, 2**64)}),)),
        replace(BLOCK, frames=(replace(READINGS, registers={0: (7,)}),)),
        replace(BLOCK, frames=(replace(READINGS, status=(0,)),)),
        replace(BLOCK, frames=(replace(READINGS, read_at=(), offset_ms=(), quality=(), status=(), registers={0: ()}),)),
    ],
)
def test_what_no_reader_accepts_is_not_sealed(block: Block) -> None:
    """A block with an illegal value is refused when it is encoded, before it is signed."""
    with pytest.raises(MalformedError):
        wire.seal_block(block, DEVICE_KEY)


@pytest.mark.parametrize(
    "frame", [UnknownFrame(kind=5, content={}), UnknownFrame(kind=77, content={0: 78}), UnknownFrame(77, {1: (1,)})]
)
def test_unknown_frames_cannot_pass_as_others(frame: UnknownFrame) -> None:
    """A frame that would be read as another than it is, is not encoded."""
    with pytest.raises(MalformedError):
        wire.encode_frame(frame)


@pytest.mark.parametrize(
    "receipt",
    [
        replace(RECEIPT, safe=4),
        replace(RECEIPT, committed_hash=b""),
        replace(RECEIPT, committed=-1, safe=-1),
        replace(RECEIPT, selective=((2, 6),)),
        replace(RECEIPT, selective=((5, 6), (6, 7))),
        replace(RECEIPT, selective=((6, 5),)),
        replace(RECEIPT, selective=tuple((10 * n, 10 * n) for n in range(1, 10))),
        replace(RECEIPT, nonce=b"12345"),
        replace(RECEIPT, window=-1),
    ],
)
def test_contradictory_receipts_are_refused(receipt: Receipt) -> None:
    """A receipt whose watermarks, ranges or hash contradict one another is malformed."""
    with pytest.raises(MalformedError):
        wire.encode_receipt(receipt)


def test_oversized_block_is_refused_with_the_remedy() -> None:
    """A block beyond 64 KiB sealed is refused in a sentence that says what to do; one just below is sealed."""
    rows = wire.READINGS_MAX
    jump = tuple((2**63) * (row % 2) for row in range(rows))
    large = replace(
        READINGS,
        read_at=tuple(range(rows)),
        offset_ms=(0,) * rows,
        quality=(TimeQuality.SYNCHRONISED,) * rows,
        status=(0,) * rows,
        registers={0: jump},
    )
    sealed = wire.seal_block(replace(BLOCK, frames=(large,)), DEVICE_KEY)
    assert 9 * rows < len(sealed) <= wire.BLOCK_BYTES_MAX
    with pytest.raises(TooLargeError, match="fewer records"):
        wire.seal_block(replace(BLOCK, frames=(large, large)), DEVICE_KEY)


def test_few_bytes_cannot_claim_many_rows() -> None:
    """Constant columns cannot be blown up: every row needs its entry in a register."""
    content = cbor.decode(wire.encode_frame(READINGS))
    assert isinstance(content, dict)
    for registers_read in ({}, {0: [7]}):
        with pytest.raises(MalformedError):
            wire.decode_frame(cbor.encode(content | {2: 4096, 3: [0, 1, 0], 5: registers_read}))


def test_death_is_short() -> None:
    """The state that a broker publishes when a device dies has four keys."""
    death = State(device=BLOCK.device, nonce=b"1234", online=False)
    assert cbor.decode(wire.encode_state(death)) == {0: 1, 1: bytes(10), 9: b"1234", 15: False}


@given(descriptors, descriptors)
def test_descriptor_id_stands_for_all_of_it(one: MeterDescriptor, other: MeterDescriptor) -> None:
    """Descriptors have the same id exactly when they are equal, fields of newer writers included."""
    assert (wire.describe(one) == wire.describe(other)) == (one == other)
    decoded = wire.decode_frame(wire.encode_frame(one))
    assert isinstance(decoded, MeterDescriptor)
    assert wire.describe(decoded) == wire.describe(one)


@pytest.mark.parametrize("rollover", [0, 2**64 + 1])
def test_descriptor_with_an_impossible_rollover_has_no_id(rollover: int) -> None:
    """A rollover outside 1..2^64 is refused; 2^64 itself is written as 0."""
    register = Register("1-0:2.8.0", "Wh", 2, 64, "u", rollover, 3, 1206, "little")
    descriptor = MeterDescriptor(0, "CCS", "WNC", "1", "1", (1, 1), "rtu", 5, {0: register})
    with pytest.raises(MalformedError, match="rolls over"):
        wire.describe(descriptor)
    assert wire.describe(replace(descriptor, registers={0: replace(register, rollover_counts=2**64)}))


def test_codes_are_their_numbers() -> None:
    """The numbers of codes are the wire's."""
    assert [code.value for code in ReceiptCode] == list(range(8))
