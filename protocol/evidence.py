"""The evidence bundle: one file that proves a reported number, or says exactly where it fails to.

A CBOR sequence (RFC 8742). First a map that says what is claimed; then the sealed blocks behind it: the genesis of the
epoch, the blocks that handed over to another signing key, the one that states the meter's descriptor, the one that
holds the reading and the one after it; then the hub's receipts. The map proves nothing by itself: each claim is held
against the blocks. Layout in `protocol/spec/README.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from protocol import cbor, cose, sequence
from protocol.counts import read_value
from protocol.errors import MalformedError, UnsupportedError
from protocol.fields import (
    COUNT_MAX,
    KEY_BYTES_MAX,
    NAME_MAX,
    TIME_MS_MAX,
    U16_MAX,
    U64_MAX,
    Fields,
    array,
    integer,
    octets,
    text,
)
from protocol.identity import DEVICE_LENGTH, EPOCH_LENGTH, DeviceId, Epoch
from protocol.messages import Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from protocol.identity import DescriptorId, KeyId
    from protocol.messages import Block, MeterDescriptor

FORMAT = "mrc1-evidence"
VERSION = 1
CLAIMS_MAX = 256
UNIT_MAX = 32
_EXPONENT_MAX = 24
_TAG_SIGN1 = 0xD2


@dataclass(frozen=True, slots=True)
class Claim:
    """What was reported of one register: its reading, and the block that is said to hold it.

    `register` is the register's number at the device, `raw` the count as read, `value` x 10**`exponent` `unit` the
    energy that was reported for it, rounded down. `boottime_ms` tells readings of one instant apart.
    """

    device: DeviceId
    epoch: Epoch
    seq: int
    meter: int
    serial: str
    register: int
    obis: str
    read_at: int
    boottime_ms: int
    raw: int
    value: int
    exponent: int
    unit: str


@dataclass(frozen=True, slots=True)
class BundleHead:
    """The first item: what is claimed, the hub's public receipt key and the devices' enrolment keys (SPKI, DER).

    Keys in a bundle are a convenience. A device's key proves itself, because its id is a hash over it; the hub's does
    not, and has to be compared with the one that the hub's operator publishes.
    """

    claims: tuple[Claim, ...]
    hub_key: bytes
    enrolment_keys: tuple[bytes, ...]


def write_bundle(head: BundleHead, blocks: Iterable[bytes], receipts: Iterable[bytes]) -> bytes:
    """Return the bundle as one CBOR sequence; raises MalformedError if no reader would accept its first item."""
    encoded = cbor.encode(_write_head(head))
    if read_head(encoded) != head:
        message = "the head of the evidence does not survive its own encoding: its values are of the wrong types"
        raise MalformedError(message)
    return sequence.join([encoded, *blocks, *receipts])


def is_head(item: bytes) -> bool:
    """Return whether an item of a sequence is no sealed message, and so has to be the head of a bundle."""
    return item[:1] != bytes([_TAG_SIGN1])


def read_head(item: bytes) -> BundleHead:
    """Return the head of a bundle; raises MalformedError, or UnsupportedError for a version after ours."""
    fields = Fields(cbor.decode(item), "head of the evidence")
    if fields.need(0, "format") != FORMAT:
        message = f"the first item is not the head of an evidence bundle: its key 0 is not {FORMAT!r}"
        raise MalformedError(message)
    version = integer(fields.need(1, "version"), "the version", 1, U16_MAX)
    if version > VERSION:
        message = f"the evidence is of version {version}, and this program reads up to {VERSION}: take a newer one"
        raise UnsupportedError(message)
    claims = array(fields.need(2, "claims"), "the claims", 1, CLAIMS_MAX)
    keys = array(fields.need(4, "enrolment keys"), "the enrolment keys", 1, CLAIMS_MAX)
    return BundleHead(
        claims=tuple(_read_claim(claim) for claim in claims),
        hub_key=octets(fields.need(3, "hub key"), "the hub's key", 1, KEY_BYTES_MAX),
        enrolment_keys=tuple(octets(key, "an enrolment key", 1, KEY_BYTES_MAX) for key in keys),
    )


def fault_in(claim: Claim, block: Block, descriptors: Mapping[DescriptorId, MeterDescriptor]) -> str | None:
    """Return why the intact block does not bear out the claim, in a sentence; None if it does.

    `descriptors` are those that the block's epoch stated up to and in it.
    """
    frames = [frame for frame in block.frames if isinstance(frame, Readings) and frame.meter == claim.meter]
    rows = [(frame, row) for frame in frames for row in range(len(frame.read_at)) if _is_row(claim, frame, row)]
    if not rows:
        return f"block {claim.seq} holds no such reading of meter {claim.meter}"
    frame, row = rows[0]
    raw = frame.registers[claim.register][row]
    if raw != claim.raw:
        return f"the register read {raw}, not {claim.raw}"
    descriptor = descriptors.get(frame.descriptor)
    register = None if descriptor is None else descriptor.registers.get(claim.register)
    if descriptor is None or register is None:
        return "the descriptor that says what the register counts was not shown"
    if (descriptor.serial, register.obis, register.unit) != (claim.serial, claim.obis, claim.unit):
        return (
            f"it is register {register.obis} of meter {descriptor.serial!r} in {register.unit}, not {claim.obis} of "
            f"{claim.serial!r} in {claim.unit}"
        )
    value = read_value(raw, register, descriptor.ratio)
    if value is None or math.floor(value * Fraction(10) ** -claim.exponent) != claim.value:
        return f"the count {raw} is worth {value} {register.unit}, not {claim.value} x 10^{claim.exponent}"
    return None


def key_changes(sealed: Iterable[tuple[int, bytes]]) -> list[int]:
    """Return of sealed blocks (seq, bytes), ascending, the last that each key sealed before another key did.

    Where nothing is left out, these are the blocks whose key event hands over. Raises MalformedError for no blocks.
    """
    found: list[int] = []
    last: tuple[int, KeyId] | None = None
    for seq, raw in sealed:
        key_id = cose.open_envelope(raw).key_id
        if last is not None and last[1] != key_id:
            found.append(last[0])
        last = seq, key_id
    return found


def _is_row(claim: Claim, frame: Readings, row: int) -> bool:
    read_at = frame.read_at[row]
    is_then = (read_at, read_at - frame.offset_ms[row]) == (claim.read_at, claim.boottime_ms)
    return is_then and claim.register in frame.registers


def _write_head(head: BundleHead) -> dict[int, object]:
    return {
        0: FORMAT,
        1: VERSION,
        2: [_write_claim(claim) for claim in head.claims],
        3: head.hub_key,
        4: list(head.enrolment_keys),
    }


def _write_claim(claim: Claim) -> dict[int, object]:
    values: Sequence[object] = (
        claim.device,
        claim.epoch,
        claim.seq,
        claim.meter,
        claim.serial,
        claim.register,
        claim.obis,
        claim.read_at,
        claim.boottime_ms,
        claim.raw,
        claim.value,
        claim.exponent,
        claim.unit,
    )
    return dict(enumerate(values, start=1))


def _read_claim(content: object) -> Claim:
    fields = Fields(content, "claim")
    return Claim(
        device=DeviceId(octets(fields.need(1, "device"), "the device id", DEVICE_LENGTH, DEVICE_LENGTH)),
        epoch=Epoch(octets(fields.need(2, "epoch"), "the epoch", EPOCH_LENGTH, EPOCH_LENGTH)),
        seq=integer(fields.need(3, "seq"), "the seq", 0, COUNT_MAX),
        meter=integer(fields.need(4, "meter"), "the meter index", 0, U16_MAX),
        serial=text(fields.need(5, "serial"), "the serial number", 0, NAME_MAX),
        register=integer(fields.need(6, "register"), "the register", 0, U16_MAX),
        obis=text(fields.need(7, "OBIS"), "the OBIS code", 1, UNIT_MAX),
        read_at=integer(fields.need(8, "read at"), "the instant", 0, TIME_MS_MAX),
        boottime_ms=integer(fields.need(9, "boottime"), "the boottime", -TIME_MS_MAX, TIME_MS_MAX),
        raw=integer(fields.need(10, "raw count"), "the raw count", 0, U64_MAX),
        value=integer(fields.need(11, "value"), "the value", -U64_MAX, U64_MAX),
        exponent=integer(fields.need(12, "exponent"), "the exponent", -_EXPONENT_MAX, _EXPONENT_MAX),
        unit=text(fields.need(13, "unit"), "the unit", 1, UNIT_MAX),
    )
