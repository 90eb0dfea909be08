"""A log that a former agent began goes on under this one: nothing is lost, nothing is said twice."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge.journal import JournalError, in_memory, open_journal
from edge.journal.schema import SCHEMA_VERSION, prepare
from protocol import wire
from protocol.custody.sender import RetryPolicy
from protocol.identity import NO_BLOCK, Epoch, hash_block
from protocol.messages import Block, GenesisReason, MeterDescriptor, Readings
from tests.edge.making import (
    AUTHOR,
    BOOT,
    KEY,
    MINUTE_MS,
    START_MS,
    audit,
    descriptor,
    draw,
    drawing,
    good,
    instant,
    journal_in_memory,
    readings_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.messages import Frame

VERSION_1 = """
create table boot (
    boot_count integer primary key,
    boot_id blob not null unique
) strict;

create table epoch (
    epoch blob primary key,
    device blob not null,
    started_at integer not null,
    head integer not null,
    head_hash blob not null,
    next_record integer not null,
    committed integer not null,
    safe integer not null,
    receipt blob
) strict;

create table poll (
    n integer primary key,
    boot_count integer not null references boot,
    meter integer not null,
    edge_at integer not null,
    read_at integer not null,
    boottime_ms integer not null,
    half_width_ms integer not null,
    quality integer not null,
    descriptor blob,
    counts text,
    cause text,
    check ((counts is null) <> (cause is null))
) strict;

create table statement (
    n integer primary key,
    boot_count integer not null references boot,
    frame blob not null
) strict;

create table block (
    epoch blob not null references epoch,
    seq integer not null,
    hash blob not null,
    sealed_at integer not null,
    raw blob not null,
    primary key (epoch, seq)
) strict;

