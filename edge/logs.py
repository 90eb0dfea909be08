"""What the agent says to whoever keeps its log: to stderr, in the form that journald reads, and never twice in a hurry.

A line of a service begins with its priority, `<4>` for a warning (sd-daemon(3)). What is said again and again, such as
that one meter gives no reading, is said once and then at most every half hour, with the number of times it held true.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPEAT_SECONDS = 1800
KINDS_MAX = 200
"""So many kinds of sentences are remembered; beyond them the one that was said longest ago is forgotten."""

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))


def priority_mark(level: int) -> str:
    """Return what begins a line of a service at this logging level: `<N>` with the priority of syslog(3)."""
    return next((f"<{priority}>" for bound, priority in _PRIORITIES if level >= bound), "<7>")


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether journald reads this stream: JOURNAL_STREAM names its device and inode, systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class ServiceFormatter(logging.Formatter):
    """Lines for journald, which knows the time and the program: each begins with its priority, also of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        mark = priority_mark(record.levelno)
        return "\n".join(mark + line for line in super().format(record).splitlines())


@dataclass(slots=True)
class _Said:
    """When a kind of sentence was last said (steady seconds), and how often it was kept back since."""

    at: float
    kept_back: int = 0


class Restraint(logging.Filter):
    """Lets a sentence of each kind through once in `REPEAT_SECONDS`, with the number of those kept back meanwhile.

    A kind is the sentence's template and its first argument, which in this program is what it is about: the meter, the
    task. `steady` gives seconds that no clock step changes.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        super().__init__()
        self._steady = steady
        self._said: dict[tuple[str, str, str], _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be said now."""
        about = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        kind = (record.name, str(record.msg), about)
        now = self._steady()
        last = self._said.get(kind)
        if last is not None and now - last.at < REPEAT_SECONDS:
            last.kept_back += 1
            return False
        # Put anew, so that the first of the dictionary is always the kind that was said longest ago.
        self._said.pop(kind, None)
        self._said[kind] = _Said(now)
        if len(self._said) > KINDS_MAX:
            del self._said[next(iter(self._said))]
        if last is not None and last.kept_back:
            record.msg = f"{record.msg} (and {last.kept_back} times more in the last {(now - last.at) / 60:.0f} min)"
        return True


def set_up_logging(stream: TextIO, environment: Mapping[str, str], steady: Callable[[], float]) -> None:
    """Send what this program logs to `stream`, restrained, and marked with priorities where journald reads it."""
    output = logging.StreamHandler(stream)
    if is_journal(stream, environment):
        output.setFormatter(ServiceFormatter("%(name)s: %(message)s"))
    else:
        output.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    output.addFilter(Restraint(steady))
    logging.basicConfig(level=logging.INFO, handlers=[output], force=True)
