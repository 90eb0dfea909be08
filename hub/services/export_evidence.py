"""Export the evidence behind reported readings: the claim, the blocks that bear it out, and a receipt for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from hub.errors import InputError, UnderivableError, UnknownSubjectError
from hub.rules.registers import GENERATED_OBIS, WATT_HOUR
from hub.services.compute_production import compute_month
from hub.store import contests, custody, registry
from hub.store.named_readings import NamedReading, find_named
from protocol import wire
from protocol.custody import receiver
from protocol.evidence import CLAIMS_MAX, BundleHead, Claim, key_changes, write_bundle
from protocol.identity import derive_device_id, format_device_id, hash_block
from protocol.messages import MeterDescriptor, Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.rules.reading_names import ReadingName
    from protocol.cose import SigningKey
    from protocol.identity import DescriptorId, DeviceId
    from protocol.messages import Block

CHUNK_BLOCKS = 256
"""Blocks fetched at once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A bundle ready to be written, and what is in it."""

    bundle: bytes
    claims: tuple[Claim, ...]
    blocks: int
    receipts: int


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs the receipts: the hub's receipt key, the timeline of its database and the time (UTC ms)."""

    key: SigningKey
    timeline: bytes
    now: int


def choose_readings(connection: Connection, name: ReadingName, device: DeviceId | None) -> tuple[NamedReading, ...]:
    """Return the stored readings of this name, of one device.

    Raises UnknownSubjectError if there is none, InputError if several devices took one and `device` names none of them.
    """
    found = find_named(connection, name.serial, name.obis, name.read_at)
    chosen = tuple(one for one in found if device in {None, one.device})
    if not chosen:
        message = f"no reading {name} is held here: take its name from `meter-hub month --json`, or name the device"
        raise UnknownSubjectError(message)
    devices = sorted({format_device_id(one.device) for one in chosen})
    if len(devices) > 1:
        message = f"{len(devices)} devices took a reading {name}: add --device with one of {', '.join(devices)}"
        raise InputError(message)
    return chosen


def month_readings(connection: Connection, pts_id: str, month: ProductionMonth) -> tuple[NamedReading, ...]:
    """Return the readings between which each meter's month lies; raises UnknownSubjectError if there are none."""
    chosen: dict[NamedReading, None] = {}
    for part in compute_month(connection, pts_id, month).meters:
        for reading in (part.production.opening, part.production.closing):
            if reading is None:
                continue
            named = find_named(connection, part.meter.serial, GENERATED_OBIS, reading.read_at)
            place = (reading.device, reading.epoch, reading.seq, reading.raw)
            chosen |= {one: None for one in named if (one.device, one.epoch, one.seq, one.raw) == place}
    if not chosen:
        message = f"system {pts_id} has no number for {month}, so there is nothing to give evidence of"
        raise UnknownSubjectError(message)
    return tuple(chosen)


def export_evidence(
    connection: Connection, readings: Sequence[NamedReading], issuer: Issuer, *, full: bool = False
) -> Evidence:
    """Return the bundle behind stored readings; `full` puts in the whole chain from the genesis on.

    Otherwise it holds the genesis, the blocks that hand over to another key, that state the descriptor, and that hold
    the reading, with the one after it. Raises InputError for more readings than a bundle can claim, UnderivableError
    if a block does not hold what was derived from it.
    """
    if len(readings) > CLAIMS_MAX:
        message = f"{len(readings)} readings are more than the {CLAIMS_MAX} of one bundle: ask for them in parts"
        raise InputError(message)
    streams: dict[int, list[NamedReading]] = {}
    for reading in readings:
        streams.setdefault(reading.stream, []).append(reading)
    claims: list[Claim] = []
    blocks: list[bytes] = []
    receipts: list[bytes] = []
    for stream, of_stream in streams.items():
        log = _Log(connection, stream, of_stream[0])
        claims += [log.claim(reading) for reading in of_stream]
        blocks += log.blocks(full=full)
        receipts.append(log.receipt(issuer))
    enrolment = {spki for reading in readings for spki in _enrolment_keys(connection, reading.device)}
    head = BundleHead(tuple(claims), issuer.key.spki, tuple(sorted(enrolment)))
    return Evidence(write_bundle(head, blocks, receipts), tuple(claims), len(blocks), len(receipts))


def _enrolment_keys(connection: Connection, device: DeviceId) -> Iterator[bytes]:
    keys = registry.keys_of(connection, device).values()
    return (spki for spki in keys if derive_device_id(spki) == device)


class _Stated(NamedTuple):
    """A descriptor, and the block that states it first."""

    seq: int
    meter: MeterDescriptor


