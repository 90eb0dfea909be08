"""The receipt as a CBOR map. What stands at its default is left out."""

from __future__ import annotations

from itertools import pairwise

from protocol.errors import MalformedError
from protocol.fields import (
    COUNT_MAX,
    NONCE_LENGTH,
    SHORT_HASH_LENGTH,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    VERSION,
    Fields,
    array,
    integer,
    member,
    octets,
    read_device,
    read_epoch,
    read_optional_seq,
    read_version,
)
from protocol.messages import Receipt, ReceiptCode

RANGES_MAX = 8
TIMELINE_MAX = 16


def write_receipt(receipt: Receipt) -> dict[int, object]:
    """Return the map that encodes `receipt`."""
    content: dict[int, object] = {
        0: VERSION,
        1: receipt.device,
        2: receipt.epoch,
        3: receipt.committed,
        4: receipt.safe,
        7: receipt.window,
        8: receipt.pace_ms,
        10: receipt.hub_at,
    }
    optional: dict[int, tuple[object, object]] = {
        5: (receipt.committed_hash, b""),
        6: ([list(closed) for closed in receipt.selective], []),
        9: (receipt.nonce, b""),
        11: (receipt.code, ReceiptCode.OK),
        12: (receipt.code_seq, -1),
        13: (receipt.timeline, b""),
    }
    return content | {key: value for key, (value, default) in optional.items() if value != default}


def read_receipt(fields: Fields) -> Receipt:
    """Return the receipt in these fields; raises MalformedError or UnsupportedError."""
    read_version(fields)
    committed = integer(fields.need(3, "committed"), "the committed seq", -1, COUNT_MAX)
    code = ReceiptCode.OK
    if fields.has(11):
        code = member(integer(fields.need(11, "code"), "the code", 0, U16_MAX), "the code", ReceiptCode)
    return Receipt(
        device=read_device(fields),
        epoch=read_epoch(fields),
        committed=committed,
        safe=integer(fields.need(4, "safe"), "the safe seq", -1, committed),
        committed_hash=_read_committed_hash(fields, committed),
        selective=_read_selective(fields, committed),
        window=integer(fields.need(7, "window"), "the window", 0, U16_MAX),
        pace_ms=integer(fields.need(8, "pace"), "the pace", 0, U32_MAX),
        nonce=_read_octets(fields, 9, "the nonce", NONCE_LENGTH, NONCE_LENGTH),
        hub_at=integer(fields.need(10, "hub time"), "the hub's time", 0, TIME_MS_MAX),
        code=code,
        code_seq=read_optional_seq(fields, 12, "the seq of the code"),
        timeline=_read_octets(fields, 13, "the timeline", 1, TIMELINE_MAX),
    )


def _read_octets(fields: Fields, key: int, what: str, low: int, high: int) -> bytes:
    return octets(fields.need(key, what), what, low, high) if fields.has(key) else b""


def _read_committed_hash(fields: Fields, committed: int) -> bytes:
    """Return the committed block's short hash, which must be there exactly when there is such a block."""
    length = SHORT_HASH_LENGTH if committed >= 0 else 0
    present = fields.need(5, "committed hash") if fields.has(5) else b""
    return octets(present, "the committed block's hash", length, length)


def _read_selective(fields: Fields, committed: int) -> tuple[tuple[int, int], ...]:
    """Return the closed ranges, which must ascend without touching and lie beyond what is committed."""
    if not fields.has(6):
        return ()
    listed = array(fields.need(6, "selective"), "the selective ranges", 0, RANGES_MAX)
    ranges = tuple(_read_range(closed) for closed in listed)
    for (_, before), (after, _) in pairwise([(committed, committed), *ranges]):
        if after <= before:
            message = f"the selective range that begins at {after} overlaps what ends at {before}"
            raise MalformedError(message)
    return ranges


def _read_range(value: object) -> tuple[int, int]:
    first, last = array(value, "a selective range", 2, 2)
    start = integer(first, "the start of a range", 0, COUNT_MAX)
    return start, integer(last, "the end of a range", start, COUNT_MAX)
