"""The state as a CBOR map. What stands at its default is left out: a death has four keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.fields import (
    COUNT_MAX,
    NAME_MAX,
    NONCE_LENGTH,
    REGISTERS_MAX,
    SHORT_HASH_LENGTH,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    U64_MAX,
    VERSION,
    Fields,
    array,
    boolean,
    integer,
    named,
    numbered,
    octets,
    read_device,
    read_epoch,
    read_instant,
    read_key_history,
    read_optional_seq,
    read_version,
    text,
    write_instant,
)
from protocol.messages import Instant, Latest, State

if TYPE_CHECKING:
    from collections.abc import Mapping

METERS_MAX = 256
CAPABILITIES_MAX = 64
HEALTH_MAX = 32
IDENTITY_MAX = 16


def write_state(state: State) -> dict[int, object]:
    """Return the map that encodes `state`."""
    content: dict[int, object] = {0: VERSION, 1: state.device, 9: state.nonce, 15: state.online}
    optional: dict[int, tuple[object, object]] = {
        2: (state.epoch, None),
        3: (state.head, -1),
        4: (state.head_hash, b""),
        5: (state.committed, -1),
        6: (state.safe, -1),
        7: (state.floor, 0),
        8: ([state.boot_count, state.kernel_boot_id], [0, b""]),
        10: (_write_moment(state.at, state.error_ms), None),
        11: (state.agent_version, ""),
        12: (list(state.capabilities), []),
        13: (state.instance, b""),
        14: (_write_latest(state.latest), {}),
        16: (dict(state.health), {}),
        17: (state.session, b""),
        18: (list(state.key_history), []),
    }
    return content | {key: value for key, (value, default) in optional.items() if value != default}


def read_state(fields: Fields) -> State:
    """Return the state in these fields; raises MalformedError or UnsupportedError."""
    read_version(fields)
    boot_count, kernel_boot_id = _read_boot(fields)
    at, error_ms = _read_moment(fields)
    return State(
        device=read_device(fields),
        nonce=octets(fields.need(9, "nonce"), "the nonce", NONCE_LENGTH, NONCE_LENGTH),
        online=boolean(fields.need(15, "online"), "whether the device is online"),
        epoch=read_epoch(fields) if fields.has(2) else None,
        head=read_optional_seq(fields, 3, "the head"),
        head_hash=_read_octets(fields, 4, "the head's hash", SHORT_HASH_LENGTH, SHORT_HASH_LENGTH),
        committed=read_optional_seq(fields, 5, "the committed seq"),
        safe=read_optional_seq(fields, 6, "the safe seq"),
        floor=integer(fields.need(7, "floor"), "the floor", 0, COUNT_MAX) if fields.has(7) else 0,
        boot_count=boot_count,
        kernel_boot_id=kernel_boot_id,
        at=at,
        error_ms=error_ms,
        agent_version=text(fields.need(11, "version"), "the agent version", 0, NAME_MAX) if fields.has(11) else "",
        capabilities=_read_capabilities(fields),
        instance=_read_octets(fields, 13, "the instance", 1, IDENTITY_MAX),
        latest=_read_latest(fields),
        health=_read_health(fields),
        session=_read_octets(fields, 17, "the session", NONCE_LENGTH, NONCE_LENGTH),
        key_history=read_key_history(fields.need(18, "key history")) if fields.has(18) else (),
    )


def _read_octets(fields: Fields, key: int, what: str, low: int, high: int) -> bytes:
    return octets(fields.need(key, what), what, low, high) if fields.has(key) else b""


def _read_boot(fields: Fields) -> tuple[int, bytes]:
    if not fields.has(8):
        return 0, b""
    boot_count, kernel_boot_id = array(fields.need(8, "boot"), "the boot", 2, 2)
    return (
        integer(boot_count, "the boot count", 0, U32_MAX),
        octets(kernel_boot_id, "the kernel's boot id", 0, IDENTITY_MAX),
    )


def _write_moment(at: Instant | None, error_ms: int) -> list[object] | None:
    return None if at is None else [*write_instant(at), error_ms]


def _read_moment(fields: Fields) -> tuple[Instant | None, int]:
    if not fields.has(10):
        return None, 0
    *instant, error_ms = array(fields.need(10, "time"), "the state's time", 4, 4)
    return read_instant(instant, "the state's time"), integer(error_ms, "the clock error", 0, TIME_MS_MAX)


def _read_capabilities(fields: Fields) -> tuple[int, ...]:
    if not fields.has(12):
        return ()
    listed = array(fields.need(12, "capabilities"), "the capabilities", 0, CAPABILITIES_MAX)
    return tuple(integer(capability, "a capability", 0, U16_MAX) for capability in listed)


def _write_latest(latest: Mapping[int, Latest]) -> dict[int, list[object]]:
    return {meter: [reading.read_at, dict(reading.registers)] for meter, reading in latest.items()}


def _read_latest(fields: Fields) -> dict[int, Latest]:
    if not fields.has(14):
        return {}
    listed = numbered(fields.need(14, "latest"), "the latest readings", U16_MAX, METERS_MAX)
    return {meter: _read_latest_of_meter(value) for meter, value in listed.items()}


def _read_latest_of_meter(value: object) -> Latest:
    read_at, registers = array(value, "a latest reading", 2, 2)
    counts = numbered(registers, "the latest registers", U16_MAX, REGISTERS_MAX)
    return Latest(
        read_at=integer(read_at, "the time of a latest reading", 0, TIME_MS_MAX),
        registers={register: integer(count, "a raw count", 0, U64_MAX) for register, count in counts.items()},
    )


def _read_health(fields: Fields) -> dict[str, int]:
    if not fields.has(16):
        return {}
    listed = named(fields.need(16, "health"), "the health", HEALTH_MAX, NAME_MAX)
    return {name: integer(value, "a health value", -COUNT_MAX, COUNT_MAX) for name, value in listed.items()}
