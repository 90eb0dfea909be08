"""The grammar `mrc1.cddl` and the code agree on what a message is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cddl_verifier import Validator
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor, cose, sequence, wire
from protocol.cose import Kind
from protocol.messages import Frame, Genesis, KeyEvent
from tests.protocol.strategies import DEVICE_KEY, commands, frames, receipts, results, states
from tests.protocol.test_fields import CASES
from tests.protocol.vectors import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.protocol.test_fields import Content, Decode

GRAMMAR = FOLDER.parents[1] / "mrc1.cddl"
VALIDATOR = Validator(GRAMMAR)
RULE_BY_PREFIX = {
    "block": "sealed-block",
    "state": "sealed-state",
    "receipt": "sealed-receipt",
    "command": "sealed-command",
    "result": "sealed-result",
    "key": "sealed-key-statement",
}
RULE_BY_DECODER: dict[Decode, str] = {
    wire.decode_block: "block",
    wire.decode_frame: "frame",
    wire.decode_state: "state",
    wire.decode_receipt: "receipt",
    wire.decode_command: "command",
    wire.decode_result: "result",
}
# Each of these is a relation between fields: a column of another length than its neighbours, a span that ends before it
# begins, a hash of nothing.
BEYOND_A_GRAMMAR: list[tuple[str, Content]] = [
    ("receipt", {4: 0}),
    ("receipt", {3: 0}),
    ("receipt", {5: bytes(16)}),
    ("frame", {2: 3}),
    ("frame", {4: [0]}),
    ("frame", {5: {0: [1]}}),
    ("frame", {5: {0: [1, -2]}}),
    ("frame", {6: [0]}),
    ("frame", {7: [0]}),
    ("frame", {3: [2, 1]}),
    ("command", {4: {1: bytes(8), 2: 2, 3: 1}}),
]
STATEMENT = (FOLDER / "key_statement.cbor").read_bytes()
VECTORS = sorted(FOLDER.glob("*.cbor"))


def _matches(data: bytes, rule: str) -> bool:
    return bool(VALIDATOR.validate(data, root_type=rule).valid)


def _rule(path: Path) -> str:
    return RULE_BY_PREFIX[path.stem.split("_")[0]]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vectors_match_their_rule_and_no_other(path: Path) -> None:
    """Each golden vector is a message of its own kind, and of none that is told apart by its fields."""
    sealed = path.read_bytes()
    assert _matches(sealed, "message")
    assert [rule for rule in RULE_BY_PREFIX.values() if _matches(sealed, rule)] == [_rule(path)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cborseq")), ids=lambda path: path.stem)
def test_sequences_are_made_of_messages(path: Path) -> None:
    """Every item of a sequence file matches the rule for one."""
    assert all(_matches(item, "sequence-item") for item in sequence.split(path.read_bytes()))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_mutated_vectors_do_not_match(path: Path) -> None:
    """Without a needed key, with a critical one, or with a value of another type, no message matches its rule."""
    envelope = cose.open_envelope(path.read_bytes())
    content = cbor.decode(envelope.payload)
    assert isinstance(content, dict)
    for mutated in (
        {key: value for key, value in content.items() if key != 1},
        {**content, -1: 0},
        {**content, 1: "device"},
        {**content, 0: 0},
        {**content, 3: [None]},
    ):
        assert not _matches(cose.sign(Kind.BLOCK, cbor.encode(mutated), DEVICE_KEY), _rule(path)), mutated


def test_mutated_envelopes_do_not_match() -> None:
    """An unprotected header, another algorithm, a short signature, a fifth part or another tag is no message."""
    header, payload = cbor.encode({1: -8, 4: bytes(8)}), cbor.encode({0: 1, 1: bytes(10), 9: bytes(4), 15: False})
    good: list[object] = [header, {}, payload, bytes(64)]
    assert _matches(b"\xd2" + cbor.encode(good), "message")
    for parts in (
        [header, {4: b""}, payload, bytes(64)],
        [cbor.encode({1: -19, 4: bytes(8)}), {}, payload, bytes(64)],
        [cbor.encode({1: -8, 3: 0, 4: bytes(8)}), {}, payload, bytes(64)],
        [header, {}, payload, bytes(63)],
        [*good, 0],
        [header, {}, {}, bytes(64)],
    ):
        assert not _matches(b"\xd2" + cbor.encode(parts), "message"), parts
    assert not _matches(b"\xd1" + cbor.encode(good), "message")


def _with_statements(frame: Frame) -> Frame:
    """Return the frame with true key statements, which the strategies do not draw."""
    match frame:
        case Genesis(key_history=history) if history:
            return replace(frame, key_history=(STATEMENT,) * len(history))
        case KeyEvent():
            return replace(frame, statement=STATEMENT)
        case _:
            return frame


@given(frames.map(_with_statements))
def test_encoded_frames_match(frame: Frame) -> None:
    """Every frame that the code writes matches the rule for frames."""
    assert _matches(wire.encode_frame(frame), "frame")


@settings(max_examples=40)
@given(
    st.one_of(
        commands.map(lambda command: ("command", wire.encode_command(command))),
        results.map(lambda result: ("result", wire.encode_result(result))),
        receipts().map(lambda receipt: ("receipt", wire.encode_receipt(receipt))),
        states().map(
            lambda state: ("state", wire.encode_state(replace(state, key_history=(STATEMENT,) * (state.floor % 3))))
        ),
    )
)
def test_encoded_messages_match(message: tuple[str, bytes]) -> None:
    """Every message that the code writes matches the rule of its kind."""
    rule, payload = message
    assert _matches(payload, rule)


@pytest.mark.parametrize(("decode", "legal", "change"), CASES)
def test_decoders_and_grammar_refuse_the_same(decode: Decode, legal: Content, change: Content) -> None:
    """What the decoders refuse of a field, the grammar refuses too, but for relations between fields."""
    rule = RULE_BY_DECODER[decode]
    assert _matches(cbor.encode(legal), rule)
    assert _matches(cbor.encode({**legal, **change}), rule) == ((rule, change) in BEYOND_A_GRAMMAR)
