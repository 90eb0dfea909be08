"""A TCP endpoint: a Modbus TCP server, or a serial server that passes RTU frames through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymodbus.client.tcp import AsyncModbusTcpClient

from edge.bus.wire import LIBRARY_TIMEOUT_SECONDS, OVERHEAD_OCTETS, Framing, RtuFraming, TcpFraming

if TYPE_CHECKING:
    from edge.bus.wire import TraceConnect, TracePacket
    from edge.settings import BusKind, Endpoint

_SLOW_CHARACTER_SECONDS = 11 / 9600
_PROTOCOLS: dict[BusKind, str] = {"tcp": "Modbus TCP", "rtu-tcp": "RTU over TCP"}


class EndpointWire:
    """A TCP connection with Modbus TCP or RTU frames."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.kind: BusKind = endpoint.kind
        self.framing: Framing = TcpFraming() if endpoint.kind == "tcp" else RtuFraming()

    def client(self, trace_packet: TracePacket, trace_connect: TraceConnect) -> AsyncModbusTcpClient:
        """See `Wire`."""
        return AsyncModbusTcpClient(
            self._endpoint.host,
            framer=self.framing.framer,
            port=self._endpoint.port,
            name=self._endpoint.name,
            reconnect_delay=0,
            retries=0,
            timeout=LIBRARY_TIMEOUT_SECONDS,
            trace_packet=trace_packet,
            trace_connect=trace_connect,
        )

    def place(self) -> None:
        """Return None: behind each new connection could be another host."""

    def silence_seconds(self, silence_ms: int) -> float:
        """Return the pause before a request: none to a server that numbers, what the meter needs on a line behind."""
        return 0.0 if self.framing.is_numbered else silence_ms / 1000

    def transfer_seconds(self, body_octets: int) -> float:
        """Return what it takes on the slowest line that is usual behind a gateway, whatever is there."""
        return (body_octets + OVERHEAD_OCTETS) * _SLOW_CHARACTER_SECONDS

    def why_not_open(self) -> str:
        """See `Wire`."""
        return (
            f"nothing accepts {_PROTOCOLS[self.kind]} at {self._endpoint.host}:{self._endpoint.port}; check the "
            "address, the cable, and that no other program holds the meter's only connection"
        )
