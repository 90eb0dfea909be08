"""The agent's configuration: one TOML file, read strictly, every complaint naming the file, the line and the remedy.

ConfigError         one sentence: what is wrong, where, and what to do
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlsplit

from edge.config_section import DAY_SECONDS, ConfigError, Section
from edge.metering.errors import ProfileError
from edge.profiles import load_profile
from edge.settings import BrokerSettings, BusSettings, MeterSettings, RtuLine, SerialFormat, TcpEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge.metering.profile import MeterProfile

SECTION_KEYS = ("device", "hub", "bus", "meter")
_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(#.*)?$")
_PORT_MAX = 65_535
HOUR_SECONDS = 3600
_UNIT_MAX = 247


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Everything the agent is told. Paths are absolute; `interval_seconds` divides an hour and `seal_seconds`."""

    path: Path
    state_dir: Path
    interval_seconds: int
    seal_seconds: int
    retention_days: int
    broker: BrokerSettings
    hub_key: Path
    resend_seconds: int
    resend_seconds_max: int
    buses: tuple[BusSettings, ...]
    meters: tuple[MeterSettings, ...]

    @property
    def journal_path(self) -> Path:
        """Where the journal is kept."""
        return self.state_dir / "journal.db"

    @property
    def key_path(self) -> Path:
        """Where the signing key is kept."""
        return self.state_dir / "signing-key.pem"


