"""Rows straight from the pages of an SQLite file, for a file that SQLite itself refuses.

A leaf page of a table is complete in itself: with its header, the index or the tree above it destroyed, every other
page still gives its rows. Pages are also taken from the write-ahead log, each version of them. Nothing is interpreted:
what a row means and whether it can be believed, the reader of rows has to judge; the same row may come more than once.
Format: https://www.sqlite.org/fileformat2.html, clauses 1.5 to 1.6, 2.1 and 4.1.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Value = int | str | bytes | None

PAGE_SIZE = 4096
"""What SQLite takes unless it is told otherwise; used where no header says another."""
PAGE_SIZE_MIN, PAGE_SIZE_MAX = 512, 65_536
PAYLOAD_MAX = 1 << 20
"""Longer rows are no rows of a journal, but damage."""
LOG_SUFFIX = "-wal"
_TABLE_LEAF = 0x0D
_LEAF_HEADER_BYTES = 8
_LOG_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_VARINT_BYTES_MAX = 9
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CONSTANTS = {8: 0, 9: 1}
_SERIAL_BLOB = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A row of some table: its rowid and its columns as they are stored (the column that is the rowid is None)."""

    rowid: int
    values: tuple[Value, ...]


class _UnreadableError(Exception):
    """These bytes are no cell or record."""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield what is readable of all rows in the SQLite file `path` and in the write-ahead log beside it.

    Memory does not grow with the file. Raises OSError if a file that is there cannot be read at all.
    """
    with ExitStack() as stack:
        files = _Files(path, stack)
        for page in files.pages():
            yield from _read_leaf(page, files)


class _Files:
    """The pages of a database file and of the log beside it."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        log = path.with_name(path.name + LOG_SUFFIX)
        self._file = stack.enter_context(path.open("rb"))
        self._log = stack.enter_context(log.open("rb")) if log.exists() else None
        self.page_size = self._find_page_size()
        self._newest = {number: offset for number, offset in self._frames() if number}

    def _find_page_size(self) -> int:
        claims = [*struct.unpack(">H", _take(self._file, 16, 2))]
        if self._log is not None:
            claims += struct.unpack(">I", _take(self._log, 8, 4))
        sizes = (PAGE_SIZE_MAX if claim == 1 else claim for claim in claims)
        return next((size for size in sizes if _is_page_size(size)), PAGE_SIZE)

    def _frames(self) -> Iterator[tuple[int, int]]:
        """Yield for each frame of the log which page it holds, and where that begins."""
        if self._log is not None:
            size = self._log.seek(0, 2)
            for offset in range(_LOG_HEADER_BYTES, size, _FRAME_HEADER_BYTES + self.page_size):
                [number] = struct.unpack(">I", _take(self._log, offset, 4))
                yield number, offset + _FRAME_HEADER_BYTES

    def pages(self) -> Iterator[bytes]:
        """Yield every page of the file and of the log; a last one that is cut short is filled with zeros."""
        for offset in range(0, self._file.seek(0, 2), self.page_size):
            yield _take(self._file, offset, self.page_size)
        if self._log is not None:
            for _, offset in self._frames():
                yield _take(self._log, offset, self.page_size)

    def follow(self, first: int, size: int) -> Iterator[bytes]:
        """Yield the `size` bytes of a chain of overflow pages: as they are now, then as the file alone has them."""
        now = self._chain(first, size, self._newest)
        before = self._chain(first, size, {}) if self._newest else None
        yield from (chain for chain in (now, None if before == now else before) if chain is not None)

    def _chain(self, number: int, size: int, newest: Mapping[int, int]) -> bytes | None:
        content = bytearray()
        while len(content) < size:
            if number == 0:
                return None
            if self._log is not None and number in newest:
                page = _take(self._log, newest[number], self.page_size)
            else:
                page = _take(self._file, (number - 1) * self.page_size, self.page_size)
            [number] = struct.unpack_from(">I", page)
            content += page[4:]
        return bytes(content[:size])


def _take(file: IO[bytes], offset: int, size: int) -> bytes:
    """Return so many bytes from a place; what the file does not have reads as zeros."""
    file.seek(offset)
    return file.read(size).ljust(size, b"\0")


def _is_page_size(size: int) -> bool:
    return PAGE_SIZE_MIN <= size <= PAGE_SIZE_MAX and size.bit_count() == 1


def _read_leaf(page: bytes, files: _Files) -> Iterator[Row]:
    """Yield the rows of a page, if it is a leaf of a table; cells that are nonsense are passed over."""
    if page[0] != _TABLE_LEAF:
        return
    [cells] = struct.unpack_from(">H", page, 3)
    end = min(_LEAF_HEADER_BYTES + 2 * cells, len(page))
    for [offset] in struct.iter_unpack(">H", page[_LEAF_HEADER_BYTES : end - end % 2]):
        try:
            rowid, payloads = _read_cell(page, offset, files)
        except _UnreadableError:
            continue
        for payload in payloads:
            with suppress(_UnreadableError):
                yield Row(rowid, _read_record(payload))


def _read_cell(page: bytes, offset: int, files: _Files) -> tuple[int, Iterable[bytes]]:
    """Return the rowid of a cell and the versions of its payload."""
    size, offset = _read_varint(page, offset)
    rowid, offset = _read_varint(page, offset)
    local = _local_size(size, len(page))
    end = offset + local
    if size > PAYLOAD_MAX or end > len(page):
        raise _UnreadableError
    signed = rowid - (1 << 64) if rowid >> 63 else rowid
    if local == size:
        return signed, (page[offset:end],)
    [overflow] = struct.unpack(">I", page[end : end + 4].rjust(4, b"\0"))
    return signed, (page[offset:end] + rest for rest in files.follow(overflow, size - local))


def _local_size(size: int, usable: int) -> int:
    """Return how much of a payload stands in the leaf page itself, clause 1.6."""
    most = usable - 35
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    wanted = least + (size - least) % (usable - 4)
    return wanted if wanted <= most else least


def _read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """Return an integer of 1 to 9 bytes, clause 1.6, and where it ends."""
    value = 0
    for place, octet in enumerate(data[offset : offset + _VARINT_BYTES_MAX]):
        if place == _VARINT_BYTES_MAX - 1:
            return value << 8 | octet, offset + _VARINT_BYTES_MAX
        value = value << 7 | octet & 0x7F
        if octet < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, offset + place + 1
    raise _UnreadableError


def _read_record(payload: bytes) -> tuple[Value, ...]:
    """Return the columns of a row, clause 2.1."""
    header_size, offset = _read_varint(payload, 0)
    place = header_size
    values: list[Value] = []
    while offset < header_size:
        serial, offset = _read_varint(payload, offset)
        value, place = _read_value(payload, place, serial)
        values.append(value)
    if place != len(payload) or offset != header_size:
        raise _UnreadableError
    return tuple(values)


def _read_value(payload: bytes, place: int, serial: int) -> tuple[Value, int]:
    """Return one column of the serial type `serial` that begins at `place`, and where it ends."""
    if serial == 0:
        return None, place
    if serial in _CONSTANTS:
        return _CONSTANTS[serial], place
    length = _INTEGER_BYTES.get(serial, (serial - _SERIAL_BLOB) // 2)
    content = payload[place : place + length] if length >= 0 else b""
    if len(content) != length:
        raise _UnreadableError
    if serial in _INTEGER_BYTES:
        return int.from_bytes(content, "big", signed=True), place + length
    if serial % 2 == 0:
        return content, place + length
    try:
        return content.decode(), place + length
    except UnicodeDecodeError as error:
        raise _UnreadableError from error
