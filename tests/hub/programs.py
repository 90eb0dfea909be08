"""Real programs for tests of the hub: a broker, and a client that plays a device on the wire."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from protocol import wire
from protocol.topics import Channel, Topic, device_subscriptions
from simulators.broker import Broker, find_mosquitto, start_broker
from tests.hub.making import make_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from protocol.commands import Command
    from protocol.messages import Receipt
    from tests.hub.making import MadeDevice

HOST = "127.0.0.1"
WAIT_SECONDS = 20.0
HUB_KEY = make_key(1000)
COMMAND_KEY = make_key(1001)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when `condition` holds; fails naming `what` after a bounded time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {WAIT_SECONDS:.0f} s in vain for {what}")
        time.sleep(0.02)


def start_mosquitto(folder: Path) -> Broker:
    """Return a running Mosquitto on a free port; the test is skipped where it is not installed."""
    if find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: the hub's ingest is not tested against a real broker")
    return start_broker("mosquitto", 0, folder)


class StrictBroker:
    """As much of an MQTT 3.1.1 broker as a hub needs to be denied its subscriptions; `allows` may change at any time.

    Mosquitto's own access rules let any subscription through and withhold the messages instead.
    """

    def __init__(self) -> None:
        self.allows = False
        self.asked = 0
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def stop(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _serve(self) -> None:
        session, _ = self._listener.accept()
        with session, session.makefile("rb") as stream:
            while head := stream.read(1):
                body = stream.read(self._length(stream))
                match head[0] >> 4:
                    case 1:
                        session.sendall(b"\x20\x02\x00\x00")
                    case 8:
                        self.asked += 1
                        codes = bytes([1 if self.allows else 128] * self._topics(body))
                        session.sendall(bytes([0x90, 2 + len(codes)]) + body[:2] + codes)
                    case 12:
                        session.sendall(b"\xd0\x00")

    @staticmethod
    def _length(stream: BinaryIO) -> int:
        length, shift = 0, 0
        while (byte := stream.read(1)[0]) & 128:
            length, shift = length | (byte & 127) << shift, shift + 7
        return length | byte << shift

    @staticmethod
    def _topics(body: bytes) -> int:
        place, number = 2, 0
        while place < len(body):
            place += 3 + int.from_bytes(body[place : place + 2])
            number += 1
        return number


class WireDevice:
    """A device's MQTT session: publishes what it is given and collects the receipts and commands."""

    def __init__(self, device: MadeDevice, port: int) -> None:
        self._device = device
        self._receipts: queue.Queue[Receipt] = queue.Queue()
        self._commands: queue.Queue[Command] = queue.Queue()
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=device.text)
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect(HOST, port)
        self._client.loop_start()
        for topic in device_subscriptions(device.id):
            self._client.subscribe(topic, qos=1)
        wait_until(lambda: self._subscribed, "the subscription of the device")

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the broker's acknowledgement."""
        topic = Topic(self._device.id, channel)
        self._client.publish(str(topic), raw, qos=1, retain=retain).wait_for_publish(WAIT_SECONDS)

    def receipt(self, where: Callable[[Receipt], bool] = lambda _receipt: True) -> Receipt:
        """Return the next receipt that is as wanted, passing over others; fails after a bounded time."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                receipt = self._receipts.get(timeout=remaining)
            except queue.Empty:
                break
            if where(receipt):
                return receipt
        pytest.fail("no such receipt came")

    def command(self) -> Command:
        """Return the next command; fails after a bounded time."""
        try:
            return self._commands.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            pytest.fail("no command came")

    def close(self) -> None:
        """End the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_arguments: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic == str(Topic(self._device.id, Channel.RECEIPT)):
            self._receipts.put(wire.read_receipt(bytes(message.payload), HUB_KEY.public))
        if message.topic == str(Topic(self._device.id, Channel.COMMAND)):
            self._commands.put(wire.read_command(bytes(message.payload), COMMAND_KEY.public))
