"""The frames of a block as frozen values: what a device records.

Times are integers: `*_at` is milliseconds since 1970-01-01 UTC, `boottime_ms` milliseconds since the kernel started
(suspend included). Register values are raw counts exactly as the meter gave them, as unsigned integers (the bit pattern
for signed and float registers); only a reader that holds the descriptor gives them a unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.identity import BlockHash, BootId, DescriptorId, Epoch

MODBUS_EXCEPTION_MAX = 255

STATUS_GOOD = 0
STATUS_LATE = 1
"""The request took so long that the reading's instant is not good to a second."""
STATUS_SUSPECT = 2
"""The register moved as the meter's site cannot make it move; the reading decides no month until somebody says so."""
STATUS_HELD = 4
"""The register went back a little and has not passed its earlier value yet; the count is as read."""
STATUS_DOUBTED = STATUS_SUSPECT | STATUS_HELD
"""Its device doubts such a reading: the register moved as it cannot, or went back. It is kept and decides nothing."""
STATUS_STALE = 8
"""The meter answers, but nothing in its answers moves."""
STATUS_PLACED = 16
"""The wall clock was not synchronised at the reading; its instant was worked out later in the same boot."""


class TimeQuality(IntEnum):
    """How far the wall clock could be trusted when a time was taken (aligned with OCMF's U, I, S, R)."""

    UNKNOWN = 0
    INFORMATIVE = 1
    SYNCHRONISED = 2
    HOLDOVER = 3
    SATELLITE = 4


class GenesisReason(StrEnum):
    """Why an edge started a new log."""

    INSTALL = "install"
    DATABASE_LOST = "db-lost"
    ROLLBACK = "rollback"
    FORK = "fork"
    OPERATOR = "operator"
    HUB_LOST = "hub-lost"


class GapCause(StrEnum):
    """Why a span has no readings; an honest hole instead of silence."""

    METER_NO_REPLY = "meter-no-reply"
    EDGE_OFF = "edge-off"
    DISK_FULL = "disk-full"
    OPERATOR = "operator"
    PRUNED = "pruned"
    DAMAGED = "damaged"


class PollCause(StrEnum):
    """Why a poll gave no reading. Modbus exceptions 1..255 are written as `exception-N`, built by `poll_exception`."""

    TIMEOUT = "timeout"
    NOT_CONNECTED = "not-connected"
    BAD_REPLY = "bad-reply"
    NOT_AVAILABLE = "not-available"
    IDENTITY = "identity"
    UNSTABLE = "unstable"
    BUSY = "busy"


class MeterEventKind(StrEnum):
    """What can happen to a meter or its registers; a reader accepts others."""

    ROLLOVER = "rollover"
    ROLLBACK = "rollback"
    RESET = "reset"
    EXCHANGE = "exchange"
    SCALE_CHANGE = "scale-change"
    CONFIGURATION_CHANGE = "configuration-change"
    FIRMWARE_CHANGE = "firmware-change"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"
    STALE = "stale"
    MOVING = "moving"
    INCONSISTENT = "inconsistent"
    PORT_CHANGE = "port-change"
    PULSES_LOST = "pulses-lost"


def poll_exception(code: int) -> str:
    """Return the cause of a poll that the meter answered with Modbus exception `code` (1..255)."""
    assert 1 <= code <= MODBUS_EXCEPTION_MAX, code
    return f"exception-{code}"


