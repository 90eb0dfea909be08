"""Messages as bytes: encode and decode payloads, seal them, and read what was sealed.

Every payload is a CBOR map with small integer keys (tables in `protocol/spec/README.md`). Decoding checks every type,
length and range and raises nothing but `protocol.errors.ProtocolError`. Encoding reads back what it wrote before it
hands it out: a device must never seal what no reader accepts, because a sealed block can be neither repaired nor
forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from protocol import blocks, cbor, cose, orders, receipts, results, states
from protocol.descriptor import describe
from protocol.errors import MalformedError, UnverifiedError
from protocol.fields import Fields
from protocol.frames import ROWS_MAX, read_frame, write_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.commands import Command, Result
    from protocol.cose import Envelope, SigningKey, VerifyingKey
    from protocol.messages import Block, BlockHead, Frame, Receipt, State

M = TypeVar("M")

BLOCK_BYTES_MAX = cose.SEALED_BYTES_MAX
"""The largest sealed block, in bytes. A device that has more to say seals several."""
READINGS_MAX = ROWS_MAX
"""The most readings in one frame; a longer series of one meter goes into several frames."""

__all__ = [
    "BLOCK_BYTES_MAX",
    "READINGS_MAX",
    "decode_block",
    "decode_command",
    "decode_frame",
    "decode_head",
    "decode_receipt",
    "decode_result",
    "decode_state",
    "describe",
    "encode_block",
    "encode_command",
    "encode_frame",
    "encode_receipt",
    "encode_result",
    "encode_state",
    "read_block",
    "read_command",
    "read_receipt",
    "read_result",
    "read_state",
    "seal_block",
    "seal_command",
    "seal_receipt",
    "seal_result",
    "seal_state",
]


def encode_frame(frame: Frame) -> bytes:
    """Return one frame as CBOR; raises MalformedError if no reader would accept it, TooLargeError beyond 64 KiB."""
    return _checked(frame, cbor.encode(write_frame(frame)), decode_frame)


def decode_frame(data: bytes) -> Frame:
    """Return the frame in these bytes; raises ProtocolError."""
    return read_frame(cbor.decode(data))


def encode_block(block: Block) -> bytes:
    """Return the payload of `block`; raises MalformedError if no reader takes it, TooLargeError beyond 64 KiB."""
    return _checked(block, cbor.encode(blocks.write_block(block)), decode_block)


def decode_block(payload: bytes) -> Block:
    """Return the block in this payload; raises ProtocolError."""
    return blocks.read_block(Fields(cbor.decode(payload), "block"))


def decode_head(payload: bytes) -> BlockHead:
    """Return which block this payload is, even if its other fields cannot be read; raises ProtocolError."""
    content = cbor.decode(payload)
    # Critical keys forbid using the records, not knowing whose they are.
    plain = (
        {key: value for key, value in content.items() if key in blocks.HEAD_NAMES} if isinstance(content, dict) else {}
    )
    return blocks.read_head(Fields(plain, "block"))


def encode_state(state: State) -> bytes:
    """Return the payload of `state`; raises MalformedError if no reader takes it, TooLargeError beyond 64 KiB."""
    return _checked(state, cbor.encode(states.write_state(state)), decode_state)


def decode_state(payload: bytes) -> State:
    """Return the state in this payload; raises ProtocolError."""
    return states.read_state(Fields(cbor.decode(payload), "state"))


def encode_receipt(receipt: Receipt) -> bytes:
    """Return the payload of `receipt`; raises MalformedError if no reader would accept it."""
    return _checked(receipt, cbor.encode(receipts.write_receipt(receipt)), decode_receipt)


def decode_receipt(payload: bytes) -> Receipt:
    """Return the receipt in this payload; raises ProtocolError."""
    return receipts.read_receipt(Fields(cbor.decode(payload), "receipt"))


def encode_command(command: Command) -> bytes:
    """Return the payload of `command`; raises MalformedError if no reader would accept it."""
    return _checked(command, cbor.encode(orders.write_command(command)), decode_command)


def decode_command(payload: bytes) -> Command:
    """Return the command in this payload; raises ProtocolError."""
    return orders.read_command(Fields(cbor.decode(payload), "command"))


def encode_result(result: Result) -> bytes:
    """Return the payload of `result`; raises MalformedError if no reader would accept it."""
    return _checked(result, cbor.encode(results.write_result(result)), decode_result)


def decode_result(payload: bytes) -> Result:
    """Return the result in this payload; raises ProtocolError."""
    return results.read_result(Fields(cbor.decode(payload), "result"))


def seal_block(block: Block, key: SigningKey) -> bytes:
    """Return the sealed block, the bytes that are stored, sent and hashed; raises as `encode_block` does."""
    return cose.sign(cose.Kind.BLOCK, encode_block(block), key)


def seal_state(state: State, key: SigningKey) -> bytes:
    """Return the sealed state; raises as `encode_state` does."""
    return cose.sign(cose.Kind.STATE, encode_state(state), key)


def seal_receipt(receipt: Receipt, key: SigningKey) -> bytes:
    """Return the sealed receipt; raises as `encode_receipt` does."""
    return cose.sign(cose.Kind.RECEIPT, encode_receipt(receipt), key)


def seal_command(command: Command, key: SigningKey) -> bytes:
    """Return the sealed command; raises as `encode_command` does."""
    return cose.sign(cose.Kind.COMMAND, encode_command(command), key)


def seal_result(result: Result, key: SigningKey) -> bytes:
    """Return the sealed result; raises as `encode_result` does."""
    return cose.sign(cose.Kind.RESULT, encode_result(result), key)


def read_block(raw: bytes) -> tuple[Block, Envelope]:
    """Return a sealed block and its envelope, the signature not yet verified; raises ProtocolError.

    `protocol.chain.judge` verifies, and does not raise.
    """
    envelope = cose.open_envelope(raw)
    return decode_block(envelope.payload), envelope


def read_state(raw: bytes) -> tuple[State, Envelope]:
    """Return a sealed state and its envelope, the signature not yet verified; raises ProtocolError.

    Ask `envelope.verified_by(Kind.STATE, key)` before believing it.
    """
    envelope = cose.open_envelope(raw)
    return decode_state(envelope.payload), envelope


def read_receipt(raw: bytes, key: VerifyingKey) -> Receipt:
    """Return a receipt that `key` signed; raises UnverifiedError if it did not, else ProtocolError.

    There is no way to read a receipt without its key, because a receipt is a licence to delete.
    """
    return decode_receipt(_signed_payload(raw, cose.Kind.RECEIPT, key))


def read_command(raw: bytes, key: VerifyingKey) -> Command:
    """Return a command that `key` signed; raises UnverifiedError if it did not, else ProtocolError.

    There is no way to read a command without its key, as with receipts.
    """
    return decode_command(_signed_payload(raw, cose.Kind.COMMAND, key))


def read_result(raw: bytes) -> tuple[Result, Envelope]:
    """Return a sealed result and its envelope, the signature not yet verified; raises ProtocolError.

    Ask `envelope.verified_by(Kind.RESULT, key)` before believing it.
    """
    envelope = cose.open_envelope(raw)
    return decode_result(envelope.payload), envelope


def _signed_payload(raw: bytes, kind: cose.Kind, key: VerifyingKey) -> bytes:
    envelope = cose.open_envelope(raw)
    if not envelope.verified_by(kind, key):
        name = kind.name.lower()
        message = f"the {name} names key {envelope.key_id.hex()} and is not signed by {key.key_id.hex()} as a {name}"
        raise UnverifiedError(message)
    return envelope.payload


def _checked(value: M, encoded: bytes, decode: Callable[[bytes], M]) -> bytes:
    """Return `encoded` if it says what `value` says; raises MalformedError or UnsupportedError if not."""
    if decode(encoded) != value:
        message = (
            f"a {type(value).__name__} does not survive its own encoding: use tuples, bytes and enumeration members"
        )
        raise MalformedError(message)
    return encoded
