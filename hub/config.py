"""The hub's settings: where it keeps things, which broker it hears, where it listens, how it sends mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hub.errors import SettingsError
from hub.rules.mail_addresses import is_mail_address
from protocol.custody.receiver import SafePolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

_MQTT_PORT = 1883
_SMTP_PORT = 25
_SUBMISSION_PORT = 587
_SUBMISSIONS_PORT = 465
_PORT_MAX = 65_535
_USE = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or number and a TCP port; port 0 lets the system choose where one listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, the host in brackets where it holds colons."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Security(StrEnum):
    """How a connection with a mail server is protected; `plain` only where it does not leave the machine."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where the hub hands its mail over, and as whom.

    `credentials` is a file with user and password, None where the server wants none; `pages_url` is where people who
    get a mail find the hub.
    """

    server: Address
    security: Security
    sender: str
    pages_url: str
    credentials: Path | None = None


class Interface(StrEnum):
    """One of the two known machine interfaces of MassCEC's own tracking system."""

    SOAP = "soap"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """Where months are forwarded to, and by which interface.

    `url` is the SOAP service's, or what stands before the operation of the JSON interface; `namespace` is that of the
    SOAP service, its host's as far as is known. `credentials` is a file of two lines: user and password for SOAP,
    subscription key and access key for JSON. `post` and `test` name the operations that keep and that only try.
    """

    interface: Interface
    url: str
    credentials: Path
    namespace: str
    post: str
    test: str


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Another house whose word is taken for who somebody is (OpenID Connect).

    `issuer` is its address as it calls itself, `client` what it calls this hub, `secret` the file with what this hub
    proves itself by, and `name` what people call the house.
    """

    issuer: str
    client: str
    secret: Path
    name: str


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A file with a certificate whose end is watched, and what it is for in a word."""

    use: str
    path: Path


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Everything `serve` needs to know. `broker` None: pages and API only, no ingest.

    `window` is how many blocks beyond its watermark a device may offer, `window_backfill` how many while it has a
    long backlog; `pace_ms` the least time between two offers. `safe` is when a device may release a block: once
    a verified backup holds it (`hold`), or once it is committed here, for storage that replicates each commit
    synchronously. `mail` None: the hub sends no mail; `forward` None: it forwards nothing to MassCEC.
    `is_open`: whoever reaches the hub may look at all of it without signing in. `metrics_token` is
    the file with the token that lets other machines read `/metrics`. `webhook_allow` are hosts and networks of one's
    own that webhooks may go to. `oidc` None: people sign in with passwords only. Of `certificates` and `crl`, the
    broker's revocation list, the hub watches until when they are good.
    """

    data_folder: Path
    broker: Address | None
    listen: Address
    safe: SafePolicy = SafePolicy.HOLD
    window: int = 16
    window_backfill: int = 64
    pace_ms: int = 0
    mail: MailSettings | None = None
    forward: ForwardSettings | None = None
    is_open: bool = False
    metrics_token: Path | None = None
    webhook_allow: tuple[str, ...] = ()
    oidc: OidcSettings | None = None
    certificates: tuple[CertificateFile, ...] = ()
    crl: Path | None = None


def parse_certificates(texts: Sequence[str]) -> tuple[CertificateFile, ...]:
    """Return the files in `use=path`; raises SettingsError for anything else, and for a use that is named twice."""
    found: dict[str, CertificateFile] = {}
    for text in texts:
        use, _, path = text.partition("=")
        if not _USE.fullmatch(use) or not path or use in found:
            message = (
                f"{text!r:.200} is no certificate to watch: write it as use=path, such as pages=/etc/ssl/hub.pem, each "
                "use once and in small letters"
            )
            raise SettingsError(message)
        found[use] = CertificateFile(use, Path(path))
    return tuple(found.values())


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


def parse_smtp(url: str) -> tuple[Address, Security]:
    """Return mail server and protection in `smtp://host[:port]` or `smtps://`; raises SettingsError for anything else.

    `smtp` is STARTTLS, also spelled `smtp+starttls`; but plain where the host is this machine.
    """
    message = (
        f"{url!r:.200} is not a mail server: write it as smtp://host:port, or smtps://host:port for TLS from the start"
    )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(message) from error
    if not host or parts.path not in {"", "/"} or parts.query or parts.username or parts.password:
        raise SettingsError(message)
    match parts.scheme:
        case "smtp" if _is_loopback(host):
            return Address(host, port or _SMTP_PORT), Security.PLAIN
        case "smtp" | "smtp+starttls":
            return Address(host, port or _SUBMISSION_PORT), Security.STARTTLS
        case "smtps":
            return Address(host, port or _SUBMISSIONS_PORT), Security.TLS
    raise SettingsError(message)


def parse_sender(text: str) -> str:
    """Return the address that mail comes from; raises SettingsError for anything else."""
    if not is_mail_address(text):
        message = f"{text!r:.60} is not an e-mail address to send from: write it as reminders@example.org"
        raise SettingsError(message)
    return text


def parse_pages_url(url: str) -> str:
    """Return where people find the hub, without a slash at its end; raises SettingsError for what is no web address."""
    message = f"{url!r:.200} is not a web address: write it as https://hub.example.org"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SettingsError(message) from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or not plain:
        raise SettingsError(message)
    return url.rstrip("/")


def parse_service_url(url: str) -> str:
    """Return the address of another system's service, without a slash at its end.

    Raises SettingsError for what is no web address, and for one that carries secrets unprotected off this machine.
    """
    checked = parse_pages_url(url)
    parts = urlsplit(checked)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        message = f"{url!r:.200} would carry secrets unprotected: write it with https://"
        raise SettingsError(message)
    return checked


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
