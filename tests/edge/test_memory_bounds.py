"""What the edge holds in memory under a long outage with a flapping link does not depend on how long it lasts."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING

from edge.custody import Desk, DeskTerms, Moment
from edge.journal import Journal, open_journal
from edge.settings import BrokerSettings
from edge.uplink import Connected, Session, mqtt
from protocol import wire
from protocol.custody.sender import RetryPolicy
from protocol.messages import Receipt
from protocol.topics import Channel
from tests.edge.making import AUTHOR, BOOT, MINUTE_MS, drawing, good, instant
from tests.protocol.strategies import HUB_KEY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HOURS_A_DAY = 24
RECONNECTS = 1500
WINDOW = 16
POLICY = RetryPolicy(base_ms=30_000, max_ms=900_000)
OUTAGE_BYTES_A_YEAR_MAX = 40_000_000


class Lot:
    """Chance that never repeats itself."""

    def __init__(self) -> None:
        self.draw = drawing()

    def jitter(self) -> float:
        """Return nothing to take off."""
        return 0.0


def journal_of(folder: Path, days: int, meters: int = 1) -> Journal:
    """Return a journal that holds an hourly block of four polls a meter for so many days, none of them acknowledged."""
    folder.mkdir()
    journal = open_journal(folder / "journal.db", AUTHOR, BOOT, instant(0), os.urandom)
    # What is measured is memory: nothing here has to survive a power cut.
    journal.db.execute("pragma synchronous = off")
    for hour in range(days * HOURS_A_DAY):
        for quarter in range(4):
            minute = hour * 60 + quarter * 15
            outcomes = [good(meter, minute, minute) for meter in range(1, meters + 1)]
            journal.record(instant(minute).wall_ms, outcomes, 15 * MINUTE_MS)
        journal.seal(instant(hour * 60 + 45))
    return journal


def flap(journal: Journal) -> tuple[int, int]:
    """Connect again and again to a hub that answers at most a hello; return the most bytes held, and said at once."""
    terms = DeskTerms(hub_key=HUB_KEY.public, command_key=None, retry=POLICY, retention_ms=0)
    desk = Desk(journal, AUTHOR, terms, Lot(), bytes(16))
    most_said = steady_ms = 0
    tracemalloc.start()
    try:
        for reconnect in range(RECONNECTS):
            steady_ms += 61_000
            moment = Moment(steady_ms, instant(steady_ms // MINUTE_MS))
            session = desk.begin_session()
            said = desk.connected(session.nonce, moment)
            if reconnect % 2:
                said += desk.heard(Channel.RECEIPT, welcome(journal, session.nonce), moment)
            said += desk.speak(moment)
            assert len(desk.sender.in_flight) <= WINDOW
            most_said = max(most_said, sum(len(message.raw) for message in said))
            desk.disconnected()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, most_said


def welcome(journal: Journal, nonce: bytes) -> bytes:
    """Return a receipt of a hub that has nothing yet and opens its window."""
    receipt = Receipt(
        device=AUTHOR.device,
        epoch=journal.epoch,
        committed=-1,
        safe=-1,
        committed_hash=b"",
        selective=(),
        window=WINDOW,
        pace_ms=0,
        nonce=nonce,
        hub_at=0,
    )
    return wire.seal_receipt(receipt, HUB_KEY)


def test_custody_holds_no_more_after_a_month_than_after_a_day(tmp_path: Path) -> None:
    """With thirty times the backlog and a link that flaps 1500 times, the most that is held is the same to a tenth."""
    peaks = {}
    for days in (1, 30):
        with closing(journal_of(tmp_path / str(days), days)) as journal:
            peaks[days], most_said = flap(journal)
        assert most_said < (WINDOW + 2) * wire.BLOCK_BYTES_MAX // 16
    assert peaks[30] < 1.1 * peaks[1] + 50_000, peaks
    assert peaks[30] < 2_000_000, peaks


def test_a_year_without_a_hub_fits_any_card(tmp_path: Path) -> None:
    """Eight meters that nobody acknowledges grow the journal by less than 40 MB a year: a gigabyte holds 25 years."""
    sizes = []
    for days in (1, 6):
        with closing(journal_of(tmp_path / str(days), days, meters=8)) as journal:
            journal.db.execute("pragma wal_checkpoint(truncate)")
            sizes.append((tmp_path / str(days) / "journal.db").stat().st_size)
    assert (sizes[1] - sizes[0]) // 5 * 365 < OUTAGE_BYTES_A_YEAR_MAX, sizes


class FlappingBroker:
    """Lets everybody in, acknowledges nothing, and hangs up after the first message. Remembers those messages."""

    def __init__(self) -> None:
        self.first_said: list[bytes] = []
        self.enough = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while (packet := await read_packet(reader)) is not None:
                kind, body = packet
                if kind == 1:
                    writer.write(b"\x20\x02\0\0")
                elif kind == 3:
                    self.first_said.append(body[2 + int.from_bytes(body[:2], "big") + 2 :])
                    break
        finally:
            writer.close()
        if len(self.first_said) >= 20:
            self.enough.set()


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes] | None:
    """Return the type and the rest of an MQTT packet (MQTT 3.1.1, clause 2.2), None at the end."""
    try:
        (head,) = await reader.readexactly(1)
        length = shift = 0
        while True:
            (octet,) = await reader.readexactly(1)
            length |= (octet & 0x7F) << shift
            shift += 7
            if not octet & 0x80:
                return head >> 4, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def test_a_flapping_broker_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not got rid of in one session is not kept for the next, whose first word is its own hello."""
    monkeypatch.setattr(mqtt, "RECONNECT_SECONDS_MIN", 0.01)
    monkeypatch.setattr(mqtt, "RECONNECT_SECONDS_MAX", 0.02)
    broker = FlappingBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    draw = drawing()
    settings = BrokerSettings(host="127.0.0.1", port=port, keep_alive_seconds=60)
    begun: list[bytes] = []

    def begin() -> Session:
        begun.append(draw(4))
        return Session(begun[-1], b"death of " + begun[-1])

    queued = 0
    async with mqtt.MqttUplink(settings, AUTHOR.device, begin) as uplink, asyncio.timeout(60):
        while not broker.enough.is_set():
            event = await uplink.events.get()
            if isinstance(event, Connected):
                uplink.publish(Channel.STATE, b"hello of " + event.nonce)
                for _ in range(50):
                    uplink.publish(Channel.BLOCK, bytes(1000))
            queued = max(queued, len(uplink._client._out_messages))
    server.close()
    hellos = [said for said in broker.first_said if said.startswith(b"hello of ")]
    assert len(hellos) == len(set(hellos)) == len(broker.first_said), "each session begins with its own hello"
    assert queued <= 51
