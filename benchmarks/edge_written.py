"""How much the edge's journal writes in a day, in bytes handed to write(2): part of `make bench-edge`.

A day of 8 meters with two registers each at 15 minutes, sealed, acknowledged and let go of every hour, in simulated
time over a real journal file. The kernel counts the bytes (`wchar` in proc_pid_io(5)), so the figure is the same on
every machine and file system; the pages that a file system writes for itself are not in it. Minute polling for health
writes nothing.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.journal import Author, open_journal
from edge.metering.outcome import PollOutcome, Taken
from edge.metering.schedule import HOUR_MS
from protocol import wire
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.fields import SHORT_HASH_LENGTH
from protocol.identity import BootId, derive_device_id
from protocol.messages import Instant, MeterDescriptor, Receipt, Register, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.journal import Journal

METERS = 8
QUARTER_MS = 900_000
DAY_MS = 86_400_000
WARM_UP_DAYS = 2
"""After them released blocks leave room for new ones, and the write-ahead log has been brought back once."""
RETENTION_MS = DAY_MS
STARTS_AT = int(datetime(2027, 6, 10, tzinfo=UTC).timestamp()) * 1000
MONTH_EDGE_AT = int(datetime(2027, 7, 1, tzinfo=UTC).timestamp()) * 1000
MONTH_EDGE_HOURS = 27
DAYS_IN_MONTH = 30
MB = 1_000_000

_GENERATED = Register("1-0:2.8.0", "Wh", 2, 32, "u", 1 << 32, 3, 1206, "big")
_CONSUMED = Register("1-0:1.8.0", "Wh", 2, 32, "u", 1 << 32, 3, 1214, "big")


def measure() -> dict[str, float]:
    """Return MB written in a day, whole (`written_mb_per_day`) and by part; `journal_mb_per_day` is how much it grows.

    Checkpoints of the write-ahead log happen inside other writes: each part is what its median write takes, times how
    often it happens, and `checkpoints` the rest.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _Day(Path(folder)).measure()


class _Day:
    """A journal and its simulated time."""

    def __init__(self, folder: Path) -> None:
        key = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
        self._author = Author(derive_device_id(key.spki), key, "0.0.bench")
        self._path = folder / "journal.db"
        self._copy_path = folder / "month-edges.log"
        self._parts: dict[str, list[int]] = {}
        self._blocks_bytes = 0

    def measure(self) -> dict[str, float]:
        """Run the days and return the figures."""
        with closing(self._open(self._path)) as journal:
            for cycle in range(WARM_UP_DAYS * DAY_MS // QUARTER_MS):
                self._cycle(journal, STARTS_AT + cycle * QUARTER_MS)
            self._parts.clear()
            self._blocks_bytes = 0
            from_at = STARTS_AT + WARM_UP_DAYS * DAY_MS
            for cycle in range(DAY_MS // QUARTER_MS):
                self._cycle(journal, from_at + cycle * QUARTER_MS)
        whole = sum(map(sum, self._parts.values()))
        parts = {name: int(statistics.median(sizes)) * len(sizes) for name, sizes in self._parts.items()}
        parts["checkpoints"] = whole - sum(parts.values())
        parts["month_copy"] = self._copied() * MONTH_EDGE_HOURS // DAYS_IN_MONTH
        total = whole + parts["month_copy"]
        figures = {"written": total, **parts, "journal": self._blocks_bytes}
        return {f"{name}_mb_per_day": round(size / MB, 3) for name, size in figures.items()}

    def _open(self, path: Path) -> Journal:
        now = Instant(STARTS_AT, 60_000, TimeQuality.SYNCHRONISED)
        return open_journal(path, self._author, BootId(b"boot"), now, bytes, month_copy=self._copy_path)

    def _cycle(self, journal: Journal, edge_at: int) -> None:
        """Poll all meters, and do hourly what is done hourly."""
        now = Instant(edge_at + 800, edge_at - STARTS_AT + 60_800, TimeQuality.SYNCHRONISED)
        self._count("commits", lambda: journal.record(edge_at, _outcomes(now), QUARTER_MS))
        if edge_at % HOUR_MS:
            return
        seqs: list[int | None] = []
        self._count("seals", lambda: seqs.append(journal.seal(now)))
        self._blocks_bytes += sum(len(journal.block(seq) or b"") for seq in seqs if seq is not None)
        self._count("receipts", lambda: self._acknowledge(journal, edge_at))
        self._count("releases", lambda: journal.release(now, RETENTION_MS))

    def _acknowledge(self, journal: Journal, hub_at: int) -> None:
        head = journal.sender(RetryPolicy()).head
        receipt = Receipt(
            device=self._author.device,
            epoch=journal.epoch,
            committed=head,
            safe=head,
            committed_hash=(journal.hash_of(head) or b"")[:SHORT_HASH_LENGTH],
            selective=(),
            window=16,
            pace_ms=0,
            nonce=b"",
            hub_at=hub_at,
        )
        sender, _ = journal.sender(RetryPolicy()).received(receipt, journal.hash_of, now_ms=0)
        journal.acknowledge(sender, wire.seal_receipt(receipt, self._author.key))

    def _copied(self) -> int:
        """Return what one month-edge hour adds to the second copy."""
        with closing(self._open(self._path.with_name("other.db"))) as journal:
            now = Instant(MONTH_EDGE_AT, 60_000, TimeQuality.SYNCHRONISED)
            # The first one makes the file.
            journal.record(MONTH_EDGE_AT, _outcomes(now), QUARTER_MS)
            size = self._copy_path.stat().st_size
            later = Instant(MONTH_EDGE_AT + HOUR_MS, 60_000 + HOUR_MS, TimeQuality.SYNCHRONISED)
            journal.record(MONTH_EDGE_AT + HOUR_MS, _outcomes(later), QUARTER_MS)
            return self._copy_path.stat().st_size - size

    def _count(self, part: str, act: Callable[[], object]) -> None:
        before = bytes_written()
        act()
        self._parts.setdefault(part, []).append(bytes_written() - before)


def _outcomes(now: Instant) -> list[PollOutcome]:
    count = now.wall_ms // QUARTER_MS
    return [
        PollOutcome(meter, now, now, Taken({0: count * 7 + meter, 1: count + meter}, _descriptor(meter)))
        for meter in range(1, METERS + 1)
    ]


def _descriptor(meter: int) -> MeterDescriptor:
    registers = {0: _GENERATED, 1: _CONSUMED}
    return MeterDescriptor(
        meter, "Continental Control Systems", "WNC-3Y-208-MB", f"3510{meter:02}", "23", (1, 1), "rtu", meter, registers
    )


def bytes_written() -> int:
    """Return how many bytes this process has handed to write(2) and its kind so far."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(lines["wchar"])
