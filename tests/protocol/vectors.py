"""The golden vectors of MRC/1: fixed messages under fixed keys.

`python -m tests.protocol.vectors` adds what has no file yet. It never writes a file again: sealed blocks outlive every
version of this program, and a wire that has to change gets a new version with vectors of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from protocol import sequence, wire
from protocol.commands import Command, Operation, Result, ResultStatus, SetConfig
from protocol.custody import receiver
from protocol.fields import VERSION
from protocol.identity import NO_BLOCK, BootId, Epoch, derive_device_id, hash_block
from protocol.key_statement import seal_key_statement
from protocol.messages import (
    FLAG_CRASH_RECOVERY,
    FLAG_RESEALED,
    Block,
    ClockEvent,
    CommandEvent,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    Instant,
    KeyEvent,
    Latest,
    MeterDescriptor,
    MeterEvent,
    MeterEventKind,
    PollErrors,
    Readings,
    Receipt,
    ReceiptCode,
    Register,
    State,
    TimeQuality,
    poll_exception,
)
from tests.protocol.strategies import COMMAND_KEY, DEVICE_KEY, HUB_KEY, P256_KEY
from tests.protocol.vector_files import GoldenFile, SequenceVector, Vector, freeze

FOLDER = Path(wire.__file__).parent / "spec" / "vectors" / f"v{VERSION}"

DEVICE = derive_device_id(DEVICE_KEY.spki)
EPOCH = Epoch(bytes.fromhex("e0e1e2e3e4e5e6e7"))
SECOND_EPOCH = Epoch(bytes.fromhex("e8e9eaebecedeeef"))
P256_SIGNER = "P-256, private scalar 2^200 + 1"
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
_METER_FRAMES = (
    replace(
        _DESCRIPTOR,
        meter=1,
        bus="ascii",
        registers={
            0: replace(_DESCRIPTOR.registers[0], kind="m10ks"),
            1: replace(_DESCRIPTOR.registers[1], kind="m10k"),
            2: replace(_DESCRIPTOR.registers[1], kind="bcd"),
        },
    ),
    replace(_DESCRIPTOR, meter=2, bus="pulse", registers={0: _DESCRIPTOR.registers[1]}),
    replace(_DESCRIPTOR, meter=3, bus="rtu-tcp"),
    MeterEvent(
        meter=0,
        at=MIDNIGHT + 2 * QUARTER_HOUR,
        kind=MeterEventKind.ROLLOVER,
        register=0,
        before=(MIDNIGHT + QUARTER_HOUR, 999_999_999),
        after=(MIDNIGHT + 2 * QUARTER_HOUR, 7),
    ),
    MeterEvent(meter=1, at=MIDNIGHT, kind=MeterEventKind.EXCHANGE, was="351001", now="351077", note="seal 4711"),
    MeterEvent(meter=2, at=MIDNIGHT, kind=MeterEventKind.STALE),
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


_STATEMENT = seal_key_statement(DEVICE, DEVICE_KEY, P256_KEY)
_COMMAND = Command(
    device=DEVICE,
    number=7,
    order=SetConfig(
        patch={"poll_interval_seconds": 300, "seal_interval_seconds": 3600}, expected_version=2, revert_seconds=900
    ),
    issued_at=MIDNIGHT,
    ttl_seconds=86_400,
    id=bytes.fromhex("a0a1a2a3a4a5a6a7"),
)
_COMMAND_EVENT = CommandEvent(
    number=7,
    operation=Operation.SET_CONFIG,
    outcome=ResultStatus.DONE,
    config_hash=bytes.fromhex("f0f1f2f3f4f5f6f7"),
)
_RESULT = Result(device=DEVICE, number=7, status=ResultStatus.DONE, detail="", config_version=3)


def vectors() -> dict[str, GoldenFile]:
    """Return every vector by the name of its files."""
    log = _log()
    return {
        **log,
        "block_es256": Vector(
            "the readings again, signed with ES256 (RFC 6979, s in the lower half)",
            P256_SIGNER,
            P256_KEY,
            wire.seal_block(_readings(log["block_genesis"].sealed), P256_KEY),
        ),
        **_second_epoch(log["block_key"].sealed),
        **_messages(),
        "sequence_log": SequenceVector(
            "the first three blocks of the log as a file", tuple(log)[:3], sequence.join(_sealed(log)[:3])
        ),
    }


def _log() -> dict[str, Vector]:
    """Return the blocks of one epoch, in order."""
    genesis = wire.seal_block(_FIRST, DEVICE_KEY)
    readings = wire.seal_block(_readings(genesis), DEVICE_KEY)
    events = wire.seal_block(
        replace(_after(readings), seq=2, first_record=6, frames=_EVENTS, flags=FLAG_CRASH_RECOVERY), DEVICE_KEY
    )
    command = wire.seal_block(replace(_after(events), seq=3, first_record=9, frames=(_COMMAND_EVENT,)), DEVICE_KEY)
    key = wire.seal_block(replace(_after(command), seq=4, first_record=10, frames=(KeyEvent(_STATEMENT),)), DEVICE_KEY)
    return {
        "block_genesis": _by_device("the first block of an epoch", genesis),
        "block_readings": _by_device("a descriptor, and readings across a rollover", readings),
        "block_events": _by_device("a clock event, a gap and poll errors", events),
        "block_command": _by_device("a change of settings took effect", command),
        "block_key": _by_device("the last block under this key: the P-256 key follows", key),
    }


def _second_epoch(last: bytes) -> dict[str, Vector]:
    """Return the beginning of a second epoch under the new key, after `last` of the first."""
    genesis = Genesis(
        reason=GenesisReason.ROLLBACK,
        signing_key_spki=P256_KEY.spki,
        agent_version="0.1.0",
        predecessor=(EPOCH, 4, hash_block(last)),
        predecessor_receipt=wire.seal_receipt(_RECEIPT, HUB_KEY),
        key_history=(_STATEMENT,),
    )
    beginning = replace(_FIRST, epoch=SECOND_EPOCH, frames=(genesis, _DESCRIPTOR, _READINGS), flags=FLAG_RESEALED)
    first = wire.seal_block(beginning, P256_KEY)
    meters = replace(beginning, seq=1, first_record=6, previous=hash_block(first), frames=_METER_FRAMES, flags=0)
    birth = replace(_BIRTH, epoch=SECOND_EPOCH, head=0, committed=-1, safe=-1, key_history=(_STATEMENT,))
    return {
        "block_second_genesis": Vector(
            "the first block of a later epoch, after a rollback and under another key; readings sealed again",
            P256_SIGNER,
            P256_KEY,
            first,
        ),
        "block_meter_events": Vector(
            "a meter of base 10000 on an ASCII line, one that counts pulses, and what happened to meters",
            P256_SIGNER,
            P256_KEY,
            wire.seal_block(meters, P256_KEY),
        ),
        "state_history": Vector("a hello with a key history", P256_SIGNER, P256_KEY, wire.seal_state(birth, P256_KEY)),
    }


def _messages() -> dict[str, Vector]:
    """Return what is neither a block nor part of a second epoch."""
    death = State(device=DEVICE, nonce=_BIRTH.nonce, online=False)
    refusal = receiver.refuse(
        DEVICE, EPOCH, ReceiptCode.UNKNOWN_KEY, nonce=_BIRTH.nonce, hub_at=MIDNIGHT, timeline=_RECEIPT.timeline
    )
    return {
        "state_birth": _by_device("a hello", wire.seal_state(_BIRTH, DEVICE_KEY)),
        "state_death": _by_device("a death, the MQTT Will", wire.seal_state(death, DEVICE_KEY)),
        "receipt_damaged": _by_hub("an answer to the hello; block 1 is damaged", wire.seal_receipt(_RECEIPT, HUB_KEY)),
        "receipt_refusal": _by_hub("an answer to an unknown device", wire.seal_receipt(refusal, HUB_KEY)),
        "command_set_config": Vector(
            "a change of settings",
            "Ed25519, private key 404142..5f",
            COMMAND_KEY,
            wire.seal_command(_COMMAND, COMMAND_KEY),
        ),
        "result_done": _by_device("the change is in force", wire.seal_result(_RESULT, DEVICE_KEY)),
        "key_statement": _by_device("the P-256 key follows the device's first", _STATEMENT),
    }


def _readings(genesis: bytes) -> Block:
    return replace(_after(genesis), seq=1, first_record=1, frames=(_DESCRIPTOR, _READINGS))


def _after(previous: bytes) -> Block:
    return replace(_FIRST, previous=hash_block(previous))


def _sealed(named: dict[str, Vector]) -> list[bytes]:
    return [vector.sealed for vector in named.values()]


def _by_device(title: str, sealed: bytes) -> Vector:
    return Vector(title, "Ed25519, private key 000102..1f", DEVICE_KEY, sealed)


def _by_hub(title: str, sealed: bytes) -> Vector:
    return Vector(title, "Ed25519, private key 202122..3f", HUB_KEY, sealed)


def write() -> None:
    """Write and freeze the vectors that have no files yet."""
    freeze(FOLDER, vectors())


if __name__ == "__main__":
    write()
