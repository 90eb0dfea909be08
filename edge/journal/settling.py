"""Putting in order what was rescued of a damaged journal: what a block holds is open no more, epochs get their rows."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from edge.journal.epochs import read_epochs
from protocol import cose, wire
from protocol.errors import ProtocolError
from protocol.messages import PollErrors, Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlite_utils import Database

    from edge.journal.pages import Value
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Block, Receipt

LOST_RUNS_MAX = 10
"""How many runs of lost blocks are named one by one."""
_LAST = 1 << 62


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many blocks with their bytes and how many polls were carried over, and which blocks are lost, in words.

    `tails` has for each meter whose newest polls are lost, or may be, when the newest was that is there (UTC ms).
    """

    blocks: int
    polls: int
    lost: str
    tails: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class EpochClaim:
    """What a row says of an epoch, besides its blocks; `words` are the receipts beside it, perhaps."""

    n: int = _LAST
    started_at: int = 0
    resealed: int = _LAST
    committed: int = -1
    safe: int = -1
    timeline: bytes = b""
    words: tuple[Value, ...] = (None, None)


@dataclass(frozen=True, slots=True)
class MeterClaim:
    """What a row says of a meter: the columns of `meter` from `edge_at` on."""

    edge_at: int
    rest: tuple[Value, ...]


def settle(
    db: Database,
    device: DeviceId,
    epochs: Mapping[bytes, EpochClaim],
    meters: Mapping[int, MeterClaim],
    newest: Mapping[int, int],
) -> Rescued:
    """Make a journal of what was carried into `db`; `newest` is each meter's newest poll in a block (UTC ms)."""
    _drop_sealed(db)
    _order_polls(db)
    _write_epochs(db, device, epochs)
    last_polls = dict(newest)
    for meter, read_at in db.execute("select meter, max(read_at) from poll group by meter").fetchall():
        last_polls[meter] = max(read_at, last_polls.get(meter, read_at))
    _write_meters(db, meters, last_polls)
    return Rescued(
        blocks=_count(db, "select count(*) from block where raw is not null"),
        polls=_count(db, "select count(*) from poll"),
        lost=_describe_lost(db),
        tails={
            meter: read_at
            for meter, read_at in last_polls.items()
            if meter not in meters or meters[meter].edge_at > read_at
        },
    )


def put(db: Database, statement: str, values: Sequence[Value]) -> None:
    """Write a row, unless it has not even the types of its table."""
    with suppress(sqlite3.IntegrityError):
        db.execute(statement, values)


