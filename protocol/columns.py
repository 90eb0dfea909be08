"""Exact, short columns for readings: what changes little from row to row is written as what changed.

Every form is exact for any integers; nothing is rounded and nothing wraps. Raw register patterns are differenced as
plain unsigned integers, not modulo the register's width: the frame does not carry the width, a CBOR integer
(-2^64..2^64-1) holds any difference of two 64-bit patterns, and an archive can be read without a descriptor at hand.

- times: `[t0, step, residuals]`. With step > 0, row i is t0 + i*step + residual, where residuals is 0 (all of them) or
  a list for rows 1..n-1. With step 0, residuals is the list of n-1 differences from row to row.
- offsets: one integer if constant, else `[first, difference, ...]`.
- raw counts: always `[first, difference, ...]`.
- status and quality: one integer if constant, else the list of n values.

The decoders take the number of rows, and check it before they expand anything.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from operator import add
from typing import TYPE_CHECKING

from protocol import cbor
from protocol.fields import TIME_MS_MAX, U64_MAX, array, integer, integers, within

if TYPE_CHECKING:
    from collections.abc import Sequence

Column = int | list[int]


def encode_times(times: Sequence[int]) -> list[Column]:
    """Return the time column of at least one instant (ms), in the shorter of its two forms."""
    by_difference: list[Column] = [times[0], 0, [later - earlier for earlier, later in pairwise(times)]]
    rows = len(times)
    step = (2 * (times[-1] - times[0]) + rows - 1) // (2 * (rows - 1)) if rows > 1 else 0
    if step <= 0:
        return by_difference
    # The rounded mean, because late reads scatter around the schedule: with any other step residuals would grow.
    residuals = [time - times[0] - row * step for row, time in enumerate(times)][1:]
    by_step: list[Column] = [times[0], step, residuals if any(residuals) else 0]
    return by_step if len(cbor.encode(by_step)) <= len(cbor.encode(by_difference)) else by_difference


def decode_times(column: object, rows: int) -> tuple[int, ...]:
    """Return the instants (ms, each 0..2^48-1) of a time column; raises MalformedError if it is none of `rows` rows."""
    parts = array(column, "the time column", 3, 3)
    first = integer(parts[0], "the first time", 0, TIME_MS_MAX)
    step = integer(parts[1], "the time step", 0, TIME_MS_MAX)
    if step and type(parts[2]) is int:
        integer(parts[2], "the time residual", 0, 0)
        times = tuple(range(first, first + rows * step, step))
    else:
        differences = integers(parts[2], "a time difference", rows - 1)
        if step:
            within(differences, "a time residual", -TIME_MS_MAX, TIME_MS_MAX)
            times = (first, *map(add, range(first + step, first + rows * step, step), differences))
        else:
            times = tuple(accumulate(differences, initial=first))
    within(times, "a time", 0, TIME_MS_MAX)
    return times


def encode_differences(values: Sequence[int]) -> list[int]:
    """Return `[first, difference, ...]` of at least one integer."""
    return [values[0], *(later - earlier for earlier, later in pairwise(values))]


def decode_differences(column: object, what: str, rows: int, low: int, high: int) -> tuple[int, ...]:
    """Return the `rows` integers (each `low`..`high`) of a difference column; raises MalformedError if it is none."""
    values = tuple(accumulate(integers(column, what, rows)))
    within(values, what, low, high)
    return values


def encode_offsets(offsets: Sequence[int]) -> Column:
    """Return the offset column (ms) of at least one row."""
    return offsets[0] if len(set(offsets)) == 1 else encode_differences(offsets)


def decode_offsets(column: object, rows: int) -> tuple[int, ...]:
    """Return the offsets (ms, within ±2^48) of an offset column; raises MalformedError if it is none of `rows` rows."""
    what = "a clock offset"
    if isinstance(column, list):
        return decode_differences(column, what, rows, -TIME_MS_MAX, TIME_MS_MAX)
    return (integer(column, what, -TIME_MS_MAX, TIME_MS_MAX),) * rows


def encode_counts(counts: Sequence[int]) -> list[int]:
    """Return the column of raw counts of at least one row."""
    return encode_differences(counts)


def decode_counts(column: object, rows: int) -> tuple[int, ...]:
    """Return the raw counts (each 0..2^64-1) of a count column; raises MalformedError if it is none of `rows` rows."""
    return decode_differences(column, "a raw count", rows, 0, U64_MAX)


def encode_repeated(values: Sequence[int]) -> Column:
    """Return a column of values that seldom change, of at least one row."""
    return int(values[0]) if len(set(values)) == 1 else [int(value) for value in values]


def decode_repeated(column: object, what: str, rows: int, high: int) -> tuple[int, ...]:
    """Return the values (each 0..`high`) of such a column; raises MalformedError if it is none of `rows` rows."""
    if isinstance(column, list):
        values = tuple(integers(column, what, rows))
        within(values, what, 0, high)
        return values
    return (integer(column, what, 0, high),) * rows
