"""The part of the journal that remembers commands: what was ordered, what became of it, what is in force since."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sqlite_utils import Database

from edge.journal.errors import translated
from protocol.commands import ResultStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")

COMMANDS_KEPT = 200
"""How many of the newest commands are remembered with their results; older ones by their number alone."""

_STATUSES = frozenset(ResultStatus)


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command that was taken: its signed bytes, and the signed bytes of its newest result."""

    number: int
    id: bytes
    status: ResultStatus
    raw: bytes
    result: bytes


@dataclass(frozen=True, slots=True)
class Trial:
    """Until when the hub must be heard: `deadline_ms` of the steady clock of the kernel boot `boot_id` (16 bytes)."""

    boot_id: bytes
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force: all changes to the configuration file, and the trial if it is not confirmed yet.

    `command` is the number of the command that ordered it (-1 for the file alone). One that `is_damaged` cannot be read
    any more, and has to be dropped.
    """

    version: int = 0
    command: int = -1
    changes: Mapping[str, int] = field(default_factory=dict)
    trial: Trial | None = None
    is_damaged: bool = False


class CommandBook:
    """The tables of commands in a journal. Whoever writes several rows does so inside `Journal.atomic`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def last_number(self) -> int:
        """Return the highest number that was taken, -1 if none was."""
        return int(self._db.execute("select coalesce(max(number), -1) from command").fetchone()[0])

    def find(self, number: int) -> StoredCommand | None:
        """Return the command with this number, None if it was never taken or is not remembered any more."""
        row = self._db.execute(f"{_SELECT_COMMAND} where number = ?", [number]).fetchone()
        return _stored(row) if row and row[2] in _STATUSES else None

    def running(self) -> tuple[StoredCommand, ...]:
        """Return the commands that have no final result yet, oldest first."""
        rows = self._db.execute(f"{_SELECT_COMMAND} where status = ? order by number", [ResultStatus.RUNNING])
        return tuple(_stored(row) for row in rows.fetchall())

    def take(self, command: StoredCommand) -> None:
        """Remember a new command, which must have the highest number, and forget what is too old."""
        assert command.number > self.last_number(), command.number
        self._db.execute(
            "insert into command (number, id, status, raw, result) values (?, ?, ?, ?, ?)",
            [command.number, command.id, command.status, command.raw, command.result],
        )
        self._db.execute(_FORGET_OLD, [ResultStatus.RUNNING, COMMANDS_KEPT])

    def finish(self, number: int, status: ResultStatus, result: bytes) -> None:
        """Put the final result in the place of the one that said `running`."""
        self._db.execute("update command set status = ?, result = ? where number = ?", [status, result, number])

    def configuration(self) -> Configuration:
        """Return which configuration is in force."""
        return _read_configuration(self._db)

    def try_configuration(self, command: int, changes: Mapping[str, int], trial: Trial) -> int:
        """Put a new configuration in force, on trial; return its version, which no other ever had."""
        version = int(self._db.execute("select coalesce(max(version), 0) + 1 from configuration").fetchone()[0])
        self._db.execute(
            "insert into configuration (version, command, changes, stage, boot_id, deadline_ms)"
            " values (?, ?, ?, 'trial', ?, ?)",
            [version, command, json.dumps(dict(changes)), trial.boot_id, trial.deadline_ms],
        )
        return version

    def confirm_configuration(self) -> None:
        """End the trial of the configuration in force: it stays."""
        self._db.execute("update configuration set stage = 'confirmed' where stage = 'trial'")

    def revert_configuration(self) -> None:
        """Go back from a configuration on trial to the one before it."""
        self._db.execute("update configuration set stage = 'reverted' where stage = 'trial'")

    def drop_configuration(self) -> None:
        """Go back to the configuration file alone, whatever was in force."""
        self._db.execute("update configuration set stage = 'reverted'")

    def key_statements(self) -> tuple[bytes, ...]:
        """Return the key statements that were committed, oldest first."""
        return _read_key_statements(self._db)

    def add_key_statement(self, statement: bytes) -> None:
        """Commit a key statement: from the next block on its new key signs."""
        self._db.execute("insert into key_statement (statement) values (?)", [statement])


def read_configuration(path: Path) -> Configuration:
    """Return which configuration is in force by the journal at `path`, beside a running agent; raises JournalError.

    Without a journal the configuration file alone is in force.
    """
    return _look(path, _read_configuration, Configuration())


def read_key_statements(path: Path) -> tuple[bytes, ...]:
    """Return the key statements that the journal at `path` committed, beside a running agent; raises JournalError."""
    return _look(path, _read_key_statements, ())


def _look(path: Path, read: Callable[[Database], T], otherwise: T) -> T:
    """Return what `read` finds in the journal at `path`, `otherwise` if it is not there or knows no commands yet."""
    if not path.exists():
        return otherwise
    with translated(f"the journal {path}"), closing(Database(path, execute_plugins=False)) as db:
        db.execute("pragma query_only = on")
        return read(db) if "key_statement" in db.table_names() else otherwise


def _read_configuration(db: Database) -> Configuration:
    row = db.execute(_SELECT_CONFIGURATION).fetchone()
    if row is None:
        return Configuration()
    version, command, changes, stage, boot_id, deadline_ms = row
    trial = Trial(boot_id, deadline_ms) if stage == "trial" else None
    try:
        numbers = {str(name): int(value) for name, value in json.loads(changes).items()}
    except (ValueError, TypeError, AttributeError):
        return Configuration(version, command, {}, trial, is_damaged=True)
    return Configuration(version, command, numbers, trial)


def _read_key_statements(db: Database) -> tuple[bytes, ...]:
    return tuple(bytes(row[0]) for row in db.execute("select statement from key_statement order by n").fetchall())


def _stored(row: tuple[int, bytes, str, bytes, bytes]) -> StoredCommand:
    number, identity, status, raw, result = row
    return StoredCommand(number, identity, ResultStatus(status), raw, result)


_SELECT_COMMAND = "select number, id, status, raw, result from command"

_FORGET_OLD = """
delete from command where status <> ? and number not in (select number from command order by number desc limit ?)
"""

_SELECT_CONFIGURATION = """
select version, command, changes, stage, boot_id, deadline_ms from configuration
where stage <> 'reverted' order by version desc limit 1
"""