def _count(db: Database, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


def _drop_sealed(db: Database) -> None:
    """Drop polls and statements that a block holds, or that are older than a block that was let go, or of no boot."""
    db.execute("delete from poll where boot_count not in (select boot_count from boot)")
    db.execute("delete from statement where boot_count not in (select boot_count from boot)")
    db.execute("delete from poll where read_at <= (select max(last_at) from block where raw is null)")
    db.execute("create temp table sealed (meter, read_at, boottime_ms)")
    for block in held_blocks(db):
        for frame in block.frames:
            if isinstance(frame, Readings):
                rows = zip(frame.read_at, frame.offset_ms, strict=True)
                for read_at, offset_ms in rows:
                    db.execute("insert into sealed values (?, ?, ?)", [frame.meter, read_at, read_at - offset_ms])
            elif isinstance(frame, PollErrors):
                db.execute(_DROP_FAILED, [frame.meter, frame.from_at, frame.to_at])
            else:
                db.execute("delete from statement where frame = ?", [wire.encode_frame(frame)])
        db.execute(_DROP_SEALED)
        db.execute("delete from sealed")
    db.execute("drop table sealed")


def held_blocks(db: Database) -> Iterator[Block]:
    """Yield every block that is held, one at a time in memory."""
    places = "select epoch, seq from block where raw is not null and (epoch, seq) > (?, ?) order by epoch, seq limit 1"
    epoch, seq = b"", -1
    while (place := db.execute(places, [epoch, seq]).fetchone()) is not None:
        epoch, seq = place
        (raw,) = db.execute("select raw from block where epoch = ? and seq = ?", [epoch, seq]).fetchone()
        yield wire.read_block(raw)[0]


def _order_polls(db: Database) -> None:
    """Bring polls into the order in which they were taken, each once."""
    db.execute(_COLLECT_POLLS)
    db.execute("delete from poll")
    db.execute(_RETURN_POLLS)
    db.execute("drop table ordered")


def _write_epochs(db: Database, device: DeviceId, claims: Mapping[bytes, EpochClaim]) -> None:
    """Give each epoch that has blocks its row, in the order of the log; one that no row speaks of comes last."""
    found = db.execute(_FOUND_EPOCHS).fetchall()
    for epoch, first_sealed_at, head, floor in sorted(
        found, key=lambda row: (claims.get(row[0], EpochClaim()).n, row[1])
    ):
        claim = claims.get(epoch, EpochClaim(started_at=first_sealed_at))
        words = [(raw, word) for raw in claim.words if (word := read_word(raw, device, epoch)) is not None]
        safe = claim.safe if any(-1 <= claim.safe <= word.safe for _, word in words) else -1
        committed = claim.committed if any(safe <= claim.committed <= word.committed for _, word in words) else safe
        licence = max(words, key=lambda pair: pair[1].safe, default=(None, None))[0]
        (head_hash,) = db.execute("select hash from block where epoch = ? and seq = ?", [epoch, head]).fetchone()
        db.execute(
            _PUT_EPOCH,
            [
                epoch,
                device,
                claim.started_at,
                head,
                head_hash,
                head + 1 if floor is None else floor,
                claim.resealed if -1 <= claim.resealed <= head else head,
                min(committed, head),
                min(safe, head),
                claim.timeline,
                words[0][0] if words else None,
                licence,
            ],
        )


def read_word(raw: Value, device: DeviceId, epoch: bytes) -> Receipt | None:
    """Return what the hub said in these bytes, if they are a receipt for this epoch.

    Its signature was verified when it was stored; that it can be read and names the same marks as the row beside it
    says that neither has changed since.
    """
    if not isinstance(raw, bytes):
        return None
    try:
        receipt = wire.decode_receipt(cose.open_envelope(raw).payload)
    except ProtocolError:
        return None
    return receipt if (receipt.device, receipt.epoch) == (device, epoch) else None


def uncovered(db: Database) -> tuple[tuple[Epoch, range], ...]:
    """Return what of archived epochs is above `safe` and not wholly in the epoch after it any more, oldest first."""
    found: list[tuple[Epoch, range]] = []
    for newer, archived in pairwise(read_epochs(db)):
        copies = range(newer.safe + 1, newer.resealed + 1)
        held = db.execute(_HELD, [newer.epoch, copies.start, copies.stop]).fetchone()[0]
        if held == len(copies):
            break
        found.append((archived.epoch, range(archived.safe + 1, archived.head + 1)))
    return tuple(reversed(found))


def _write_meters(db: Database, claims: Mapping[int, MeterClaim], last_polls: Mapping[int, int]) -> None:
    for meter, claim in claims.items():
        put(db, _PUT_METER, [meter, *claim.rest])
    for meter, read_at in last_polls.items():
        if meter not in claims:
            db.execute("insert into meter (meter, edge_at, polls, failures) values (?, ?, 0, 0)", [meter, read_at])


def _describe_lost(db: Database) -> str:
    """Return which blocks above `safe` have left no trace, in words; empty if none."""
    runs: list[str] = []
    for epoch, safe in db.execute("select epoch, safe from epoch order by n").fetchall():
        before = safe
        for (seq,) in db.execute(
            "select seq from block where epoch = ? and seq > ? order by seq", [epoch, safe]
        ).fetchall():
            if seq > before + 1:
                span = f"block {seq - 1}" if seq == before + 2 else f"blocks {before + 1} to {seq - 1}"
                runs.append(f"{span} of epoch {epoch.hex()}")
            before = seq
    more = len(runs) - LOST_RUNS_MAX
    return ", ".join(runs[:LOST_RUNS_MAX]) + (f" and {more} more runs" if more > 0 else "")


_DROP_FAILED = "delete from poll where cause is not null and meter = ? and read_at between ? and ?"

_DROP_SEALED = (
    "delete from poll where (meter, read_at, boottime_ms) in (select meter, read_at, boottime_ms from sealed)"
)

_COLLECT_POLLS = """
create temp table ordered as
select distinct boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause,
    check_sum, status
from poll order by boot_count, boottime_ms, meter
"""

_RETURN_POLLS = """
insert into poll (
    boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause, check_sum,
    status
)
select boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause, check_sum,
    status
from ordered order by rowid
"""

_FOUND_EPOCHS = """
select epoch, min(sealed_at), max(seq), min(case when raw is not null then seq end) from block group by epoch
"""

_PUT_EPOCH = """
insert into epoch (
    epoch, device, started_at, head, head_hash, next_record, floor, resealed, committed, safe, timeline, receipt,
    licence
) values (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)
"""

_HELD = "select count(*) from block where epoch = ? and seq >= ? and seq < ? and raw is not null"

_PUT_METER = """
insert or ignore into meter (meter, edge_at, descriptor, read_at, counts, failed_at, cause, polls, failures)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
