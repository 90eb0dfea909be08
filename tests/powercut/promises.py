"""What must be there after a power cut: each check takes a folder as the cut left it, and what was promised before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

from edge.journal.epochs import read_epochs
from edge.keys import ensure_signing_key
from hub.keys import ensure_receipt_key
from hub.services.accept_blocks import accept_blocks
from hub.services.restore_backup import RestoreRequest, restore_backup
from protocol.chain import Verdict, judge
from protocol.custody.sender import RetryPolicy
from protocol.identity import Epoch, hash_block
from protocol.messages import PollErrors, Readings
from tests.hub.making import NOW, TERMS, fetch, made_log
from tests.powercut.programs import (
    CYCLES,
    HUB_BLOCKS,
    KEY,
    METERS,
    MINUTE_MS,
    count_at,
    ignore,
    instant,
    open_with_device,
    poll,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge.journal import Journal
    from edge.journal.epochs import EpochRow
    from protocol.identity import BlockHash
    from protocol.messages import Block

AFTER = CYCLES + 5
"""A cycle after all others: when the device is up again."""


def check_journal(folder: Path, told: Sequence[str]) -> None:
    """Every cycle, block and watermark that was promised is there, whole, once; nothing is taken for damage."""
    check_salvaged(folder, told)
    assert not list(folder.glob("journal-corrupt-*")), "a power cut was taken for damage"


def check_salvaged(folder: Path, told: Sequence[str]) -> None:
    """Every cycle, block and watermark that was promised is there, whole, once; and work goes on."""
    with closing(start(folder, 9, AFTER)) as journal:
        rows = read_epochs(journal.db)
        assert {bytes.fromhex(name) for name in _after("epoch ", told)} <= {row.epoch for row in rows}, "forgotten"
        released = _released(rows, told)
        found: set[int] = set()
        for row in rows:
            found |= _whole_cycles(_read_chain(journal, row, released[row.epoch]))
        missing = _held_cycles(told, released) - found
        assert not missing, f"cycles {sorted(missing)} are gone"
        _check_words(journal, told)
        journal.record(instant(AFTER).wall_ms, [poll(meter, AFTER) for meter in METERS], MINUTE_MS)
        assert journal.seal(instant(AFTER)) is not None, "work does not go on"
    check_database(folder / "journal.db")


def _after(word: str, told: Sequence[str]) -> list[str]:
    return [promise.removeprefix(word) for promise in told if promise.startswith(word)]


def _released(rows: Sequence[EpochRow], told: Sequence[str]) -> dict[Epoch, int]:
    """Return through which block of each epoch the journal may have let go, given what it was told of the hub.

    An archived epoch may go altogether once all that the next one sealed again may.
    """
    released = {row.epoch: -1 for row in rows}
    for promise in _after("released ", told):
        epoch, safe = promise.split()
        released[Epoch(bytes.fromhex(epoch))] = int(safe)
    for newer, archived in pairwise(rows):
        if released[newer.epoch] >= newer.resealed:
            released[archived.epoch] = archived.head
    return released


def _check_words(journal: Journal, told: Sequence[str]) -> None:
    """Blocks are still what they were when they were sealed, and what the hub said is remembered."""
    for promise in _after("block ", told):
        epoch, seq, block_hash = promise.split()
        assert journal.hash_of(int(seq), Epoch(bytes.fromhex(epoch))) == bytes.fromhex(block_hash), "another block"
    for promise in _after("watermarks ", told)[-1:]:
        epoch, committed, safe = promise.split()
        sender = journal.sender(RetryPolicy(), Epoch(bytes.fromhex(epoch)))
        assert (sender.committed, sender.safe) >= (int(committed), int(safe)), "the hub's word was forgotten"


def _held_cycles(told: Sequence[str], released: Mapping[Epoch, int]) -> set[int]:
    """Return the cycles that were promised and are not in a block that could be let go."""
    held: set[int] = set()
    since_block: set[int] = set()
    for promise in told:
        match promise.split():
            case ["cycle", cycle]:
                since_block.add(int(cycle))
            case ["block", epoch, seq, _]:
                held |= since_block if int(seq) > released[Epoch(bytes.fromhex(epoch))] else set()
                since_block = set()
    return held | since_block


def _read_chain(journal: Journal, row: EpochRow, released: int) -> list[Block]:
    """Return the blocks that are held, each sound and behind the one before; what is missing could be let go."""
    blocks: list[Block] = []
    previous: BlockHash | None = None
    for seq in range(row.head + 1):
        raw = journal.block(seq, row.epoch)
        if raw is None:
            assert seq <= released, f"block {seq} is gone, and nobody allowed that"
            continue
        judgement = judge(raw, {KEY.key_id: KEY.public})
        assert judgement.verdict is Verdict.OK, judgement.reason
        assert judgement.block is not None
        assert previous in {None, judgement.block.previous}, f"block {seq} does not follow the one before"
        previous = hash_block(raw)
        blocks.append(judgement.block)
    return blocks


def _whole_cycles(blocks: Sequence[Block]) -> set[int]:
    """Return the cycles in an epoch's blocks, of which each poll is there once, and all or none of a cycle."""
    polls: list[tuple[int, int]] = []
    for block in blocks:
        for frame in block.frames:
            if isinstance(frame, Readings):
                cycles = [(at - instant(0).wall_ms) // MINUTE_MS for at in frame.read_at]
                assert list(frame.registers[0]) == [count_at(frame.meter, cycle) for cycle in cycles]
                polls += [(cycle, frame.meter) for cycle in cycles]
            elif isinstance(frame, PollErrors):
                first, last = ((at - instant(0).wall_ms) // MINUTE_MS for at in (frame.from_at, frame.to_at))
                assert first == last, "no two silent cycles follow each other"
                polls.append((first, frame.meter))
    assert len(polls) == len(set(polls)), "a poll is there twice"
    found = {cycle for cycle, _ in polls}
    assert set(polls) == {(cycle, meter) for cycle in found for meter in METERS}, "half a cycle is there"
    return found


def check_database(path: Path) -> None:
    """SQLite itself finds nothing wrong with its file."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]


def check_hub(folder: Path, told: Sequence[str]) -> None:
    """Blocks that a receipt said are committed are there with their readings, and the rest can still be taken."""
    if "registered" not in told:
        (folder / "hub").mkdir(exist_ok=True)
    device = made_log([1000 + place for place in range(HUB_BLOCKS * 4)])
    committed = max((int(seq) for seq in _after("committed ", told)), default=-1)
    with closing(open_with_device(folder / "hub")) as database:
        held = fetch(database, "select seq, bytes from block order by seq")
        assert len(held) > committed
        assert held == [(seq, device.blocks[seq]) for seq in range(len(held))], "blocks are missing or changed"
        [receipt] = accept_blocks(database, device.arrivals(), TERMS, NOW).receipts
        assert receipt.committed == len(device.blocks) - 1
        assert fetch(database, "select count(*) from reading") == [(HUB_BLOCKS * 4,)], "readings are lost or doubled"
    check_database(folder / "hub" / "hub.db")


def check_keys(folder: Path, told: Sequence[str]) -> None:
    """Keys that somebody was shown are the keys that are there; and where none was shown, one can be made."""
    (folder / "edge").mkdir(exist_ok=True)
    edge = ensure_signing_key(folder / "edge" / "signing-key.pem").key_id.hex()
    hub = ensure_receipt_key(folder / "hub").key_id.hex()
    assert _after("edge ", told) in ([], [edge])
    assert _after("hub ", told) in ([], [hub])


def check_backups(folder: Path, told: Sequence[str]) -> None:
    """Blocks that any receipt may have called safe are in a backup that can be restored."""
    if not (folder / "hub" / "hub.db").exists():
        assert not told
        return
    with closing(open_with_device(folder / "hub")) as database:
        [(found,)] = fetch(database, "select coalesce(max(safe), -1) from stream")
    safe = int(str(found))
    promised = max((int(seq) for seq in _after("safe ", told)), default=-1)
    assert safe >= promised
    backups = sorted((folder / "backups").glob("backup-*Z"))
    if not backups:
        assert safe == -1, "blocks are called safe that no backup has"
        return
    request = RestoreRequest(source=backups[-1], data=folder / "anew", timeline=b"timeline", at=NOW + 3_600_000)
    restored = restore_backup(request, ignore)
    assert restored.blocks > safe
