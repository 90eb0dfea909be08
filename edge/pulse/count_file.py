"""A pulse count on the card: two places written in turn, so that a power cut in the middle of one leaves the other.

Each place is one line in a 4096-byte page of its own, written in place: nothing else of the file system is touched, and
one page is what keeping a count costs. A copy in memory-backed storage (systemd's RuntimeDirectory) is written far more
often; it survives a crash of the program but not of the machine.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096
PLACES = 2
_MAGIC = "pulses1"
_FIELDS = 4


class CountFileError(Exception):
    """A count cannot be kept; the message names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class KeptCount:
    """So many pulses since the register stood at its basis (`PulseRegister.basis`), as of `at_ms` (UTC ms)."""

    pulses: int
    at_ms: int
    basis: str


class CountFile:
    """The durable count of one meter in `path`, and its copy in `runtime` (None: no memory-backed storage there)."""

    def __init__(self, path: Path, runtime: Path | None = None) -> None:
        self._path = path
        self._runtime = runtime
        self._turn = 0

    def read(self, basis: str) -> KeptCount | None:
        """Return the furthest count kept for this basis, None if there is none; damaged places are passed over.

        Raises CountFileError if the file is there and cannot be read at all.
        """
        places = [_parse(page) for page in _read_places(self._path)]
        if any(places):
            # The newest is overwritten last, which is the furthest of this basis: clocks are set back, counts are not.
            newest = max(range(len(places)), key=lambda place: _rank(places[place], basis))
            self._turn = (newest + 1) % PLACES
        copies = [_parse(page) for page in _read_places(self._runtime)] if self._runtime is not None else []
        fitting = [kept for kept in (*places, *copies) if kept is not None and kept.basis == basis]
        return max(fitting, key=lambda kept: kept.pulses, default=None)

    def keep(self, kept: KeptCount) -> None:
        """Write the count durably; raises CountFileError."""
        try:
            _write(self._path, self._turn, kept, is_durable=True)
        except OSError as error:
            raise _unkept(self._path, error) from error
        self._turn = (self._turn + 1) % PLACES
        self.note(kept)

    def note(self, kept: KeptCount) -> None:
        """Write the count to memory-backed storage, where there is any: it costs no card, and may fail unheard."""
        if self._runtime is not None:
            with suppress(OSError):
                _write(self._runtime, 0, kept, is_durable=False)


def _rank(kept: KeptCount | None, basis: str) -> int:
    return -1 if kept is None or kept.basis != basis else kept.pulses


def _read_places(path: Path) -> list[bytes]:
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unkept(path, error) from error
    return [octets[start : start + PAGE] for start in range(0, PLACES * PAGE, PAGE)]


def _write(path: Path, place: int, kept: KeptCount, *, is_durable: bool) -> None:
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        os.pwrite(handle, _format(kept).ljust(PAGE), place * PAGE)
        if is_durable:
            os.fdatasync(handle)
    finally:
        os.close(handle)
    if is_durable and is_new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unkept(path: Path, error: OSError) -> CountFileError:
    return CountFileError(
        f"the pulse count {path} cannot be kept: {error.strerror}; check the disk and the folder's owner"
    )


def _format(kept: KeptCount) -> bytes:
    body = f"{_MAGIC}|{kept.pulses}|{kept.at_ms}|{kept.basis}"
    return f"{body}|{zlib.crc32(body.encode()):08x}\n".encode()


def _parse(page: bytes) -> KeptCount | None:
    """Return what a place holds, None if it is empty or its check sum does not agree."""
    body, _, check_sum = page.partition(b"\n")[0].rpartition(b"|")
    parts = body.decode("ascii", errors="replace").split("|")
    if check_sum != f"{zlib.crc32(body):08x}".encode() or len(parts) != _FIELDS or parts[0] != _MAGIC:
        return None
    return KeptCount(int(parts[1]), int(parts[2]), parts[3])