create table meter (
    meter integer primary key,
    edge_at integer not null,
    descriptor blob,
    read_at integer,
    counts text,
    failed_at integer,
    cause text,
    polls integer not null,
    failures integer not null
) strict;
"""
"""The tables as the first agents made them."""
EPOCH = Epoch(b"epoch..1")


def write_version_1(path: Path, *, released: int = 0) -> list[bytes]:
    """Write the journal of a device that sealed four blocks, of which the hub has three, and killed it in a cycle."""
    blocks: list[bytes] = []
    first_record = 0
    genesis = wire.read_block(_genesis_of_a_new_log())[0].frames
    contents: list[tuple[Frame, ...]] = [genesis, (descriptor(1), _reading(1, 1)), (_reading(1, 2),), (_reading(1, 3),)]
    for seq, frames in enumerate(contents):
        previous = hash_block(blocks[-1]) if blocks else NO_BLOCK
        block = Block(AUTHOR.device, EPOCH, seq, first_record, previous, 1, BOOT, frames, instant(seq))
        blocks.append(wire.seal_block(block, KEY))
        first_record += len(frames)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(f"pragma journal_mode = wal; {VERSION_1} pragma user_version = 1;")
        db.execute("insert into boot values (1, ?)", [BOOT])
        db.execute(
            "insert into epoch values (?, ?, ?, 3, ?, ?, 2, 1, ?)",
            [EPOCH, AUTHOR.device, START_MS, hash_block(blocks[-1]), first_record, b"receipt"],
        )
        for seq, raw in enumerate(blocks[released:], start=released):
            db.execute(
                "insert into block values (?, ?, ?, ?, ?)", [EPOCH, seq, hash_block(raw), instant(seq).wall_ms, raw]
            )
        known, fresh = (wire.describe(described) for described in (descriptor(1), descriptor(1, exponent=1)))
        db.execute("insert into statement values (1, 1, ?)", [wire.encode_frame(descriptor(1, exponent=1))])
        for n, (minute, identity) in enumerate([(4, known), (5, fresh)]):
            at = instant(minute)
            db.execute(
                "insert into poll values (?, 1, 1, ?, ?, ?, 0, 2, ?, ?, null)",
                [n, at.wall_ms, at.wall_ms, at.boottime_ms, identity, f'{{"0": {minute}}}'],
            )
        db.execute(
            "insert into meter values (1, ?, ?, ?, '{\"0\": 5}', null, null, 5, 0)",
            [instant(5).wall_ms, fresh, instant(5).wall_ms],
        )
    return blocks


def _genesis_of_a_new_log() -> bytes:

    journal = journal_in_memory()
    return journal.block(0) or b""


def _reading(meter: int, minute: int) -> Readings:
    at = instant(minute)
    return Readings(
        meter=meter,
        descriptor=wire.describe(descriptor(meter)),
        read_at=(at.wall_ms,),
        offset_ms=(at.wall_ms - at.boottime_ms,),
        quality=(at.quality,),
        registers={0: (minute,)},
        status=(0,),
    )


def test_a_running_site_is_upgraded_in_place(tmp_path: Path) -> None:
    """Blocks, watermarks and open polls are all there, and meters are described where they have to be, only there."""
    blocks = write_version_1(tmp_path / "journal.db")
    with closing(open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(6), draw)) as journal:
        assert [journal.block(seq) for seq in range(4)] == blocks
        sender = journal.sender(RetryPolicy())
        assert (sender.epoch, sender.head, sender.committed, sender.safe, sender.floor) == (EPOCH, 4, 2, 1, 0)
        journal.record(instant(7).wall_ms, [good(1, 7, 7), good(1, 7, 7, exponent=1)], 2 * MINUTE_MS)
        journal.seal(instant(7))
        *_, recovered, after = audit(journal, EPOCH)
        assert [frame for frame in recovered.frames if isinstance(frame, MeterDescriptor)] == [
            descriptor(1, exponent=1)
        ]
        assert all(isinstance(frame, Readings) for frame in after.frames)
        assert [count for *_, count in readings_of([recovered, after])] == [4, 5, 7, 7]
        spans = journal.db.execute("select first_at, last_at from block order by seq limit 2").fetchall()
        assert spans == [(None, None), (instant(1).wall_ms, instant(1).wall_ms)]


def test_an_upgraded_log_can_begin_a_new_epoch(tmp_path: Path) -> None:
    """What was not safe is sealed again, though its meter was described in a block of the former agent."""
    write_version_1(tmp_path / "journal.db")
    with closing(open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(6), drawing())) as journal:
        new = journal.begin_epoch(GenesisReason.OPERATOR, instant(7), drawing())
        _, *again = audit(journal, new)
        assert [count for *_, count in readings_of(again)] == [2, 3, 4, 5]


def test_a_block_that_a_former_agent_released_is_gone(tmp_path: Path) -> None:
    """Former agents kept no hash of what they released: the floor tells, and readings after it go on."""
    write_version_1(tmp_path / "journal.db", released=2)
    with closing(open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(6), draw)) as journal:
        assert journal.floor() == 2
        assert journal.hash_of(1) is None
        assert readings_of(audit(journal, EPOCH))[-1][-1] == 5


def test_an_upgrade_gives_the_tables_of_a_new_journal(tmp_path: Path) -> None:
    """However a journal came to this version, its tables are the same."""
    write_version_1(tmp_path / "journal.db")
    open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(6), draw).close()
    new = in_memory()
    prepare(new)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as upgraded:
        assert upgraded.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert upgraded.execute("pragma foreign_key_check").fetchall() == []
        assert _columns(upgraded) == _columns(new.conn)


def _columns(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return what each table's columns are; a check of a column that was added later stands at another place."""
    tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
    assert all(re.fullmatch("[a-z_]+", name) for name in tables)
    return {
        name: sorted(row[1:] for row in db.execute(f"pragma table_info({name})"))
        + sorted(row[2:] for row in db.execute(f"pragma foreign_key_list({name})"))
        for name in tables
    }


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    """An agent does not touch tables that only a newer one understands."""
    open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(0), draw).close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        db.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(JournalError, match="upgrade it"):
        open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(1), draw)