def load_config(path: Path) -> AgentConfig:
    """Return the configuration in the TOML file `path`; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError as error:
        message = f"there is no configuration at {path}: copy deploy/meter-edge.example.toml there and edit it"
        raise ConfigError(message) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} is not a readable TOML file: {error}"
        raise ConfigError(message) from error
    lines = _section_lines(text)
    for key in document:
        if key not in SECTION_KEYS:
            place = f"section [{key}], line {lines[key][0]}" if key in lines else "before the first section"
            message = f"{path}, {place}: unknown key {key!r}; known sections: {', '.join(SECTION_KEYS)}"
            raise ConfigError(message)
    buses = tuple(_read_bus(section) for section in _tables(path, document, lines, "bus"))
    _refuse_double_buses(path, buses)
    sections = _tables(path, document, lines, "meter")
    meters = tuple(_read_meter(section, {bus.name: bus for bus in buses}) for section in sections)
    _refuse_double_meters(path, meters)
    return _read_agent(path, document, lines, buses, meters)


def _section_lines(text: str) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            lines.setdefault(header[2], []).append(number)
    return lines


def _where(path: Path, lines: Mapping[str, Sequence[int]], key: str, n: int, brackets: str) -> str:
    numbers = lines.get(key, ())
    line = f", line {numbers[n]}" if n < len(numbers) else ""
    return f"{path}, section {brackets.format(key)}{line}"


def _table(path: Path, document: Mapping[str, object], lines: Mapping[str, Sequence[int]], key: str) -> Section:
    table = document.get(key, {})
    where = _where(path, lines, key, 0, "[{}]")
    if not isinstance(table, dict):
        message = f"{where}: {key} must be a section [{key}]"
        raise ConfigError(message)
    return Section(where, table)


def _tables(
    path: Path, document: Mapping[str, object], lines: Mapping[str, Sequence[int]], key: str
) -> tuple[Section, ...]:
    tables = document.get(key)
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        message = f"{path}: there is no {key} in it; add at least one section [[{key}]]"
        raise ConfigError(message)
    return tuple(Section(_where(path, lines, key, n, "[[{}]]"), table) for n, table in enumerate(tables))


def _read_agent(
    path: Path,
    document: Mapping[str, object],
    lines: Mapping[str, Sequence[int]],
    buses: tuple[BusSettings, ...],
    meters: tuple[MeterSettings, ...],
) -> AgentConfig:
    folder = path.resolve().parent
    device = _table(path, document, lines, "device")
    interval = device.whole("interval_seconds", 900, 1, HOUR_SECONDS)
    if HOUR_SECONDS % interval:
        device.refuse("interval_seconds", "must divide an hour of 3600 seconds, so that every month begins at an edge")
    seal = device.whole("seal_seconds", HOUR_SECONDS, interval, DAY_SECONDS)
    if seal % interval:
        device.refuse("seal_seconds", f"must be a multiple of interval_seconds = {interval}")
    hub = _table(path, document, lines, "hub")
    resend = hub.whole("resend_seconds", 30, 1, 900)
    config = AgentConfig(
        path=path,
        state_dir=folder / device.text("state_dir"),
        interval_seconds=interval,
        seal_seconds=seal,
        retention_days=device.whole("retention_days", 400, 1, 36_500),
        broker=_read_broker(hub, folder),
        hub_key=folder / hub.text("receipt_key"),
        resend_seconds=resend,
        resend_seconds_max=hub.whole("resend_seconds_max", max(900, resend), resend, DAY_SECONDS),
        buses=buses,
        meters=meters,
    )
    device.finish()
    hub.finish()
    return config


def _read_broker(hub: Section, folder: Path) -> BrokerSettings:
    host, port, tls = _parse_broker(hub)
    files = {key: folder / hub.text(key) for key in ("tls_ca", "tls_certificate", "tls_key") if hub.has(key)}
    for key, path in files.items():
        if not tls:
            hub.refuse(key, "has no effect with mqtt://; use mqtts:// in broker, or remove it")
        if not path.is_file():
            hub.refuse(key, "is not a file; put the PEM file there")
    if ("tls_certificate" in files) != ("tls_key" in files):
        hub.refuse("tls_certificate", "and tls_key go together; give both or neither")
    return BrokerSettings(
        host=host,
        port=port,
        tls=tls,
        tls_ca=files.get("tls_ca"),
        tls_certificate=files.get("tls_certificate"),
        tls_key=files.get("tls_key"),
        keep_alive_seconds=hub.whole("keep_alive_seconds", 60, 5, _PORT_MAX),
    )


def _parse_broker(hub: Section) -> tuple[str, int, bool]:
    text = hub.text("broker")
    try:
        address = urlsplit(text)
        port = address.port
        host = (address.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:
        hub.refuse("broker", f"has a wrong host or port ({error}); ports are 1 to {_PORT_MAX}", error)
    tls = address.scheme == "mqtts"
    parts = (address.username, address.password, address.path, address.query, address.fragment)
    if address.scheme not in {"mqtt", "mqtts"} or not host or port == 0 or any(parts):
        hub.refuse("broker", 'must be no more than "mqtt://host:1883" or "mqtts://host:8883"')
    return host, port or (8883 if tls else 1883), tls


def _read_bus(section: Section) -> BusSettings:
    name = section.text("name")
    kind = section.choice("kind", None, ("rtu", "tcp"))
    bus: BusSettings
    if kind == "rtu":
        bus = RtuLine(
            name=name,
            port=section.text("port"),
            baud=section.whole("baud", 19_200, 300, 921_600),
            format=section.choice("format", "8N1", get_args(SerialFormat)),
            timeout_seconds=section.seconds("timeout_seconds"),
            silence_ms=section.whole("silence_ms", None, 0, 10_000) if section.has("silence_ms") else None,
            local_echo=section.flag("local_echo"),
        )
    else:
        bus = TcpEndpoint(
            name=name,
            host=section.text("host"),
            port=section.whole("port", 502, 1, _PORT_MAX),
            timeout_seconds=section.seconds("timeout_seconds"),
        )
    section.finish()
    return bus


def _read_meter(section: Section, buses: Mapping[str, BusSettings]) -> MeterSettings:
    bus_name = section.text("bus")
    if bus_name not in buses:
        section.refuse("bus", f"names no [[bus]]; the buses are {', '.join(buses)}")
    profile_id = section.text("profile")
    try:
        profile = load_profile(profile_id)
    except ProfileError as error:
        section.refuse("profile", f"is not known: {error}", error)
    is_tcp = isinstance(buses[bus_name], TcpEndpoint)
    meter = MeterSettings(
        name=section.text("name"),
        index=section.whole("number", None, 0, 999),
        bus=bus_name,
        unit=section.whole("unit", 1, 0 if is_tcp else 1, 255 if is_tcp else _UNIT_MAX),
        profile=profile_id,
        generated=_energy_point(section, profile, "generated"),
        consumed=_energy_point(section, profile, "consumed") if section.has("consumed") else None,
        serial=section.text("serial") if section.has("serial") else None,
        ratio=(section.whole("ratio", 1, 1, 1_000_000), section.whole("ratio_divisor", 1, 1, 1_000_000)),
    )
    section.finish()
    return meter


def _energy_point(section: Section, profile: MeterProfile, key: str) -> str:
    name = section.text(key)
    names = [point.name for point in profile.energy_points]
    if name not in names:
        section.refuse(key, f"is no energy register of {profile.id}; it has {', '.join(names)}")
    return name


def _refuse_double_buses(path: Path, buses: Sequence[BusSettings]) -> None:
    by_name: dict[str, BusSettings] = {}
    by_place: dict[tuple[str, int], BusSettings] = {}
    for bus in buses:
        if by_name.setdefault(bus.name, bus) is not bus:
            message = f"{path}: two buses are called {bus.name!r}; give each [[bus]] its own name"
            raise ConfigError(message)
        place = (bus.host, bus.port) if isinstance(bus, TcpEndpoint) else (bus.port, 0)
        if by_place.setdefault(place, bus) is not bus:
            message = (
                f"{path}: buses {by_place[place].name!r} and {bus.name!r} are the same port;"
                " make them one [[bus]] with all its meters, because a line has one owner"
            )
            raise ConfigError(message)


def _refuse_double_meters(path: Path, meters: Sequence[MeterSettings]) -> None:
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
