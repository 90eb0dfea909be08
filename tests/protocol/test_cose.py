"""Seals: made by the right key over the right kind, in one form only."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.cose import Algorithm, Kind, SigningKey, VerifyingKey
from protocol.errors import MalformedError, ProtocolError, TooLargeError, UnsupportedError, UnusableKeyError
from protocol.identity import derive_key_id
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY, P256_KEY

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEYS = st.sampled_from([DEVICE_KEY, P256_KEY])
KINDS = st.sampled_from(Kind)


@given(st.binary(max_size=200), KEYS, KINDS)
def test_what_is_sealed_verifies_for_its_kind_and_key_only(payload: bytes, key: SigningKey, kind: Kind) -> None:
    """A seal verifies with its own kind and key, and with no other."""
    envelope = cose.open_envelope(cose.sign(kind, payload, key))
    assert envelope.payload == payload
    assert envelope.key_id == key.key_id
    assert [other for other in Kind if envelope.verified_by(other, key.public)] == [kind]
    assert not envelope.verified_by(kind, HUB_KEY.public)


@given(st.binary(max_size=60), KEYS, st.data())
def test_no_single_byte_can_be_changed(payload: bytes, key: SigningKey, data: st.DataObject) -> None:
    """Any one byte changed is refused or fails to verify: no second valid copy of a message can be made."""
    sealed = bytearray(cose.sign(Kind.BLOCK, payload, key))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    try:
        envelope = cose.open_envelope(bytes(sealed))
    except ProtocolError:
        return
    assert not envelope.verified_by(Kind.BLOCK, key.public)


@given(st.binary(max_size=200))
def test_opening_anything_raises_only_protocol_errors(data: bytes) -> None:
    """Whatever follows tag 18, opening gives an envelope or a ProtocolError."""
    for candidate in (data, b"\xd2" + data):
        try:
            cose.open_envelope(candidate)
        except ProtocolError:
            continue


def test_a_seal_must_name_its_own_key_and_algorithm() -> None:
    """A good signature under a header that names another key or algorithm is not believed."""
    for falsified in (
        replace(DEVICE_KEY.public, key_id=HUB_KEY.key_id),
        replace(DEVICE_KEY.public, algorithm=Algorithm.ES256),
    ):
        envelope = cose.open_envelope(cose.sign(Kind.BLOCK, b"payload", replace(DEVICE_KEY, public=falsified)))
        assert not envelope.verified_by(Kind.BLOCK, DEVICE_KEY.public)


def test_envelope_is_a_plain_cose_sign1() -> None:
    """An independent CBOR reader finds the structure of RFC 9052 §4.2 and the header values we state."""
    tagged = cbor2.loads(cose.sign(Kind.STATE, b"payload", P256_KEY))
    assert isinstance(tagged, cbor2.CBORTag)
    assert tagged.tag == 18
    protected, unprotected, payload, signature = tagged.value
    assert cbor2.loads(protected) == {1: -7, 4: P256_KEY.key_id}
    assert (unprotected, payload, len(signature)) == ({}, b"payload", 64)


@given(st.binary(max_size=50))
def test_ecdsa_signatures_have_one_form(message: bytes) -> None:
    """(r, n - s) would satisfy ECDSA as well, and is refused; signing the same message twice gives the same bytes."""
    signature = P256_KEY.sign(message)
    assert signature == P256_KEY.sign(message)
    assert P256_KEY.public.verifies(signature, message)
    mirrored = P256_ORDER - int.from_bytes(signature[32:], "big")
    assert not P256_KEY.public.verifies(signature[:32] + mirrored.to_bytes(32, "big"), message)


def _envelope(protected: object, unprotected: object = None, signature: object = bytes(64)) -> bytes:
    header = cbor.encode(protected) if isinstance(protected, dict) else protected
    return b"\xd2" + cbor.encode([header, unprotected if unprotected is not None else {}, b"", signature])


GOOD = {1: -8, 4: bytes(8)}


@pytest.mark.parametrize(
    "sealed",
    [
        cose.sign(Kind.BLOCK, b"", DEVICE_KEY)[1:],
        b"\xd2" + cbor.encode({}),
        b"\xd2" + cbor.encode([b"", {}, b""]),
        _envelope(GOOD, unprotected={4: bytes(8)}),
        _envelope(GOOD, unprotected=[]),
        _envelope(GOOD, signature=bytes(63)),
        _envelope(GOOD, signature=None),
        _envelope({1: -8}),
        _envelope({**GOOD, 3: 0}),
        _envelope({1: -8, 4: bytes(7)}),
        _envelope({1: "EdDSA", 4: bytes(8)}),
        _envelope(b"\xa2\x04\x48" + bytes(8) + b"\x01\x27"),
        _envelope(b""),
    ],
)
def test_other_structures_are_malformed(sealed: bytes) -> None:
    """Any other structure than the one we write is malformed."""
    with pytest.raises(MalformedError):
        cose.open_envelope(sealed)


def test_unknown_algorithm_is_unsupported() -> None:
    """An algorithm of the future is told from nonsense."""
    with pytest.raises(UnsupportedError, match="-19"):
        cose.open_envelope(_envelope({1: -19, 4: bytes(8)}))


def test_size_limit_holds_for_the_sealed_message() -> None:
    """A sealed message is at most 64 KiB, signature included, and larger ones are not opened."""
    overhead = len(cose.sign(Kind.BLOCK, bytes(60_000), DEVICE_KEY)) - 60_000
    assert len(cose.sign(Kind.BLOCK, bytes(65536 - overhead), DEVICE_KEY)) == cose.SEALED_BYTES_MAX
    for excess in (1, 2, 100):
        with pytest.raises(TooLargeError):
            cose.sign(Kind.BLOCK, bytes(65536 - overhead + excess), DEVICE_KEY)
    with pytest.raises(TooLargeError):
        cose.open_envelope(bytes(65537))


@pytest.mark.parametrize("key", [DEVICE_KEY, P256_KEY])
def test_keys_survive_their_written_forms(key: SigningKey) -> None:
    """A key read from PEM or SubjectPublicKeyInfo is the same key, and says its algorithm and id."""
    again = SigningKey.from_pem(key.to_pem())
    assert VerifyingKey.from_spki(key.spki).verifies(again.sign(b"x"), b"x")
    assert VerifyingKey.from_pem(key.public.to_pem()).spki == again.spki == key.spki
    assert key.key_id == derive_key_id(key.spki)
    assert key.public.algorithm is (Algorithm.EDDSA if key is DEVICE_KEY else Algorithm.ES256)


def test_other_keys_are_unusable() -> None:
    """Keys of other kinds, points in another form, and texts that are no key are refused with a sentence."""
    p384 = derive_private_key(7, SECP384R1())
    point = P256_KEY.public.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    with pytest.raises(UnusableKeyError):
        VerifyingKey.from_spki(compressed)
    for read, given_text in ((VerifyingKey.from_spki, b""), (VerifyingKey.from_pem, b"x"), (SigningKey.from_pem, b"x")):
        with pytest.raises(UnusableKeyError):
            read(given_text)
    for private in (p384, X25519PrivateKey.generate()):
        with pytest.raises(UnusableKeyError):
            SigningKey.from_private(private)


@pytest.mark.parametrize("key", [DEVICE_KEY, P256_KEY])
def test_signatures_of_another_length_do_not_verify(key: SigningKey) -> None:
    """A signature with a byte more or less is none, whatever the algorithm's own encoding would allow."""
    signature = key.sign(b"x")
    assert not key.public.verifies(signature + b"\x00", b"x")
    assert not key.public.verifies(signature[:-1], b"x")


def test_text_of_a_key_hides_the_key() -> None:
    """A signing key in a log line shows its id and nothing secret."""
    assert repr(DEVICE_KEY) == f"SigningKey({DEVICE_KEY.key_id.hex()})"
