"""The programs under test: each works on a medium and states at once what it was promised.

    python -m tests.powercut.programs PROGRAM FOLDER

What they work on is the product's own code: the edge's journal, the hub's database, the key files of both.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.journal import Author, Journal, open_journal
from edge.keys import ensure_signing_key
from edge.metering.outcome import Failed, PollOutcome, Taken
from hub.keys import ensure_command_key, ensure_receipt_key
from hub.services.accept_blocks import accept_blocks
from hub.services.back_up import back_up
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from protocol import wire
from protocol.custody.receiver import SafePolicy
from protocol.custody.sender import RetryPolicy
from protocol.identity import BootId, derive_device_id
from protocol.messages import GenesisReason, Instant, MeterDescriptor, Receipt, Register, TimeQuality
from tests.hub.making import JULY_AT, NOW, TERMS, made_log, make_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.database import Database

MINUTE_MS = 60_000
CYCLES = 24
CYCLES_PER_BLOCK = 4
RESTART_AT = 14
"""In the middle of a block."""
FORK_AT = 18
METERS = (1, 2)
KEY = make_key(7)
AUTHOR = Author(derive_device_id(KEY.spki), KEY, "0.0.test")
HUB_KEY = make_key(8)
SILENT_CYCLE = 7
"""Every so many cycles meter 2 does not answer."""
HUB_BLOCKS = 12
HOLDING = replace(TERMS, safe=SafePolicy.HOLD)
"""A hub whose blocks are safe only when a backup has them."""


def tell(folder: Path, promise: str) -> None:
    """State what was promised: from here on a power cut must not take it back."""
    os.setxattr(folder, "user.told", promise.encode())


def instant(cycle: int) -> Instant:
    """Return the moment of a cycle, synchronised."""
    return Instant(JULY_AT + cycle * MINUTE_MS, (cycle + 1) * MINUTE_MS, TimeQuality.SYNCHRONISED)


def draw(size: int) -> bytes:
    """Return bytes from chance: each log has an epoch of its own."""
    return os.urandom(size)


def count_at(meter: int, cycle: int) -> int:
    """Return what the register of a meter shows: the same whenever it is asked."""
    return meter * 1_000_000 + cycle * 17


def poll(meter: int, cycle: int) -> PollOutcome:
    """Return what a poll gives."""
    at = instant(cycle)
    if meter == METERS[-1] and cycle % SILENT_CYCLE == 0:
        return PollOutcome(meter, at, at, Failed("timeout", "no reply"))
    return PollOutcome(meter, at, at, Taken({0: count_at(meter, cycle)}, describe(meter)))


def describe(meter: int) -> MeterDescriptor:
    """Return a meter's descriptor."""
    register = Register("1-0:2.8.0", "Wh", 0, 32, "u", 1 << 32, 3, 1206, "little")
    return MeterDescriptor(meter, "Maker", "Model", f"S{meter}", "1", (1, 1), "rtu", meter, {0: register})


def start(folder: Path, boot: int, cycle: int) -> Journal:
    """Open the journal in a folder."""
    return open_journal(folder / "journal.db", AUTHOR, BootId(boot.to_bytes(4, "big")), instant(cycle), draw)


def take_cycles(folder: Path, *, synchronous: str | None = None, cycles: int = CYCLES) -> None:
    """Poll, seal, hear the hub, let go, fork and restart, like an agent that lives fast."""
    journal = start(folder, 1, 0)
    for cycle in range(cycles):
        if cycle == RESTART_AT:
            journal.close()
            journal = start(folder, 2, cycle)
            _tell_head(folder, journal)
        if synchronous is not None:
            journal.db.execute(f"pragma synchronous = {synchronous}")
        if cycle == FORK_AT:
            journal.begin_epoch(GenesisReason.FORK, instant(cycle), draw)
            tell(folder, f"epoch {journal.epoch.hex()}")
        journal.record(instant(cycle).wall_ms, [poll(meter, cycle) for meter in METERS], MINUTE_MS)
        tell(folder, f"cycle {cycle}")
        if cycle % CYCLES_PER_BLOCK == CYCLES_PER_BLOCK - 1:
            seal(folder, journal, cycle)
            hear(folder, journal, cycle)
    journal.close()


