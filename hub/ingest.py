"""The hub's end of MQTT, and its only module that knows it: blocks, states, results in; receipts, commands out.

paho's network thread puts what arrives into a bounded queue; one worker thread takes batches from it, has them
committed, publishes the receipts, and only then lets the broker's acknowledgement go. When the queue is full the
network thread waits, and with it the broker. A bug in either thread ends the process (`hub.cli` sees to that): a hub
that looks alive and takes nothing would be worse.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hub.clock import monotonic_seconds
from hub.counting import Counting
from hub.errors import StoreUnavailableError
from hub.notices import Notices
from hub.sentences import SentenceLimit
from hub.services.accept_blocks import Accepted, Arrival, Terms, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.take_result import take_result
from protocol import wire
from protocol.errors import TopicError
from protocol.identity import format_device_id
from protocol.topics import Channel, Topic, hub_subscriptions

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from hub.clock import Now
    from hub.config import Address
    from hub.store.database import Database
    from protocol.cose import SigningKey
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Receipt

log = logging.getLogger("hub.ingest")

BATCH_BLOCKS_MAX = 512
BATCH_WAIT_SECONDS = 0.05
BATCH_LULL_SECONDS = 0.004
"""A batch is closed when nothing more has come for this long, so that a device with a small window never waits."""
QUEUE_MESSAGES_MAX = 1024
MESSAGE_BYTES_MAX = wire.BLOCK_BYTES_MAX
RECONNECT_SECONDS = (1, 30)
KEEPALIVE_SECONDS = 30
RETRY_SECONDS = (0.5, 30.0)
NOTICE_SECONDS = 1.0
_IDLE_SECONDS = 0.2
_STOP_SECONDS = 2.0
SUBSCRIBE_SECONDS = 30.0
"""A broker that denied a subscription is asked again after this long: somebody may have allowed it since."""
_AT_LEAST_ONCE = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message as it arrived; `session` tells which connection its acknowledgement belongs to.

    `arrived_at` is in seconds of the clock that never goes back.
    """

    topic: str
    payload: bytes
    mid: int
    qos: int
    retained: bool
    session: int
    arrived_at: float


@dataclass(slots=True)
class Counters:
    """What the ingest has seen since it started."""

    messages: int = 0
    blocks: int = 0
    states: int = 0
    results: int = 0
    rejected: int = 0
    receipts: int = 0
    commands: int = 0


