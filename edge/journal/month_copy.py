"""A second copy of the readings around each month's edge: they decide months, and must outlive the journal.

A text file of its own, on another medium if so configured. Each line is the check sum (CRC-32 as in ISO/IEC 3309, hex)
of what follows, then a descriptor and a reading of one row as they go on the wire, both in base 64. Lines are appended
and synced, a torn one is passed over, and of each meter the newest are kept. Which hours may be a month's edge does not
depend on a zone's rules: `edge.metering.schedule.is_near_month_edge`.
"""

from __future__ import annotations

import base64
import logging
import os
import zlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from protocol import wire
from protocol.errors import ProtocolError
from protocol.messages import MeterDescriptor, Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MONTH_EDGE_HOURS = 27
COPIES_PER_METER_MAX = 14 * MONTH_EDGE_HOURS
"""Fourteen months of every hour that may be the month's edge somewhere, both ends included."""
_GROWTH_BYTES = 1 << 16
_LINE_BYTES_MAX = 1 << 17

_log = logging.getLogger(__name__)


class Copied(NamedTuple):
    """A reading of one row, with the id of its boot, and the descriptor that it refers to."""

    descriptor: MeterDescriptor
    reading: Readings


class MonthCopy:
    """The copy in the file at `path`. Whatever happens to it, polling goes on: its faults are logged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False
        self._trim_from = 0

    def read(self) -> tuple[Copied, ...]:
        """Return what is readable of the copy, oldest first; nothing if it cannot be read."""
        try:
            with self._path.open("rb") as file:
                lines = iter(lambda: file.readline(_LINE_BYTES_MAX), b"")
                return _newest(copied for line in lines if (copied := _read_line(line)) is not None)
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._complain(error)
            return ()

    def add(self, copies: Sequence[Copied]) -> None:
        """Append readings durably."""
        try:
            self._trim()
            with self._path.open("ab") as file:
                file.write(b"".join(map(_write_line, copies)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._complain(error)
        else:
            self._is_failing = False

    def _trim(self) -> None:
        """Write the file anew with what is to be kept of it, at first and whenever it has grown much since."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size < self._trim_from:
            return
        draft = self._path.with_name(self._path.name + ".new")
        with draft.open("wb") as file:
            for copied in self.read():
                file.write(_write_line(copied))
            file.flush()
            os.fsync(file.fileno())
            self._trim_from = 2 * file.tell() + _GROWTH_BYTES
        draft.replace(self._path)

    def _complain(self, error: OSError) -> None:
        # The next line must not be glued to what was left of this one.
        self._trim_from = 0
        if not self._is_failing:
            _log.error("the second copy of month-edge readings %s cannot be used: %s", self._path, error.strerror)
        self._is_failing = True


def _newest(copies: Iterable[Copied]) -> tuple[Copied, ...]:
    kept: dict[int, deque[Copied]] = {}
    for copied in copies:
        kept.setdefault(copied.reading.meter, deque(maxlen=COPIES_PER_METER_MAX)).append(copied)
    return tuple(copied for of_meter in kept.values() for copied in of_meter)


def _write_line(copied: Copied) -> bytes:
    content = b" ".join(base64.b64encode(wire.encode_frame(frame)) for frame in copied)
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _read_line(line: bytes) -> Copied | None:
    """Return what a line holds, None if it is not what was written."""
    try:
        check_sum, content = line.removesuffix(b"\n").split(b" ", 1)
        if int(check_sum, 16) != zlib.crc32(content):
            return None
        descriptor, reading = (wire.decode_frame(base64.b64decode(frame, validate=True)) for frame in content.split())
    except (ProtocolError, ValueError):
        return None
    if isinstance(descriptor, MeterDescriptor) and isinstance(reading, Readings) and reading.boot_id is not None:
        return Copied(descriptor, reading)
    return None
