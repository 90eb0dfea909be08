"""Whether a journal is still what was written, as far as that shows; looked at whenever it is opened.

SQLite says that a file is corrupt only when it stumbles over the damage, and takes some damage for something else: a
newer version, a file without write permission, a write-ahead log that ends early. Format of the files:
https://www.sqlite.org/fileformat2.html, clauses 1.3 and 4.1 to 4.2.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import IO, TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.epochs import find_current_epoch, read_epochs
from edge.journal.errors import JournalDamagedError, translated
from edge.journal.pages import LOG_SUFFIX
from edge.journal.schema import SCHEMA_VERSION, in_memory, read_script
from edge.journal.settling import read_word
from edge.journal.summary import read_meters
from protocol import wire
from protocol.errors import ProtocolError
from protocol.identity import BOOT_ID_LENGTH, DEVICE_LENGTH, EPOCH_LENGTH, HASH_LENGTH, hash_block
from protocol.messages import MeterDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_FRACTIONS = bytes((0, 64, 32, 32))
_PAGE_SIZE = 4096
_VERSION_MAX = 999
"""A higher schema version is no newer agent's, but damage."""
_LOG_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_LOG_MAGIC = 0x377F0682
"""Its lowest bit says whether check sums are over big-endian words."""


def check_journal(path: Path) -> None:
    """Raise JournalDamagedError if the journal at `path`, which nobody has open, is not what was written.

    Changes nothing: SQLite is given no right to write, else it would bring what it believes of a damaged log into the
    database, over pages that are sound.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    if path.with_name(path.name + "-journal").exists():
        # The making of this file was cut off, before it had a write-ahead log: SQLite will take it back.
        return
    _check_files(path)
    with translated(f"the journal {path}"), closing(_look_into(path)) as db:
        version = db.execute("pragma user_version").fetchone()[0]
        _check_structure(db, version)
        if version == SCHEMA_VERSION:
            _check_texts(db)
            _check_log(db)


def _look_into(path: Path) -> Database:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    return Database(connection, execute_plugins=False)


def _check_files(path: Path) -> None:
    """Look for damage that SQLite passes over."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not _is_sound_header(header):
        _refuse("its header is none of SQLite")
    log = path.with_name(path.name + LOG_SUFFIX)
    if log.exists():
        with log.open("rb") as file:
            if _has_lost_commits(file, path.stat().st_size):
                _refuse("its write-ahead log breaks off in the middle")


def _check_structure(db: Database, version: int) -> None:
    """Look whether SQLite finds anything wrong, and whether the tables are those of the stated version."""
    found = _columns(db)
    is_ours = _expected_columns().items() <= found.items()
    if (version == 0 and found) or (version == SCHEMA_VERSION and not is_ours) or version > _VERSION_MAX:
        _refuse(f"its tables are not those of version {version}")
    verdict = db.execute("pragma quick_check(1)").fetchone()[0]
    if verdict != "ok":
        _refuse(str(verdict))


def _check_texts(db: Database) -> None:
    """Read every text: SQLite does not look whether it is one."""
    for (query,) in db.execute(_TEXTS).fetchall():
        for _ in db.execute(query):
            pass


def _check_log(db: Database) -> None:
    """Look whether what the journal says of its log contradicts itself."""
    wrong = db.execute(_WRONG_LENGTHS, [BOOT_ID_LENGTH, EPOCH_LENGTH, DEVICE_LENGTH, HASH_LENGTH]).fetchone()
    if wrong is not None:
        _refuse(f"an identity in the table {wrong[0]} has the wrong length")
    _check_watermarks(db)
    current = find_current_epoch(db)
    if current is not None:
        head = db.execute(_HEAD, [current.epoch]).fetchone()
        if head is None or head[1] is None or not head[0] == head[1] == hash_block(head[2] or b""):
            _refuse("its newest block is not the one that was sealed")
        wanted = (current.head - current.floor + 1, current.head)
        if db.execute(_CHAIN, [current.epoch, current.floor]).fetchone() != wanted:
            _refuse("its blocks are not those up to the newest")
    try:
        read_meters(db)
        for identity, frame in db.execute("select id, frame from descriptor where frame is not null").fetchall():
            descriptor = wire.decode_frame(frame)
            if not isinstance(descriptor, MeterDescriptor) or wire.describe(descriptor) != identity:
                _refuse("a descriptor is not the one that readings refer to")
    except (ProtocolError, ValueError) as error:
        _refuse(str(error))


