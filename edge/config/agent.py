"""The whole file: its sections, what the hub may change of it by command, and the configuration they amount to."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config.meters import read_bus, read_meter, refuse_double_buses, refuse_double_meters
from edge.config.pulses import read_pulse, refuse_double_pulses
from edge.config.section import DAY_SECONDS, ConfigError, Section
from edge.config.uplink import read_uplink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.settings import BrokerSettings, BusSettings, MeterSettings, PostSettings, PulseMeter

DEFAULT_CONFIG = Path("/etc/meter-edge/meter-edge.toml")
JOURNAL_NAME = "journal.db"
KEY_NAME = "signing-key.pem"
MONTH_COPY_NAME = "month-edges.log"
SECTION_KEYS = ("device", "hub", "bus", "meter", "pulse")
SECTION_BY_SETTING = {
    "interval_seconds": "device",
    "seal_seconds": "device",
    "retention_days": "device",
    "resend_seconds": "hub",
    "resend_seconds_max": "hub",
    "keep_alive_seconds": "hub",
}
"""What the hub may change by command, and in which section of the file it stands."""
_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(#.*)?$")
_TWICE = re.compile(r"Cannot (declare \('(bus|meter|pulse)',\) twice|overwrite)")
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Everything the agent is told. Paths are absolute; `interval_seconds` divides an hour and `seal_seconds`.

    `text` is the file as it was read, `changes` what holds instead of it for now, by names of `SECTION_BY_SETTING`.
    """

    path: Path
    text: str = field(repr=False)
    changes: Mapping[str, int]
    state_dir: Path
    interval_seconds: int
    seal_seconds: int
    health_seconds: int
    retention_days: int
    disk_reserve_mib: int
    month_copy: Path
    uplink: BrokerSettings | PostSettings
    hub_key: Path
    command_key: Path | None
    resend_seconds: int
    resend_seconds_max: int
    buses: tuple[BusSettings, ...]
    meters: tuple[MeterSettings, ...]
    pulses: tuple[PulseMeter, ...] = ()

    @property
    def everything_read(self) -> tuple[MeterSettings | PulseMeter, ...]:
        """All meters, those that are read and those whose pulses are counted."""
        return (*self.meters, *self.pulses)

    @property
    def journal_path(self) -> Path:
        """Where the journal is kept."""
        return self.state_dir / JOURNAL_NAME

    @property
    def key_path(self) -> Path:
        """Where the signing key is kept."""
        return self.state_dir / KEY_NAME


