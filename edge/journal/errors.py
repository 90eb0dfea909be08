"""What goes wrong with a journal.

JournalError                the journal cannot be opened, or it does not belong to this device
├── JournalFullError        there is no room for what was to be written; all that was committed is there
├── JournalDamagedError     the file is not what was written: it has to be salvaged
└── JournalUnavailableError the file cannot be used now: a medium that fails, a lock, a missing right
"""

from __future__ import annotations

import errno
import inspect
import sqlite3
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_PRIMARY_CODE = 0xFF
"""The low byte of an extended result code is the primary one, https://www.sqlite.org/rescode.html."""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNDECODABLE = "Could not decode to UTF-8"
"""How Python's module begins to say so of a text column; that it says of itself, without a result code of SQLite."""


class JournalError(Exception):
    """The journal cannot be opened, or it does not belong to this device."""


class JournalFullError(JournalError):
    """There is no room for what was to be written; all that was committed is there."""


class JournalDamagedError(JournalError):
    """The file is not what was written: it has to be salvaged."""


class JournalUnavailableError(JournalError):
    """The file cannot be used now: a medium that fails, a lock, a missing right."""


@contextmanager
def translated(journal: str) -> Iterator[None]:
    """Translate what SQLite answers into the family of JournalError; `journal` is how a sentence names the file.

    What only a fault of this program can cause, such as a broken constraint, passes as it is.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise judge_fault(error, journal) from error
    except OSError as error:
        what = JournalFullError if error.errno == errno.ENOSPC else JournalUnavailableError
        message = f"{journal} cannot be used now ({error.strerror}): check its disk and its owner"
        raise what(message) from error


def reports_faults(journal: type[T]) -> type[T]:
    """Let every public method and property of a class raise the family of JournalError where SQLite refuses."""
    for name, member in list(vars(journal).items()):
        if name.startswith("_"):
            continue
        if inspect.isfunction(member) and not hasattr(member, "__wrapped__"):
            setattr(journal, name, _reporting(member))
        elif isinstance(member, property) and member.fget is not None:
            setattr(journal, name, property(_reporting(member.fget)))
    return journal


def _reporting(method: Callable[P, R]) -> Callable[P, R]:
    @wraps(method)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
        with translated("the journal"):
            return method(*args, **kwargs)

    return reporting


def judge_fault(error: sqlite3.Error, journal: str) -> JournalError:
    """Return what an error of SQLite means for the journal."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    if code in _DAMAGE or str(error).startswith(_UNDECODABLE):
        return JournalDamagedError(f"{journal} is damaged ({error}): what is readable in it has to be salvaged")
    if code == sqlite3.SQLITE_FULL:
        return JournalFullError(f"there is no room for {journal} ({error}): free some space on its disk")
    return JournalUnavailableError(
        f"{journal} cannot be used now ({error}): check its disk, its owner and who else has it open"
    )
