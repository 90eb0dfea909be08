"""Properties of the reader of measured power: every digit is kept, and a doubtful file is refused whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import MeasuredFileError
from simulators.measured import read_measured_csv

if TYPE_CHECKING:
    from decimal import Decimal

HEADER = "measured_on,ac_power\n"
START = datetime(2016, 7, 1, tzinfo=UTC)
START_MS = 1_467_331_200_000


def write(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    path = folder / "power.csv"
    path.write_text(text, encoding="utf-8")
    return path


POWERS = st.integers(0, 6).flatmap(lambda places: st.decimals(-999, 999_999, places=places))


@given(st.lists(POWERS, min_size=1, max_size=20))
def test_every_digit_is_kept(powers: list[Decimal]) -> None:
    """A power is read exactly as printed, whatever its digits, and negative ones are zero."""
    rows = "".join(f"{START + timedelta(minutes=15 * row)},{power}\n" for row, power in enumerate(powers))
    with TemporaryDirectory() as folder:
        series = read_measured_csv(write(Path(folder), HEADER + rows))
    assert [Fraction(count, 10**series.decimals) for count in series.power] == [
        max(Fraction(power), Fraction(0)) for power in powers
    ]


def test_instants_are_utc_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    """The offset of each row counts, a daylight-saving change included, and blank lines do not."""
    text = f"\ufeff{HEADER}2016-11-06 01:45:00-04:00,1\n\n2016-11-06T01:00:00-05:00,2\n   \n\n"
    series = read_measured_csv(write(tmp_path, text))
    assert series.starts_at[1] - series.starts_at[0] == 900_000
    assert series.end_at == series.starts_at[1] + 900_000


def test_other_columns_are_ignored_and_numbers_may_be_scientific(tmp_path: Path) -> None:
    """Columns are found by name, and a number in scientific notation is the same number."""
    text = 'site,ac_power,note,measured_on\nA,1.5e3,"x, y",2016-07-01 00:00Z\nA,25E-4,,2016-07-01 00:45Z\n'
    series = read_measured_csv(write(tmp_path, text))
    assert series.starts_at == (START_MS, START_MS + 3 * 900_000)
    assert [Fraction(count, 10**series.decimals) for count in series.power] == [1500, Fraction(1, 400)]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", None, "has no rows"),
        (HEADER, None, "has no rows"),
        ("measured_on,power\n", 1, "expected exactly one column ac_power, found measured_on, power"),
        ("ac_power\n", 1, "expected exactly one column measured_on"),
        ("measured_on,ac_power,ac_power\n", 1, "expected exactly one column ac_power"),
        (f"{HEADER}2016-07-01 00:00Z,nan\n", 2, "ac_power is 'nan'"),
        (f"{HEADER}2016-07-01 00:00Z,\n", 2, "ac_power is ''"),
        (f"{HEADER}2016-07-01 00:00Z,inf\n", 2, "ac_power is 'inf'"),
        (f"{HEADER}2016-07-01 00:00Z,1_000\n", 2, "ac_power is '1_000'"),
        (f"{HEADER}2016-07-01 00:00Z,1e999\n", 2, "ac_power is '1e999'"),
        (f"{HEADER}2016-07-01 00:00Z,\u0661\n", 2, "ac_power is '\u0661'"),
        (f"{HEADER}2016-07-01 00:00,1\n", 2, "a time without a zone"),
        (f"{HEADER}yesterday,1\n", 2, "measured_on is 'yesterday'"),
        (f"{HEADER}2016-07-01 00:00:00.000001Z,1\n", 2, "finer than a millisecond"),
        (f"{HEADER}2016-07-01 00:00Z,1\n\n2016-07-01 00:00Z,1\n", 4, "repeats"),
        (f"{HEADER}2016-07-01 00:15Z,1\n2016-07-01 00:00Z,1\n", 3, "goes backwards"),
        (f"{HEADER}2016-07-01 00:00Z,1\n2016-07-01 00:20Z,1\n", 3, "whole number of 15-minute steps"),
        (f"{HEADER}2016-07-01 00:00Z\n", 2, "has only 1 fields"),
        (f'{HEADER}2016-07-01 00:00Z,1\n"2016', None, "not a CSV file"),
    ],
)
def test_a_doubtful_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int | None, expected: str) -> None:
    """The one sentence names the file, the line and what was found, and nothing is returned."""
    path = write(tmp_path, text)
    with pytest.raises(MeasuredFileError) as refusal:
        read_measured_csv(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}, line {line}: " if line else str(path))
    assert expected in message
    assert ";" in message
    assert "\n" not in message


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    """A file that is missing or is not text is refused with a sentence, not with the system's own error."""
    with pytest.raises(MeasuredFileError, match="cannot be read"):
        read_measured_csv(tmp_path / "missing.csv")
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeasuredFileError, match="not UTF-8"):
        read_measured_csv(path)
