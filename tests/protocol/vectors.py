"""The golden vectors of MRC/1: fixed messages under fixed keys, and how their files are written.

`python -m tests.protocol.vectors` writes `protocol/spec/vectors` anew. Do that only when the wire is meant to change:
sealed blocks outlive every version of this program.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from protocol import cbor, cose, wire
from protocol.custody import receiver
from protocol.identity import NO_BLOCK, BootId, Epoch, derive_device_id, hash_block
from protocol.messages import (
    FLAG_CRASH_RECOVERY,
    Block,
    ClockEvent,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    Instant,
    Latest,
    MeterDescriptor,
    PollErrors,
    Readings,
    Receipt,
    ReceiptCode,
    Register,
    State,
    TimeQuality,
    poll_exception,
)
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY, P256_KEY

if TYPE_CHECKING:
    from protocol.cose import SigningKey

FOLDER = Path(wire.__file__).parent / "spec" / "vectors"

DEVICE = derive_device_id(DEVICE_KEY.spki)
EPOCH = Epoch(bytes.fromhex("e0e1e2e3e4e5e6e7"))
BOOT = BootId(bytes.fromhex("b0b1b2b3"))
MIDNIGHT = 1_467_331_200_000
QUARTER_HOUR = 900_000
OFFSET = MIDNIGHT - 4_000_000

_DESCRIPTOR = MeterDescriptor(
    meter=0,
    make="Continental Control Systems",
    model="WattNode WNC-3Y-208-MB",
    serial="123456",
    firmware="31",
    ratio=(1, 1),
    bus="rtu",
    unit_id=5,
    registers={
        0: Register(
            obis="1-0:2.8.0",
            unit="Wh",
            scale_exponent=2,
            width_bits=32,
            kind="s",
            rollover_counts=10**9,
            function_code=3,
            address=1206,
            word_order="little",
            sign=-1,
        ),
        1: Register(
            obis="1-0:1.8.0",
            unit="Wh",
            scale_exponent=0,
            width_bits=64,
            kind="u",
            rollover_counts=2**64,
            function_code=4,
            address=65535,
            word_order="big",
        ),
    },
)
_READINGS = Readings(
    meter=0,
    descriptor=wire.describe(_DESCRIPTOR),
    read_at=tuple(MIDNIGHT + QUARTER_HOUR * row + late for row, late in enumerate((0, 3, 2, 40))),
    offset_ms=(OFFSET,) * 4,
    quality=(TimeQuality.SYNCHRONISED,) * 4,
    registers={0: (999_999_990, 999_999_999, 7, 7), 1: (2**64 - 1, 0, 24, 2**63)},
    status=(0, 0, 0, 1),
)


_GENESIS = Genesis(reason=GenesisReason.INSTALL, signing_key_spki=DEVICE_KEY.spki, agent_version="0.1.0")
_EVENTS = (
    ClockEvent(boottime_ms=4_100_000, old_offset_ms=0, new_offset_ms=OFFSET, source=2, error_ms=15),
    Gap(meter=0, from_at=MIDNIGHT, to_at=MIDNIGHT + QUARTER_HOUR, cause=GapCause.EDGE_OFF, note="power cut"),
    PollErrors(meter=0, from_at=MIDNIGHT, to_at=MIDNIGHT + QUARTER_HOUR, counts={"timeout": 3, poll_exception(2): 1}),
)
_FIRST = Block(
    device=DEVICE,
    epoch=EPOCH,
    seq=0,
    first_record=0,
    previous=NO_BLOCK,
    boot_count=1,
    boot_id=BOOT,
    frames=(_GENESIS,),
    sealed=Instant(wall_ms=MIDNIGHT, boottime_ms=4_000_000, quality=TimeQuality.INFORMATIVE),
)
_BIRTH = State(
    device=DEVICE,
    nonce=bytes.fromhex("c0c1c2c3"),
    online=True,
    epoch=EPOCH,
    head=2,
    head_hash=bytes(range(16)),
    committed=1,
    safe=0,
    floor=0,
    boot_count=1,
    kernel_boot_id=BOOT + bytes(12),
    at=Instant(wall_ms=MIDNIGHT, boottime_ms=4_000_000, quality=TimeQuality.SYNCHRONISED),
    error_ms=4,
    agent_version="0.1.0",
    capabilities=(1,),
    latest={0: Latest(read_at=MIDNIGHT, registers={0: 999_999_990})},
    health={"backlog_blocks": 1, "temperature_celsius": -4},
)
_RECEIPT = Receipt(
    device=DEVICE,
    epoch=EPOCH,
    committed=1,
    safe=0,
    committed_hash=bytes(range(16)),
    selective=((3, 4), (6, 6)),
    window=16,
    pace_ms=250,
    nonce=_BIRTH.nonce,
    hub_at=MIDNIGHT + 1,
    code=ReceiptCode.BAD_SIGNATURE,
    code_seq=1,
    timeline=bytes.fromhex("d0d1d2d3d4d5d6d7"),
)


def vectors() -> dict[str, Vector]:
    """Return every vector by the name of its files."""
    genesis = wire.seal_block(_FIRST, DEVICE_KEY)
    readings = replace(_FIRST, seq=1, first_record=1, previous=hash_block(genesis), frames=(_DESCRIPTOR, _READINGS))
    sealed_readings = wire.seal_block(readings, DEVICE_KEY)
    events = replace(
        readings,
        seq=2,
        first_record=6,
        previous=hash_block(sealed_readings),
        frames=_EVENTS,
        flags=FLAG_CRASH_RECOVERY,
    )
    death = State(device=DEVICE, nonce=_BIRTH.nonce, online=False)
    refusal = receiver.refuse(
        DEVICE, EPOCH, ReceiptCode.UNKNOWN_KEY, nonce=_BIRTH.nonce, hub_at=MIDNIGHT, timeline=_RECEIPT.timeline
    )
    return {
        "block_genesis": _by_device("the first block of an epoch", genesis),
        "block_readings": _by_device("a descriptor, and readings across a rollover", sealed_readings),
        "block_events": _by_device("a clock event, a gap and poll errors", wire.seal_block(events, DEVICE_KEY)),
        "block_es256": Vector(
            "the readings again, signed with ES256 (RFC 6979, s in the lower half)",
            "P-256, private scalar 2^200 + 1",
            P256_KEY,
            wire.seal_block(readings, P256_KEY),
        ),
        "state_birth": _by_device("a hello", wire.seal_state(_BIRTH, DEVICE_KEY)),
        "state_death": _by_device("a death, the MQTT Will", wire.seal_state(death, DEVICE_KEY)),
        "receipt_damaged": _by_hub("an answer to the hello; block 1 is damaged", wire.seal_receipt(_RECEIPT, HUB_KEY)),
        "receipt_refusal": _by_hub("an answer to an unknown device", wire.seal_receipt(refusal, HUB_KEY)),
    }


def _by_device(title: str, sealed: bytes) -> Vector:
    return Vector(title, "Ed25519, private key 000102..1f", DEVICE_KEY, sealed)


def _by_hub(title: str, sealed: bytes) -> Vector:
    return Vector(title, "Ed25519, private key 202122..3f", HUB_KEY, sealed)


@dataclass(frozen=True, slots=True)
class Vector:
    """One sealed message with what another implementation needs to reproduce it."""

    title: str
    signer: str
    key: SigningKey
    sealed: bytes

    def to_json(self) -> str:
        """Return the vector as text."""
        payload = cose.open_envelope(self.sealed).payload
        content = {
            "title": self.title,
            "signer": self.signer,
            "signer_spki": self.key.spki.hex(),
            "payload_diagnostic": diagnostic(cbor.decode(payload)),
            "payload": payload.hex(),
            "sealed": self.sealed.hex(),
            "sha256": hash_block(self.sealed).hex(),
        }
        return json.dumps(content, indent=2) + "\n"


def diagnostic(value: object) -> str:
    """Return a value in CBOR diagnostic notation (RFC 8949 §8)."""
    match value:
        case bytes():
            return f"h'{value.hex()}'"
        case list():
            return f"[{', '.join(map(diagnostic, value))}]"
        case dict():
            return "{" + ", ".join(f"{diagnostic(key)}: {diagnostic(entry)}" for key, entry in value.items()) + "}"
        case _:
            return json.dumps(value)


def write() -> None:
    """Write all vectors."""
    FOLDER.mkdir(exist_ok=True)
    for name, vector in vectors().items():
        (FOLDER / f"{name}.cbor").write_bytes(vector.sealed)
        (FOLDER / f"{name}.json").write_text(vector.to_json())


if __name__ == "__main__":
    write()