class _Log:
    """One epoch as the hub holds it, and which of its blocks the evidence needs."""

    def __init__(self, connection: Connection, stream: int, reading: NamedReading) -> None:
        held = custody.find_stream(connection, reading.device, reading.epoch)
        assert held is not None, "a stored reading has a stream"
        self._connection = connection
        self._stream = stream
        self._held = held.stream
        self._wanted: set[int] = {0}
        self._stated: dict[DescriptorId, _Stated] = {}
        self._scanned = -1

    def claim(self, reading: NamedReading) -> Claim:
        """Return what is claimed of a reading, in the words of its own block, and remember the blocks that it needs."""
        (raw,) = self._read([reading.seq]) or (None,)
        if raw is None:
            raise UnderivableError(_missing(reading))
        block, _ = wire.read_block(raw)
        for frame, row in _rows_of(block, reading):
            stated = self._find_descriptor(frame.descriptor, reading.seq)
            rid = None if stated is None else _register_of(reading, stated.meter, frame, row)
            if stated is not None and rid is not None:
                self._wanted |= {stated.seq, reading.seq, min(reading.seq + 1, self._held.committed)}
                return _claim(reading, stated.meter, rid, frame.read_at[row])
        raise UnderivableError(_missing(reading))

    def blocks(self, *, full: bool) -> list[bytes]:
        """Return the blocks for the evidence of this epoch, in order."""
        last = max(self._wanted)
        if full:
            return self._read(range(last + 1))
        if len(registry.keys_of(self._connection, self._held.device)) > 1:
            self._wanted |= set(key_changes(self._each(range(last + 1))))
        return self._read(sorted(self._wanted))

    def receipt(self, issuer: Issuer) -> bytes:
        """Return a receipt through the last block of the evidence, so that it names the hash of one that is shown."""
        # The one after the reading may be damaged, and then it is not among them.
        last, (raw, _) = max(custody.read_bytes(self._connection, self._stream, sorted(self._wanted)).items())
        through = replace(self._held, committed=last, committed_hash=hash_block(raw), safe=min(self._held.safe, last))
        receipt = receiver.make_receipt(
            through,
            (),
            window=1,
            pace_ms=0,
            nonce=b"",
            hub_at=issuer.now,
            timeline=issuer.timeline,
            contested=bool(contests.find_contested(self._connection, [self._held.device])),
        )
        return wire.seal_receipt(receipt, issuer.key)

    def _find_descriptor(self, identity: DescriptorId, through: int) -> _Stated | None:
        """Return a descriptor as this epoch states it; epochs state theirs early, so the search begins there."""
        while identity not in self._stated and self._scanned < through:
            self._scanned += 1
            for raw in self._read([self._scanned]):
                for frame in wire.read_block(raw)[0].frames:
                    if isinstance(frame, MeterDescriptor):
                        self._stated.setdefault(wire.describe(frame), _Stated(self._scanned, frame))
        return self._stated.get(identity)

    def _each(self, seqs: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for start in range(0, len(seqs), CHUNK_BLOCKS):
            found = custody.read_bytes(self._connection, self._stream, list(seqs[start : start + CHUNK_BLOCKS]))
            yield from ((seq, raw) for seq, (raw, _) in sorted(found.items()))

    def _read(self, seqs: Sequence[int]) -> list[bytes]:
        return [raw for _, raw in self._each(seqs)]


def _rows_of(block: Block, reading: NamedReading) -> Iterator[tuple[Readings, int]]:
    """Yield where in a block readings were taken at the very moment of this one."""
    for frame in block.frames:
        if not isinstance(frame, Readings):
            continue
        boot_id = block.boot_id if frame.boot_id is None else frame.boot_id
        for row, read_at in enumerate(frame.read_at):
            is_then = (boot_id, read_at - frame.offset_ms[row]) == (reading.boot_id, reading.boottime_ms)
            if is_then and (reading.is_placed or read_at == reading.read_at):
                yield frame, row


def _register_of(reading: NamedReading, meter: MeterDescriptor, frame: Readings, row: int) -> int | None:
    """Return the register id under which a row holds the reading, if this meter is the one and it does."""
    for rid, counts in frame.registers.items():
        register = meter.registers.get(rid)
        if register is not None and register.obis == reading.obis and counts[row] == reading.raw:
            return rid if meter.serial.strip() == reading.serial else None
    return None


def _claim(reading: NamedReading, meter: MeterDescriptor, rid: int, signed_at: int) -> Claim:
    """Return the claim; a placed reading is claimed at the instant that its device signed."""
    return Claim(
        device=reading.device,
        epoch=reading.epoch,
        seq=reading.seq,
        meter=meter.meter,
        serial=meter.serial,
        register=rid,
        obis=reading.obis,
        read_at=signed_at,
        boottime_ms=reading.boottime_ms,
        raw=reading.raw,
        value=reading.register_wh,
        exponent=0,
        unit=WATT_HOUR,
    )


def _missing(reading: NamedReading) -> str:
    return (
        f"block {reading.seq} of device {format_device_id(reading.device)} does not hold the reading that was derived "
        "from it; restore the hub from its last verified backup"
    )
