"""Modbus frames as bytes: check sums, and requests cut out of a stream that keeps no boundaries. Pure.

MODBUS over Serial Line V1.02, sections 2.5.1 (RTU) and 2.5.2 (ASCII), and MODBUS Messaging on TCP/IP Implementation
Guide V1.0b, section 3.1.3 (MBAP), both at https://www.modbus.org/modbus-specifications.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

RTU_FRAME_MAX = 256
ASCII_FRAME_MAX = 513
MBAP_HEADER = 7
"""Transaction, protocol, length and unit id."""

_MBAP_LENGTHS = range(2, 255)
_CRC_SIZE = 2
_HEX_DIGITS = frozenset(b"0123456789ABCDEF")
_ASCII_DIGITS_MIN = 6
"""Unit, function code and check sum, two digits each."""
_RTU_FRAME_MIN = 4
# Whole length of a request by function code; a write of several words says its own length in a byte.
_RTU_FIXED = dict.fromkeys(range(1, 7), 8) | {7: 4, 8: 8, 11: 4, 12: 4, 17: 4, 22: 10, 24: 6, 43: 7}
_RTU_COUNTED = {15: 6, 16: 6, 20: 2, 21: 2, 23: 10}


def _crc_table() -> tuple[int, ...]:
    table = []
    for start in range(256):
        crc = start
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(octets: bytes | bytearray | memoryview) -> int:
    """Return the Modbus CRC-16 of `octets`: polynomial 0xA001 reflected, start 0xFFFF (serial line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for octet in octets:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ octet) & 0xFF]
    return crc


def with_crc(frame: bytes) -> bytes:
    """Return an RTU frame with its check sum appended, low byte first."""
    return frame + crc16(frame).to_bytes(_CRC_SIZE, "little")


@dataclass(frozen=True, slots=True)
class RtuRequest:
    """One request on a serial line in RTU framing: the unit asked and its PDU."""

    unit: int
    pdu: bytes

    def frame(self, reply: bytes, unit: int | None = None) -> bytes:
        """Return the PDU `reply` behind this request's unit id, or another `unit`, with its check sum."""
        return with_crc(bytes((self.unit if unit is None else unit,)) + reply)


class RtuRequests:
    """Cuts requests out of the bytes of a serial line.

    A pseudo-terminal keeps no silent gaps between frames, so a request ends where its function code says and its check
    sum agrees. Bytes that belong to no whole request are dropped as soon as a whole one follows them.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, octets: bytes) -> list[RtuRequest]:
        """Take in `octets` and return the requests completed by them."""
        self._pending += octets
        requests: list[RtuRequest] = []
        while (found := self._find()) is not None:
            start, end = found
            requests.append(RtuRequest(self._pending[start], bytes(self._pending[start + 1 : end - _CRC_SIZE])))
            del self._pending[:end]
        del self._pending[:-RTU_FRAME_MAX]
        return requests

    def _find(self) -> tuple[int, int] | None:
        for start in range(len(self._pending) - _RTU_FRAME_MIN + 1):
            end = self._end_of(start)
            if end is not None:
                return start, end
        return None

    def _end_of(self, start: int) -> int | None:
        """Return where a request that begins at `start` ends, if it is whole and its check sum agrees."""
        function_code = self._pending[start + 1]
        length = _RTU_FIXED.get(function_code)
        if function_code in _RTU_COUNTED:
            count_at = start + _RTU_COUNTED[function_code]
            if count_at >= len(self._pending):
                return None
            length = count_at + 1 - start + self._pending[count_at] + _CRC_SIZE
        if length is None:
            # Only where a request is due: tried anywhere, some stretch of any long request would agree by chance.
            return self._end_by_crc() if start == 0 else None
        end = start + length
        if end > len(self._pending) or crc16(self._pending[start:end]) != 0:
            return None
        return end

    def _end_by_crc(self) -> int | None:
        """Return the first end at which the check sum agrees: all there is to go by for an unknown function code.

        The CRC over a frame and its own check sum is zero.
        """
        crc = 0xFFFF
        for end, octet in enumerate(self._pending[:RTU_FRAME_MAX], start=1):
            crc = crc >> 8 ^ _CRC_TABLE[(crc ^ octet) & 0xFF]
            if crc == 0 and end >= _RTU_FRAME_MIN:
                return end
        return None


def lrc(octets: bytes) -> int:
    """Return the check sum of ASCII framing: what makes the octets' sum zero in 8 bits (serial line V1.02, 6.2.1)."""
    return -sum(octets) % 0x100


@dataclass(frozen=True, slots=True)
class AsciiRequest:
    """One request on a serial line in ASCII framing: the unit asked and its PDU."""

    unit: int
    pdu: bytes

    def frame(self, reply: bytes, unit: int | None = None) -> bytes:
        """Return the PDU `reply` behind this request's unit id, or another `unit`: hexadecimal, with LRC, CR and LF."""
        content = bytes((self.unit if unit is None else unit,)) + reply
        return b":" + (content + bytes((lrc(content),))).hex().upper().encode("ascii") + b"\r\n"


class AsciiRequests:
    """Cuts requests out of the characters of a serial line: each begins with a colon and ends with CR and LF."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, octets: bytes) -> list[AsciiRequest]:
        """Take in `octets` and return the requests completed by them; what is broken or no request is passed over."""
        self._pending += octets
        *lines, rest = self._pending.split(b"\r\n")
        self._pending = bytearray(rest[-ASCII_FRAME_MAX:])
        return [request for line in lines if (request := _ascii_request(bytes(line))) is not None]


def _ascii_request(line: bytes) -> AsciiRequest | None:
    """Return the request in a line without its end; a colon begins anew, whatever came before."""
    digits = line.rpartition(b":")[2]
    if not _HEX_DIGITS.issuperset(digits) or len(digits) % 2 or len(digits) < _ASCII_DIGITS_MIN:
        return None
    content = bytes.fromhex(digits.decode("ascii"))
    if b":" not in line or sum(content) % 0x100:
        return None
    return AsciiRequest(content[0], content[1:-1])


@dataclass(frozen=True, slots=True)
class TcpRequest:
    """One request of Modbus TCP: the transaction it belongs to, the unit asked, and its PDU."""

    transaction: int
    unit: int
    pdu: bytes

    def frame(self, reply: bytes, unit: int | None = None) -> bytes:
        """Return the PDU `reply` under the MBAP header that answers this request, or as from another `unit`."""
        answering = self.unit if unit is None else unit
        return struct.pack(">HHHB", self.transaction, 0, len(reply) + 1, answering) + reply


class FramingLostError(ValueError):
    """The stream is not Modbus TCP, or its framing is lost for good: the connection has to be closed."""


class TcpRequests:
    """Cuts requests out of the byte stream of one Modbus TCP connection, however it was split or glued."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, octets: bytes) -> list[TcpRequest]:
        """Take in `octets` and return the requests completed by them.

        Raises FramingLostError for a header of another protocol or an impossible length.
        """
        self._pending += octets
        requests: list[TcpRequest] = []
        while len(self._pending) >= MBAP_HEADER:
            transaction, protocol, length, unit = struct.unpack_from(">HHHB", self._pending)
            if protocol != 0 or length not in _MBAP_LENGTHS:
                message = f"not Modbus TCP: protocol {protocol}, length {length}; send protocol 0, length 2 to 254"
                raise FramingLostError(message)
            end = MBAP_HEADER - 1 + length
            if len(self._pending) < end:
                break
            requests.append(TcpRequest(transaction, unit, bytes(self._pending[MBAP_HEADER:end])))
            del self._pending[:end]
        return requests
