"""A simulated site: four systems' meters on a serial line and two network ports, under one clock.

Two WattNodes share an RTU line, as they do behind an inverter pair; a SunSpec meter and a Shark answer over TCP.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from edge.profiles import load_profile
from simulators.bus import RtuBus, TcpBus
from simulators.meter import MeterSetup, SimulatedMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from simulators.bus import MeterClock
    from simulators.sunshine import Sun

ARRAY_KW = Decimal("5.4")
"""The nameplate of the measured array; a capacity factor of 10 stands for a system of 54 kW DC."""


@dataclass(frozen=True, slots=True)
class SimulatedSystem:
    """A generating system and the meter that measures it; `capacity_factor` times `ARRAY_KW` is its nameplate."""

    pts_id: str
    name: str
    capacity_factor: Decimal
    profile: str
    bus: str
    unit: int
    serial: str

    @property
    def capacity_kw_dc(self) -> Decimal:
        """The nameplate in kW DC."""
        return ARRAY_KW * self.capacity_factor


RTU_BUS = "rs485"
SYSTEMS = (
    SimulatedSystem("SIM-PV0001-00001", "Barn roof", Decimal(1), "ccs.wattnode-modbus", RTU_BUS, 1, "351001"),
    SimulatedSystem("SIM-PV0002-00002", "House roof", Decimal("1.5"), "ccs.wattnode-modbus", RTU_BUS, 2, "351002"),
    SimulatedSystem("SIM-PV0003-00003", "School canopy", Decimal(4), "sunspec.meter-203", "canopy", 1, "W2M1-7003"),
    SimulatedSystem("SIM-PV0004-00004", "Mill field", Decimal(10), "eig.shark-100", "field", 1, "0004100410"),
)


class SimulatedSite:
    """A context manager: inside it, the meters of `systems` answer on their buses. RTU link in `work_dir`."""

    def __init__(
        self,
        systems: Sequence[SimulatedSystem],
        sun_of: Callable[[SimulatedSystem], Sun],
        clock: MeterClock,
        work_dir: Path,
    ) -> None:
        self.systems = tuple(systems)
        self.meters: Mapping[str, SimulatedMeter] = {
            system.pts_id: SimulatedMeter(
                load_profile(system.profile), sun_of(system), MeterSetup(unit=system.unit, serial=system.serial)
            )
            for system in systems
        }
        self._rtu_link = work_dir / "rs485"
        self._stack = AsyncExitStack()
        self._tcp_ports: dict[str, int] = {}
        self._clock = clock

    async def __aenter__(self) -> Self:
        """Open the serial line and the network ports."""
        on_line = {meter.unit: meter for bus, meter in self._by_bus() if bus == RTU_BUS}
        await self._stack.enter_async_context(RtuBus(on_line, self._clock, self._rtu_link))
        for bus, meter in self._by_bus():
            if bus != RTU_BUS:
                server = await self._stack.enter_async_context(TcpBus({meter.unit: meter}, self._clock))
                self._tcp_ports[bus] = server.port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._stack.aclose()

    def _by_bus(self) -> list[tuple[str, SimulatedMeter]]:
        return [(system.bus, self.meters[system.pts_id]) for system in self.systems]

    def write_config(self, path: Path, *, uplink: str, seal_seconds: int, resend_seconds: int) -> None:
        """Write the edge's configuration for this site: what an installer would write, only the addresses differ.

        `uplink` is the address of a broker, or of the hub itself where custody is to be taken by POST.
        """
        buses = "".join(
            f'[[bus]]\nname = "{bus}"\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port}\n\n'
            for bus, port in self._tcp_ports.items()
        )
        meters = "".join(
            f'[[meter]]\nnumber = {number}\nname = "{system.name}"\nbus = "{system.bus}"\nunit = {system.unit}\n'
            f'profile = "{system.profile}"\ngenerated = "{self.meters[system.pts_id].generated.name}"\n'
            f'serial = "{system.serial}"\n\n'
            for number, system in enumerate(self.systems, start=1)
        )
        key = "post" if uplink.startswith("http") else "broker"
        text = f"""\
[device]
state_dir = "edge"
interval_seconds = 900
health_seconds = 0
seal_seconds = {seal_seconds}

[hub]
{key} = "{uplink}"
receipt_key = "hub-key.pem"
resend_seconds = {resend_seconds}

[[bus]]
name = "{RTU_BUS}"
kind = "rtu"
port = "{self._rtu_link}"
baud = 115200
silence_ms = 0

{buses}{meters}"""
        path.write_text(text, encoding="utf-8")
