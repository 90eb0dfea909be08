"""The MQTT session of the edge: carries bytes to the broker and back, and knows nothing of what they mean.

paho-mqtt runs its network loop in a thread of its own; everything that happens there arrives in one bounded asyncio
queue as an event. MQTT acknowledges nothing that matters here: only the hub's receipt does. The session is clean, so
that no stale receipt waits in a broker. The only importer of paho-mqtt in the edge.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from protocol.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge.settings import BrokerSettings
    from protocol.identity import DeviceId

EVENTS_MAX = 1000
RECONNECT_SECONDS_MIN = 1
RECONNECT_SECONDS_MAX = 60
QOS = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connected:
    """A new session is up and subscribed."""


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


Event = Connected | Disconnected | Arrived | Woken


class Uplink:
    """A context manager: inside it, the session is kept up for ever and `events` tells what happens.

    `farewell` gives the bytes of the device's death message for the session that is about to start (the MQTT Will).
    """

    def __init__(self, settings: BrokerSettings, device: DeviceId, farewell: Callable[[], bytes]) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_MAX)
        self._settings = settings
        self._device = device
        self._farewell = farewell
        self._loop = asyncio.get_running_loop()
        self._client = self._build_client()

    async def __aenter__(self) -> Self:
        """Start connecting; a broker that is not there yet is tried again and again."""
        self._client.connect_async(self._settings.host, self._settings.port, self._settings.keep_alive_seconds)
        self._client.loop_start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say good-bye properly: the death message, then DISCONNECT."""
        self.publish(Channel.STATE, self._farewell(), retain=True)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Hand `raw` to the session, if there is one now. Whether it arrived, only a receipt can say."""
        if self._client.is_connected():
            self._client.publish(str(Topic(self._device, channel)), raw, qos=QOS, retain=retain)

    def wake(self) -> None:
        """Put a `Woken` among the events, unless one is on its way anyhow."""
        if self.events.empty():
            self._enqueue(Woken())

    def _build_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=_text(self._device), clean_session=True)
        client.reconnect_delay_set(RECONNECT_SECONDS_MIN, RECONNECT_SECONDS_MAX)
        client.max_queued_messages_set(EVENTS_MAX)
        if self._settings.tls:
            context = ssl.create_default_context(cafile=self._settings.tls_ca)
            if self._settings.tls_certificate is not None:
                context.load_cert_chain(self._settings.tls_certificate, self._settings.tls_key)
            client.tls_set_context(context)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_pre_connect(self, client: Client, _userdata: object) -> None:
        client.will_set(str(Topic(self._device, Channel.STATE)), self._farewell(), qos=QOS, retain=True)

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            _log.warning("the broker %s:%d refuses us: %s", self._settings.host, self._settings.port, reason)
            return
        client.subscribe([(str(Topic(self._device, Channel.RECEIPT)), QOS)])
        self._tell(Connected())

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        _log.info("the session with the broker %s:%d ended: %s", self._settings.host, self._settings.port, reason)
        self._tell(Disconnected())

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._tell(Arrived(Topic.parse(message.topic).channel, bytes(message.payload)))

    def _tell(self, event: Event) -> None:
        try:
            self._loop.call_soon_threadsafe(self._enqueue, event)
        except RuntimeError:
            # The agent's loop has been closed while paho was still talking: nobody is left to be told.
            _log.debug("event after the end: %s", event)

    def _enqueue(self, event: Event) -> None:
        if self.events.full():
            # Only receipts can be this many, and a newer one says all that an older one said.
            self.events.get_nowait()
        self.events.put_nowait(event)


def _text(device: DeviceId) -> str:
    return Topic(device, Channel.BLOCK).device_text
