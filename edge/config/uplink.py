"""How the hub is reached, as the section [hub] says it: through a broker, or by POST to the hub itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.config.section import DAY_SECONDS, PORT_MAX
from edge.settings import BrokerSettings, PostSettings

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config.section import Section

TLS_KEYS = ("tls_ca", "tls_certificate", "tls_key")
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883, "http": 80, "https": 443}


def read_uplink(hub: Section, folder: Path) -> BrokerSettings | PostSettings:
    """Return the settings of the uplink, files counting from `folder`; raises ConfigError.

    Exactly one of `broker` (mqtt, mqtts) and `post` (http, https) must be there.
    """
    if hub.has("post"):
        if hub.has("broker"):
            hub.refuse("post", "and broker are two ways to the same hub; give one of them")
        host, port, tls = _parse_address(hub, "post", ("http", "https"))
        ca, certificate, key = _read_files(hub, folder, "post = https://", tls=tls)
        refresh = hub.whole("refresh_seconds", 600, 10, DAY_SECONDS)
        return PostSettings(
            host=host, port=port, tls=tls, tls_ca=ca, tls_certificate=certificate, tls_key=key, refresh_seconds=refresh
        )
    host, port, tls = _parse_address(hub, "broker", ("mqtt", "mqtts"))
    ca, certificate, key = _read_files(hub, folder, "broker = mqtts://", tls=tls)
    keep_alive = hub.whole("keep_alive_seconds", 60, 5, PORT_MAX)
    return BrokerSettings(
        host=host,
        port=port,
        tls=tls,
        tls_ca=ca,
        tls_certificate=certificate,
        tls_key=key,
        keep_alive_seconds=keep_alive,
    )


def _read_files(hub: Section, folder: Path, secure: str, *, tls: bool) -> tuple[Path | None, Path | None, Path | None]:
    """Return the PEM files named for TLS."""
    files = {key: folder / hub.text(key) for key in TLS_KEYS if hub.has(key)}
    for key, path in files.items():
        if not tls:
            hub.refuse(key, f"has no effect without TLS; use {secure}, or remove it")
        if not path.is_file():
            hub.refuse(key, "is not a file; put the PEM file there")
    if ("tls_certificate" in files) != ("tls_key" in files):
        hub.refuse("tls_certificate", "and tls_key go together; give both or neither")
    return files.get("tls_ca"), files.get("tls_certificate"), files.get("tls_key")


def _parse_address(hub: Section, key: str, schemes: tuple[str, str]) -> tuple[str, int, bool]:
    """Return host, port and whether TLS is meant, from an address of one of the two schemes, plain and secure."""
    plain, secure = schemes
    text = hub.text(key)
    try:
        address = urlsplit(text)
        port = address.port
        host = (address.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:
        hub.refuse(key, f"has a wrong host or port ({error}); ports are 1 to {PORT_MAX}", error)
    parts = (address.username, address.password, address.path, address.query, address.fragment)
    if address.scheme not in schemes or not host or port == 0 or any(parts):
        examples = (f'"{scheme}://host:{_DEFAULT_PORTS[scheme]}"' for scheme in (plain, secure))
        hub.refuse(key, f"must be no more than {' or '.join(examples)}")
    return host, port or _DEFAULT_PORTS[address.scheme], address.scheme == secure
