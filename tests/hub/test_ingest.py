"""The hub's end of MQTT against a real broker: receipts after commits, for ever, whatever the broker does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hub import ingest as module
from hub.alerting.rules import Code, Severity
from hub.clock import monotonic_seconds, now_ms
from hub.config import Address
from hub.errors import StoreUnavailableError
from hub.ingest import MESSAGE_BYTES_MAX, Ingest
from hub.jobs import AlertJob
from hub.services.accept_blocks import Accepted, accept_blocks
from hub.services.register_device import register_device
from hub.store import alerts, custody
from protocol.messages import ReceiptCode
from protocol.topics import Channel
from tests.hub.making import TERMS, MadeDevice, fetch, made_log
from tests.hub.programs import HOST, HUB_KEY, StrictBroker, WireDevice, start_mosquitto, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hub.store.custody import SavedStream
    from hub.store.database import Database
    from simulators.broker import Broker

COUNTS = list(range(100, 180))
MOSQUITTO_INFLIGHT_MAX = 20
"""How many messages it sends before it waits for an acknowledgement (mosquitto.conf, `max_inflight_messages`)."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Return a running Mosquitto."""
    with start_mosquitto(tmp_path) as started:
        yield started


@pytest.fixture
def ingest(registered: Database, broker: Broker) -> Iterator[Ingest]:
    """Return an ingest that is connected."""
    made = Ingest(registered, HUB_KEY, Address(HOST, broker.port), TERMS, now_ms)
    made.start()
    wait_until(lambda: made.connected, "the ingest's session")
    yield made
    made.stop()


@pytest.fixture
def wired(broker: Broker, ingest: Ingest) -> Iterator[WireDevice]:
    """Return the registered device's session."""
    assert ingest.connected
    session = WireDevice(MadeDevice(), broker.port)
    yield session
    session.close()


def test_blocks_are_receipted_once_they_are_in_the_file(wired: WireDevice, registered: Database) -> None:
    """What a receipt names can be found in the database by anybody at that moment."""
    device = made_log(COUNTS)
    for raw in device.blocks:
        wired.publish(Channel.BLOCK, raw)
    committed = -1
    while committed < len(device.blocks) - 1:
        committed = wired.receipt().committed
        ((held,),) = fetch(registered, "SELECT max(seq) FROM block")
        assert isinstance(held, int)
        assert held >= committed
    ((readings,),) = fetch(registered, "SELECT count(*) FROM reading")
    assert readings == len(COUNTS)


def test_what_came_is_counted(wired: WireDevice, ingest: Ingest) -> None:
    """Blocks by what became of them, the readings in them, receipts and batches: as `/metrics` shows them."""
    device = made_log(COUNTS)
    for raw in device.blocks:
        wired.publish(Channel.BLOCK, raw)
    wired.receipt(lambda receipt: receipt.committed == len(device.blocks) - 1)
    wired.publish(Channel.BLOCK, device.blocks[0])
    wired.receipt()

    def counted(name: str, **labels: str) -> float:
        return ingest.counting.registry.get_sample_value(f"meterline_{name}", labels) or 0

    wait_until(lambda: counted("blocks_total", result="duplicate") >= 1, "the block that came twice")
    assert counted("blocks_total", result="new") == len(device.blocks)
    assert counted("readings_total", result="stored") == len(COUNTS)
    assert counted("ingest_messages_total", result="taken") >= len(device.blocks) + 1
    assert counted("receipts_total") >= 1
    assert counted("ingest_batch_seconds_count") >= 2


def test_a_hello_is_answered(wired: WireDevice) -> None:
    """The receipt to a state echoes its nonce."""
    wired.publish(Channel.STATE, MadeDevice().state(b"hi!!"), retain=True)
    assert wired.receipt().nonce == b"hi!!"


def test_noise_stops_nothing(wired: WireDevice, ingest: Ingest) -> None:
    """Bytes that mean nothing are counted and dropped; the next block is taken."""
    device = made_log(COUNTS)
    for channel in (Channel.BLOCK, Channel.STATE):
        wired.publish(channel, b"\xd2\x84 not a message")
    wired.publish(Channel.BLOCK, device.blocks[0])
    assert wired.receipt().committed == 0
    assert ingest.counters.rejected == 2


def test_a_message_longer_than_any_block_is_dropped_before_it_waits(wired: WireDevice, ingest: Ingest) -> None:
    """It takes no memory in the queue, and it does not hold up what comes after it."""
    for _ in range(MOSQUITTO_INFLIGHT_MAX + 1):
        wired.publish(Channel.BLOCK, bytes(MESSAGE_BYTES_MAX + 1))
    wired.publish(Channel.BLOCK, made_log(COUNTS).blocks[0])
    assert wired.receipt().committed == 0
    assert (ingest.counters.messages, ingest.counters.rejected) == (1, MOSQUITTO_INFLIGHT_MAX + 1)


