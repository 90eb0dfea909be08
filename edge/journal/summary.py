"""A look at a journal beside the agent that owns it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """What the journal knows of a meter: when and what it last gave, when and why it last did not, and how often."""

    meter: int
    read_at: int | None
    counts: Mapping[int, int]
    failed_at: int | None
    cause: str | None
    polls: int
    failures: int


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """The state of a journal: the newest sealed block, the hub's watermarks (-1 none), and the meters.

    `salvages` says in words what damage was found and what was done about it, oldest first; `thrift_since` is the
    interval edge (UTC ms) from which on polls are left out because the disk is full, None while none are.
    """

    head: int
    committed: int
    safe: int
    open_polls: int
    meters: tuple[MeterSummary, ...]
    salvages: tuple[str, ...] = ()
    thrift_since: int | None = None


def read_journal_summary(path: Path) -> JournalSummary:
    """Return the state of the journal at `path` beside a running agent, without writing to it; raises JournalError."""
    if not path.exists():
        message = f"there is no journal at {path} yet: the agent makes it when it runs for the first time"
        raise JournalError(message)
    db = Database(path, execute_plugins=False)
    try:
        db.execute("pragma query_only = on")
        epoch = db.execute("select head, committed, safe from epoch order by n desc limit 1").fetchone()
        if epoch is None:
            message = f"the journal {path} holds no log yet: the agent is starting, or never got so far"
            raise JournalError(message)
        open_polls = db.execute("select count(*) from poll").fetchone()[0]
        head, committed, safe = epoch
        salvages = tuple(note for (note,) in db.execute("select note from salvage order by n").fetchall())
        (since,) = db.execute("select min(since) from thrift").fetchone()
        return JournalSummary(head, committed, safe, open_polls, read_meters(db), salvages, since)
    except sqlite3.DatabaseError as error:
        message = f"the journal {path} cannot be read: {error}"
        raise JournalError(message) from error
    finally:
        db.close()


def read_meters(db: Database) -> tuple[MeterSummary, ...]:
    """Return what the journal knows of each meter, by number."""
    rows = db.execute(
        "select meter, read_at, counts, failed_at, cause, polls, failures from meter order by meter"
    ).fetchall()
    return tuple(
        MeterSummary(meter, read_at, read_counts(counts) if counts else {}, failed_at, cause, polls, failures)
        for meter, read_at, counts, failed_at, cause, polls, failures in rows
    )


def read_counts(text: str) -> dict[int, int]:
    """Return raw counts by register id from their JSON; raises ValueError if it is not that."""
    try:
        return {int(register): int(count) for register, count in json.loads(text).items()}
    except (AttributeError, OverflowError, TypeError) as error:
        message = f"{text!r} are no raw counts by register id"
        raise ValueError(message) from error
