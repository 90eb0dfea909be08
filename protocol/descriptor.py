"""The meter descriptor frame and its id: what a meter is, written so that the same meaning always has the same id.

Readings name their descriptor by the first 8 bytes of SHA-256 over its encoded frame, so what was read must
encode to the very bytes it came from. Optional fields at their default are therefore refused, and fields of a newer
writer are kept (`MeterDescriptor.unread`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from protocol import cbor
from protocol.counts import KINDS
from protocol.errors import MalformedError
from protocol.fields import (
    KIND,
    NAME_MAX,
    REGISTERS_MAX,
    U16_MAX,
    U32_MAX,
    Fields,
    FrameKind,
    array,
    boolean,
    integer,
    numbered,
    read_note,
    text,
    with_note,
)
from protocol.identity import DESCRIPTOR_ID_LENGTH, DescriptorId
from protocol.messages import MeterDescriptor, Register

if TYPE_CHECKING:
    from collections.abc import Collection

T = TypeVar("T", int, str)

FUNCTION_CODES = (0, 3, 4)
BUSES = ("rtu", "tcp", "ascii", "rtu-tcp", "pulse")
UNIT_MAX = 32
_ROLLOVER_MODULUS = 2**64
_REGISTER_PARTS = 10
_EXPONENT_MAX = 24
_UNIT_ID_MAX = 255


def describe(descriptor: MeterDescriptor) -> DescriptorId:
    """Return the id of a descriptor: the first 8 bytes of SHA-256 over its encoded frame.

    Raises MalformedError if the descriptor holds a value that no reader would accept.
    """
    content = write_descriptor(descriptor)
    encoded = cbor.encode(content)
    read_descriptor(Fields(cbor.decode(encoded), "descriptor"))
    return DescriptorId(hashlib.sha256(encoded).digest()[:DESCRIPTOR_ID_LENGTH])


def write_descriptor(frame: MeterDescriptor) -> dict[int, object]:
    """Return the map that encodes `frame`, and over whose encoding its id is taken."""
    content: dict[int, object] = {
        **frame.unread,
        KIND: FrameKind.DESCRIPTOR,
        1: frame.meter,
        2: frame.make,
        3: frame.model,
        4: frame.serial,
        5: frame.firmware,
        6: list(frame.ratio),
        7: [frame.bus, frame.unit_id],
        8: {register: _write_register(meaning) for register, meaning in frame.registers.items()},
    }
    if frame.has_clock:
        content[10] = True
    return with_note(content, frame.note)


def read_descriptor(fields: Fields) -> MeterDescriptor:
    """Return the descriptor in these fields; raises MalformedError or UnsupportedError."""
    numerator, denominator = array(fields.need(6, "ratio"), "the ratio", 2, 2)
    bus, unit_id = array(fields.need(7, "bus"), "the bus", 2, 2)
    listed = numbered(fields.need(8, "registers"), "the registers described", U16_MAX, REGISTERS_MAX)
    has_clock = fields.has(10)
    if has_clock and not boolean(fields.need(10, "meter clock"), "whether the meter has a clock"):
        message = "a descriptor without a meter clock must leave key 10 out: its id depends on every byte"
        raise MalformedError(message)
    return MeterDescriptor(
        meter=integer(fields.need(1, "meter"), "the meter index", 0, U16_MAX),
        make=text(fields.need(2, "make"), "the make", 0, NAME_MAX),
        model=text(fields.need(3, "model"), "the model", 0, NAME_MAX),
        serial=text(fields.need(4, "serial"), "the serial number", 0, NAME_MAX),
        firmware=text(fields.need(5, "firmware"), "the firmware", 0, NAME_MAX),
        ratio=(
            integer(numerator, "the ratio's numerator", 1, U32_MAX),
            integer(denominator, "the ratio's denominator", 1, U32_MAX),
        ),
        bus=_one_of(bus, "the bus", BUSES),
        unit_id=integer(unit_id, "the unit id", 0, _UNIT_ID_MAX),
        registers={register: _read_register(meaning) for register, meaning in listed.items()},
        has_clock=has_clock,
        note=read_note(fields),
        unread=fields.unread(),
    )


def _write_register(register: Register) -> list[object]:
    if not 1 <= register.rollover_counts <= _ROLLOVER_MODULUS:
        message = f"a register rolls over at {register.rollover_counts}, expected 1 to 2**64"
        raise MalformedError(message)
    return [
        register.obis,
        register.unit,
        register.scale_exponent,
        register.width_bits,
        register.kind,
        register.rollover_counts % _ROLLOVER_MODULUS,
        register.function_code,
        register.address,
        register.word_order,
        register.sign,
    ]


def _read_register(value: object) -> Register:
    parts = array(value, "a register's meaning", _REGISTER_PARTS, _REGISTER_PARTS)
    obis, unit, exponent, width, kind, rollover, function, address, order, sign = parts
    return Register(
        obis=text(obis, "the register's OBIS code", 1, UNIT_MAX),
        unit=text(unit, "the register's unit", 1, UNIT_MAX),
        scale_exponent=integer(exponent, "the register's scale exponent", -_EXPONENT_MAX, _EXPONENT_MAX),
        width_bits=_one_of(width, "the register's width", (16, 32, 48, 64)),
        kind=_one_of(kind, "the register's kind", KINDS),
        rollover_counts=integer(rollover, "the register's rollover", 0, _ROLLOVER_MODULUS - 1) or _ROLLOVER_MODULUS,
        function_code=_one_of(function, "the register's function code", FUNCTION_CODES),
        address=integer(address, "the register's address", 0, U16_MAX),
        word_order=_one_of(order, "the register's word order", ("big", "little")),
        sign=_one_of(sign, "the register's sign", (-1, 1)),
    )


def _one_of(value: object, what: str, choices: Collection[T]) -> T:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    message = f"{what} is {value!r:.40}, expected one of {', '.join(map(str, choices))}"
    raise MalformedError(message)
