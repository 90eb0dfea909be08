"""A device of the fleet: it reads one meter every hour, and signs a block each day, as a real one would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.services.accept_blocks import Arrival
from protocol import wire
from protocol.cose import SigningKey
from protocol.identity import BlockHash, BootId, Epoch, derive_device_id, hash_block
from protocol.messages import (
    Block,
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
    from collections.abc import Sequence

    from protocol.identity import DeviceId
    from protocol.messages import Frame

HOUR_MS = 3_600_000
_EPOCH = Epoch(bytes.fromhex("0123456789abcdef"))
_BOOT = BootId(bytes.fromhex("feedf00d"))
_GENERATED = Register(
    obis="1-0:2.8.0",
    unit="Wh",
    scale_exponent=0,
    width_bits=48,
    kind="u",
    rollover_counts=1 << 48,
    function_code=3,
    address=1206,
    word_order="big",
)


@dataclass
class Logger:
    """A device with its log; `key_number` decides its key, so that the same fleet is made again by the same seed.

    It was booted at `booted_at` (UTC ms), and never again.
    """

    key_number: int
    booted_at: int
    agent_version: str = "0.1.0"
    _last: bytes = b""
    _blocks: int = 0
    _records: int = 0

    def __post_init__(self) -> None:
        """Make the key."""
        secret = self.key_number.to_bytes(32, "big")
        self.key = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(secret))

    @property
    def id(self) -> DeviceId:
        """The device's id, which follows from its key."""
        return derive_device_id(self.key.spki)

    def describe(self, meter: int, serial: str, model: tuple[str, str]) -> MeterDescriptor:
        """Return a meter as the device describes it."""
        return MeterDescriptor(
            meter=meter,
            make=model[0],
            model=model[1],
            serial=serial,
            firmware="1.0",
            ratio=(1, 1),
            bus="rtu",
            unit_id=1,
            registers={0: _GENERATED},
        )

    def begin(self, meter: MeterDescriptor, at: int) -> Arrival:
        """Return a block that says from when (UTC ms) on which meter is read; the first begins the log."""
        return self._seal(at, meter)

    def read(self, meter: MeterDescriptor, read_at: Sequence[int], counts: Sequence[int]) -> Arrival:
        """Return a block of readings taken at these instants (UTC ms), in Wh."""
        number = len(counts)
        frame = Readings(
            meter=meter.meter,
            descriptor=wire.describe(meter),
            read_at=tuple(read_at),
            offset_ms=(self.booted_at,) * number,
            quality=(TimeQuality.SYNCHRONISED,) * number,
            registers={0: tuple(counts)},
            status=(0,) * number,
        )
        return self._seal(read_at[-1], frame)

    def hello(self, at: int, *, is_online: bool = True) -> bytes:
        """Return the state that the device says of itself at an instant (UTC ms), or its last will."""
        if not is_online:
            return wire.seal_state(State(device=self.id, nonce=b"last", online=False), self.key)
        state = State(
            device=self.id,
            nonce=b"here",
            online=True,
            epoch=_EPOCH,
            head=self._blocks - 1,
            at=Instant(at, at - self.booted_at, TimeQuality.SYNCHRONISED),
            agent_version=self.agent_version,
        )
        return wire.seal_state(state, self.key)

    def _seal(self, at: int, frame: Frame) -> Arrival:
        genesis = Genesis(GenesisReason.INSTALL, self.key.spki, "fleet")
        block = Block(
            device=self.id,
            epoch=_EPOCH,
            seq=self._blocks,
            first_record=self._records,
            previous=hash_block(self._last) if self._last else BlockHash(bytes(32)),
            boot_count=1,
            boot_id=_BOOT,
            frames=(frame,) if self._blocks else (genesis, frame),
            sealed=Instant(at, at - self.booted_at, TimeQuality.SYNCHRONISED),
        )
        self._last = wire.seal_block(block, self.key)
        self._blocks += 1
        self._records += sum(record_count(one) for one in block.frames)
        return Arrival(self.id, self._last)
