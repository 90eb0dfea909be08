"""What an operator configures of buses and meters, as values that every part of the edge may import.

Nothing is read from a file here. A time-out or silence left at None means "what the meter's profile says".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path

BusKind = Literal["rtu", "ascii", "tcp", "rtu-tcp"]
"""RTU or ASCII frames on a serial line, Modbus TCP, or RTU frames through a TCP connection."""
SerialFormat = Literal["8N1", "8N2", "8E1", "8E2", "8O1", "8O2", "7N2", "7E1", "7O1"]
"""Data bits, parity (None, Even, Odd) and stop bits of a serial line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """One RS-485 line: a serial port and how its meters speak.

    `port` is a device path; a link under /dev/serial/by-id survives a re-numbered USB adapter. `timeout_seconds` is the
    longest wait for a reply and, after a failure, for the line to fall silent. `silence_ms` is the pause before each
    request: None takes the larger of 3.5 characters (Modbus over Serial Line V1.02, clause 2.5.1.1) and what the
    profile asks; 0 suits a pseudo-terminal, which has no wire. `local_echo` is for adapters that hear themselves.
    """

    kind: ClassVar[BusKind]

    name: str
    port: str
    baud: int = 19200
    format: SerialFormat = "8N1"
    timeout_seconds: float | None = None
    silence_ms: int | None = None
    local_echo: bool = False

    @property
    def character_seconds(self) -> float:
        """How long one character takes on the line, with start, parity and stop bits."""
        data_bits, parity, stop_bits = self.format
        return (1 + int(data_bits) + (parity != "N") + int(stop_bits)) / self.baud


@dataclass(frozen=True, slots=True, kw_only=True)
class RtuLine(SerialLine):
    """A line with RTU frames, which need eight data bits."""

    kind: ClassVar[BusKind] = "rtu"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsciiLine(SerialLine):
    """A line with ASCII frames; seven data bits are enough for them."""

    kind: ClassVar[BusKind] = "ascii"

    format: SerialFormat = "7E1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One host and port that TCP connections are made to."""

    kind: ClassVar[BusKind]

    name: str
    host: str
    port: int = 502
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpEndpoint(Endpoint):
    """One Modbus TCP server: a meter with an Ethernet port, or a gateway with several meters behind it."""

    kind: ClassVar[BusKind] = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class RtuTcpEndpoint(Endpoint):
    """One serial server: it passes the octets of RTU frames between a connection and its line, and knows no Modbus."""

    kind: ClassVar[BusKind] = "rtu-tcp"


BusSettings = RtuLine | AsciiLine | TcpEndpoint | RtuTcpEndpoint


Contact = Literal["y", "z"]
PulseForm = Literal["closings", "changes", "alternate"]
"""What is a pulse: each closing of Y, each change of Y, or each time the other of Y and Z closes."""
Bias = Literal["pull-up", "pull-down", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseMeter:
    """One meter that is not read but counted: the pulses of its KYZ output on GPIO lines of this machine.

    `lines` are the line numbers of the contacts on `chip`. The register stood at `start_kwh` (kWh on the meter's
    display) when counting began and grows by `wh_per_pulse` (Wh, primary). `make`, `model` and `serial` are as on the
    label, since nothing on a pulse output says them.
    """

    name: str
    index: int
    chip: str
    lines: Mapping[Contact, int]
    form: PulseForm
    bias: Bias
    debounce_ms: int
    start_kwh: Decimal
    wh_per_pulse: Decimal
    make: str
    model: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """One meter: where it is, what it is, and which of its registers are production and consumption.

    `index` is the meter's number in the device's log, `bus` the name of a line or endpoint, `profile` a profile id,
    `generated` and `consumed` names of energy points of that profile. `serial`, where given, is the only serial number
    whose readings are accepted. `ratio` is the external CT/VT ratio as numerator and denominator, (1, 1) where the
    meter already reports primary values. `power_w_max` is the greatest power of what it measures, without a margin;
    None leaves jumps of a register to be judged by its modulus alone. A meter that answers without a break is
    identified again after `identify_every_polls` polls: hourly, at a poll each 15 minutes.
    """

    name: str
    index: int
    bus: str
    unit: int
    profile: str
    generated: str
    consumed: str | None = None
    serial: str | None = None
    ratio: tuple[int, int] = (1, 1)
    power_w_max: int | None = None
    identify_every_polls: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files: whom to believe (None: who the system believes), and how to be recognised there."""

    tls_ca: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings(TlsFiles):
    """Where the broker is and how to be recognised there."""

    host: str
    port: int
    tls: bool = False
    keep_alive_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSettings(TlsFiles):
    """Where the hub takes custody by POST, for a site without a broker; `tls` False only in tests and closed networks.

    A hello is said anew every `refresh_seconds`, since only then can the hub hand over what waits for the device.
    """

    host: str
    port: int
    tls: bool = True
    refresh_seconds: int = 600
