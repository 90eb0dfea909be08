"""Read a CSV file of one of the three layouts row by row, within bounds: its cells, or where it cannot be read."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.bulk_rows import RowFinding, check_heading

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from hub.rules.bulk_rows import Layout

BYTES_MAX = 64 * 1024 * 1024
LINES_MAX = 1_000_000
LINE_BYTES_MAX = 64 * 1024
COLUMN_COUNT = "COLUMN_COUNT"
"""Says of a row that it has not as many values as the heading has columns; all else is wrong with the whole file."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """The cells of a row by the names of their columns, and the line on which it begins (the heading's is 1)."""

    line: int
    cells: dict[str, str]


class _BrokenError(Exception):
    """The file cannot be read beyond a line: carries the finding."""

    def __init__(self, finding: RowFinding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def read_csv(
    source: BinaryIO, layout: Layout, on_line: Callable[[bytes], None] = lambda _: None
) -> Iterator[CsvRow | RowFinding]:
    """Yield the rows of a file, and what is wrong with its form; blank lines are left out.

    What makes the file unreadable beyond a line is the last that is yielded. `on_line` is told each line's
    bytes, as they are in the file.
    """
    reader = csv.reader(_lines(source, on_line), strict=True)
    try:
        heading = next(reader, None)
        if heading is None:
            yield RowFinding(
                1, "", "EMPTY", f"the file is empty: it begins with a line that names the columns of {layout}"
            )
            return
        wrong = check_heading(layout, heading)
        yield from wrong or _rows(reader, heading)
    except _BrokenError as broken:
        yield broken.finding
    except csv.Error as error:
        text = f"the file cannot be read beyond this line ({error}): put values that hold quotes or commas in quotes"
        yield RowFinding(reader.line_num, "", "NOT_CSV", text)


def _rows(reader: Reader, heading: list[str]) -> Iterator[CsvRow | RowFinding]:
    line = reader.line_num
    for values in reader:
        begins, line = line + 1, reader.line_num
        if not any(values):
            continue
        if len(values) == len(heading):
            yield CsvRow(begins, dict(zip(heading, values, strict=True)))
            continue
        text = (
            f"this row has {len(values)} values where the heading has {len(heading)} columns: put values with commas "
            "in them in quotes, and write thousands without commas"
        )
        yield RowFinding(begins, "", COLUMN_COUNT, text)


def _lines(source: BinaryIO, on_line: Callable[[bytes], None]) -> Iterator[str]:
    """Yield the lines of a UTF-8 file without its byte order mark; raises _BrokenError where it cannot go on."""
    line = total = 0
    while raw := source.readline(LINE_BYTES_MAX + 1):
        line += 1
        total += len(raw)
        on_line(raw)
        if line == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise _broken(line, "ENCODING", "the file is UTF-16: export it as CSV UTF-8")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) > LINE_BYTES_MAX:
            raise _broken(line, "TOO_LONG", f"this line has more than {LINE_BYTES_MAX} bytes: check where it ends")
        if total > BYTES_MAX or line > LINES_MAX:
            text = (
                f"the file has more than {LINES_MAX} lines or {BYTES_MAX >> 20} MiB: divide it, each with its heading"
            )
            raise _broken(line, "TOO_LARGE", text)
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            text = "this line is not UTF-8: export the file as CSV UTF-8, so that every name stays as it is written"
            raise _broken(line, "ENCODING", text) from None


def _broken(line: int, code: str, text: str) -> _BrokenError:
    return _BrokenError(RowFinding(line, "", code, text))
