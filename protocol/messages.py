"""The messages of MRC/1 as frozen values: block, state and receipt; the frames in a block come from `protocol.records`.

These are meanings, not bytes: `protocol.wire` turns them into deterministic CBOR and back. Times are integers:
`*_at` is milliseconds since 1970-01-01 UTC, `boottime_ms` milliseconds since the kernel started (suspend included).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from protocol.records import (
    ClockEvent,
    CommandEvent,
    Frame,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    KeyEvent,
    MeterDescriptor,
    MeterEvent,
    MeterEventKind,
    PollCause,
    PollErrors,
    Readings,
    Register,
    TimeQuality,
    UnknownFrame,
    poll_exception,
    record_count,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.identity import BlockHash, BootId, DeviceId, Epoch

__all__ = [
    "FLAG_BACKFILL",
    "FLAG_CRASH_RECOVERY",
    "FLAG_RESEALED",
    "Block",
    "BlockHead",
    "Capability",
    "ClockEvent",
    "CommandEvent",
    "Frame",
    "Gap",
    "GapCause",
    "Genesis",
    "GenesisReason",
    "Instant",
    "KeyEvent",
    "Latest",
    "MeterDescriptor",
    "MeterEvent",
    "MeterEventKind",
    "PollCause",
    "PollErrors",
    "Readings",
    "Receipt",
    "ReceiptCode",
    "Register",
    "State",
    "TimeQuality",
    "UnknownFrame",
    "poll_exception",
    "record_count",
]


class ReceiptCode(IntEnum):
    """What the hub says besides the watermarks."""

    OK = 0
    FORK = 1
    BAD_SIGNATURE = 2
    UNKNOWN_KEY = 3
    UNSUPPORTED_VERSION = 4
    CONTESTED = 5
    SUSPENDED = 6
    DESCRIPTOR_WANTED = 7


class Capability(IntEnum):
    """What a device can do besides offering blocks, as it says in its state."""

    EPOCHS = 1
    COMMANDS = 2


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment as a device saw it: wall clock (UTC ms), boottime (ms) and how good the wall clock was."""

    wall_ms: int
    boottime_ms: int
    quality: TimeQuality


class BlockHead(NamedTuple):
    """Which block this is, and after which: what custody needs to know even of a block it cannot read further."""

    device: DeviceId
    epoch: Epoch
    seq: int
    previous: BlockHash


@dataclass(frozen=True, slots=True)
class Block:
    """Records sealed together, all of one boot.

    `first_record` numbers its first record within the epoch; `previous` is the hash of the block before it (32 zero
    bytes at seq 0); `boot_count` and `boot_id` say in which boot it was taken. `flags` is a bit map of `FLAG_*`.
    """

    device: DeviceId
    epoch: Epoch
    seq: int
    first_record: int
    previous: BlockHash
    boot_count: int
    boot_id: BootId
    frames: tuple[Frame, ...]
    sealed: Instant
    flags: int = 0


FLAG_RESEALED = 1
FLAG_CRASH_RECOVERY = 2
FLAG_BACKFILL = 4


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of one meter, sent in the state so that pages are fresh before a backlog drains."""

    read_at: int
    registers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class State:
    """What a device says of itself at birth, refresh and death; a hint for liveness, never evidence.

    `head` is the newest sealed seq (-1 none), `floor` the lowest still held; `committed` and `safe` are what the device
    last knew. `nonce` is new for every hello; a death repeats that of its session's first hello, which the later ones
    name as `session`, so that a late death of an old session is recognised. `health` has integer values by name
    (`disk_free_bytes`, `backlog_blocks`, ...). `key_history` holds the sealed key statements from the enrolment key to
    the one that seals this, where they differ: a hub restored to before a rotation could not read the state otherwise.
    """

    device: DeviceId
    nonce: bytes
    online: bool
    epoch: Epoch | None = None
    head: int = -1
    head_hash: bytes = b""
    committed: int = -1
    safe: int = -1
    floor: int = 0
    boot_count: int = 0
    kernel_boot_id: bytes = b""
    at: Instant | None = None
    error_ms: int = 0
    agent_version: str = ""
    capabilities: tuple[int, ...] = ()
    instance: bytes = b""
    latest: Mapping[int, Latest] = field(default_factory=dict)
    health: Mapping[str, int] = field(default_factory=dict)
    session: bytes = b""
    key_history: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's signed word on one epoch of one device: committed through here, safe to release through there.

    `committed` is the highest contiguous seq durably committed (-1 none), `safe` <= committed survives the loss of the
    hub's primary database, `committed_hash` the first 16 bytes of the hash of block `committed` (empty at -1).
    `selective` lists at most 8 closed ranges committed beyond it; it replaces what an earlier receipt said.
    `window` is how many blocks beyond `committed` may be offered (0: stop), `pace_ms` the least time between two.
    `nonce` echoes the state that this receipt answers, else it is empty. `code_seq` is the seq the code refers to.
    """

    device: DeviceId
    epoch: Epoch
    committed: int
    safe: int
    committed_hash: bytes
    selective: tuple[tuple[int, int], ...]
    window: int
    pace_ms: int
    nonce: bytes
    hub_at: int
    code: ReceiptCode = ReceiptCode.OK
    code_seq: int = -1
    timeline: bytes = b""
