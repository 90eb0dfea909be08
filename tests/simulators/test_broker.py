"""Properties of the brokers the simulation starts: what custody needs of MQTT works on each of them."""

from __future__ import annotations

import queue
import re
import socket
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators import broker as broker_module
from simulators.broker import Broker, BrokerChoice, find_mosquitto, start_broker
from simulators.errors import BrokerError
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

WAIT_SECONDS = 15.0
LARGE = bytes(range(256)) * 256

Letters = queue.Queue[tuple[str, bytes, int]]


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Run each kind of broker."""
    choice: BrokerChoice = request.param
    if choice == "mosquitto" and find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: install the package mosquitto to test it")
    with start_broker(choice, 0, tmp_path) as running:
        assert running.kind == choice
        yield running


@contextmanager
def connected(broker: Broker, client: Client) -> Iterator[Client]:
    """Connect a client for a while."""
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def new_client(name: str) -> Client:
    """Return a client with a clean session."""
    return Client(CallbackAPIVersion.VERSION2, client_id=name)


def subscribe(client: Client, pattern: str) -> Letters:
    """Return the queue that messages on this pattern arrive in, once the broker has granted QoS 1."""
    letters: Letters = queue.Queue()
    granted: queue.Queue[int] = queue.Queue()

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        letters.put((message.topic, bytes(message.payload), message.qos))

    def on_subscribe(
        _client: Client, _userdata: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        granted.put(codes[0].value)

    client.on_message = on_message
    client.on_subscribe = on_subscribe
    client.subscribe(pattern, qos=1)
    assert granted.get(timeout=WAIT_SECONDS) == 1
    return letters


def publish(client: Client, topic: str, content: bytes, *, retain: bool = False) -> None:
    """Publish at QoS 1 and wait for the broker's word."""
    handed_over = client.publish(topic, content, qos=1, retain=retain)
    handed_over.wait_for_publish(WAIT_SECONDS)
    assert handed_over.is_published()


def receive_qos1(letters: Letters, topic: str) -> bytes:
    """Return the next content of a topic that came at QoS 1; a broker may send duplicates at QoS 0."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (remaining := deadline - time.monotonic()) > 0:
        arrived, content, qos = letters.get(timeout=remaining)
        if arrived == topic and qos == 1:
            return content
    pytest.fail(f"nothing arrived on {topic}")


def test_messages_arrive_at_qos_1_whatever_their_size(broker: Broker) -> None:
    """An acknowledged message reaches the subscriber, in order, also one of 64 KiB."""
    with connected(broker, new_client("hub")) as hub, connected(broker, new_client("edge")) as edge:
        letters = subscribe(hub, "blocks/#")
        contents = [b"first", LARGE, b"", b"last"]
        for content in contents:
            publish(edge, "blocks/a", content)
        assert [receive_qos1(letters, "blocks/a") for _ in contents] == contents


def test_retained_messages_wait_for_subscribers(broker: Broker) -> None:
    """Who subscribes later gets the newest retained message of a topic."""
    with connected(broker, new_client("edge")) as edge:
        publish(edge, "state/a", b"old", retain=True)
        publish(edge, "state/a", b"new", retain=True)
    with connected(broker, new_client("hub")) as hub:
        assert receive_qos1(subscribe(hub, "state/+"), "state/a") == b"new"


def test_a_will_is_published_when_its_client_dies(broker: Broker) -> None:
    """A client whose connection breaks is announced by its will, also to those who subscribe later."""
    edge = new_client("edge")
    edge.will_set("state/a", b"died", qos=1, retain=True)
    with connected(broker, new_client("hub")) as hub:
        letters = subscribe(hub, "state/+")
        edge.connect("127.0.0.1", broker.port)
        edge.loop_start()
        publish(edge, "blocks/a", b"alive")
        edge.loop_stop()
        connection = edge.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)
        assert receive_qos1(letters, "state/a") == b"died"
        edge.loop_misc()
    with connected(broker, new_client("late")) as late:
        assert receive_qos1(subscribe(late, "state/+"), "state/a") == b"died"


def test_a_killed_broker_comes_back_on_its_port(broker: Broker) -> None:
    """After a kill, and after a restart, clients find the broker where it was."""
    port = broker.port
    broker.kill()
    assert not broker.is_running
    with pytest.raises(ConnectionRefusedError):
        new_client("edge").connect("127.0.0.1", port)
    broker.start()
    broker.restart()
    assert broker.is_running
    assert broker.port == port
    with connected(broker, new_client("edge")) as edge:
        publish(edge, "blocks/a", b"again")
    broker.stop()
    broker.stop()
    assert not broker.is_running


def test_auto_takes_mosquitto_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice "auto" means the embedded broker only where Mosquitto is missing."""
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    with start_broker("auto", 0, tmp_path) as running:
        assert running.kind == "embedded"
    with pytest.raises(BrokerError, match="Mosquitto is not installed; install the package mosquitto or choose"):
        start_broker("mosquitto", 0, tmp_path)


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A broker never starts beside another program on its port, whose answers would be taken for its own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} of 127.0.0.1 is taken"):
            start_broker("embedded", port, tmp_path)


def test_a_broker_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    """A program that dies at its start is named with its exit code and its log, and is not left behind."""
    log = tmp_path / "broker.log"
    failing = Broker("embedded", free_port(), (sys.executable, "-c", "raise SystemExit(3)"), log)
    with pytest.raises(BrokerError, match=re.escape(f"ended with code 3 at its start; see {log}")):
        failing.start()
    assert not failing.is_running
