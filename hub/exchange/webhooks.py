"""Webhooks as Standard Webhooks has them: signed, to addresses of the world only, and no redirect is followed.

<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from hub.errors import InputError
from hub.exchange.mail import Answer, Verdict, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TIMEOUT_SECONDS = 15.0
URL_LENGTH_MAX = 1_000
SECRET_BYTES = 32
_SECRET_SIGN = "whsec_"  # noqa: S105 - what stands before every secret
_WORDS_BYTES = 300
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of version 4 behind a translator (RFC 6052)."""


def format_secret(secret: bytes) -> str:
    """Return a secret as the receiver's library takes it."""
    return _SECRET_SIGN + base64.b64encode(secret).decode()


def sign(secret: bytes, event: str, at: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that prove a message of this id, sent at `at` (UTC ms)."""
    seconds = str(at // 1000)
    signed = b".".join((event.encode(), seconds.encode(), body))
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": event, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


class Webhooks:
    """Delivers messages; `allowed` are hosts and networks of one's own that they may go to, also without TLS."""

    def __init__(self, allowed: Collection[str] = (), timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._hosts = frozenset(one.casefold() for one in allowed)
        self._networks = tuple(network for one in allowed if (network := _read_network(one)) is not None)
        self._timeout_seconds = timeout_seconds

    def check(self, url: str) -> str:
        """Return the URL if messages can go there as far as one sees; raises InputError otherwise."""
        message = f"{url!r:.200} is no address for messages: write it as https://host/path"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InputError(message) from error
        is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= URL_LENGTH_MAX
        fits = parts.scheme in {"http", "https"} and parts.hostname and port != 0 and not parts.username
        if not fits or parts.fragment or not is_plain:
            raise InputError(message)
        if parts.scheme == "http" and not self._allows(parts.hostname or "", parts.hostname or ""):
            message = f"{url!r:.200} would carry messages unprotected: write it with https://"
            raise InputError(message)
        return url

    def deliver(self, url: str, secret: bytes, event: str, at: int, body: bytes) -> Answer:
        """Deliver a message at `at` (UTC ms) and return what was answered; what the world does is an answer too."""
        headers = {"content-type": "application/json", "user-agent": "Meterline", **sign(secret, event, at, body)}
        try:
            status, words = self._post(urlsplit(self.check(url)), headers, body)
        except InputError as error:
            return Answer(Verdict.LATER, str(error))
        except (OSError, http.client.HTTPException) as error:
            return Answer(Verdict.LATER, one_line(str(error) or type(error).__name__))
        text = one_line(f"HTTP {status} {words}")
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(Verdict.SENT, text)
        return Answer(Verdict.REFUSED if status == HTTPStatus.GONE else Verdict.LATER, text)

    def _post(self, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        host = parts.hostname or ""
        is_tls = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
        connection = kind(host, parts.port, timeout=self._timeout_seconds)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        # To the address that was looked at: a name could mean another one when it is asked again.
        plain = socket.create_connection((self._resolve(host, connection.port), connection.port), self._timeout_seconds)
        # However slowly an answer drips in, it ends.
        ending = threading.Timer(2 * self._timeout_seconds, _shut, (plain,))
        ending.daemon = True
        ending.start()
        try:
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if is_tls else plain
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(_WORDS_BYTES).decode("utf-8", "replace")
        finally:
            ending.cancel()
            connection.close()
            plain.close()

    def _resolve(self, host: str, port: int) -> str:
        """Return an address of a host; raises InputError where one of them is not of the world, and OSError."""
        found = [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        for address in found:
            if not _is_of_the_world(address) and not self._allows(host, address):
                message = f"{host} is at {address}, inside a network: allow it with --webhook-allow if that is meant"
                raise InputError(message)
        return found[0]

    def _allows(self, host: str, address: str) -> bool:
        if host.casefold() in self._hosts:
            return True
        try:
            at = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(at in network for network in self._networks)


def _is_of_the_world(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF).is_global
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return inner.is_global
    return address.is_global and not address.is_multicast


def _read_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _shut(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has ended by itself.
        return