def be_salvaged(folder: Path) -> None:
    """Lose the first page of a journal, and open it again."""
    take_cycles(folder, cycles=FORK_AT)
    with (folder / "journal.db").open("r+b") as file:
        file.write(bytes(4096))
        os.fsync(file.fileno())
    journal = start(folder, 3, CYCLES)
    tell(folder, f"epoch {journal.epoch.hex()}")
    journal.close()


def seal(folder: Path, journal: Journal, cycle: int) -> None:
    """Seal what is open."""
    while journal.seal(instant(cycle)) is not None:
        _tell_head(folder, journal)


def _tell_head(folder: Path, journal: Journal) -> None:
    head = journal.sender(RetryPolicy()).head
    block_hash = journal.hash_of(head)
    assert block_hash is not None
    tell(folder, f"block {journal.epoch.hex()} {head} {block_hash.hex()}")


def hear(folder: Path, journal: Journal, cycle: int) -> None:
    """Take a receipt for all but the newest block, and let go of what is safe."""
    sender = journal.sender(RetryPolicy())
    committed = sender.head - 1
    block_hash = journal.hash_of(committed)
    assert block_hash is not None
    safe = committed - 1
    tell(folder, f"released {journal.epoch.hex()} {safe}")
    receipt = Receipt(
        device=AUTHOR.device,
        epoch=journal.epoch,
        committed=committed,
        safe=safe,
        committed_hash=block_hash[:16],
        selective=(),
        window=16,
        pace_ms=0,
        nonce=b"",
        hub_at=instant(cycle).wall_ms,
    )
    heard, _ = sender.received(receipt, journal.hash_of, 0)
    journal.acknowledge(heard, wire.seal_receipt(receipt, HUB_KEY))
    tell(folder, f"watermarks {journal.epoch.hex()} {heard.committed} {heard.safe}")
    journal.release(instant(cycle + 1), 0)


def open_with_device(folder: Path) -> Database:
    """Open the hub's database in a folder, with the made device registered."""
    database = open_hub(folder, new_timeline=b"timeline", at=NOW)
    device = made_log([])
    register_device(database, device.pem, "Barn", NOW)
    return database


def take_custody(folder: Path) -> None:
    """Take a log into the hub, block by block and in batches."""
    device = made_log([1000 + place for place in range(HUB_BLOCKS * 4)])
    database = open_with_device(folder / "hub")
    tell(folder, "registered")
    seqs = list(range(len(device.blocks)))
    for batch in (seqs[:1], seqs[1:2], seqs[2:4], *([seq] for seq in seqs[4:8]), seqs[8:]):
        accepted = accept_blocks(database, device.arrivals(*batch), TERMS, NOW)
        [receipt] = accepted.receipts
        tell(folder, f"committed {receipt.committed}")
    database.close()


def take_backups(folder: Path) -> None:
    """Take a log into the hub with two backups in between, whose receipts let the device go."""
    device = made_log([1000 + place for place in range(HUB_BLOCKS * 4)])
    hub = folder / "hub"
    ensure_receipt_key(hub)
    ensure_command_key(hub)
    database = open_with_device(hub)
    for made_at, batch in ((NOW, range(4)), (NOW + MINUTE_MS, range(4, 9))):
        accept_blocks(database, device.arrivals(*batch), HOLDING, NOW)
        back_up(database, folder / "backups", keep=1, now=partial(int, made_at), progress=ignore)
        [receipt] = accept_blocks(database, device.arrivals(batch[-1]), HOLDING, NOW).receipts
        assert receipt.safe == batch[-1]
        tell(folder, f"safe {receipt.safe}")
    database.close()


def ignore(_step: object, _done: int, _total: int) -> None:
    """Show no progress."""


def make_keys(folder: Path) -> None:
    """Make the device's and the hub's key."""
    edge = ensure_signing_key(folder / "edge" / "signing-key.pem")
    tell(folder, f"edge {edge.key_id.hex()}")
    hub = ensure_receipt_key(folder / "hub")
    tell(folder, f"hub {hub.key_id.hex()}")


PROGRAMS: dict[str, Callable[[Path], None]] = {
    "journal": take_cycles,
    "journal-unsynced": lambda folder: take_cycles(folder, synchronous="off"),
    "journal-salvaged": be_salvaged,
    "hub": take_custody,
    "backups": take_backups,
    "keys": make_keys,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