def _check_watermarks(db: Database) -> None:
    """Look whether the marks of each epoch are in order, and no more counts as safe than the hub said."""
    for row in read_epochs(db):
        words = db.execute("select receipt, licence from epoch where epoch = ?", [row.epoch]).fetchone()
        said = [word.safe for raw in words if (word := read_word(raw, row.device, row.epoch)) is not None]
        is_ordered = -1 <= row.safe <= row.committed <= row.head and 0 <= row.floor <= row.head + 1
        if not is_ordered or row.safe > max(said, default=-1):
            _refuse(f"the watermarks of epoch {row.epoch.hex()} are not those that the hub gave")


def _refuse(finding: str) -> None:
    message = f"the journal is damaged ({finding}): what is readable in it has to be salvaged"
    raise JournalDamagedError(message)


def _is_sound_header(header: bytes) -> bool:
    """Return whether a database header says what that of every journal says, clause 1.3."""
    schema_format, encoding = header[44:48], header[56:60]
    return (
        header[:16] == _MAGIC
        and set(header[18:20]) <= {1, 2}
        and header[20:24] == _FRACTIONS
        and int.from_bytes(schema_format, "big") in {0, 4}
        and int.from_bytes(encoding, "big") in {0, 1}
        and not any(header[48:56] + header[64:92])
    )


def _columns(db: Database) -> dict[str, tuple[str, ...]]:
    rows = db.execute(
        "select t.name, c.name from sqlite_schema as t, pragma_table_info(t.name) as c"
        " where t.type = 'table' order by c.cid"
    ).fetchall()
    return {table: tuple(column for owner, column in rows if owner == table) for table, _ in rows}


def _expected_columns() -> dict[str, tuple[str, ...]]:
    db = in_memory()
    db.executescript(read_script("schema.sql"))
    columns = _columns(db)
    db.close()
    return columns


def _has_lost_commits(log: IO[bytes], database_bytes: int) -> bool:
    """Return whether commits were in the log that SQLite would drop silently.

    A power cut leaves at most the last transaction incomplete, because each one is synced before the next begins: a
    broken frame with another transaction behind it was whole once. And the database is never longer than its newest
    commit in the log says, because nothing ever shrinks it, and only synced commits are brought into it.
    """
    header = log.read(_LOG_HEADER.size).ljust(_LOG_HEADER.size, b"\0")
    magic, _, page_size, _, *salts, sum_1, sum_2 = _LOG_HEADER.unpack(header)
    sums = _sum_words(header[:24], (0, 0), magic)
    is_whole = magic | 1 == _LOG_MAGIC | 1 and sums == (sum_1, sum_2)
    wanted = salts if is_whole else None
    before = salts
    is_over = False
    pages = 0
    for frame in _frames(log, page_size if is_whole else _PAGE_SIZE):
        _, size_after, *salts, sum_1, sum_2 = _FRAME_HEADER.unpack_from(frame)
        if wanted is None and salts == before:
            # The header is none: what two frames in a row agree on is what it said.
            wanted = salts
        before = salts
        if is_whole:
            sums = _sum_words(frame[:8] + frame[_FRAME_HEADER.size :], sums, magic)
            is_whole = salts == wanted and sums == (sum_1, sum_2)
            pages = size_after if is_whole and size_after else pages
        if not is_whole and salts == wanted:
            if is_over:
                return True
            is_over = size_after > 0
    return 0 < pages * int(page_size) < database_bytes


def _frames(log: IO[bytes], page_size: int) -> Iterator[bytes]:
    while len(frame := log.read(_FRAME_HEADER.size + page_size)) == _FRAME_HEADER.size + page_size:
        yield frame


def _sum_words(data: bytes, sums: tuple[int, int], magic: int) -> tuple[int, int]:
    """Return the running check sums over `data`, clause 4.2."""
    first, second = sums
    for even, odd in struct.iter_unpack(">II" if magic & 1 else "<II", data):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


_WRONG_LENGTHS = """
select 'boot' from boot where length(boot_id) <> ?
union all
select 'epoch' from epoch where length(epoch) <> ? or length(device) <> ? or length(head_hash) <> ?
limit 1
"""

_TEXTS = """
select 'select "' || c.name || '" from "' || t.name || '"' from sqlite_schema as t, pragma_table_info(t.name) as c
where t.type = 'table' and lower(c.type) = 'text'
"""

_CHAIN = "select count(*), max(seq) from block not indexed where epoch = ? and seq >= ?"

_HEAD = """
select epoch.head_hash, block.hash, block.raw from epoch
left join block on block.epoch = epoch.epoch and block.seq = epoch.head where epoch.epoch = ?
"""
