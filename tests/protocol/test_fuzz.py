"""Whatever bytes arrive, every decoder refuses them in its own way or reads them in one way, in bounded memory.

Each property runs over random bytes, over damaged golden vectors and over golden vectors whose content was bent and
written again. METERLINE_FUZZ_EXAMPLES sets how many examples each takes.
"""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from protocol import cbor, chain, columns, cose, evidence, sequence, wire
from protocol.cose import Kind, VerifyingKey
from protocol.errors import ProtocolError
from protocol.evidence import BundleHead, Claim
from protocol.fields import TIME_MS_MAX, U32_MAX
from protocol.frames import ROWS_MAX
from protocol.key_statement import follow_history, read_key_statement
from tests.protocol.mutations import EDGES, bent, damaged, foreign
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY, P256_KEY, cbor_values
from tests.protocol.vectors import DEVICE, EPOCH, FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = int(os.environ.get("METERLINE_FUZZ_EXAMPLES", "50"))
# A byte on the wire can be an empty container of 64 bytes here, or an integer that is held in more than one column
# while it is read: 80 is the most that was seen. The constant holds the 64 KiB that cbor2 reads ahead.
PEAK_PER_BYTE = 160
PEAK_CONSTANT = 131_072
PAYLOAD_MAX = 65_000
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

KEYS = {key.key_id: key.public for key in (DEVICE_KEY, P256_KEY)}
SEALED = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.cbor"))}
CLAIM = Claim(
    device=DEVICE,
    epoch=EPOCH,
    seq=1,
    meter=0,
    serial="123456",
    register=0,
    obis="1-0:2.8.0",
    read_at=1,
    boottime_ms=1,
    raw=2,
    value=200,
    exponent=0,
    unit="Wh",
)
HEAD = BundleHead(claims=(CLAIM, CLAIM), hub_key=HUB_KEY.spki, enrolment_keys=(DEVICE_KEY.spki,))


def _payloads(prefix: str) -> list[bytes]:
    return [cose.open_envelope(raw).payload for name, raw in SEALED.items() if name.startswith(prefix)]


def _frames() -> list[bytes]:
    blocks = [cbor.decode(payload) for payload in _payloads("block")]
    return [cbor.encode(frame) for block in blocks if isinstance(block, dict) for frame in block[7]]


Case = tuple["Callable[[bytes], object]", "Callable[..., bytes] | None", list[bytes]]
"""A decoder of plain CBOR, what undoes it, and bytes that it reads."""
DECODERS: dict[str, Case] = {
    "cbor": (cbor.decode, cbor.encode, [*_payloads(""), *_frames()]),
    "block": (wire.decode_block, wire.encode_block, _payloads("block")),
    "head": (wire.decode_head, None, _payloads("block")),
    "frame": (wire.decode_frame, wire.encode_frame, _frames()),
    "state": (wire.decode_state, wire.encode_state, _payloads("state")),
    "receipt": (wire.decode_receipt, wire.encode_receipt, _payloads("receipt")),
    "command": (wire.decode_command, wire.encode_command, _payloads("command")),
    "result": (wire.decode_result, wire.encode_result, _payloads("result")),
    "evidence": (evidence.read_head, lambda head: evidence.write_bundle(head, (), ()), []),
}
DECODERS["evidence"][2].append(evidence.write_bundle(HEAD, (), ()))
COLUMNS: tuple[tuple[Callable[[object, int], tuple[int, ...]], Callable[[tuple[int, ...]], object]], ...] = (
    (columns.decode_times, columns.encode_times),
    (columns.decode_offsets, columns.encode_offsets),
    (columns.decode_counts, columns.encode_counts),
    (lambda column, rows: columns.decode_repeated(column, "a value", rows, U32_MAX), columns.encode_repeated),
)
READERS: dict[str, tuple[Callable[[bytes], object], Kind]] = {
    "block": (wire.read_block, Kind.BLOCK),
    "state": (wire.read_state, Kind.STATE),
    "receipt": (lambda raw: wire.read_receipt(raw, HUB_KEY.public), Kind.RECEIPT),
    "command": (lambda raw: wire.read_command(raw, DEVICE_KEY.public), Kind.COMMAND),
    "result": (wire.read_result, Kind.RESULT),
    "key": (read_key_statement, Kind.KEY),
    "history": (lambda raw: follow_history(DEVICE, [raw]), Kind.KEY),
}


