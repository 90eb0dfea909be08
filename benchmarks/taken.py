"""How fast a hub takes custody, beside its own parts: the signature check alone, and the SQLite insert alone.

All three go over the same blocks in the same run, in turns, batch by batch: what else the machine does slows all alike.
"""

from __future__ import annotations

import gc
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.made_fleet import POLLS_PER_HOUR, REGISTERS_PER_METER, START_AT, MadeDevice, make_device, seal_hours
from hub.serve import calm_collector
from hub.services.accept_blocks import Arrival, Terms, accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from protocol import cose, wire
from protocol.cose import Kind
from protocol.custody.receiver import SafePolicy
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hub.store.database import Database
    from protocol.cose import SigningKey
    from protocol.messages import Receipt

TERMS = Terms(safe=SafePolicy.COMMIT, window=16, window_backfill=64, pace_ms=0, timeline=b"timeline")
WARM_BATCHES = 2
YEAR_MS = 366 * 86_400_000
"""Every block is received a year later: nothing in it is dated ahead of its receipt."""
READINGS_PER_BLOCK = POLLS_PER_HOUR * REGISTERS_PER_METER


@dataclass(frozen=True, slots=True)
class Load:
    """What arrives at the hub: batches of blocks, in the order in which they come."""

    name: str
    devices: tuple[MadeDevice, ...]
    batches: tuple[tuple[Arrival, ...], ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one block costs on average, in µs of wall time.

    `take` is from its bytes to committed, with the signed receipts of its batch; `verify` bare Ed25519 over bytes at
    hand; `check` from the block's bytes: open the envelope, build what was signed, verify; `insert` bare sqlite3.
    """

    name: str
    blocks: int
    take: float
    verify: float
    check: float
    insert: float

    @property
    def blocks_per_second(self) -> float:
        """How many hourly blocks are taken in a second."""
        return 1e6 / self.take

    def ratios(self) -> dict[str, float]:
        """Return how fast the hub is compared with its parts; 1 is as fast.

        `to_both` compares with bare Ed25519 and bare sqlite3, one after the other.
        """
        return {
            "to_verify": round(self.verify / self.take, 3),
            "to_check": round(self.check / self.take, 3),
            "to_insert": round(self.insert / self.take, 3),
            "to_both": round((self.verify + self.insert) / self.take, 3),
        }


def make_fleet(devices: int, hours: int, batch: int) -> Load:
    """Return a fleet of which every device sends its hourly block, hour by hour."""
    fleet = tuple(make_device(number) for number in range(devices))
    sealed = [list(seal_hours(device, hours)) for device in fleet]
    arrivals = [Arrival(device.id, blocks[hour]) for hour in range(hours) for device, blocks in _pairs(fleet, sealed)]
    return Load(f"{devices} devices, batches of {batch}", fleet, _batches(arrivals, batch))


def make_backlog(hours: int, batch: int) -> Load:
    """Return one device that sends what it kept over so many hours."""
    device = make_device(0)
    arrivals = [Arrival(device.id, raw) for raw in seal_hours(device, hours)]
    return Load(f"1 device's backlog, batches of {batch}", (device,), _batches(arrivals, batch))


def _pairs(
    fleet: Sequence[MadeDevice], sealed: Sequence[Sequence[bytes]]
) -> Iterator[tuple[MadeDevice, Sequence[bytes]]]:
    return zip(fleet, sealed, strict=True)


def _batches(arrivals: Sequence[Arrival], size: int) -> tuple[tuple[Arrival, ...], ...]:
    return tuple(tuple(arrivals[start : start + size]) for start in range(0, len(arrivals), size))


def open_registered(folder: Path, devices: Sequence[MadeDevice]) -> Database:
    """Return a hub's database that knows these devices, their systems and their meters, and holds their genesis."""
    database = open_hub(folder, new_timeline=TERMS.timeline, at=START_AT)
    for device in devices:
        name = format_device_id(device.id)
        system = f"SLF-BM{device.number:04d}-00001"
        register_device(database, device.key.public.to_pem(), "", START_AT)
        register_system(database, system, "", "75", START_AT)
        for meter in device.meters:
            register_meter(database, MeterRequest(system, name, meter.serial), START_AT)
    accept_blocks(database, [Arrival(device.id, device.sealed[0]) for device in devices], TERMS, START_AT)
    return database


def measure(load: Load, folder: Path, receipt_key: SigningKey) -> Taken:
    """Return what this load costs a hub whose database is made in `folder`."""
    database = open_registered(folder / "hub", load.devices)
    bare = _BareInsert(folder / "bare.db", database)
    keys = {device.id: device.key.public for device in load.devices}
    seconds = {"take": 0.0, "verify": 0.0, "check": 0.0, "insert": 0.0}
    for batch in load.batches[:WARM_BATCHES]:
        _take(database, batch, receipt_key)
    bare.insert_next()
    calm_collector()
    blocks = 0
    for batch in load.batches[WARM_BATCHES:]:
        blocks += len(batch)
        opened = [(cose.open_envelope(arrival.raw), keys[arrival.device]) for arrival in batch]
        signed = [cose.signed_bytes(Kind.BLOCK, envelope.protected, envelope.payload) for envelope, _ in opened]
        started = time.perf_counter()
        for (envelope, key), message in zip(opened, signed, strict=True):
            assert key.verifies(envelope.signature, message)
        seconds["verify"] += time.perf_counter() - started
        started = time.perf_counter()
        for arrival in batch:
            assert cose.open_envelope(arrival.raw).verified_by(Kind.BLOCK, keys[arrival.device])
        seconds["check"] += time.perf_counter() - started
        started = time.perf_counter()
        _take(database, batch, receipt_key)
        seconds["take"] += time.perf_counter() - started
        seconds["insert"] += bare.insert_next()
    gc.unfreeze()
    _check_all_taken(database, load)
    bare.close()
    database.close()
    return Taken(load.name, blocks, **{name: 1e6 * spent / blocks for name, spent in seconds.items()})


def _take(database: Database, batch: Sequence[Arrival], key: SigningKey) -> list[bytes]:
    receipts: tuple[Receipt, ...] = accept_blocks(database, batch, TERMS, START_AT + YEAR_MS).receipts
    return [wire.seal_receipt(receipt, key) for receipt in receipts]


def _check_all_taken(database: Database, load: Load) -> None:
    blocks = sum(len(batch) for batch in load.batches)
    with database.read() as connection:
        (readings,) = connection.exec_driver_sql("SELECT count(*) FROM reading").one()
    assert readings == READINGS_PER_BLOCK * blocks, (readings, blocks)


class _BareInsert:
    """The rows that the hub has just stored, inserted again by sqlite3 alone into an empty copy of its tables."""

    def __init__(self, path: Path, hub: Database) -> None:
        self._hub = sqlite3.connect(hub.path)
        self._copy = sqlite3.connect(path, isolation_level=None)
        self._copy.execute("PRAGMA journal_mode=WAL")
        self._copy.execute("PRAGMA synchronous=FULL")
        wanted = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN ('block', 'reading')"
        for (statement,) in self._hub.execute(wanted).fetchall():
            self._copy.execute(statement)
        self._after = 0

    def insert_next(self) -> float:
        """Insert what the hub stored since the last call, in one transaction; return how many seconds that took."""
        query = "SELECT rowid, * FROM block WHERE rowid > ? ORDER BY rowid"
        numbered = self._hub.execute(query, (self._after,)).fetchall()
        self._after = numbered[-1][0]
        blocks = [row[1:] for row in numbered]
        readings = [
            row
            for stream, first, last in _spans(blocks)
            for row in self._hub.execute(
                "SELECT * FROM reading WHERE stream_id = ? AND seq BETWEEN ? AND ?", (stream, first, last)
            )
        ]
        started = time.perf_counter()
        self._copy.execute("BEGIN IMMEDIATE")
        self._copy.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", blocks)
        self._copy.executemany("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", readings)
        self._copy.execute("COMMIT")
        return time.perf_counter() - started

    def close(self) -> None:
        """Close both databases."""
        self._hub.close()
        self._copy.close()


def _spans(blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return the first and last seq of each stream among rows of blocks."""
    spans: dict[int, tuple[int, int]] = {}
    for stream, seq, *_ in blocks:
        first, last = spans.get(stream, (seq, seq))
        spans[stream] = min(first, seq), max(last, seq)
    return [(stream, first, last) for stream, (first, last) in spans.items()]