def load_config(path: Path) -> AgentConfig:
    """Return the configuration in the TOML file `path`; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = f"there is no configuration at {path}: copy deploy/meter-edge.example.toml there and edit it"
        raise ConfigError(message) from error
    except PermissionError as error:
        message = f"{path} may not be read by this user: say it as the agent's, `sudo -u meter-edge meter-edge ...`"
        raise ConfigError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} is not a readable TOML file: {error}"
        raise ConfigError(message) from error
    return _parse_config(path, text, {})


def change_config(config: AgentConfig, changes: Mapping[str, int]) -> AgentConfig:
    """Return the configuration of the same file with `changes` instead of what the file says; raises ConfigError.

    Changes are judged by the rules of the file, together with all else that stands in it.
    """
    return _parse_config(config.path, config.text, dict(sorted(changes.items())))


def _parse_config(path: Path, text: str, changes: Mapping[str, int]) -> AgentConfig:
    file = _File(path, text)
    file.change(changes)
    buses = tuple(read_bus(section) for section in file.tables("bus"))
    refuse_double_buses(path, buses)
    meters = tuple(read_meter(section, {bus.name: bus for bus in buses}) for section in file.tables("meter"))
    refuse_double_meters(path, meters)
    pulses = tuple(read_pulse(section) for section in file.tables("pulse"))
    refuse_double_pulses(path, pulses, meters)
    if not meters and not pulses:
        message = (
            f"{path}: there is no meter in it; add at least one section [[meter]], or [[pulse]] for a pulse output"
        )
        raise ConfigError(message)
    folder = path.resolve().parent
    device = file.table("device")
    interval = device.whole("interval_seconds", 900, 1, HOUR_SECONDS)
    if HOUR_SECONDS % interval:
        device.refuse("interval_seconds", "must divide an hour of 3600 seconds, so that every month begins at an edge")
    seal = device.whole("seal_seconds", HOUR_SECONDS, interval, DAY_SECONDS)
    if seal % interval:
        device.refuse("seal_seconds", f"must be a multiple of interval_seconds = {interval}")
    state_dir = folder / device.text("state_dir")
    hub = file.table("hub")
    resend = hub.whole("resend_seconds", 30, 1, 900)
    config = AgentConfig(
        path=path,
        text=text,
        changes=changes,
        state_dir=state_dir,
        interval_seconds=interval,
        seal_seconds=seal,
        health_seconds=device.whole("health_seconds", 60, 0, HOUR_SECONDS),
        retention_days=device.whole("retention_days", 400, 1, 36_500),
        month_copy=folder / device.text("month_copy", str(state_dir / MONTH_COPY_NAME)),
        disk_reserve_mib=device.whole("disk_reserve_mib", 16, 1, 1 << 20),
        uplink=read_uplink(hub, folder),
        hub_key=folder / hub.text("receipt_key"),
        command_key=folder / hub.text("command_key") if hub.has("command_key") else None,
        resend_seconds=resend,
        resend_seconds_max=hub.whole("resend_seconds_max", max(900, resend), resend, DAY_SECONDS),
        buses=buses,
        meters=meters,
        pulses=pulses,
    )
    device.finish()
    hub.finish()
    return config


class _File:
    """The parsed file: its sections by name, each knowing where it stands."""

    def __init__(self, path: Path, text: str) -> None:
        try:
            self._document: dict[str, object] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            hint = "; a section of which there may be several has two brackets on either side, such as [[meter]]"
            message = f"{path} is not a readable TOML file: {error}{hint if _TWICE.search(str(error)) else ''}"
            raise ConfigError(message) from error
        self._path = path
        self._lines: dict[str, list[int]] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                self._lines.setdefault(header[2], []).append(number)
        for key in self._document:
            if key not in SECTION_KEYS:
                lines = self._lines.get(key)
                place = f"section [{key}], line {lines[0]}" if lines else "before the first section"
                message = f"{path}, {place}: unknown key {key!r}; known sections: {', '.join(SECTION_KEYS)}"
                raise ConfigError(message)

    def change(self, changes: Mapping[str, int]) -> None:
        """Put `changes` over what the file says."""
        for name, value in changes.items():
            section = SECTION_BY_SETTING.get(name)
            if section is None:
                message = f"{name!r} cannot be changed by command; what can: {', '.join(SECTION_BY_SETTING)}"
                raise ConfigError(message)
            table = self._document.setdefault(section, {})
            if isinstance(table, dict):
                table[name] = value

    def table(self, key: str) -> Section:
        """Return the one section `key`, empty if it is not there."""
        table = self._document.get(key, {})
        where = self._where(key, 0, "[{}]")
        if not isinstance(table, dict):
            message = f"{where}: {key} must be a section [{key}]"
            raise ConfigError(message)
        return Section(where, table)

    def tables(self, key: str) -> tuple[Section, ...]:
        """Return the sections `key`."""
        tables = self._document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            message = f"{self._path}: {key} must be a list of sections [[{key}]], with two brackets on either side"
            raise ConfigError(message)
        return tuple(Section(self._where(key, n, "[[{}]]"), table) for n, table in enumerate(tables))

    def _where(self, key: str, n: int, brackets: str) -> str:
        numbers = self._lines.get(key, ())
        line = f", line {numbers[n]}" if n < len(numbers) else ""
        return f"{self._path}, section {brackets.format(key)}{line}"