@st.composite
def _inputs(draw: st.DrawFn, legal: list[bytes]) -> bytes:
    """Draw bytes for a decoder that reads `legal`: random, damaged, foreign, or bent and in the one form."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=64) | cbor_values().map(cbor.encode))
    if draw(st.booleans()):
        return draw(damaged(legal))
    if draw(st.integers(0, 3)) == 0:
        return draw(foreign(cbor.decode(draw(st.sampled_from(legal)))))
    try:
        return cbor.encode(draw(bent(cbor.decode(draw(st.sampled_from(legal))))))
    except ProtocolError:
        assume(False)  # noqa: FBT003 (the signature is Hypothesis's)
        raise


def _read(decode: Callable[[bytes], object], data: bytes) -> object:
    """Return what was read, or the error it was refused with, having watched the memory that it took."""
    tracemalloc.start()
    try:
        value: object = decode(data)
    except ProtocolError as error:
        value = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= PEAK_PER_BYTE * len(data) + PEAK_CONSTANT, f"{peak} bytes of memory for {len(data)} on the wire"
    return value


@pytest.mark.parametrize("name", DECODERS)
@fuzz
@given(data=st.data())
def test_decoders_refuse_or_read_one_form(name: str, data: st.DataObject) -> None:
    """What is not refused with a ProtocolError is in the one form of CBOR, and means the same when written again."""
    decode, encode, legal = DECODERS[name]
    given_bytes = data.draw(_inputs(legal))
    value = _read(decode, given_bytes)
    if isinstance(value, ProtocolError):
        assert str(value)
        return
    assert cbor.encode(cbor.decode(given_bytes)) == given_bytes
    if encode is not None:
        written = encode(value)
        assert decode(written) == value
        assert encode(decode(written)) == written


@pytest.mark.parametrize("name", READERS)
@fuzz
@given(data=st.data())
def test_readers_of_sealed_messages_refuse_or_read(name: str, data: st.DataObject) -> None:
    """A damaged message, and one well sealed over damaged content, is refused with a ProtocolError or read."""
    read, kind = READERS[name]
    legal = [raw for known, raw in SEALED.items() if known.startswith(name.replace("history", "key"))]
    raw = data.draw(damaged(legal))
    _read(read, raw)
    payload = data.draw(_inputs([cose.open_envelope(known).payload for known in legal]))[:PAYLOAD_MAX]
    _read(read, cose.sign(kind, payload, data.draw(st.sampled_from([DEVICE_KEY, HUB_KEY]))))


@fuzz
@given(damaged(list(SEALED.values())) | _inputs([raw[1:] for raw in SEALED.values()]).map(b"\xd2".__add__))
def test_envelopes_have_one_form(raw: bytes) -> None:
    """An envelope that opens is written again to the bytes that it came from."""
    opened = _read(cose.open_envelope, raw)
    if isinstance(opened, cose.Envelope):
        assert b"\xd2" + cbor.encode([opened.protected, {}, opened.payload, opened.signature]) == raw


@fuzz
@given(st.data())
def test_judging_never_raises(data: st.DataObject) -> None:
    """Any bytes get a verdict; damaged ones never that they are what the device sealed, and true seals are believed."""
    blocks = [raw for name, raw in SEALED.items() if name.startswith("block")]
    raw = data.draw(damaged(blocks))
    assert chain.judge(raw, KEYS).verdict is not chain.Verdict.OK or raw in blocks
    payload = data.draw(_inputs(_payloads("block")))[:PAYLOAD_MAX]
    verdict = chain.judge(cose.sign(Kind.BLOCK, payload, DEVICE_KEY), KEYS).verdict
    assert verdict in {chain.Verdict.OK, chain.Verdict.MALFORMED, chain.Verdict.UNSUPPORTED}
    assert (verdict is chain.Verdict.OK) != isinstance(_read(wire.decode_block, payload), ProtocolError)


@fuzz
@given(damaged([b"".join(SEALED.values()), *SEALED.values()]))
def test_sequences_lose_nothing(data: bytes) -> None:
    """The items of a sequence are all of its bytes, or a ProtocolError says where they stop being items."""
    items = _read(sequence.split, data)
    if isinstance(items, tuple):
        assert sequence.join(items) == data


@fuzz
@given(st.data())
def test_columns_refuse_or_give_the_rows_asked_for(data: st.DataObject) -> None:
    """A column of anything is refused or has exactly its rows, and is written again to a column of the same meaning."""
    rows = data.draw(st.integers(1, 8) | st.just(ROWS_MAX))
    integers = st.sampled_from(EDGES) | st.integers(-3, 3) | st.integers(0, TIME_MS_MAX)
    lists = st.lists(integers, min_size=min(rows, 8) - 1, max_size=min(rows, 8))
    column = data.draw(integers | lists | st.tuples(integers, integers, integers | lists).map(list) | cbor_values(2))
    for decode, encode in COLUMNS:
        try:
            values = decode(column, rows)
        except ProtocolError:
            continue
        assert len(values) == rows
        assert decode(cbor.decode(cbor.encode(encode(values))), rows) == values


@fuzz
@given(damaged([DEVICE_KEY.spki, P256_KEY.spki]) | st.binary(max_size=120))
def test_keys_are_refused_or_have_one_form(spki: bytes) -> None:
    """Bytes that are no key are refused with a ProtocolError; those that are one are its only form."""
    key = _read(VerifyingKey.from_spki, spki)
    if isinstance(key, VerifyingKey):
        assert key.spki == spki


@pytest.mark.parametrize(
    "frame",
    [
        {0: 1, 1: 0, 2: 4096, 3: [0, 1, 0], 4: 0, 5: {}, 6: 0, 7: 0, 8: bytes(8)},
        {0: 1, 1: 0, 2: 4096, 3: [0, 1, 0], 4: 0, 5: {0: [0]}, 6: 0, 7: 0, 8: bytes(8)},
        {0: 1, 1: 0, 2: 4096, 3: [0, 1, 0], 4: 0, 5: {n: [0] * 100 for n in range(64)}, 6: 0, 7: 0, 8: bytes(8)},
        {0: 1, 1: 0, 2: 4096, 3: [0, 1, 0], 4: 0, 5: {0: [0] * 4096}, 6: 0, 7: 0, 8: bytes(8)},
        {0: 1, 1: 0, 2: 900, 3: [0, 2**37, 0], 4: 2**47, 5: {n: [2**63, *[1] * 899] for n in range(64)}, 6: 2**31, 7: 2,
         8: bytes(8)},
        {0: 8, 1: 0, 2: {f"{n}": 1 for n in range(300)}, 3: [0, 1]},
        {0: 99, 1: [[]] * 20_000},
        {0: 99, 1: [{}] * 20_000},
        {0: 99, 1: [{0: 0}] * 20_000},
    ],
)  # fmt: skip
def test_greedy_frames_stay_within_bounds(frame: dict[int, object]) -> None:
    """Frames made to need as much memory as they can for their size need no more than the stated multiple of it."""
    _read(wire.decode_frame, cbor.encode(frame))


@pytest.mark.parametrize("item", [b"\x00", b"\x80", b"\xa0", b"\x81\x00", b"\xd2\x00"])
def test_greedy_sequences_stay_within_bounds(item: bytes) -> None:
    """A sequence of the smallest items there are is split within the stated multiple of its size."""
    assert isinstance(_read(sequence.split, item * 20_000), tuple)
