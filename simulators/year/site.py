"""The site of the year: eight meters of several makes on a serial line of each framing and two network endpoints."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from edge.profiles import load_profile
from simulators.bus import AsciiBus, RtuBus, RtuTcpBus, TcpBus
from simulators.faults import FaultKind, FaultPlan, FaultyMeter, LineFaults, Target
from simulators.faults.life import next_serial
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import SeededSun
from simulators.words import is_float

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from simulators.bus import SerialBus
    from simulators.faults.plan import Timeline
    from simulators.virtual_time import VirtualTime

BusKind = Literal["rtu", "ascii", "tcp", "rtu-tcp"]
BUSES: Mapping[str, BusKind] = {"rs485": "rtu", "old-line": "ascii", "lan": "tcp", "serial-server": "rtu-tcp"}
_SERIAL_KINDS = ("rtu", "ascii")
STRANGER_WH = 77_000_000
_STRANGER_STEPS = 400


@dataclass(frozen=True, slots=True)
class YearMeter:
    """One meter of the site: what it is, where it is, and the array that it measures, in kW."""

    name: str
    profile: str
    bus: str
    unit: int
    serial: str
    kilowatts: int
    initial_wh: int


METERS = (
    YearMeter("barn", "ccs.wattnode-modbus", "rs485", 1, "351001", 9, 123_400),
    YearMeter("house", "eastron.sdm630", "rs485", 2, "19520033", 6, 5_000_000),
    YearMeter("quarry", "sunspec.meter-203", "lan", 5, "W2M1-9003", 120, 40_000_000),
    YearMeter("mill", "eig.shark-100", "old-line", 3, "0004100410", 240, 0),
    YearMeter("school", "sunspec.meter-203", "lan", 1, "W2M1-7003", 60, 12_345_678),
    YearMeter("field", "eig.shark-100", "lan", 2, "0004200410", 480, 900_000_000),
    YearMeter("canopy", "satec.pm130", "serial-server", 1, "8003", 30, 1_000_000),
    YearMeter("shed", "dent.powerscout", "serial-server", 2, "353001", 20, 77_700),
)
POWER_FACTOR = 2
"""The service of a meter is as much larger than its array: transformers that are configured wrongly still fit."""


def targets_of(meters: Sequence[YearMeter]) -> list[Target]:
    """Return what of these meters a fault can befall."""
    return [Target(meter.name, meter.bus, is_serial=BUSES[meter.bus] in _SERIAL_KINDS) for meter in meters]


def can_roll_over(meter: YearMeter) -> bool:
    """Tell whether a meter's register is a whole number; a float loses itself long before it wraps."""
    plain = SimulatedMeter(load_profile(meter.profile), SeededSun(seed=0, kilowatts=1, start_ms=0), _setup(meter))
    return not is_float(plain.generated.type)


