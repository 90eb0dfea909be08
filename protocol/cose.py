"""Sealing and opening: COSE_Sign1 (RFC 9052 §4.2) with Ed25519 or ES256 and one form for every message.

A sealed message is `18([protected, {}, payload, signature])`: the protected header is exactly `{1: algorithm, 4: key
id}`, the unprotected header is empty, and the external additional data is the ASCII name of the message's kind, so
that a receipt can never be passed off as a block. Nothing outside the signature can be altered without breaking the
form, and the signature itself has one form too: RFC 8032 §5.1.7 bounds S for Ed25519, and for ES256, where (r, s) and
(r, n - s) would both verify, s must lie in the lower half. Otherwise a carrier could make a second valid copy of a
block with another hash, which is what a forked log looks like.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocol import cbor
from protocol.errors import MalformedError, TooLargeError, UnsupportedError, UnusableKeyError
from protocol.identity import KEY_ID_LENGTH, KeyId, derive_key_id

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

SEALED_BYTES_MAX = 65536
SIGNATURE_LENGTH = 64

_TAG_SIGN1 = 0xD2
_SEALED_HEAD = bytes([_TAG_SIGN1]) + b"\x84"
_NO_HEADER = cbor.encode({})
"""How every sealed message begins: tag 18 and a list of four; and what stands for the unprotected header in it."""
_SIGNED_HEAD = b"\x84" + cbor.encode("Signature1")
"""How every Sig_structure begins: a list of four, and its context (RFC 9052 §4.4)."""
_HEADER_ALGORITHM = 1
_HEADER_KEY_ID = 4
_PARTS = 4
_HEADERS_KEPT = 4096
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class Kind(StrEnum):
    """What a sealed message is: the external additional data of its signature."""

    BLOCK = "mrc1/b"
    STATE = "mrc1/s"
    RECEIPT = "mrc1/a"
    COMMAND = "mrc1/c"
    RESULT = "mrc1/r"
    KEY = "mrc1/k"


class Algorithm(IntEnum):
    """The signature algorithms every reader knows, by COSE number (RFC 9053 §2.1 and §2.2)."""

    EDDSA = -8
    ES256 = -7


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key that can tell whether a message was sealed by its owner. `spki` is DER SubjectPublicKeyInfo."""

    algorithm: Algorithm
    key_id: KeyId
    spki: bytes
    public_key: PublicKey

    @classmethod
    def from_spki(cls, spki: bytes) -> VerifyingKey:
        """Return the key in this DER SubjectPublicKeyInfo; raises UnusableKeyError unless Ed25519 or P-256."""
        try:
            loaded = serialization.load_der_public_key(spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            message = "the public key is not a DER SubjectPublicKeyInfo of an Ed25519 or P-256 key"
            raise UnusableKeyError(message) from error
        key = cls.from_public(loaded)
        if key.spki != spki:
            message = "the public key is not in its one DER form: write it again with uncompressed points"
            raise UnusableKeyError(message)
        return key

    @classmethod
    def from_public(cls, public_key: object) -> VerifyingKey:
        """Return the verifying key for a `cryptography` public key; raises UnusableKeyError unless Ed25519 or P-256."""
        if isinstance(public_key, ed25519.Ed25519PublicKey):
            algorithm = Algorithm.EDDSA
        elif isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
            algorithm = Algorithm.ES256
        else:
            message = f"a key of type {type(public_key).__name__} cannot be used: take Ed25519 or P-256"
            raise UnusableKeyError(message)
        spki = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return cls(algorithm=algorithm, key_id=derive_key_id(spki), spki=spki, public_key=public_key)

    @classmethod
    def from_pem(cls, pem: bytes) -> VerifyingKey:
        """Return the key in this PEM `PUBLIC KEY`; raises UnusableKeyError if there is none of our two kinds."""
        try:
            loaded = serialization.load_pem_public_key(pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            message = "the text is not a PEM public key of Ed25519 or P-256 (it should begin with BEGIN PUBLIC KEY)"
            raise UnusableKeyError(message) from error
        return cls.from_public(loaded)

    def to_pem(self) -> bytes:
        """Return the key as PEM `PUBLIC KEY`."""
        return self.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether `signature` (64 bytes, the one form described above) is this key's signature of `message`."""
        if len(signature) != SIGNATURE_LENGTH:
            return False
        try:
            if isinstance(self.public_key, ed25519.Ed25519PublicKey):
                self.public_key.verify(signature, message)
                return True
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            if not _is_low(s):
                return False
            self.public_key.verify(encode_dss_signature(r, s), message, _ECDSA)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key that seals messages. Its text form shows the key id only."""

    private_key: PrivateKey
    public: VerifyingKey

    @classmethod
    def from_private(cls, private_key: object) -> SigningKey:
        """Return the signing key for a `cryptography` private key; raises UnusableKeyError unless Ed25519 or P-256."""
        if not isinstance(private_key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            message = f"a key of type {type(private_key).__name__} cannot sign here: take Ed25519 or P-256"
            raise UnusableKeyError(message)
        return cls(private_key=private_key, public=VerifyingKey.from_public(private_key.public_key()))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Return the key in this unencrypted PEM `PRIVATE KEY`; raises UnusableKeyError if there is none."""
        try:
            loaded = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            message = "the text is not an unencrypted PEM private key of Ed25519 or P-256"
            raise UnusableKeyError(message) from error
        return cls.from_private(loaded)

    def to_pem(self) -> bytes:
        """Return the key as unencrypted PEM `PRIVATE KEY` (PKCS #8); the caller guards the file."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def spki(self) -> bytes:
        """The public half as DER SubjectPublicKeyInfo."""
        return self.public.spki

    @property
    def key_id(self) -> KeyId:
        """The id that sealed messages name this key by."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`; the same message always gives the same signature (RFC 6979)."""
        if isinstance(self.private_key, ed25519.Ed25519PrivateKey):
            return self.private_key.sign(message)
        r, s = decode_dss_signature(self.private_key.sign(message, _ECDSA))
        low = s if _is_low(s) else _P256_ORDER - s
        return r.to_bytes(32, "big") + low.to_bytes(32, "big")

    def __repr__(self) -> str:
        """Return a text that is safe to log."""
        return f"SigningKey({self.key_id.hex()})"


class Envelope(NamedTuple):
    """An opened COSE_Sign1, not yet verified: who is said to have sealed which payload."""

    algorithm: Algorithm
    key_id: KeyId
    protected: bytes
    payload: bytes
    signature: bytes

    def verified_by(self, kind: Kind, key: VerifyingKey) -> bool:
        """Return whether `key` sealed exactly this payload as a message of `kind`."""
        if key.key_id != self.key_id or key.algorithm is not self.algorithm:
            return False
        return key.verifies(self.signature, signed_bytes(kind, self.protected, self.payload))


def sign(kind: Kind, payload: bytes, key: SigningKey) -> bytes:
    """Return the complete sealed message; raises TooLargeError if it would exceed 64 KiB."""
    protected = _write_protected(key.public.algorithm, key.key_id)
    signature = key.sign(signed_bytes(kind, protected, payload))
    octets = cbor.encode_octets
    sealed = b"".join((_SEALED_HEAD, octets(protected), _NO_HEADER, octets(payload), octets(signature)))
    if len(sealed) > SEALED_BYTES_MAX:
        message = f"the sealed message takes {len(sealed)} bytes and {SEALED_BYTES_MAX} is the limit: split it"
        raise TooLargeError(message)
    return sealed


def open_envelope(data: bytes) -> Envelope:
    """Return the parts of a sealed message, its structure checked strictly and its signature not at all.

    Raises MalformedError for any other structure, TooLargeError beyond 64 KiB and UnsupportedError for an algorithm
    that is neither EdDSA nor ES256.
    """
    if len(data) > SEALED_BYTES_MAX:
        message = f"{len(data)} bytes arrived and {SEALED_BYTES_MAX} is the limit"
        raise TooLargeError(message)
    if data[:1] != bytes([_TAG_SIGN1]):
        message = "the message is not a COSE_Sign1: it does not begin with tag 18"
        raise MalformedError(message)
    parts = cbor.decode(data[1:])
    if not isinstance(parts, list) or len(parts) != _PARTS:
        message = "the message is not a COSE_Sign1: tag 18 holds no list of four"
        raise MalformedError(message)
    protected, unprotected, payload, signature = parts
    if unprotected != {} or not isinstance(unprotected, dict):
        message = "the unprotected header must be an empty map"
        raise MalformedError(message)
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        message = "protected header, payload and signature must be byte strings"
        raise MalformedError(message)
    if len(signature) != SIGNATURE_LENGTH:
        message = f"the signature has {len(signature)} bytes, expected {SIGNATURE_LENGTH}"
        raise MalformedError(message)
    algorithm, key_id = _read_protected(protected)
    return Envelope(algorithm=algorithm, key_id=key_id, protected=protected, payload=payload, signature=signature)


@functools.lru_cache(maxsize=_HEADERS_KEPT)
def _write_protected(algorithm: Algorithm, key_id: KeyId) -> bytes:
    return cbor.encode({_HEADER_ALGORITHM: algorithm, _HEADER_KEY_ID: key_id})


@functools.lru_cache(maxsize=_HEADERS_KEPT)
def _read_protected(protected: bytes) -> tuple[Algorithm, KeyId]:
    # Kept, because it is the same in every message of a key.
    header = cbor.decode(protected)
    if not isinstance(header, dict) or set(header) != {_HEADER_ALGORITHM, _HEADER_KEY_ID}:
        message = "the protected header must hold the algorithm (1) and the key id (4) and nothing else"
        raise MalformedError(message)
    key_id = header[_HEADER_KEY_ID]
    if not isinstance(key_id, bytes) or len(key_id) != KEY_ID_LENGTH:
        message = f"the key id must be {KEY_ID_LENGTH} bytes"
        raise MalformedError(message)
    algorithm = header[_HEADER_ALGORITHM]
    if isinstance(algorithm, bool) or not isinstance(algorithm, int):
        message = "the algorithm must be an integer"
        raise MalformedError(message)
    try:
        return Algorithm(algorithm), KeyId(key_id)
    except ValueError as error:
        message = f"signature algorithm {algorithm} is unknown: expected -8 (EdDSA) or -7 (ES256)"
        raise UnsupportedError(message) from error


def signed_bytes(kind: Kind, protected: bytes, payload: bytes) -> bytes:
    """Return what a signature of this kind is over: the Sig_structure of RFC 9052 §4.4."""
    return _signed_head(kind, protected) + cbor.encode_octets(payload)


@functools.lru_cache(maxsize=_HEADERS_KEPT)
def _signed_head(kind: Kind, protected: bytes) -> bytes:
    return b"".join((_SIGNED_HEAD, *map(cbor.encode_octets, (protected, kind.encode("ascii")))))


def _is_low(s: int) -> bool:
    return s <= _P256_ORDER >> 1