@dataclass(frozen=True, slots=True)
class Register:
    """How to understand one register of a meter; travels in the chain so that an archive needs nothing else.

    value = sign x count x 10**scale_exponent `unit` x the meter's CT/VT ratio, where count is the raw pattern read as
    `kind` of `width_bits`: `u` unsigned, `s` two's complement, `f` IEEE float, `m10k` words of base 10000, `m10ks` the
    same with each word in two's complement, `bcd` decimal digits of four bits. `rollover_counts` (1..2^64) is the
    magnitude at which the accumulator wraps to zero; `word_order` is `big` or `little`, `sign` 1 or -1.
    `function_code` and `address` say where it was read, 0 and the number of an input where the device counts itself.
    `obis` is seen from the generator: `1-0:2.8.0` generated, `1-0:1.8.0` consumed.
    """

    obis: str
    unit: str
    scale_exponent: int
    width_bits: int
    kind: str
    rollover_counts: int
    function_code: int
    address: int
    word_order: str
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Genesis:
    """The first record of an epoch: who writes this log, and what came before it."""

    reason: GenesisReason
    signing_key_spki: bytes
    agent_version: str
    predecessor: tuple[Epoch, int, BlockHash] | None = None
    predecessor_receipt: bytes | None = None
    key_history: tuple[bytes, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MeterDescriptor:
    """What a meter is and how to read its registers; precedes the first reading that refers to it in an epoch.

    `bus` is `rtu`, `tcp`, `ascii`, `rtu-tcp` or `pulse`; `registers` maps the register id used in readings to its
    meaning. `ratio` is the CT/VT ratio as numerator and denominator. `unread` keeps what a newer writer said under keys
    unknown here, because the descriptor's id is a hash over all of it.
    """

    meter: int
    make: str
    model: str
    serial: str
    firmware: str
    ratio: tuple[int, int]
    bus: str
    unit_id: int
    registers: Mapping[int, Register]
    has_clock: bool = False
    note: str | None = None
    unread: Mapping[int, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one meter under one descriptor, in the order taken: equal-length columns.

    `read_at[i]` (UTC ms), `offset_ms[i]` (wall minus boottime, ms), `quality[i]` and `registers[rid][i]` (raw counts)
    belong together. `status[i]` is the poll's bit map of `STATUS_*`.
    `boot_id` is set only on re-sealed records whose boot differs from the block's.
    """

    meter: int
    descriptor: DescriptorId
    read_at: tuple[int, ...]
    offset_ms: tuple[int, ...]
    quality: tuple[TimeQuality, ...]
    registers: Mapping[int, tuple[int, ...]]
    status: tuple[int, ...]
    boot_id: BootId | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """The wall clock moved against boottime, or its source changed.

    `source`: 0 none, 1 RTC, 2 NTP, 3 hub, 4 GNSS, 5 operator.
    """

    boottime_ms: int
    old_offset_ms: int
    new_offset_ms: int
    source: int
    error_ms: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A statement that `meter` has no readings in [from_at, to_at) and why."""

    meter: int
    from_at: int
    to_at: int
    cause: GapCause
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PollErrors:
    """Polls of one meter that gave no reading in [from_at, to_at]: how many by cause (`PollCause` or `exception-N`)."""

    meter: int
    from_at: int
    to_at: int
    counts: Mapping[str, int]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """Something happened to a meter or one of its registers, seen by the poll at `at` (UTC ms).

    `kind` is a `MeterEventKind`, or what a newer writer says. `register` is the register id it is about, None for the
    whole meter. `before` and `after` are the readings on either side, (read_at UTC ms, raw count), each None where
    there is none; `was` and `now` say what changed as text, such as the old and the new serial number.
    """

    meter: int
    at: int
    kind: str
    register: int | None = None
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None
    was: str = ""
    now: str = ""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command that touches measurement took effect, or was taken back (`outcome` `reverted`).

    `operation` is a word of `protocol.commands.Operation`, `outcome` one of `ResultStatus` or `reverted`;
    `config_hash` (8 bytes, or empty) the beginning of SHA-256 over the configuration in force after it.
    """

    number: int
    operation: str
    outcome: str
    config_hash: bytes = b""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """From the next block on another key signs: the sealed key statement (`protocol.key_statement`) that says so."""

    statement: bytes
    note: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A frame of a kind this version does not know: kept as decoded, stored and skipped, never dropped."""

    kind: int
    content: Mapping[int, object]


Frame = (
    Genesis
    | MeterDescriptor
    | Readings
    | ClockEvent
    | CommandEvent
    | Gap
    | KeyEvent
    | PollErrors
    | MeterEvent
    | UnknownFrame
)


def record_count(frame: Frame) -> int:
    """Return how many records a frame holds: one per row of readings, one for every other frame."""
    return len(frame.read_at) if isinstance(frame, Readings) else 1
