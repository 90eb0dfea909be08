"""The block as a CBOR map, and its head, which custody reads even where the rest cannot be read."""

from __future__ import annotations

from protocol.fields import (
    COUNT_MAX,
    U32_MAX,
    VERSION,
    Fields,
    array,
    integer,
    octets,
    read_device,
    read_epoch,
    read_instant,
    read_version,
    write_instant,
)
from protocol.frames import read_frame, write_frame
from protocol.identity import BOOT_ID_LENGTH, HASH_LENGTH, BlockHash, BootId
from protocol.messages import Block, BlockHead

FRAMES_MAX = 4096
HEAD_KEYS = frozenset({0, 1, 2, 3, 5})
_NEEDED = {4: "first record", 6: "boot", 7: "frames", 8: "sealed", 10: "boot id"}


def write_block(block: Block) -> dict[int, object]:
    """Return the map that encodes `block`."""
    content: dict[int, object] = {
        0: VERSION,
        1: block.device,
        2: block.epoch,
        3: block.seq,
        4: block.first_record,
        5: block.previous,
        6: block.boot_count,
        7: [write_frame(frame) for frame in block.frames],
        8: write_instant(block.sealed),
        10: block.boot_id,
    }
    if block.flags:
        content[9] = block.flags
    return content


def read_block(fields: Fields) -> Block:
    """Return the block in these fields; raises MalformedError or UnsupportedError."""
    head = read_head(fields)
    first_record, boot_count, frames, sealed, boot_id = fields.need_all(_NEEDED)
    return Block(
        device=head.device,
        epoch=head.epoch,
        seq=head.seq,
        first_record=integer(first_record, "the first record", 0, COUNT_MAX),
        previous=head.previous,
        boot_count=integer(boot_count, "the boot count", 0, U32_MAX),
        boot_id=BootId(octets(boot_id, "the boot id", BOOT_ID_LENGTH, BOOT_ID_LENGTH)),
        frames=tuple([read_frame(content) for content in array(frames, "the list of frames", 1, FRAMES_MAX)]),
        sealed=read_instant(sealed, "the seal time"),
        flags=integer(fields.need(9, "flags"), "the flags", 0, U32_MAX) if fields.has(9) else 0,
    )


def read_head(fields: Fields) -> BlockHead:
    """Return the head of the block in these fields; raises MalformedError."""
    read_version(fields)
    return BlockHead(
        device=read_device(fields),
        epoch=read_epoch(fields),
        seq=integer(fields.need(3, "seq"), "the seq", 0, COUNT_MAX),
        previous=BlockHash(octets(fields.need(5, "previous hash"), "the previous hash", HASH_LENGTH, HASH_LENGTH)),
    )
