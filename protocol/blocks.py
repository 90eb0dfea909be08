"""The block as a CBOR map, and its head, which custody reads even where the rest cannot be read."""

from __future__ import annotations

from protocol.fields import (
    COUNT_MAX,
    U16_MAX,
    U32_MAX,
    VERSION,
    Fields,
    array,
    integer,
    octets,
    read_instant,
    write_instant,
)
from protocol.frames import read_frame, write_frame
from protocol.identity import (
    BOOT_ID_LENGTH,
    DEVICE_LENGTH,
    EPOCH_LENGTH,
    HASH_LENGTH,
    BlockHash,
    BootId,
    DeviceId,
    Epoch,
)
from protocol.messages import Block, BlockHead

FRAMES_MAX = 4096
HEAD_NAMES = {0: "version", 1: "device", 2: "epoch", 3: "seq", 5: "previous hash"}
_OTHER_NAMES = {4: "first record", 6: "boot", 7: "frames", 8: "sealed", 10: "boot id"}


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
    first_record, boot_count, frames, sealed, boot_id = fields.need_all(_OTHER_NAMES)
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
    version, device, epoch, seq, previous = fields.need_all(HEAD_NAMES)
    integer(version, "the version", 1, U16_MAX)
    return BlockHead(
        device=DeviceId(octets(device, "the device id", DEVICE_LENGTH, DEVICE_LENGTH)),
        epoch=Epoch(octets(epoch, "the epoch", EPOCH_LENGTH, EPOCH_LENGTH)),
        seq=integer(seq, "the seq", 0, COUNT_MAX),
        previous=BlockHash(octets(previous, "the previous hash", HASH_LENGTH, HASH_LENGTH)),
    )
