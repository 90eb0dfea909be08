"""The [[bus]] and [[meter]] sections of the configuration file.

ConfigError         one sentence: what is wrong, where, and what to do
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from edge.config.section import PORT_MAX, ConfigError
from edge.metering.errors import ProfileError
from edge.profiles import load_profile
from edge.settings import (
    AsciiLine,
    BusKind,
    BusSettings,
    Endpoint,
    MeterSettings,
    RtuLine,
    RtuTcpEndpoint,
    SerialFormat,
    TcpEndpoint,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge.config.section import Section
    from edge.metering.profile import MeterProfile

_UNIT_MAX = 247
_POWER_W_MAX = 10**9
_IDENTIFY_EVERY_MAX = 10_000


def read_bus(section: Section) -> BusSettings:
    """Return the bus in a [[bus]] section; raises ConfigError."""
    name = section.text("name")
    kind = section.choice("kind", None, get_args(BusKind))
    bus = _read_line(section, name, kind) if kind in ("rtu", "ascii") else _read_endpoint(section, name, kind)
    section.finish()
    return bus


def _read_line(section: Section, name: str, kind: str) -> RtuLine | AsciiLine:
    line = AsciiLine if kind == "ascii" else RtuLine
    serial_format = section.choice("format", "7E1" if kind == "ascii" else "8N1", get_args(SerialFormat))
    if kind == "rtu" and serial_format.startswith("7"):
        section.refuse("format", 'has seven data bits, but RTU frames need eight; write 8N1 or 8E1, or kind = "ascii"')
    return line(
        name=name,
        port=section.text("port"),
        baud=section.whole("baud", 19_200, 300, 921_600),
        format=serial_format,
        timeout_seconds=section.seconds("timeout_seconds"),
        silence_ms=section.whole("silence_ms", None, 0, 10_000) if section.has("silence_ms") else None,
        local_echo=section.flag("local_echo"),
    )


def _read_endpoint(section: Section, name: str, kind: str) -> TcpEndpoint | RtuTcpEndpoint:
    endpoint = RtuTcpEndpoint if kind == "rtu-tcp" else TcpEndpoint
    return endpoint(
        name=name,
        host=section.text("host"),
        port=section.whole("port", 502, 1, PORT_MAX),
        timeout_seconds=section.seconds("timeout_seconds"),
    )


def read_meter(section: Section, buses: Mapping[str, BusSettings]) -> MeterSettings:
    """Return the meter in a [[meter]] section, which stands on one of `buses`, by name; raises ConfigError."""
    bus_name = section.text("bus")
    if bus_name not in buses:
        section.refuse("bus", f"names no [[bus]]; the buses are {', '.join(buses) or 'none: add a section [[bus]]'}")
    profile_id = section.text("profile")
    try:
        profile = load_profile(profile_id)
    except ProfileError as error:
        section.refuse("profile", f"is not known: {error}", error)
    if not profile.tells_serial and not section.has("serial"):
        section.refuse(
            "profile", "is of meters that tell no serial number; add serial with the one on the meter's label"
        )
    is_tcp = isinstance(buses[bus_name], TcpEndpoint)
    meter = MeterSettings(
        name=section.text("name"),
        index=section.whole("number", None, 0, 999),
        bus=bus_name,
        unit=section.whole("unit", 1, 0 if is_tcp else 1, 255 if is_tcp else _UNIT_MAX),
        profile=profile_id,
        generated=_energy_point(section, profile, "generated"),
        consumed=_energy_point(section, profile, "consumed") if section.has("consumed") else None,
        serial=section.label("serial") if section.has("serial") else None,
        ratio=(section.whole("ratio", 1, 1, 1_000_000), section.whole("ratio_divisor", 1, 1, 1_000_000)),
        power_w_max=section.kilo("power_kw_max", _POWER_W_MAX),
        identify_every_polls=section.whole("identify_every_polls", 4, 1, _IDENTIFY_EVERY_MAX),
    )
    section.finish()
    return meter


def _energy_point(section: Section, profile: MeterProfile, key: str) -> str:
    name = section.text(key)
    names = [point.name for point in profile.energy_points]
    if name not in names:
        section.refuse(key, f"is no energy register of {profile.id}; it has {', '.join(names)}")
    return name


def refuse_double_buses(path: Path, buses: Sequence[BusSettings]) -> None:
    """Raise ConfigError if two buses have one name or one port."""
    by_name: dict[str, BusSettings] = {}
    by_place: dict[tuple[str, int], BusSettings] = {}
    for bus in buses:
        if by_name.setdefault(bus.name, bus) is not bus:
            message = f"{path}: two buses are called {bus.name!r}; give each [[bus]] its own name"
            raise ConfigError(message)
        place = (bus.host, bus.port) if isinstance(bus, Endpoint) else (bus.port, 0)
        if by_place.setdefault(place, bus) is not bus:
            message = (
                f"{path}: buses {by_place[place].name!r} and {bus.name!r} are the same port;"
                " make them one [[bus]] with all its meters, because a line has one owner"
            )
            raise ConfigError(message)


def refuse_double_meters(path: Path, meters: Sequence[MeterSettings]) -> None:
    """Raise ConfigError if two meters cannot be told apart: one address, one number or one serial."""
    by_unit: dict[tuple[str, int], MeterSettings] = {}
    by_index: dict[int, MeterSettings] = {}
    by_serial: dict[tuple[str, str], MeterSettings] = {}
    for meter in meters:
        if by_unit.setdefault((meter.bus, meter.unit), meter) is not meter:
            twin = by_unit[meter.bus, meter.unit]
            message = (
                f"{path}: meters {twin.name!r} and {meter.name!r} both have unit {meter.unit} on bus {meter.bus!r};"
                " a reply could not be told from the other's: set one meter to another unit id"
            )
            raise ConfigError(message)
        if by_index.setdefault(meter.index, meter) is not meter:
            twin = by_index[meter.index]
            message = (
                f"{path}: meters {twin.name!r} and {meter.name!r} both have number {meter.index};"
                " numbers name meters in the log, so each needs its own, for ever"
            )
            raise ConfigError(message)
        if meter.serial is not None and by_serial.setdefault((meter.profile, meter.serial), meter) is not meter:
            twin = by_serial[meter.profile, meter.serial]
            message = (
                f"{path}: meters {twin.name!r} and {meter.name!r} both have serial {meter.serial!r};"
                " one meter must not count twice: correct one of them"
            )
            raise ConfigError(message)