class Ingest:
    """Hears a broker for ever, from `start` to `stop`; also if the broker is not there yet."""

    def __init__(  # noqa: PLR0913 - its parts, and by name what counts
        self,
        database: Database,
        key: SigningKey,
        broker: Address,
        terms: Terms,
        now: Now,
        *,
        counting: Counting | None = None,
    ) -> None:
        self.counters = Counters()
        self.counting = counting or Counting(now)
        self._database = database
        self._key = key
        self._broker = broker
        self._terms = terms
        self._now = now
        self._queue: queue.Queue[Message] = queue.Queue(QUEUE_MESSAGES_MAX)
        self._taken_at: float | None = None
        self._stopping = threading.Event()
        self._session = 0
        self._subscribed = False
        self._subscribe_at: float | None = None
        self._notices = Notices(database, key, terms)
        self._notice_at = 0.0
        self._sentences = SentenceLimit()
        self._worker = threading.Thread(target=self._work, name="hub-ingest", daemon=True)
        self._client = self._make_client()
        self.counting.watch_lag(lambda: self.lag_seconds)
        self.counting.watch_broker(lambda: self.connected)

    @property
    def connected(self) -> bool:
        """Whether blocks can arrive now: there is a session, and the broker granted every subscription in it."""
        return self._subscribed and self._client.is_connected()

    @property
    def lag_seconds(self) -> float:
        """How long the oldest message has waited that was taken from the broker and is not committed; 0 if none waits.

        It goes on where the worker thread hangs: whoever asks looks at what it holds, and at the head of the queue.
        """
        since = self._taken_at
        if since is None:
            with self._queue.mutex:
                since = self._queue.queue[0].arrived_at if self._queue.queue else None
        return 0.0 if since is None else max(0.0, monotonic_seconds() - since)

    def start(self) -> None:
        """Start both threads; returns at once."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_SECONDS)
        self._client.loop_start()
        self._worker.start()

    def stop(self) -> None:
        """End both threads; what was not committed was not acknowledged either and will come again."""
        self._stopping.set()
        self._worker.join(_STOP_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"hub-ingest-{self._terms.timeline.hex()}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.reconnect_delay_set(*RECONNECT_SECONDS)
        client.max_queued_messages_set(QUEUE_MESSAGES_MAX)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    # Called in paho's network thread.

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._say("connect", f"the broker {self._broker} refuses the hub: {reason}; it is asked again")
            return
        self._session += 1
        self._subscribe_at = None
        self._subscribe(client)
        log.info("connected to the broker %s", self._broker)

    def _subscribe(self, client: Client) -> None:
        patterns = hub_subscriptions()
        client.subscribe([(pattern, _AT_LEAST_ONCE) for pattern in patterns])

    def _on_subscribe(
        self, _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        denied = [reason for reason in reasons if reason.is_failure]
        self._subscribed = not denied
        self._subscribe_at = monotonic_seconds() + SUBSCRIBE_SECONDS if denied else None
        if denied:
            self._say(
                "subscribe",
                f"the broker {self._broker} denies the hub {len(denied)} of its {len(reasons)} subscriptions, so "
                "blocks cannot arrive: allow the hub's user to read them in the broker's access rules",
            )

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._say("connect", f"the broker {self._broker} does not answer; it is asked again until it does")

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._subscribed = False
        if not self._stopping.is_set():
            self._say("disconnect", f"the session with the broker {self._broker} ended: {reason}; it is opened again")

    def _on_message(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        if len(message.payload) > MESSAGE_BYTES_MAX:
            # Nothing of ours is that long, and a full queue of such messages would be all of the machine's memory.
            self._reject("size", f"a message of {len(message.payload)} bytes came from the broker: dropped")
            client.ack(message.mid, message.qos)
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        arrived = Message(
            topic, bytes(message.payload), message.mid, message.qos, message.retain, self._session, monotonic_seconds()
        )
        while not self._stopping.is_set():
            try:
                self._queue.put(arrived, timeout=_IDLE_SECONDS)
            except queue.Full:
                continue
            return

    # Called in the worker thread.

    def _work(self) -> None:
        while not self._stopping.is_set():
            batch = self._collect()
            if batch:
                self._take(batch)
                self._taken_at = None
            self._give_notice()
            self._subscribe_again()

    def _collect(self) -> list[Message]:
        try:
            batch = [self._queue.get(timeout=_IDLE_SECONDS)]
        except queue.Empty:
            return []
        self._taken_at = batch[0].arrived_at
        deadline = monotonic_seconds() + BATCH_WAIT_SECONDS
        while len(batch) < BATCH_BLOCKS_MAX:
            lull = min(BATCH_LULL_SECONDS, deadline - monotonic_seconds())
            if lull <= 0:
                break
            try:
                batch.append(self._queue.get(timeout=lull))
            except queue.Empty:
                break
        return batch

    def _take(self, batch: list[Message]) -> None:
        """Commit a batch, however long the world makes it wait, then send receipts, then acknowledge."""
        delay_seconds = RETRY_SECONDS[0]
        while not self._stopping.is_set():
            try:
                with self.counting.batch():
                    receipts = self._commit(batch)
            except StoreUnavailableError as error:
                self._say("store", f"{error}; nothing is acknowledged until it works again")
                self._stopping.wait(delay_seconds)
                delay_seconds = min(2 * delay_seconds, RETRY_SECONDS[1])
                continue
            for receipt in receipts:
                self._publish(receipt.device, Channel.RECEIPT, wire.seal_receipt(receipt, self._key))
            for message in batch:
                if message.session == self._session:
                    self._client.ack(message.mid, message.qos)
            return

    def _commit(self, batch: list[Message]) -> list[Receipt]:
        arrivals: list[Arrival] = []
        states: list[tuple[Topic, Message]] = []
        results: list[tuple[Topic, Message]] = []
        self.counters.messages += len(batch)
        for message in batch:
            try:
                topic = Topic.parse(message.topic)
            except TopicError as error:
                self._reject(message.topic, str(error))
                continue
            if topic.channel is Channel.BLOCK:
                arrivals.append(Arrival(topic.device, message.payload))
            elif topic.channel is Channel.STATE and message.payload:
                states.append((topic, message))
            elif topic.channel is Channel.RESULT:
                results.append((topic, message))
            else:
                # A state without bytes is how a broker is told to forget the one it kept.
                self.counting.count_messages("ignored")
        receipts = list(self._commit_blocks(arrivals).receipts) if arrivals else []
        for topic, message in states:
            receipt = self._commit_state(topic.device, message)
            if receipt is not None:
                receipts.append(receipt)
        for topic, message in results:
            self._commit_result(topic.device, message)
        return receipts

    def _commit_blocks(self, arrivals: list[Arrival]) -> Accepted:
        accepted = accept_blocks(self._database, arrivals, self._terms, self._now())
        strangers = accepted.results.get("unregistered", 0)
        self.counters.blocks += len(arrivals) - len(accepted.rejected)
        self.counting.count_messages("unregistered", strangers)
        self.counting.count_messages("taken", len(arrivals) - len(accepted.rejected) - strangers)
        self.counting.count_blocks(accepted.results, accepted.readings)
        for sentence in accepted.rejected:
            self._reject("block", sentence)
        for place in accepted.refused:
            self._refuse(place)
        return accepted

    def _commit_state(self, device: DeviceId, message: Message) -> Receipt | None:
        answer = answer_state(
            self._database,
            device,
            message.payload,
            terms=self._terms,
            now=self._now(),
            retained=message.retained,
        )
        self.counters.states += 1
        if answer.rejected:
            self._reject(message.topic, answer.rejected)
        else:
            self.counting.count_messages("taken" if answer.refused is None else "unregistered")
        if answer.refused is not None:
            self._refuse(answer.refused)
        return answer.receipt

    def _commit_result(self, device: DeviceId, message: Message) -> None:
        taken = take_result(self._database, device, message.payload, self._now())
        self.counters.results += taken.kept
        if taken.rejected:
            self._reject(message.topic, taken.rejected)
        else:
            self.counting.count_messages("taken")

    def _publish(self, device: DeviceId, channel: Channel, raw: bytes) -> None:
        if self._client.is_connected():
            self._client.publish(str(Topic(device, channel)), raw, qos=channel.qos)
            self.counters.receipts += channel is Channel.RECEIPT
            self.counting.count_receipts(channel is Channel.RECEIPT)
            self.counters.commands += channel is Channel.COMMAND

    def _give_notice(self) -> None:
        """Say now and then what nobody asked for; not without a session, for a command counts as sent then."""
        if monotonic_seconds() < self._notice_at or not self.connected:
            return
        self._notice_at = monotonic_seconds() + NOTICE_SECONDS
        try:
            for notice in self._notices.due(self._now()):
                self._publish(notice.device, notice.channel, notice.raw)
        except StoreUnavailableError as error:
            self._say("store", str(error))

    def _subscribe_again(self) -> None:
        """Ask a broker again that denied a subscription, once it is due."""
        due_at = self._subscribe_at
        if due_at is not None and monotonic_seconds() >= due_at:
            self._subscribe_at = None
            self._subscribe(self._client)

    def _refuse(self, place: tuple[DeviceId, Epoch]) -> None:
        name = format_device_id(place[0])
        self._say(
            name, f"device {name} is not registered: its blocks are not taken until `meter-hub device add` is run"
        )
        self._notices.refuse(place)

    def _reject(self, subject: str, sentence: str) -> None:
        self.counters.rejected += 1
        self.counting.count_messages("rejected")
        self._say(subject, sentence)

    def _say(self, subject: str, sentence: str) -> None:
        if self._sentences.is_due(subject, monotonic_seconds()):
            log.warning("%s", sentence)