def test_a_broker_that_denies_the_subscriptions_is_not_connected(
    registered: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can arrive, so the hub does not call itself ready; it says why, asks again, and is once it is allowed."""
    monkeypatch.setattr("hub.ingest.SUBSCRIBE_SECONDS", 0.1)
    broker = StrictBroker()
    ingest = Ingest(registered, HUB_KEY, Address(HOST, broker.port), TERMS, now_ms)
    ingest.start()
    try:
        wait_until(lambda: broker.asked > 1, "the second request")
        assert not ingest.connected
        assert [message for message in caplog.messages if "denies the hub 48 of its 48 subscriptions" in message]
        broker.allows = True
        wait_until(lambda: ingest.connected, "the subscriptions")
    finally:
        ingest.stop()
        broker.stop()


def test_a_stranger_is_refused_and_welcomed_once_registered(
    broker: Broker, ingest: Ingest, registered: Database
) -> None:
    """An operator registers a device that knocks, and it may send within a second or two."""
    assert ingest.connected
    stranger = MadeDevice(seed=2)
    session = WireDevice(stranger, broker.port)
    session.publish(Channel.STATE, stranger.state(b"knok", head=3))
    refusal = session.receipt()
    assert (refusal.code, refusal.window) == (ReceiptCode.UNKNOWN_KEY, 0)
    register_device(registered, stranger.pem, "", now_ms())
    welcome = session.receipt()
    assert (welcome.code, welcome.window > 0) == (ReceiptCode.OK, True)
    session.close()


def test_a_broker_that_comes_late_and_dies_is_heard_again(registered: Database, tmp_path: Path) -> None:
    """The hub starts without its broker, finds it, loses it, and finds it again."""
    broker = start_mosquitto(tmp_path)
    broker.kill()
    ingest = Ingest(registered, HUB_KEY, Address(HOST, broker.port), TERMS, now_ms)
    ingest.start()
    try:
        device = made_log(COUNTS)
        for seq in (0, 1):
            broker.start()
            wait_until(lambda: ingest.connected, "the broker to be found")
            session = WireDevice(device, broker.port)
            session.publish(Channel.BLOCK, device.blocks[seq])
            assert session.receipt().committed == seq
            session.close()
            broker.stop()
            wait_until(lambda: not ingest.connected, "the end of the session")
    finally:
        ingest.stop()
        broker.stop()


def test_a_database_that_refuses_is_asked_again(
    wired: WireDevice, registered: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing can be stored nothing is receipted; afterwards the same block is, without being sent again."""
    refusals: list[int] = []
    save = custody.save_streams

    def save_later(connection: object, streams: Sequence[SavedStream]) -> None:
        if len(refusals) < 2:
            refusals.append(len(streams))
            message = "the disk is full; free it"
            raise StoreUnavailableError(message)
        save(connection, streams)  # type: ignore[arg-type]

    monkeypatch.setattr(custody, "save_streams", save_later)
    wired.publish(Channel.BLOCK, made_log(COUNTS).blocks[0])
    assert wired.receipt().committed == 0
    assert len(refusals) == 2
    assert fetch(registered, "SELECT count(*) FROM block") == [(1,)]


@pytest.mark.parametrize("is_in_batch", [True, False])
def test_a_message_waits_as_long_as_it_is_not_committed(
    wired: WireDevice,
    ingest: Ingest,
    registered: Database,
    monkeypatch: pytest.MonkeyPatch,
    is_in_batch: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Also while the thread that commits hangs, in a batch or outside: an alert tells of it, until it goes on."""
    clock, ahead, stuck, go_on = monotonic_seconds, [0.0], threading.Event(), threading.Event()
    monkeypatch.setattr(module, "monotonic_seconds", lambda: clock() + ahead[0])
    assert ingest.lag_seconds == ingest.counting.lag_ms() == 0

    def hang(*_: object) -> tuple[()]:
        stuck.set()
        assert go_on.wait(30)
        return ()

    def hang_then_accept(*arguments: object) -> Accepted:
        hang()
        return accept_blocks(*arguments)  # type: ignore[arg-type]

    if is_in_batch:
        monkeypatch.setattr(module, "accept_blocks", hang_then_accept)
    else:
        monkeypatch.setattr(ingest._notices, "due", hang)
        assert stuck.wait(10)
    wired.publish(Channel.BLOCK, made_log(COUNTS).blocks[0])
    assert stuck.wait(10)
    wait_until(lambda: ingest.lag_seconds > 0, "the message")
    ahead[0] = 700.0
    assert (ingest.counting.registry.get_sample_value("meterline_ingest_lag_seconds") or 0) >= 700
    AlertJob(registered, ingest.counting, now_ms).run(lambda: False)
    assert lagging(registered) == [Severity.CRITICAL]
    go_on.set()
    assert wired.receipt().committed == 0
    wait_until(lambda: ingest.lag_seconds == 0, "the end of the batch")


def lagging(database: Database) -> list[Severity]:
    """Return how severe the open alerts of messages that wait are."""
    with database.read() as connection:
        found = [one.episode for one in alerts.list_open(connection)]
    return [one.severity for one in found if one.code is Code.HUB_INGEST_LAG]
