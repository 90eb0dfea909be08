"""The edge's half of custody over a real broker: only a receipt with the hub's signature lets go of anything."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import SystemClock
from edge.custody import Custodian, Desk, DeskTerms, SystemChance
from edge.journal import Author, Journal, open_journal
from edge.settings import BrokerSettings
from edge.uplink.mqtt import MqttUplink
from protocol import wire
from protocol.cose import SigningKey, VerifyingKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import derive_device_id, hash_block
from protocol.messages import Gap, GapCause, Receipt, ReceiptCode
from protocol.topics import Channel, Topic
from simulators.broker import Broker, start_broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from protocol.messages import State

DEVICE_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HUB_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
STRANGER_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
DEVICE = derive_device_id(DEVICE_KEY.spki)
WAIT_SECONDS = 20.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker on the loopback."""
    with start_broker("auto", 0, tmp_path) as running:
        yield running


class FakeHub:
    """Hears blocks and states; sends only the receipts that a test tells it to."""

    def __init__(self, port: int) -> None:
        self.blocks: list[bytes] = []
        self.states: list[State] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([(str(Topic(DEVICE, Channel.BLOCK)), 1), (str(Topic(DEVICE, Channel.STATE)), 1)])
        self._client.loop_start()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        raw = bytes(message.payload)
        if Topic.parse(message.topic).channel is Channel.BLOCK:
            self.blocks.append(raw)
        else:
            self.states.append(wire.read_state(raw)[0])

    def seqs(self) -> list[int]:
        """Return the numbers of the blocks that did arrive, in order."""
        return [wire.read_block(raw)[0].seq for raw in self.blocks]

    def answer(
        self,
        committed: int,
        *,
        safe: int = -1,
        window: int = 16,
        code: ReceiptCode = ReceiptCode.OK,
        key: SigningKey = HUB_KEY,
    ) -> None:
        """Send a receipt."""
        block, _ = wire.read_block(self.blocks[0])
        hashes = {wire.read_block(raw)[0].seq: hash_block(raw) for raw in self.blocks}
        receipt = Receipt(
            device=DEVICE,
            epoch=block.epoch,
            committed=committed,
            safe=safe,
            committed_hash=hashes[committed][:16] if committed >= 0 else b"",
            selective=(),
            window=window,
            pace_ms=0,
            nonce=self.states[-1].nonce,
            hub_at=1,
            code=code,
        )
        self._client.publish(str(Topic(DEVICE, Channel.RECEIPT)), wire.seal_receipt(receipt, key), qos=1)

    def say(self, topic: str, raw: bytes) -> None:
        """Send anything to anyone."""
        self._client.publish(topic, raw, qos=1)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Scene:
    """A running custodian, its journal, and the hub it talks to."""

    custodian: Custodian
    journal: Journal
    hub: FakeHub
    clock: SystemClock
    task: asyncio.Task[None]

    async def end(self) -> None:
        """End the custodian as the agent does."""
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=WAIT_SECONDS)

    def seal_one(self) -> None:
        """Seal one more block."""
        self.journal.state(Gap(1, 0, 1, GapCause.OPERATOR))
        seq = self.journal.seal(self.clock.now())
        assert seq is not None
        self.custodian.sealed(seq)

    def committed(self) -> int:
        """Return what the journal knows durably."""
        return self.journal.sender(RetryPolicy()).committed


@asynccontextmanager
async def playing(
    folder: Path, broker: Broker, *, resend_ms: int = 60_000, hello_ms: int = 600_000
) -> AsyncIterator[Scene]:
    """Run a custodian against a fake hub."""
    clock = SystemClock()
    author = Author(DEVICE, DEVICE_KEY, "0.0.test")
    journal = open_journal(folder / "journal.db", author, clock.boot_id, clock.now(), lambda size: bytes(range(size)))
    terms = DeskTerms(
        hub_key=VerifyingKey.from_spki(HUB_KEY.spki),
        retry=RetryPolicy(base_ms=resend_ms, max_ms=resend_ms, refused_ms=resend_ms, hello_ms=hello_ms),
        retention_ms=400 * 86_400_000,
    )
    hub = FakeHub(broker.port)
    desk = Desk(journal, author, terms, SystemChance(), clock.kernel_boot_id)
    custodian = Custodian(desk, BrokerSettings(host="127.0.0.1", port=broker.port), DEVICE, clock)
    task = asyncio.create_task(custodian.run())
    scene = Scene(custodian, journal, hub, clock, task)
    try:
        yield scene
    finally:
        await scene.end()
        scene.hub.close()
        journal.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait, bounded, for something to become true."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def test_window_receipt_and_release(tmp_path: Path, broker: Broker) -> None:
    """One block goes out until the first receipt; then as many as the window allows; the hub's word is durable."""
    async with playing(tmp_path, broker) as scene:
        for _ in range(4):
            scene.seal_one()
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        assert scene.hub.seqs() == [0]
        assert scene.hub.states[-1].head == 4
        assert not scene.custodian.settled.is_set()
        scene.hub.answer(0, window=3)
        await until(lambda: len(scene.hub.blocks) == 4)
        assert scene.hub.seqs() == [0, 1, 2, 3]
        scene.hub.answer(3)
        await until(lambda: len(scene.hub.blocks) == 5)
        scene.hub.answer(4, safe=4)
        await until(scene.custodian.settled.is_set)
        assert scene.committed() == 4


