"""What differs between a serial line and a TCP endpoint: client, frame, silence, and why it does not open."""

from __future__ import annotations

import errno
import termios
from typing import TYPE_CHECKING, Literal, Protocol

import serial
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from serial.tools import list_ports

from edge.metering.frames import Request, rtu_fault, tcp_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.settings import RtuLine, TcpEndpoint

    Client = AsyncModbusSerialClient | AsyncModbusTcpClient
    TracePacket = Callable[[bool, bytes], bytes]
    TraceConnect = Callable[[bool], None]

_LIBRARY_TIMEOUT_SECONDS = 3600.0
_FAST_BAUD = 19200
_FAST_SILENCE_SECONDS = 0.00175


class Wire(Protocol):
    """What differs between a serial line and a TCP endpoint."""

    kind: Literal["rtu", "tcp"]

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> Client:
        """Return a client that never retries or reconnects by itself, not yet connected."""
        ...

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """Return what is wrong with these octets as the reply to `request`, sent as `sent`; None if nothing is."""
        ...

    def silence_seconds(self, silence_ms: int) -> float:
        """Return the pause before a request to a meter that wants `silence_ms`."""
        ...

    def why_not_open(self) -> str:
        """Return one sentence: why it does not open, and what to do."""
        ...


class RtuWire:
    """A serial line."""

    kind: Literal["rtu", "tcp"] = "rtu"

    def __init__(self, line: RtuLine) -> None:
        self._line = line

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> Client:
        """See `Wire`."""
        data_bits, parity, stop_bits = self._line.format
        return AsyncModbusSerialClient(
            self._line.port,
            baudrate=self._line.baud,
            bytesize=int(data_bits),
            parity=parity,
            stopbits=int(stop_bits),
            handle_local_echo=self._line.local_echo,
            name=self._line.name,
            reconnect_delay=0,
            retries=0,
            timeout=_LIBRARY_TIMEOUT_SECONDS,
            trace_packet=trace_packet,
            trace_connect=trace_connect,
        )

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """See `Wire`."""
        del sent
        return rtu_fault(octets, request)

    def silence_seconds(self, silence_ms: int) -> float:
        """Return the pause before a request: as configured, else 3.5 characters or what the meter needs."""
        if self._line.silence_ms is not None:
            return self._line.silence_ms / 1000
        data_bits, parity, stop_bits = self._line.format
        bits = 1 + int(data_bits) + (parity != "N") + int(stop_bits)
        silence = _FAST_SILENCE_SECONDS if self._line.baud > _FAST_BAUD else 3.5 * bits / self._line.baud
        return max(silence, silence_ms / 1000)

    def why_not_open(self) -> str:
        """Return why the port does not open, and what to do: asked of pyserial, which knows."""
        port, baud = self._line.port, self._line.baud
        data_bits, parity, stop_bits = self._line.format
        try:
            with serial.Serial(port, baud, int(data_bits), parity, int(stop_bits), exclusive=True) as probe:
                # A driver may pass over a setting that it lacks at first, and refuse it once pymodbus sets this.
                probe.timeout = 0
        except OSError as error:
            return why_port_shut(port, error)
        except termios.error as error:
            if error.args[0] != errno.EINVAL:
                return why_port_shut(port, OSError(*error.args))
            settings = f"{baud} baud with format {self._line.format}"
            return f"serial port {port} cannot do {settings}; correct its baud or format"
        except ValueError as error:
            return f"serial port {port} does not open: {error}; correct its baud or format"
        return f"serial port {port} did not open at first and does now; it is tried again"


def why_port_shut(port: str, error: OSError) -> str:
    """Return one sentence: why the serial port does not open, and what to do."""
    if error.errno == errno.ENOENT:
        ports = ", ".join(sorted(found.device for found in list_ports.comports())) or "none"
        return f"there is no serial port {port}; plug in the adapter or correct port (ports found: {ports})"
    if error.errno == errno.EACCES:
        return f"serial port {port} may not be opened by this user; add the user to the group dialout"
    if error.errno in (errno.EAGAIN, errno.EBUSY):
        return f"serial port {port} is held by another program; stop that program"
    return f"serial port {port} does not open: {error}; check the adapter and its cable"


class TcpWire:
    """A Modbus TCP server."""

    kind: Literal["rtu", "tcp"] = "tcp"

    def __init__(self, endpoint: TcpEndpoint) -> None:
        self._endpoint = endpoint

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> Client:
        """See `Wire`."""
        return AsyncModbusTcpClient(
            self._endpoint.host,
            port=self._endpoint.port,
            name=self._endpoint.name,
            reconnect_delay=0,
            retries=0,
            timeout=_LIBRARY_TIMEOUT_SECONDS,
            trace_packet=trace_packet,
            trace_connect=trace_connect,
        )

    def fault(self, octets: bytes, request: Request, sent: bytes) -> str | None:
        """See `Wire`."""
        return tcp_fault(octets, request, sent[:2])

    def silence_seconds(self, silence_ms: int) -> float:
        """See `Wire`."""
        del silence_ms
        return 0.0

    def why_not_open(self) -> str:
        """See `Wire`."""
        return (
            f"nothing accepts Modbus TCP at {self._endpoint.host}:{self._endpoint.port}; check the address, the cable, "
            "and that no other program holds the meter's only connection"
        )
