"""What the hub says to whoever keeps its log: text for people, or one JSON object a line for programs.

Nothing in a line obeys a terminal or begins another line, whatever a device or a browser sent, and nothing that looks
like a secret is said. Where journald reads, a line begins with its priority, `<4>` for a warning (sd-daemon(3)).
"""

from __future__ import annotations

import json
import logging
import os
import re
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered, empty outside of one."""
WITHHELD = "[withheld]"
_FIELDS = "fields"
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {WITHHELD}"),
    (
        re.compile(r"(?i)\b([\w-]*(?:password|passwd|secret|token|access[_-]key))(['\"]?\s*[:=]\s*)['\"]?[^\s,;'\"]+"),
        rf"\1\2{WITHHELD}",
    ),
    (re.compile(r"(://)[^/\s:@]+:[^/\s@]+@"), rf"\1{WITHHELD}@"),
)


class LogForm(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


def with_fields(**fields: str | int) -> dict[str, object]:
    """Return what to pass as `extra` so that the JSON form says these beside the event."""
    return {_FIELDS: fields}


def clean(text: str) -> str:
    """Return one line without signs that nobody sees or that a terminal obeys, and without what looks like a secret."""
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
    for pattern, instead in _SECRETS:
        shown = pattern.sub(instead, shown)
    return shown


class TextFormatter(logging.Formatter):
    """Lines for people: when, how bad, who says it, what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines: more than one only where it carries a traceback."""
        return "\n".join(clean(line) for line in super().format(record).splitlines())

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the first line, whatever the message holds."""
        record.message = clean(record.message.strip())
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `ts` (RFC 3339 in UTC), `level`, `logger`, `event`, and what else is known.

    That is `request_id` inside of a request, `trace` with the lines of a traceback, and the fields of `with_fields`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of ASCII."""
        said: dict[str, object] = {
            "ts": format_instant(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": clean(record.getMessage().strip()),
        }
        fields: Mapping[str, str | int] = getattr(record, _FIELDS, {})
        said |= {name: clean(value) if isinstance(value, str) else value for name, value in fields.items()}
        if request_id := REQUEST_ID.get():
            said["request_id"] = request_id
        if record.exc_info:
            said["trace"] = [clean(line) for line in self.formatException(record.exc_info).splitlines()]
        return json.dumps(said)


class _ForJournal(logging.Formatter):
    """Lines of another form, each with the priority that journald takes off again."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        priority = next((number for bound, number in _PRIORITIES if record.levelno >= bound), 7)
        return "\n".join(f"<{priority}>{line}" for line in self._form.format(record).splitlines())


def set_up_logging(stream: TextIO, environment: Mapping[str, str], form: LogForm, level: int) -> None:
    """Send what this program logs from `level` on to `stream`, marked with priorities where journald reads it."""
    formatter: logging.Formatter = JsonFormatter() if form is LogForm.JSON else TextFormatter()
    output = logging.StreamHandler(stream)
    output.setFormatter(_ForJournal(formatter) if _is_journal(stream, environment) else formatter)
    logging.basicConfig(level=level, handlers=[output], force=True)


def _is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether journald reads this stream: JOURNAL_STREAM names its device and inode, systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
