"""Devices that seal what a sunny site reads, without an edge: 15-minute polls of two registers, a little late each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import wire
from protocol.cose import SigningKey
from protocol.identity import NO_BLOCK, BlockHash, BootId, DeviceId, Epoch, derive_device_id, hash_block
from protocol.messages import (
    Block,
    Frame,
    Genesis,
    GenesisReason,
    Instant,
    MeterDescriptor,
    Readings,
    Register,
    TimeQuality,
    record_count,
)
from simulators.sunshine import SeededSun

if TYPE_CHECKING:
    from collections.abc import Iterator

START_AT = 1_780_272_000_000
"""2026-06-01T00:00:00Z: the month with the longest days, and so the longest counts."""
QUARTER_MS = 900_000
POLLS_PER_HOUR = 4
POLLS_PER_DAY = 96
REGISTERS_PER_METER = 2
_KILOWATTS = 75
_NIGHT_WH = 60
_LATE_MS_MIN = 20
_LATE_MS_SPAN = 40
_BOOT_ID = BootId(bytes.fromhex("0badcafe"))


def make_key(number: int) -> SigningKey:
    """Return the same signing key for the same number."""
    return SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


def _meter(device: int, index: int) -> MeterDescriptor:
    def register(obis: str, address: int) -> Register:
        return Register(obis, "Wh", 0, 32, "u", 2**32, 3, address, "little")

    return MeterDescriptor(
        meter=index,
        make="CCS",
        model="WattNode",
        serial=f"WN-{device:04d}-{index}",
        firmware="1.0",
        ratio=(1, 1),
        bus="rtu",
        unit_id=index + 1,
        registers={0: register("1-0:2.8.0", 1206), 1: register("1-0:1.8.0", 1208)},
    )


class Site:
    """What the meters of one site show in Wh: generated energy of a 75 kW array, and a little that is consumed."""

    def __init__(self, number: int, *, steady: bool = False) -> None:
        self._number = number
        self._sun = None if steady else SeededSun(seed=number, kilowatts=_KILOWATTS, start_ms=START_AT)

    def readings(self, meter: MeterDescriptor, poll: int, polls: int) -> Readings:
        """Return so many readings of a meter from the poll number `poll` on."""
        scheduled = [START_AT + number * QUARTER_MS for number in range(poll, poll + polls)]
        late = [_LATE_MS_MIN + self._chance(meter.meter, number, _LATE_MS_SPAN) for number in range(poll, poll + polls)]
        return Readings(
            meter=meter.meter,
            descriptor=wire.describe(meter),
            read_at=tuple(at + later for at, later in zip(scheduled, late, strict=True)),
            offset_ms=(START_AT - QUARTER_MS,) * polls,
            quality=(TimeQuality.SYNCHRONISED,) * polls,
            registers={
                0: tuple(self._generated(number) for number in range(poll, poll + polls)),
                1: tuple(self._consumed(number) for number in range(poll, poll + polls)),
            },
            status=(0,) * polls,
        )

    def _generated(self, poll: int) -> int:
        if self._sun is None:
            return 50_000_000 + 18_000 * poll + self._chance(0, poll, 900)
        return 50_000_000 + int(self._sun.energy_at(START_AT + poll * QUARTER_MS))

    def _consumed(self, poll: int) -> int:
        if self._sun is None:
            return 10_000_000 + 17_000 * poll + self._chance(1, poll, 900)
        return 1_000_000 + _NIGHT_WH * poll + self._chance(1, poll, _NIGHT_WH)

    def _chance(self, name: int, number: int, bound: int) -> int:
        digest = hashlib.blake2b(f"{self._number}/{name}/{number}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % bound


@dataclass
class MadeDevice:
    """A device with one log, sealed as it goes."""

    number: int
    meters: tuple[MeterDescriptor, ...]
    site: Site
    key: SigningKey = field(init=False)
    id: DeviceId = field(init=False)
    epoch: Epoch = field(init=False)
    sealed: list[bytes] = field(default_factory=list)
    _records: int = 0

    def __post_init__(self) -> None:
        """Make key and ids from the number."""
        self.key = make_key(self.number + 1)
        self.id = derive_device_id(self.key.spki)
        self.epoch = Epoch(hashlib.sha256(self.id).digest()[:8])
        self.seal(Genesis(GenesisReason.INSTALL, self.key.spki, "0.1.0"), *self.meters)

    def block(self, *frames: Frame) -> Block:
        """Return the next block, not yet sealed."""
        sealed_at = START_AT + len(self.sealed) * POLLS_PER_HOUR * QUARTER_MS
        return Block(
            device=self.id,
            epoch=self.epoch,
            seq=len(self.sealed),
            first_record=self._records,
            previous=BlockHash(hash_block(self.sealed[-1])) if self.sealed else NO_BLOCK,
            boot_count=1,
            boot_id=_BOOT_ID,
            frames=frames,
            sealed=Instant(sealed_at, sealed_at - START_AT + QUARTER_MS, TimeQuality.SYNCHRONISED),
        )

    def seal(self, *frames: Frame) -> bytes:
        """Seal the next block and return its bytes."""
        block = self.block(*frames)
        self.sealed.append(wire.seal_block(block, self.key))
        self._records += sum(map(record_count, frames))
        return self.sealed[-1]

    def frames(self, poll: int, polls: int) -> tuple[Readings, ...]:
        """Return the readings of all meters from poll number `poll` on, so many of each."""
        return tuple(self.site.readings(meter, poll, polls) for meter in self.meters)


def make_device(number: int, meters: int = 1, *, steady: bool = False) -> MadeDevice:
    """Return a device with so many meters; `steady` has all registers count five digits a poll, day and night."""
    return MadeDevice(number, tuple(_meter(number, index) for index in range(meters)), Site(number, steady=steady))


def seal_hours(device: MadeDevice, hours: int) -> Iterator[bytes]:
    """Yield hourly blocks of the device, from where the last of them ended."""
    first = len(device.sealed) - 1
    for hour in range(first, first + hours):
        yield device.seal(*device.frames(hour * POLLS_PER_HOUR, POLLS_PER_HOUR))
