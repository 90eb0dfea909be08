"""The hub's settings: where it keeps things, which broker it hears, where it listens, what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hub.errors import SettingsError
from protocol.custody.receiver import SafePolicy

if TYPE_CHECKING:
    from pathlib import Path

_MQTT_PORT = 1883
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or number and a TCP port; port 0 lets the system choose where one listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, the host in brackets where it holds colons."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Everything `serve` needs to know. `broker` None: pages and API only, no ingest.

    `window` is how many blocks beyond its watermark a device may offer, `window_backfill` how many while it has a
    long backlog; `pace_ms` the least time between two offers. `safe` is when a device may release a block: once
    a verified backup holds it (`hold`), or once it is committed here, for storage that replicates each commit
    synchronously.
    """

    data_folder: Path
    broker: Address | None
    listen: Address
    safe: SafePolicy = SafePolicy.HOLD
    window: int = 16
    window_backfill: int = 64
    pace_ms: int = 0


def parse_broker(url: str) -> Address:
    """Return the address in `mqtt://host[:port]`; raises SettingsError for anything else."""
    message = f"{url!r} is not a broker address: write it as mqtt://host:port, such as mqtt://127.0.0.1:1883"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(message) from error
    if parts.scheme != "mqtt" or not host or parts.path not in {"", "/"} or parts.query or parts.username:
        raise SettingsError(message)
    return Address(host, port or _MQTT_PORT)


def parse_listen(text: str) -> Address:
    """Return the address in `host:port`; raises SettingsError for anything else."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > _PORT_MAX:
        message = f"{text!r} is not an address to listen on: write it as host:port, such as 127.0.0.1:8080"
        raise SettingsError(message)
    return Address(host, int(port))
