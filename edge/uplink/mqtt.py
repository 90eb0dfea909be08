"""The session over MQTT: carries bytes to the broker and back, and knows nothing of what they mean.

paho-mqtt runs its network loop in a thread of its own; everything that happens there arrives in one bounded asyncio
queue as an event. MQTT acknowledges nothing that matters here: only the hub's receipt does. The session is clean, so
that no stale receipt waits in a broker. The only importer of paho-mqtt in the edge.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.uplink.session import Arrived, Broken, Connected, Disconnected, Session, Uplink, build_tls
from protocol.errors import TopicError
from protocol.identity import format_device_id
from protocol.topics import Channel, Topic, device_subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge.settings import BrokerSettings
    from edge.uplink.session import Event
    from protocol.identity import DeviceId

RECONNECT_SECONDS_MIN = 1
RECONNECT_SECONDS_MAX = 60
DISCONNECT_SECONDS = 0.5
OUTGOING_MAX = 128
"""How many messages, each of up to 64 KiB, wait in a session at most: twice a hub's window for a backlog."""
QOS = 1

_log = logging.getLogger(__name__)


class MqttUplink(Uplink):
    """A session with a broker.

    `begin` is asked whenever a session is about to start, in paho's thread. Raises UplinkError if the TLS files cannot
    be used.
    """

    def __init__(self, settings: BrokerSettings, device: DeviceId, begin: Callable[[], Session]) -> None:
        super().__init__()
        self._settings = settings
        self._device = device
        self._begin = begin
        self._session = Session(b"", b"")
        self._is_outage_told = False
        self._loop = asyncio.get_running_loop()
        self._client = self._build_client()

    async def __aenter__(self) -> Self:
        """Start connecting; a broker that is not there yet is tried again and again."""
        self._client.connect_async(self._settings.host, self._settings.port, self._settings.keep_alive_seconds)
        network = asyncio.to_thread(self._client.loop_forever, retry_first_connection=True)
        self._network = asyncio.create_task(network, name="mqtt")
        self._network.add_done_callback(self._on_network_end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say good-bye properly: the death message, then DISCONNECT."""
        self.publish(Channel.STATE, self._session.death, retain=True)
        while not self._network.done():
            # Said again and again, because a connection attempt under way overrules it.
            self._client.disconnect()
            await asyncio.wait({self._network}, timeout=DISCONNECT_SECONDS)

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Hand `raw` to the session, if there is one now. Whether it arrived, only a receipt can say."""
        if self._client.is_connected():
            self._client.publish(str(Topic(self._device, channel)), raw, qos=channel.qos, retain=retain)

    def _build_client(self) -> Client:
        device = format_device_id(self._device)
        client = Client(CallbackAPIVersion.VERSION2, client_id=device, clean_session=True)
        client.reconnect_delay_set(RECONNECT_SECONDS_MIN, RECONNECT_SECONDS_MAX)
        client.max_queued_messages_set(OUTGOING_MAX)
        if self._settings.tls:
            client.tls_set_context(build_tls(self._settings))
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_register_write = self._on_want_write
        return client

    def _on_network_end(self, network: asyncio.Task[object]) -> None:
        if not network.cancelled() and (error := network.exception()) is not None:
            self._enqueue(Broken(error))

    def _on_want_write(self, _client: Client, _userdata: object, _socket: object) -> None:
        """Leave it to paho's thread, which was woken; without this callback paho would write in the caller's.

        Two threads in one TLS connection, one of them reading, break it: OpenSSL's sessions are not safe for threads.
        """

    def _on_pre_connect(self, client: Client, _userdata: object) -> None:
        self._session = self._begin()
        state = Channel.STATE
        client.will_set(str(Topic(self._device, state)), self._session.death, qos=state.qos, retain=state.retained)

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._warn_once("refuses us (%s); check the name and the certificate it knows this device by", reason)
            return
        self._is_outage_told = False
        # Paho would first say again what it did not get rid of in earlier sessions, ahead of this one's hello.
        client.drop_out_messages()
        client.subscribe([(topic, QOS) for topic in device_subscriptions(self._device)])
        self._tell(Connected(self._session.nonce))

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._warn_once("does not answer; it is tried again until it does, and readings are kept here meanwhile")

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._warn_once(
                "does not let us hear receipts and commands (%s); allow this device its topics there", reasons[0]
            )

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
        try:
            topic = Topic.parse(message.topic)
        except TopicError as error:
            _log.warning("the broker sent something that is not for us: %s", error)
            return
        self._tell(Arrived(topic.channel, bytes(message.payload)))

    def _warn_once(self, complaint: str, *details: object) -> None:
        """Say what is wrong with the broker once per outage, not once per attempt."""
        if not self._is_outage_told:
            self._is_outage_told = True
            _log.warning(f"the broker %s:%d {complaint}", self._settings.host, self._settings.port, *details)

    def _tell(self, event: Event) -> None:
        try:
            self._loop.call_soon_threadsafe(self._enqueue, event)
        except RuntimeError:
            # The agent's loop has been closed while paho was still talking: nobody is left to be told.
            _log.debug("event after the end: %s", event)
