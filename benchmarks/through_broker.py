"""How fast a hub takes custody of what a broker brings: the real broker, the real `meter-hub serve`, real MQTT."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.made_fleet import MadeDevice, make_device, seal_hours
from benchmarks.taken import open_registered
from hub.keys import ensure_receipt_key
from protocol import wire
from protocol.custody.receiver import SafePolicy
from protocol.topics import Channel, Topic
from simulators.broker import start_broker
from simulators.ports import LOOPBACK

if TYPE_CHECKING:
    from protocol.cose import VerifyingKey
    from protocol.identity import DeviceId

OUTSTANDING_MAX = 512
"""Blocks offered and not yet receipted: fewer than a broker's default queue, so that it forgets none."""
_RECEIPT_SECONDS_MAX = 60.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Carried:
    """What went through the broker: how many blocks, in how many seconds from the first offer to the last receipt."""

    broker: str
    blocks: int
    seconds: float
    receipts: int

    @property
    def blocks_per_second(self) -> float:
        """How many blocks were offered, committed and receipted in a second."""
        return self.blocks / self.seconds


def measure_through_broker(folder: Path, devices: int, hours: int) -> Carried:
    """Return how fast a fleet's hourly blocks come from a broker to their signed receipts; works in `folder`."""
    fleet = [make_device(number) for number in range(devices)]
    waiting = deque(
        (device, raw)
        for blocks in zip(*(seal_hours(one, hours) for one in fleet), strict=True)
        for device, raw in zip(fleet, blocks, strict=True)
    )
    open_registered(folder / "hub", fleet).close()
    receipt_key = ensure_receipt_key(folder / "hub").public
    with start_broker("auto", 0, folder) as broker, _Hub(folder, broker.port):
        fleet_side = _FleetSide(broker.port, fleet, receipt_key)
        try:
            return fleet_side.offer_all(waiting, broker.kind)
        finally:
            fleet_side.close()


class _Hub:
    """`meter-hub serve`, as a program of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self._command = (
            *(sys.executable, "-m", "hub", "serve", "--data", str(folder / "hub"), "--json"),
            *("--broker", f"mqtt://{LOOPBACK}:{port}", "--listen", f"{LOOPBACK}:0", "--safe", SafePolicy.COMMIT.value),
        )

    def __enter__(self) -> Self:
        """Start it, and return when its pages answer."""
        self._process = subprocess.Popen(self._command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the hub ended at its start"
        return self

    def __exit__(self, *_error: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


class _FleetSide:
    """All devices behind one MQTT session: offers blocks, and counts what their receipts say is committed."""

    def __init__(self, port: int, fleet: list[MadeDevice], receipt_key: VerifyingKey) -> None:
        self._key = receipt_key
        self._committed: dict[DeviceId, int] = {device.id: 0 for device in fleet}
        self._receipts = 0
        self._heard = threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="fleet")
        self._client.max_inflight_messages_set(OUTSTANDING_MAX)
        self._client.on_message = self._on_receipt
        self._client.connect(LOOPBACK, port)
        self._client.subscribe([(str(Topic(device.id, Channel.RECEIPT)), 1) for device in fleet])
        self._client.loop_start()

    def offer_all(self, waiting: deque[tuple[MadeDevice, bytes]], kind: str) -> Carried:
        """Offer all blocks, never more than the limit ahead of their receipts, and wait for the last receipt."""
        offered, blocks = 0, len(waiting)
        self._offer_until_heard(waiting[0])
        started = time.perf_counter()
        with self._heard:
            while sum(self._committed.values()) < blocks:
                while waiting and offered - sum(self._committed.values()) < OUTSTANDING_MAX:
                    device, raw = waiting.popleft()
                    self._client.publish(str(Topic(device.id, Channel.BLOCK)), raw, qos=1)
                    offered += 1
                before = self._receipts
                self._heard.wait_for(lambda: self._receipts > before, timeout=_RECEIPT_SECONDS_MAX)  # noqa: B023 - now
                assert self._receipts > before, "no receipt came"
        return Carried(kind, blocks, time.perf_counter() - started, self._receipts)

    def close(self) -> None:
        """End the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def _offer_until_heard(self, first: tuple[MadeDevice, bytes]) -> None:
        """Offer the first block until its receipt proves that the hub hears the broker."""
        device, raw = first
        deadline = time.monotonic() + _RECEIPT_SECONDS_MAX
        with self._heard:
            while not self._receipts:
                assert time.monotonic() < deadline, "the hub does not hear the broker"
                self._client.publish(str(Topic(device.id, Channel.BLOCK)), raw, qos=1)
                self._heard.wait(0.2)

    def _on_receipt(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        receipt = wire.read_receipt(bytes(message.payload), self._key)
        with self._heard:
            self._receipts += 1
            self._committed[receipt.device] = max(self._committed[receipt.device], receipt.committed)
            self._heard.notify()
