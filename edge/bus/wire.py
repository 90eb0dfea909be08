"""What differs between the kinds of bus: how frames are built, judged and sent, and why a bus does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pymodbus.framer import FramerType

from edge.metering.frames import ascii_body, ascii_fault, rtu_body, rtu_fault, tcp_body, tcp_fault
from edge.metering.requests import READ_DEVICE_IDENTIFICATION, READ_HOLDING, READ_INPUT, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
    from pymodbus.pdu import ModbusPDU

    from edge.settings import BusKind

    Client = AsyncModbusSerialClient | AsyncModbusTcpClient
    TracePacket = Callable[[bool, bytes], bytes]
    TraceConnect = Callable[[bool], None]

LIBRARY_TIMEOUT_SECONDS = 3600.0
"""The library never gives up by itself: the owner of the bus does, by its own clock."""
OVERHEAD_OCTETS = 11
"""A request (8 octets) and what is around the body of its reply (3), as RTU frames."""
_BASIC = 1


class Framing(Protocol):
    """How a request and its reply are told from everything else on the wire.

    `is_numbered` says whether a reply names its request. Where it does not, a late reply could be taken for the next
    one's, and the wire must be silent before anything is asked again.
    """

    framer: FramerType
    is_numbered: bool

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """Return what is wrong with these octets as the reply to `request`, sent as `sent`; None if nothing is."""
        ...

    def body(self, octets: bytes, request: Request) -> bytes | None:
        """Return function code and content of a reply without fault, None while it is incomplete."""
        ...


class RtuFraming:
    """Octets with a CRC behind them."""

    framer = FramerType.RTU
    is_numbered = False

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """See `Framing`."""
        del sent
        return rtu_fault(octets, request)

    def body(self, octets: bytes, request: Request) -> bytes | None:
        """See `Framing`."""
        return rtu_body(octets, request)


class AsciiFraming:
    """Hexadecimal digits between a colon and a line end."""

    framer = FramerType.ASCII
    is_numbered = False

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """See `Framing`."""
        del sent
        return ascii_fault(octets, request)

    def body(self, octets: bytes, request: Request) -> bytes | None:
        """See `Framing`."""
        return ascii_body(octets, request)


class TcpFraming:
    """Octets behind a head that holds the request's number."""

    framer = FramerType.SOCKET
    is_numbered = True

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """See `Framing`."""
        return tcp_fault(octets, request, sent[:2])

    def body(self, octets: bytes, request: Request) -> bytes | None:
        """See `Framing`."""
        return tcp_body(octets, request)


class Wire(Protocol):
    """What differs between a serial line and a TCP endpoint."""

    kind: BusKind
    framing: Framing

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> Client:
        """Return a client that never retries or reconnects by itself, not yet connected."""
        ...

    def place(self) -> Hashable | None:
        """Return what a connection now leads to; None, or another value, if it may be elsewhere than the last one."""
        ...

    def silence_seconds(self, silence_ms: int) -> float:
        """Return the pause before a request to a meter that wants `silence_ms`."""
        ...

    def transfer_seconds(self, body_octets: int) -> float:
        """Return how long at most a request and its reply with a body of so many octets are under way."""
        ...

    def why_not_open(self) -> str:
        """Return one sentence: why it does not open, and what to do."""
        ...


def send(client: Client, request: Request) -> Awaitable[ModbusPDU]:
    """Send the request and return what to await its reply with."""
    if request.function_code == READ_HOLDING:
        return client.read_holding_registers(request.address, count=request.count, device_id=request.unit)
    if request.function_code == READ_INPUT:
        return client.read_input_registers(request.address, count=request.count, device_id=request.unit)
    if request.function_code == READ_DEVICE_IDENTIFICATION:
        return client.read_device_information(read_code=_BASIC, object_id=request.address, device_id=request.unit)
    return client.report_device_id(device_id=request.unit)
