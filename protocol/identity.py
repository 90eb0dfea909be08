"""Who is who on the wire: device, key, epoch, boot and block identities, and how they are derived and written."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NewType

from protocol.errors import IdentityError

DeviceId = NewType("DeviceId", bytes)
"""10 bytes: the first 80 bits of SHA-256 over the enrolment key's SubjectPublicKeyInfo."""
KeyId = NewType("KeyId", bytes)
"""8 bytes: the first 64 bits of SHA-256 over a key's SubjectPublicKeyInfo."""
Epoch = NewType("Epoch", bytes)
"""8 random bytes: one life of a device's log."""
BootId = NewType("BootId", bytes)
"""4 bytes: the beginning of the kernel's random boot id."""
BlockHash = NewType("BlockHash", bytes)
"""32 bytes: SHA-256 over a complete COSE_Sign1."""
DescriptorId = NewType("DescriptorId", bytes)
"""8 bytes: the beginning of SHA-256 over an encoded meter descriptor."""

DEVICE_LENGTH = 10
KEY_ID_LENGTH = 8
EPOCH_LENGTH = 8
BOOT_ID_LENGTH = 4
HASH_LENGTH = 32
DESCRIPTOR_ID_LENGTH = 8
DEVICE_TEXT_LENGTH = 16

NO_BLOCK = BlockHash(bytes(HASH_LENGTH))
"""What stands for the predecessor of the first block of an epoch."""


def derive_device_id(spki: bytes) -> DeviceId:
    """Return the device id that belongs to the enrolment key with this SubjectPublicKeyInfo (DER)."""
    return DeviceId(hashlib.sha256(spki).digest()[:DEVICE_LENGTH])


def derive_key_id(spki: bytes) -> KeyId:
    """Return the key id of the key with this SubjectPublicKeyInfo (DER)."""
    return KeyId(hashlib.sha256(spki).digest()[:KEY_ID_LENGTH])


def format_device_id(device: DeviceId) -> str:
    """Return the text form used in topics, certificates and pages: 16 characters of lower-case base32."""
    return base64.b32encode(device).decode("ascii").lower()


def parse_device_id(text: str) -> DeviceId:
    """Return the device id written as `text`; raises `protocol.errors.IdentityError` if it is not one."""
    try:
        device = DeviceId(base64.b32decode(text.upper().encode("ascii")))
    except (binascii.Error, UnicodeEncodeError) as error:
        message = f"{text!r} is not a device id: expected {DEVICE_TEXT_LENGTH} characters of base32"
        raise IdentityError(message) from error
    if len(device) != DEVICE_LENGTH or format_device_id(device) != text:
        message = f"{text!r} is not a device id: expected {DEVICE_TEXT_LENGTH} lower-case characters of base32"
        raise IdentityError(message)
    return device


def partition(device: DeviceId) -> str:
    """Return the device's static topic partition: the first hexadecimal digit of SHA-256 over its text form."""
    return hashlib.sha256(format_device_id(device).encode("ascii")).hexdigest()[0]


def hash_block(raw: bytes) -> BlockHash:
    """Return the identity of a sealed block: SHA-256 over its complete COSE_Sign1 bytes."""
    return BlockHash(hashlib.sha256(raw).digest())
