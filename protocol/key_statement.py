"""Key statements: how a device goes from one signing key to the next without ceasing to be itself.

The old key seals the statement (kind `mrc1/k`); inside, the new key proves that its owner agreed, else a device could
claim a stranger's key as its own. A device id is a hash over the enrolment key, so the statements from that key on,
each leading from the key before, tell anyone who holds nothing else which key seals now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import cbor, cose
from protocol.cose import SIGNATURE_LENGTH, Kind, VerifyingKey
from protocol.errors import MalformedError, UnverifiedError
from protocol.fields import KEY_BYTES_MAX, VERSION, Fields, octets, read_device, read_version
from protocol.identity import derive_device_id, format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.cose import SigningKey
    from protocol.identity import DeviceId


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """`device` seals with the key of `new_spki` from now on, no longer with that of `old_spki` (both DER)."""

    device: DeviceId
    old_spki: bytes
    new_spki: bytes


def seal_key_statement(device: DeviceId, old: SigningKey, new: SigningKey) -> bytes:
    """Return the sealed statement that `new` follows `old` as the signing key of `device`.

    Raises MalformedError if both are the same key.
    """
    payload = {0: VERSION, 1: device, 2: old.spki, 3: new.spki, 4: new.sign(_proven_bytes(device, old.spki))}
    sealed = cose.sign(Kind.KEY, cbor.encode(payload), old)
    read_key_statement(sealed)
    return sealed


def read_key_statement(raw: bytes) -> KeyStatement:
    """Return what a sealed key statement says, both its signatures verified.

    Raises UnverifiedError if the old key did not seal it or the new key did not prove itself, UnusableKeyError for a
    key that is neither Ed25519 nor P-256, else MalformedError or UnsupportedError. Whether the old key was the device's
    is for `follow_history` or the reader's own list of keys to say.
    """
    envelope = cose.open_envelope(raw)
    fields = Fields(cbor.decode(envelope.payload), "key statement")
    read_version(fields)
    device = read_device(fields)
    old = VerifyingKey.from_spki(octets(fields.need(2, "old key"), "the old key", 1, KEY_BYTES_MAX))
    new = VerifyingKey.from_spki(octets(fields.need(3, "new key"), "the new key", 1, KEY_BYTES_MAX))
    proof = octets(fields.need(4, "proof"), "the proof", SIGNATURE_LENGTH, SIGNATURE_LENGTH)
    if old.spki == new.spki:
        message = f"the key statement of {format_device_id(device)} leads from key {old.key_id.hex()} to itself"
        raise MalformedError(message)
    if not envelope.verified_by(Kind.KEY, old):
        message = f"the key statement names key {old.key_id.hex()} as the old one and is not signed by it"
        raise UnverifiedError(message)
    if not new.verifies(proof, _proven_bytes(device, old.spki)):
        message = f"the key statement names key {new.key_id.hex()} as the new one, which did not agree to it"
        raise UnverifiedError(message)
    return KeyStatement(device=device, old_spki=old.spki, new_spki=new.spki)


def follow_history(device: DeviceId, statements: Sequence[bytes]) -> VerifyingKey:
    """Return the key that seals for `device` after these statements, which begin at its enrolment key.

    Raises UnverifiedError if there are none, if one is of another device, or if one does not begin where the one before
    ended; else as `read_key_statement` does.
    """
    if not statements:
        message = f"the key history of {format_device_id(device)} is empty: it must begin at the enrolment key"
        raise UnverifiedError(message)
    last_spki: bytes | None = None
    for raw in statements:
        statement = read_key_statement(raw)
        if statement.device != device:
            message = f"a key statement of {format_device_id(statement.device)} stands in the history of another device"
            raise UnverifiedError(message)
        expected = statement.old_spki == last_spki if last_spki else derive_device_id(statement.old_spki) == device
        if not expected:
            message = f"the key history of {format_device_id(device)} does not lead on from its enrolment key"
            raise UnverifiedError(message)
        last_spki = statement.new_spki
    assert last_spki is not None
    return VerifyingKey.from_spki(last_spki)


def _proven_bytes(device: DeviceId, old_spki: bytes) -> bytes:
    """Return what the new key signs: that it takes over from this key of this device."""
    return cose.signed_bytes(Kind.KEY, b"", cbor.encode([device, old_spki]))
