"""A serial line: its client, its silences, and the sentence for every way in which its port stays shut."""

from __future__ import annotations

import errno
import stat
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import serial
from pymodbus.client.serial import AsyncModbusSerialClient

from edge.bus.wire import LIBRARY_TIMEOUT_SECONDS, OVERHEAD_OCTETS, AsciiFraming, Framing, RtuFraming

if TYPE_CHECKING:
    from edge.bus.wire import TraceConnect, TracePacket
    from edge.settings import BusKind, SerialLine

_FAST_BAUD = 19200
_FAST_SILENCE_SECONDS = 0.00175


class SerialWire:
    """A serial line with RTU or ASCII frames."""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self.kind: BusKind = line.kind
        self.framing: Framing = AsciiFraming() if line.kind == "ascii" else RtuFraming()

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> AsyncModbusSerialClient:
        """See `Wire`."""
        data_bits, parity, stop_bits = self._line.format
        return AsyncModbusSerialClient(
            self._line.port,
            framer=self.framing.framer,
            baudrate=self._line.baud,
            bytesize=int(data_bits),
            parity=parity,
            stopbits=int(stop_bits),
            handle_local_echo=self._line.local_echo,
            name=self._line.name,
            reconnect_delay=0,
            retries=0,
            timeout=LIBRARY_TIMEOUT_SECONDS,
            trace_packet=trace_packet,
            trace_connect=trace_connect,
        )

    def place(self) -> tuple[int, int, int] | None:
        """Return which device node the port is: an adapter that was plugged in anew, even the same, has another."""
        try:
            node = Path(self._line.port).stat()
        except OSError:
            return None
        return node.st_dev, node.st_ino, node.st_rdev

    def silence_seconds(self, silence_ms: int) -> float:
        """Return the pause before a request: as configured, else 3.5 characters or what the meter needs."""
        if self._line.silence_ms is not None:
            return self._line.silence_ms / 1000
        silence = _FAST_SILENCE_SECONDS if self._line.baud > _FAST_BAUD else 3.5 * self._line.character_seconds
        return max(silence, silence_ms / 1000)

    def transfer_seconds(self, body_octets: int) -> float:
        """See `Wire`."""
        characters = (body_octets + OVERHEAD_OCTETS) * (2 if self.kind == "ascii" else 1)
        return characters * self._line.character_seconds

    def why_not_open(self) -> str:
        """Return why the port does not open, and what to do: asked of pyserial, which knows."""
        port, baud = self._line.port, self._line.baud
        if (wrong := _why_no_port(port)) is not None:
            return wrong
        data_bits, parity, stop_bits = self._line.format
        try:
            with serial.Serial(port, baud, int(data_bits), parity, int(stop_bits), exclusive=True) as probe:
                # A driver may pass over a setting that it lacks at first, and refuse it once pymodbus sets this.
                probe.timeout = 0
        except OSError as error:
            # pyserial wraps the error of tcgetattr(3) in one without a number.
            wrapped = error.__context__
            return why_port_shut(port, OSError(*wrapped.args) if isinstance(wrapped, termios.error) else error)
        except termios.error as error:
            if error.args[0] != errno.EINVAL:
                return why_port_shut(port, OSError(*error.args))
            settings = f"{baud} baud with format {self._line.format}"
            return f"serial port {port} cannot do {settings}; correct its baud or format"
        except ValueError as error:
            return f"serial port {port} does not open: {error}; correct its baud or format"
        return f"serial port {port} did not open at first and does now; it is tried again"


def _why_no_port(port: str) -> str | None:
    """Return one sentence if `port` is there and no serial port at all, None if it may be one."""
    try:
        mode = Path(port).stat().st_mode
    except OSError:
        return None
    if stat.S_ISCHR(mode):
        return None
    what = "a folder" if stat.S_ISDIR(mode) else "no serial port"
    return f"{port} is {what}; correct port, which is a device such as /dev/serial/by-id/... (ports found: {_ports()})"


def _ports() -> str:
    # Only a wrong port needs the list.
    from serial.tools import list_ports  # noqa: PLC0415 - loaded only here

    return ", ".join(sorted(found.device for found in list_ports.comports())) or "none"


def why_port_shut(port: str, error: OSError) -> str:
    """Return one sentence: why the serial port does not open, and what to do."""
    if error.errno == errno.ENOENT:
        return f"there is no serial port {port}; plug in the adapter or correct port (ports found: {_ports()})"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"serial port {port} may not be opened by this user; add the user to the group dialout"
    if error.errno in (errno.EAGAIN, errno.EBUSY):
        return f"serial port {port} is held by another program; stop that program"
    if error.errno == errno.ENOTTY:
        return f"{port} is no serial port; correct port (ports found: {_ports()})"
    return f"serial port {port} does not open: {error}; check the adapter and its cable"
