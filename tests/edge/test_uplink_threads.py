"""Who touches the connection to the broker: one thread only, because a TLS session bears no second one."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from paho.mqtt.client import Client

from edge.settings import BrokerSettings
from edge.uplink import Arrived, Connected, Session
from edge.uplink.mqtt import MqttUplink
from protocol.identity import DeviceId
from protocol.topics import Channel, Topic
from simulators.broker import start_broker

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DEVICE = DeviceId(bytes(range(10)))
MESSAGES = 50


async def test_only_the_carriers_thread_writes_to_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much the agent's loop publishes, and when it leaves, every byte is written by paho's own thread."""
    writers = set()
    true_write = Client.loop_write

    def loop_write(client: Client) -> object:
        writers.add(threading.get_ident())
        return true_write(client)

    monkeypatch.setattr(Client, "loop_write", loop_write)
    with start_broker("auto", 0, tmp_path) as broker:
        settings = BrokerSettings(host="127.0.0.1", port=broker.port)
        async with asyncio.timeout(30), MqttUplink(settings, DEVICE, lambda: Session(b"nonce", b"death")) as uplink:
            while not isinstance(await uplink.events.get(), Connected):
                pass
            # To itself, as if it were the hub: what arrives has been written.
            uplink._client.subscribe(str(Topic(DEVICE, Channel.BLOCK)), 1)
            for number in range(MESSAGES):
                uplink.publish(Channel.BLOCK, bytes([number]))
            arrived: set[bytes] = set()
            while len(arrived) < MESSAGES:
                event = await uplink.events.get()
                if isinstance(event, Arrived):
                    arrived.add(event.raw)
    assert len(writers) == 1
    assert threading.get_ident() not in writers
