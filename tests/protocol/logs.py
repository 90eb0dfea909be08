"""Logs made for verification: a device that seals what a test gives it, epoch after epoch, key after key."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import wire
from protocol.cose import SigningKey
from protocol.identity import NO_BLOCK, BlockHash, BootId, Epoch, derive_device_id, hash_block
from protocol.key_statement import seal_key_statement
from protocol.messages import (
    FLAG_RESEALED,
    Block,
    Frame,
    Genesis,
    GenesisReason,
    Instant,
    KeyEvent,
    MeterDescriptor,
    Readings,
    Receipt,
    ReceiptCode,
    Register,
    TimeQuality,
    record_count,
)

MIDNIGHT = 1_467_331_200_000
"""2016-07-01T00:00:00Z."""
STEP = 900_000
BOOTED_AT = MIDNIGHT - 4_000_000
FIRST_EPOCH = Epoch(b"epoch..1")
BOOT = BootId(b"boot")


def key(seed: int) -> SigningKey:
    """Return the same key for the same seed."""
    return SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


GENERATED = Register("1-0:2.8.0", "Wh", 0, 32, "u", 2**32, 3, 1206, "big")


def meter(
    serial: str = "WN-1", *, register: Register = GENERATED, ratio: tuple[int, int] = (1, 1), firmware: str = "1"
) -> MeterDescriptor:
    """Return meter 0, whose register 0 counts generated Wh unless told otherwise."""
    return MeterDescriptor(
        meter=0,
        make="CCS",
        model="WNC",
        serial=serial,
        firmware=firmware,
        ratio=ratio,
        bus="rtu",
        unit_id=1,
        registers={0: register},
    )


def readings(  # noqa: PLR0913 - one fact of a reading each, by name
    counts: list[int],
    start: int = 0,
    *,
    of: MeterDescriptor | None = None,
    step_ms: int = STEP,
    booted_at: int = BOOTED_AT,
    boot_id: BootId | None = None,
    quality: TimeQuality = TimeQuality.SYNCHRONISED,
) -> Readings:
    """Return readings of register 0 of meter 0, the first of them `start` steps after midnight."""
    rows = len(counts)
    return Readings(
        meter=0,
        descriptor=wire.describe(of or meter()),
        read_at=tuple(MIDNIGHT + (start + row) * step_ms for row in range(rows)),
        offset_ms=(booted_at,) * rows,
        quality=(quality,) * rows,
        registers={0: tuple(counts)},
        status=(0,) * rows,
        boot_id=boot_id,
    )


@dataclass
class Log:
    """One epoch of the device whose enrolment key is key 1, sealed by `signer`."""

    signer: SigningKey = field(default_factory=lambda: key(1))
    epoch: Epoch = FIRST_EPOCH
    reason: GenesisReason = GenesisReason.INSTALL
    predecessor: tuple[Epoch, int, BlockHash] | None = None
    history: tuple[bytes, ...] = ()
    blocks: list[bytes] = field(default_factory=list)
    records: int = 0

    device = derive_device_id(key(1).spki)

    def genesis(self) -> Genesis:
        """Return the first record."""
        return Genesis(self.reason, self.signer.spki, "1", predecessor=self.predecessor, key_history=self.history)

    def seal(self, *frames: Frame, boot: int = 1, boot_id: BootId = BOOT, flags: int = 0) -> bytes:
        """Append a block to the log and return its bytes; the first begins with the genesis."""
        seq = len(self.blocks)
        held = frames if seq else (self.genesis(), *frames)
        block = Block(
            device=self.device,
            epoch=self.epoch,
            seq=seq,
            first_record=self.records,
            previous=hash_block(self.blocks[-1]) if seq else NO_BLOCK,
            boot_count=boot,
            boot_id=boot_id,
            frames=held,
            sealed=Instant(MIDNIGHT + seq, 1000, TimeQuality.SYNCHRONISED),
            flags=flags,
        )
        self.blocks.append(wire.seal_block(block, self.signer))
        self.records += sum(map(record_count, held))
        return self.blocks[-1]

    def rotate(self, new: SigningKey) -> bytes:
        """Hand over to another key in the log, and return the statement."""
        statement = seal_key_statement(self.device, self.signer, new)
        self.seal(KeyEvent(statement))
        self.signer = new
        return statement

    def successor(self, last: int, reason: GenesisReason = GenesisReason.FORK, **changes: object) -> Log:
        """Return the log of the next epoch, which goes on after block `last` of this one."""
        place = (self.epoch, last, hash_block(self.blocks[last]))
        log = Log(self.signer, Epoch(b"epoch..2"), reason, place)
        for name, value in changes.items():
            setattr(log, name, value)
        return log

    def receipt(self, committed: int, hub: SigningKey, code: ReceiptCode = ReceiptCode.OK) -> bytes:
        """Return the hub's receipt for this log through `committed`."""
        receipt = Receipt(
            device=self.device,
            epoch=self.epoch,
            committed=committed,
            safe=committed,
            committed_hash=hash_block(self.blocks[committed])[:16],
            selective=(),
            window=1,
            pace_ms=0,
            nonce=b"",
            hub_at=MIDNIGHT,
            code=code,
        )
        return wire.seal_receipt(receipt, hub)


def whole_log(days: int = 1) -> Log:
    """Return a log of quarter-hourly readings of one meter, four to a block, the meter described in its first."""
    log = Log()
    log.seal(meter())
    for hour in range(24 * days):
        first = 4 * hour
        log.seal(readings([1000 + 10 * (first + row) for row in range(4)], first))
    return log


RESEALED = FLAG_RESEALED
