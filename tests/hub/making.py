"""A device as the hub sees it: keys, sealed blocks and states made here, without an edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.services.accept_blocks import Arrival, Terms
from protocol import wire
from protocol.cose import SigningKey
from protocol.custody.receiver import SafePolicy
from protocol.identity import BlockHash, BootId, DeviceId, Epoch, derive_device_id, format_device_id, hash_block
from protocol.messages import (
    Block,
    Frame,
    Genesis,
    GenesisReason,
    Instant,
    MeterDescriptor,
    Readings,
    Register,
    State,
    TimeQuality,
    record_count,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.database import Database

QUARTER_MS = 900_000
JULY_AT = 1_467_345_600_000
"""2016-07-01T04:00:00Z: midnight in Massachusetts."""
EPOCH = Epoch(bytes.fromhex("e1e1e1e1e1e1e1e1"))
BOOT_ID = BootId(bytes.fromhex("0badcafe"))
TERMS = Terms(safe=SafePolicy.COMMIT, window=16, window_backfill=64, pace_ms=0, timeline=bytes(8))
NOW = 1_500_000_000_000


def make_key(seed: int) -> SigningKey:
    """Return the same key for the same seed."""
    return SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big")))


GENERATED = Register(
    obis="1-0:2.8.0",
    unit="Wh",
    scale_exponent=0,
    width_bits=32,
    kind="u",
    rollover_counts=1 << 32,
    function_code=3,
    address=1206,
    word_order="little",
)


def make_meter(index: int = 0, serial: str = "WN-1001", register: Register = GENERATED) -> MeterDescriptor:
    """Return a meter whose register 0 is `register`: generated energy in whole Wh unless told otherwise."""
    return MeterDescriptor(
        meter=index,
        make="CCS",
        model="WattNode",
        serial=serial,
        firmware="1.0",
        ratio=(1, 1),
        bus="rtu",
        unit_id=1,
        registers={0: register},
    )


def make_readings(meter: MeterDescriptor, counts: list[int], start_at: int, step_ms: int = QUARTER_MS) -> Readings:
    """Return readings of register 0, one every `step_ms` from `start_at` (UTC ms)."""
    number = len(counts)
    return Readings(
        meter=meter.meter,
        descriptor=wire.describe(meter),
        read_at=tuple(start_at + place * step_ms for place in range(number)),
        offset_ms=(start_at - QUARTER_MS,) * number,
        quality=(TimeQuality.SYNCHRONISED,) * number,
        registers={0: tuple(counts)},
        status=(0,) * number,
    )


@dataclass
class MadeDevice:
    """A device with one log: `seal` appends a block to it and returns its bytes."""

    seed: int = 1
    epoch: Epoch = EPOCH
    blocks: list[bytes] = field(default_factory=list)
    records: int = 0

    @property
    def key(self) -> SigningKey:
        """The device's signing key."""
        return make_key(self.seed)

    @property
    def id(self) -> DeviceId:
        """The device id."""
        return derive_device_id(self.key.spki)

    @property
    def text(self) -> str:
        """The device id as text."""
        return format_device_id(self.id)

    @property
    def pem(self) -> bytes:
        """The public key as it is handed to the hub."""
        return self.key.public.to_pem()

    def genesis(self) -> Genesis:
        """Return the first record of the log."""
        return Genesis(GenesisReason.INSTALL, self.key.spki, "test")

    def seal(self, *frames: Frame, key: SigningKey | None = None, keep: bool = True) -> bytes:
        """Return the next block; the first begins with the genesis. `keep` False leaves the log as it was."""
        seq = len(self.blocks)
        block = Block(
            device=self.id,
            epoch=self.epoch,
            seq=seq,
            first_record=self.records,
            previous=hash_block(self.blocks[-1]) if self.blocks else BlockHash(bytes(32)),
            boot_count=1,
            boot_id=BOOT_ID,
            frames=frames if seq else (self.genesis(), *frames),
            sealed=Instant(JULY_AT, 1000, TimeQuality.SYNCHRONISED),
        )
        raw = wire.seal_block(block, key or self.key)
        if keep:
            self.blocks.append(raw)
            self.records += sum(record_count(frame) for frame in block.frames)
        return raw

    def arrivals(self, *seqs: int) -> list[Arrival]:
        """Return these blocks as they arrive on the device's topic; all of them if none is named."""
        chosen = seqs or tuple(range(len(self.blocks)))
        return [Arrival(self.id, self.blocks[seq]) for seq in chosen]

    def state(  # noqa: PLR0913 - what a device says of itself
        self,
        nonce: bytes = b"\1\2\3\4",
        *,
        online: bool = True,
        head: int | None = None,
        boot_count: int = 0,
        health: Mapping[str, int] | None = None,
        quality: TimeQuality = TimeQuality.SYNCHRONISED,
    ) -> bytes:
        """Return a sealed state."""
        if not online:
            return wire.seal_state(State(device=self.id, nonce=nonce, online=False), self.key)
        newest = len(self.blocks) - 1 if head is None else head
        state = State(
            device=self.id,
            nonce=nonce,
            online=True,
            epoch=self.epoch,
            head=newest,
            at=Instant(JULY_AT, 1000, quality),
            agent_version="0.1.0",
            boot_count=boot_count,
            health=health or {},
        )
        return wire.seal_state(state, self.key)


def made_log(counts: list[int], *, start_at: int = JULY_AT, per_block: int = 4, seed: int = 1) -> MadeDevice:
    """Return a device that has sealed these counts of one meter, described in its first block."""
    device, meter = MadeDevice(seed), make_meter()
    device.seal(meter)
    for place in range(0, len(counts), per_block):
        device.seal(make_readings(meter, counts[place : place + per_block], start_at + place * QUARTER_MS))
    return device


def fetch(database: Database, statement: str) -> list[tuple[object, ...]]:
    """Return the rows of a query in plain SQL: what an outsider finds in the file."""
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]