async def test_an_unsigned_word_lets_go_of_nothing(tmp_path: Path, broker: Broker) -> None:
    """A receipt that our hub did not sign is ignored: a broker cannot license deletion."""
    async with playing(tmp_path, broker) as scene:
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        scene.hub.answer(0, key=STRANGER_KEY, safe=0)
        await asyncio.sleep(0.3)
        assert scene.committed() == -1
        scene.hub.answer(0)
        await until(lambda: scene.committed() == 0)


async def test_silence_is_answered_by_offering_again(tmp_path: Path, broker: Broker) -> None:
    """A block that no receipt names is offered again and again, the same bytes each time."""
    async with playing(tmp_path, broker, resend_ms=100) as scene:
        await until(lambda: len(scene.hub.blocks) >= 3)
        assert set(scene.hub.seqs()) == {0}
        assert len(set(scene.hub.blocks)) == 1


async def test_a_device_that_the_hub_does_not_know_keeps_everything(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal ends offering, says what to do, and loses nothing; when the hub knows us, all of it goes out."""
    async with playing(tmp_path, broker, resend_ms=300) as scene:
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        scene.hub.answer(-1, code=ReceiptCode.UNKNOWN_KEY, window=0)
        await until(lambda: "meter-hub device add" in caplog.text)
        scene.seal_one()
        scene.hub.answer(0)
        await until(lambda: 1 in scene.hub.seqs())
        scene.hub.answer(1)
        await until(scene.custodian.settled.is_set)


async def test_a_proper_end_is_said_in_the_words_of_the_session(tmp_path: Path, broker: Broker) -> None:
    """A refreshed hello names its session, and the last word of that session is its death."""
    async with playing(tmp_path, broker, hello_ms=300) as scene:
        await until(lambda: len(scene.hub.states) >= 2)
        states = scene.hub.states
        await scene.end()
        await until(lambda: not states[-1].online)
    first, second, *_, death = states
    assert second.session == first.nonce
    assert second.nonce != first.nonce
    assert death.nonce == first.nonce


async def test_a_broker_that_dies_and_comes_back(tmp_path: Path, broker: Broker) -> None:
    """After a broker's sudden death the session, the hello and the offers come back by themselves."""
    async with playing(tmp_path, broker, resend_ms=200) as scene:
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        broker.kill()
        scene.seal_one()
        broker.restart()
        scene.hub.close()
        scene.hub = FakeHub(broker.port)
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        scene.hub.answer(0)
        await until(lambda: 1 in scene.hub.seqs())


async def test_a_fault_in_the_network_thread_ends_the_custodian(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custodian whose session cannot be begun does not go on as if it had one: its owner hears of it."""

    def fail(_self: Desk) -> None:
        message = "no session today"
        raise RuntimeError(message)

    monkeypatch.setattr(Desk, "begin_session", fail)
    async with playing(tmp_path, broker) as scene:
        await until(scene.task.done)
        assert isinstance(scene.task.exception(), RuntimeError)


async def test_what_is_not_for_us_is_dropped(tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that sends a foreign topic, or bytes that are no receipt, disturbs nothing."""
    async with playing(tmp_path, broker) as scene:
        await until(lambda: bool(scene.hub.blocks and scene.hub.states))
        scene.hub.say(str(Topic(DEVICE, Channel.RECEIPT)), b"no receipt")
        assert isinstance(scene.custodian._uplink, MqttUplink)
        scene.custodian._uplink._client.subscribe("elsewhere")
        await asyncio.sleep(0.1)
        scene.hub.say("elsewhere", b"hello")
        await until(lambda: "not for us" in caplog.text and "was ignored" in caplog.text)
        scene.hub.answer(0)
        await until(scene.custodian.settled.is_set)


async def test_a_broker_that_is_not_there_is_named_once(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is one sentence with the broker's address, not one per attempt."""
    async with playing(tmp_path, broker) as scene:
        await until(lambda: bool(scene.hub.blocks))
        broker.kill()
        await until(lambda: "does not answer" in caplog.text)
        await asyncio.sleep(2.5)
    assert caplog.text.count(f"the broker 127.0.0.1:{broker.port} does not answer") == 1
