"""Every field of every message has its type, length and range, and one step beyond is malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import cbor, wire
from protocol.errors import MalformedError, UnsupportedError
from protocol.identity import DeviceId
from protocol.key_statement import seal_key_statement
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Decode = Callable[[bytes], object]
    Content = Mapping[int | str, object]
    Case = tuple[Decode, Content, Content]

BLOCK: Content = {
    0: 1,
    1: bytes(10),
    2: bytes(8),
    3: 0,
    4: 0,
    5: bytes(32),
    6: 0,
    7: [{0: 77}],
    8: [0, 0, 0],
    10: bytes(4),
}
STATE: Content = {0: 1, 1: bytes(10), 9: b"1234", 15: True}
RECEIPT: Content = {0: 1, 1: bytes(10), 2: bytes(8), 3: -1, 4: -1, 7: 0, 8: 0, 10: 0}
READINGS: Content = {0: 1, 1: 0, 2: 2, 3: [0, 1, 0], 4: 0, 5: {0: [1, 1]}, 6: 0, 7: 0, 8: bytes(8)}
REGISTER: list[object] = ["1-0:2.8.0", "Wh", 0, 32, "u", 9, 3, 0, "big", 1]
DESCRIPTOR: Content = {0: 2, 1: 0, 2: "", 3: "", 4: "", 5: "", 6: [1, 1], 7: ["rtu", 0], 8: {0: REGISTER}}
CLOCK: Content = {0: 3, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}
GAP: Content = {0: 5, 1: 0, 2: 1, 3: 2, 4: "edge-off"}
POLL_ERRORS: Content = {0: 8, 1: 0, 2: {"timeout": 1}, 3: [1, 2]}
METER_EVENT: Content = {0: 9, 1: 0, 2: 5, 3: "reset"}
COMMAND_EVENT: Content = {0: 4, 1: 0, 2: "set-config", 3: "done"}
KEY_EVENT: Content = {0: 6, 1: seal_key_statement(DeviceId(bytes(10)), DEVICE_KEY, HUB_KEY)}
COMMAND: Content = {0: 1, 1: bytes(10), 2: 0, 3: "state", 4: {}, 5: 0, 6: 0, 7: bytes(8)}
SET_CONFIG: Content = {**COMMAND, 3: "set-config", 4: {1: {"seal_seconds": 60}, 2: 0}, 8: 0}
RESEND: Content = {**COMMAND, 3: "resend", 4: {1: bytes(8), 2: 1, 3: 2}}
REPOLL: Content = {**COMMAND, 3: "repoll", 4: {1: 0}}
RESULT: Content = {0: 1, 1: bytes(10), 2: 0, 3: "done", 5: 0}
GENESIS: Content = {0: 0, 1: "install", 2: b"k", 5: ""}


def _each(decode: Decode, legal: Content, *changes: Content) -> list[Case]:
    return [(decode, legal, change) for change in changes]


def _register(place: int, value: object) -> dict[int | str, object]:
    return {8: {0: [*REGISTER[:place], value, *REGISTER[place + 1 :]]}}


# fmt: off
CASES = [
    *_each(
        wire.decode_block, BLOCK,
        {0: 0}, {1: bytes(9)}, {2: bytes(9)}, {3: -1}, {3: 2**53}, {4: -1}, {5: bytes(31)}, {6: 2**32}, {7: []},
        {7: {}}, {7: [1]}, {8: [0, 0]}, {8: [-1, 0, 0]}, {8: [0, 2**48, 0]}, {9: -1}, {10: bytes(3)}, {"x": 0},
    ),
    *_each(
        wire.decode_state, STATE,
        {0: 0}, {0: True}, {1: bytes(11)}, {1: "text"}, {2: bytes(7)}, {3: -2}, {4: bytes(15)}, {7: -1}, {8: [1]},
        {8: [1, bytes(17)]}, {9: bytes(3)}, {10: [0, 0, 0]}, {10: [2**48, 0, 0, 0]}, {10: [0, 0, "good", 0]},
        {10: [0, 0, None, 0]}, {11: "x" * 65}, {12: [-1]}, {12: [0] * 65}, {13: b""}, {14: []}, {14: {0: [0]}},
        {14: {0: [0, {0: -1}]}}, {14: {"0": [0, {}]}}, {14: {65536: [0, {}]}}, {15: 1}, {16: {"rssi": "low"}},
        {16: {0: 1}}, {16: {"": 1}}, {16: {str(n): n for n in range(33)}}, {16: []}, {17: bytes(3)}, {18: []},
        {18: [b""]}, {18: [bytes(1025)]}, {18: [b"s"] * 65}, {18: b"s"},
    ),
    *_each(
        wire.decode_receipt, RECEIPT,
        {3: -2}, {4: 0}, {3: 0}, {3: 0, 5: bytes(15)}, {5: bytes(16)}, {6: [[0]]}, {6: 1}, {7: 65536}, {8: -1},
        {9: bytes(3)}, {10: -1}, {11: -1}, {12: -2}, {13: b""}, {13: bytes(17)},
    ),
    *_each(
        wire.decode_frame, READINGS,
        {1: 65536}, {2: 0}, {2: 3}, {2: 4097}, {3: []}, {4: 2**48}, {4: [0]}, {5: {}}, {5: {0: 1}}, {5: {0: [1]}},
        {5: {0: [1, -2]}}, {5: {65536: [1, 1]}}, {6: 2**32}, {6: [0]}, {7: -1}, {7: [0]}, {8: bytes(7)}, {10: bytes(5)},
    ),
    *_each(
        wire.decode_frame, DESCRIPTOR,
        {1: -1}, {2: 5}, {4: "x" * 65}, {6: [1]}, {6: [0, 1]}, {6: [1, 0]}, {7: ["can", 0]}, {7: ["rtu", 256]},
        {7: "rtu"}, {8: {-1: REGISTER}}, {8: dict.fromkeys(range(65), REGISTER)}, {8: {0: REGISTER[:9]}},
        {8: {0: [*REGISTER, 0]}}, {9: 1}, {10: False}, {10: 1}, _register(0, ""), _register(1, 0), _register(2, 25),
        _register(3, 8), _register(4, "x"), _register(5, -1), _register(6, 16), _register(7, 65536),
        _register(8, "middle"), _register(9, 0), _register(9, None),
    ),
    *_each(wire.decode_frame, CLOCK, {1: -1}, {2: 2**48}, {3: -(2**48)}, {4: -1}, {5: -1}),
    *_each(wire.decode_frame, GAP, {1: -1}, {2: 3}, {3: 2**48}, {4: 1}, {9: "x" * 257}),
    *_each(
        wire.decode_frame, POLL_ERRORS,
        {2: {"timeout": 0}}, {2: {1: 1}}, {2: {"x" * 33: 1}}, {2: []}, {3: [2, 1]}, {3: [1]}, {3: 1},
    ),
    *_each(
        wire.decode_frame, COMMAND_EVENT,
        {1: -1}, {1: 2**53}, {2: ""}, {2: 1}, {2: "x" * 65}, {3: ""}, {3: "x" * 65}, {4: bytes(7)}, {4: b""}, {9: 1},
    ),
    *_each(
        wire.decode_frame, METER_EVENT,
        {1: -1}, {2: 2**48}, {3: 1}, {3: ""}, {3: "x" * 33}, {4: 65536}, {4: None}, {5: [1]}, {5: [2**48, 0]},
        {5: [0, -1]}, {6: 1}, {6: [-1, 0]}, {7: ""}, {7: "x" * 65}, {8: ""}, {8: 1}, {9: 1},
    ),
    *_each(wire.decode_frame, KEY_EVENT, {1: b""}, {1: bytes(1025)}, {1: "s"}, {9: 1}),
    *_each(
        wire.decode_command, COMMAND,
        {0: 0}, {1: bytes(9)}, {2: -1}, {2: 2**53}, {3: 1}, {4: []}, {4: {"a": 1}}, {5: -1}, {5: 2**48}, {6: -1},
        {6: 2**32}, {7: bytes(7)}, {8: 0},
    ),
    *_each(
        wire.decode_command, SET_CONFIG,
        {8: -1}, {8: 2**53}, {4: {2: 0}}, {4: {1: {}}}, {4: {1: {}, 2: -1}}, {4: {1: {}, 2: 2**32}},
        {4: {1: {"": 1}, 2: 0}}, {4: {1: {"x" * 65: 1}, 2: 0}}, {4: {1: {"x": 2**53}, 2: 0}},
        {4: {1: {"x": -(2**53)}, 2: 0}}, {4: {1: {"x": True}, 2: 0}}, {4: {1: {1: 1}, 2: 0}},
        {4: {1: {f"x{n}": n for n in range(33)}, 2: 0}},
    ),
    *_each(
        wire.decode_command, RESEND,
        {4: {}}, {4: {1: bytes(7), 2: 1, 3: 2}}, {4: {1: bytes(8), 2: 2, 3: 1}}, {4: {1: bytes(8), 2: -1, 3: 1}},
        {4: {1: bytes(8), 2: 1, 3: 2**53}}, {8: 0},
    ),
    *_each(wire.decode_command, REPOLL, {4: {}}, {4: {1: -1}}, {4: {1: 65536}}, {8: 0}),
    *_each(
        wire.decode_result, RESULT,
        {0: 0}, {1: b""}, {2: -1}, {3: 1}, {4: 1}, {4: "x" * 257}, {5: -1}, {5: 2**53},
    ),
    *_each(
        wire.decode_frame, GENESIS,
        {1: None}, {1: 1}, {2: b""}, {2: bytes(1025)}, {3: []}, {3: [bytes(8), -2, bytes(32)]}, {4: b""}, {5: "x" * 65},
        {6: []}, {6: [""]}, {0: -1}, {0: 65536}, {"0": 1},
    ),
]
# fmt: on


@pytest.mark.parametrize(("decode", "legal", "change"), CASES)
def test_each_field_has_its_type_and_bounds(decode: Decode, legal: Content, change: Content) -> None:
    """Legal fields are read; with one of another type, length or range, the message is malformed."""
    decode(cbor.encode(legal))
    with pytest.raises(MalformedError):
        decode(cbor.encode({**legal, **change}))


FRAMES = (READINGS, DESCRIPTOR, CLOCK, COMMAND_EVENT, GAP, KEY_EVENT, POLL_ERRORS, METER_EVENT, GENESIS)


@pytest.mark.parametrize(
    ("decode", "legal"),
    [
        (wire.decode_block, BLOCK),
        (wire.decode_state, STATE),
        (wire.decode_receipt, RECEIPT),
        (wire.decode_result, RESULT),
        *((wire.decode_command, command) for command in (COMMAND, SET_CONFIG, RESEND, REPOLL)),
        *((wire.decode_frame, frame) for frame in FRAMES),
    ],
)
def test_each_of_these_fields_is_needed(decode: Decode, legal: Content) -> None:
    """Without any one of its fields, none of these messages and frames can be read."""
    for key in legal:
        with pytest.raises(MalformedError, match=f"lacks key {key} "):
            decode(cbor.encode({other: value for other, value in legal.items() if other != key}))


@pytest.mark.parametrize("quality", [5, [0, 5]])
def test_a_time_quality_of_the_future_is_told_from_a_false_one(quality: object) -> None:
    """A quality that this version does not know is what a newer writer may say, alone or among others."""
    with pytest.raises(UnsupportedError, match="a time quality is 5"):
        wire.decode_frame(cbor.encode({**READINGS, 7: quality}))