class YearSite:
    """A context manager: inside it, the meters answer on their buses, as the faults of a plan let them.

    `number` of a meter in the device's log is its place in `meters`, from 1. The serial lines' links are in `folder`.
    """

    def __init__(self, meters: Sequence[YearMeter], plan: FaultPlan, time: VirtualTime, folder: Path) -> None:
        self.meters = dict(enumerate(meters, start=1))
        suns = {
            meter.name: SeededSun(seed=plan.seed * 100 + number, kilowatts=meter.kilowatts, start_ms=time.start_ms)
            for number, meter in self.meters.items()
        }
        self.faulty = {meter.name: _make(meter, suns[meter.name], plan) for meter in meters}
        self.strangers = {meter.name: _make(_stranger(meter), suns[meter.name], FaultPlan(0, ())) for meter in meters}
        self.lines: dict[str, SerialBus] = {}
        self.strange_lines: dict[str, SerialBus] = {}
        self._swaps: dict[str, Timeline] = {
            meter.name: plan.timeline(meter.bus, {FaultKind.ADAPTER_SWAP}) for meter in meters
        }
        self._endpoints: dict[str, TcpBus | RtuTcpBus] = {}
        self._stack = AsyncExitStack()
        for name, kind in BUSES.items():
            if any(meter.bus == name for meter in meters):
                self._lay(name, kind, LineFaults(plan, self._names_on(name)), time, folder / name)

    def answering(self, meter: YearMeter, at_ms: int) -> FaultyMeter:
        """Return the meter that answers in place of this one at an instant, UTC ms: mostly itself."""
        is_swapped = self._swaps[meter.name].active(at_ms) is not None
        return self.strangers[meter.name] if is_swapped else self.faulty[meter.name]

    async def __aenter__(self) -> Self:
        """Open the lines and endpoints."""
        for bus in (*self.lines.values(), *self._endpoints.values()):
            await self._stack.enter_async_context(bus)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._stack.aclose()

    def _names_on(self, bus: str) -> dict[int, str]:
        return {meter.unit: meter.name for meter in self.meters.values() if meter.bus == bus}

    def _lay(self, name: str, kind: BusKind, disturb: LineFaults, time: VirtualTime, link: Path) -> None:
        names = self._names_on(name)
        meters = {unit: self.faulty[meter] for unit, meter in names.items()}
        if kind == "tcp":
            self._endpoints[name] = TcpBus(meters, time, disturb=disturb)
        elif kind == "rtu-tcp":
            self._endpoints[name] = RtuTcpBus(meters, time, disturb=disturb)
        else:
            line = RtuBus if kind == "rtu" else AsciiBus
            self.lines[name] = line(meters, time, link, disturb=disturb)
            strangers = {unit: self.strangers[meter] for unit, meter in names.items()}
            self.strange_lines[name] = line(strangers, time, link)

    def write_config(self, path: Path) -> None:
        """Write the agent's configuration for this site; its hub is one that nobody can reach."""
        buses = "".join(
            f'[[bus]]\nname = "{name}"\nkind = "{BUSES[name]}"\nport = "{line.link}"\nbaud = 115200\n'
            'format = "8N1"\nsilence_ms = 0\n\n'
            for name, line in self.lines.items()
        )
        buses += "".join(
            f'[[bus]]\nname = "{name}"\nkind = "{BUSES[name]}"\nhost = "127.0.0.1"\nport = {endpoint.port}\n\n'
            for name, endpoint in self._endpoints.items()
        )
        meters = "".join(
            f'[[meter]]\nnumber = {number}\nname = "{meter.name}"\nbus = "{meter.bus}"\nunit = {meter.unit}\n'
            f'profile = "{meter.profile}"\n'
            f'generated = "{self.faulty[meter.name].meter_at(0).generated.name}"\n'
            f"power_kw_max = {meter.kilowatts * POWER_FACTOR}\n{_label(meter)}\n"
            for number, meter in self.meters.items()
        )
        device = '[device]\nstate_dir = "edge"\ninterval_seconds = 900\nhealth_seconds = 0\ndisk_reserve_mib = 1\n\n'
        hub = '[hub]\npost = "http://127.0.0.1:9"\nreceipt_key = "hub-key.pem"\n\n'
        path.write_text(device + hub + buses + meters, encoding="utf-8")


def _label(meter: YearMeter) -> str:
    """Return the line that tells the serial number of a meter which cannot tell it."""
    return "" if load_profile(meter.profile).tells_serial else f'serial = "{meter.serial}"\n'


def _setup(meter: YearMeter) -> MeterSetup:
    return MeterSetup(unit=meter.unit, serial=meter.serial, initial_wh=meter.initial_wh)


def _make(meter: YearMeter, sun: SeededSun, plan: FaultPlan) -> FaultyMeter:
    return FaultyMeter(load_profile(meter.profile), sun, _setup(meter), name=meter.name, plan=plan)


def _stranger(meter: YearMeter) -> YearMeter:
    """Return the meter that is behind the other adapter: of the same model, with a far serial number."""
    serial = meter.serial
    for _ in range(_STRANGER_STEPS):
        serial = next_serial(serial)
    return YearMeter(
        meter.name, meter.profile, meter.bus, meter.unit, serial, meter.kilowatts, meter.initial_wh + STRANGER_WH
    )
