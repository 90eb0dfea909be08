"""What a session with the hub tells, whatever carries it: one bounded queue of events, and bytes to be sent.

Nothing that a carrier acknowledges matters here: only the hub's receipt does.

    UplinkError         the session cannot be set up with the files it was given
"""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from edge.settings import TlsFiles
    from protocol.topics import Channel

EVENTS_MAX = 1000


class UplinkError(Exception):
    """The session cannot be set up with the files it was given."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A new session is up; its first hello carries `nonce`."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The session is gone; the uplink reconnects by itself."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message for this device on `channel`."""

    channel: Channel
    raw: bytes


@dataclass(frozen=True, slots=True)
class Woken:
    """The agent itself has something new to send."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The carrier has met a fault of ours and ended; this uplink is of no more use."""

    error: BaseException


Event = Connected | Disconnected | Arrived | Woken | Broken


@dataclass(frozen=True, slots=True)
class Session:
    """What a session needs to begin: the nonce of its first hello, and its death message (the MQTT Will)."""

    nonce: bytes
    death: bytes


class Uplink(ABC):
    """A context manager: inside it, the session is kept up for ever and `events` tells what happens."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_MAX)

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Start connecting; a hub that cannot be reached yet is tried again and again."""

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say good-bye properly: the death message, then the end of the session."""

    @abstractmethod
    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Hand `raw` to the session, if there is one now. Whether it arrived, only a receipt can say."""

    def wake(self) -> None:
        """Put a `Woken` among the events, unless one is on its way anyhow."""
        if self.events.empty():
            self._enqueue(Woken())

    def _enqueue(self, event: Event) -> None:
        if self.events.full():
            if isinstance(event, Arrived):
                # Whatever the hub says it says again; that a session began or ended it cannot say.
                return
            self.events.get_nowait()
        self.events.put_nowait(event)


def build_tls(files: TlsFiles) -> ssl.SSLContext:
    """Return the TLS context for these PEM files; raises UplinkError if they cannot be used."""
    try:
        context = ssl.create_default_context(cafile=files.tls_ca)
        if files.tls_certificate is not None:
            context.load_cert_chain(files.tls_certificate, files.tls_key)
    except OSError as error:
        named = {"tls_ca": files.tls_ca, "tls_certificate": files.tls_certificate, "tls_key": files.tls_key}
        given = ", ".join(f"{key} = {path}" for key, path in named.items() if path is not None)
        message = f"TLS cannot be used with {given} ({error}): name readable PEM files that belong together"
        raise UplinkError(message) from error
    return context
