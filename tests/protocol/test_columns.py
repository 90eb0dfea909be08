"""Columns are exact for every integer, and short where readings are regular."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, columns
from protocol.errors import MalformedError, ProtocolError
from tests.protocol.strategies import cbor_values, counts, signed_times, times


def _through_cbor(column: object) -> object:
    return cbor.decode(cbor.encode(column))


regular_times = st.builds(
    lambda first, step, jitter: tuple(first + row * step + late for row, late in enumerate(jitter)),
    st.integers(0, 2**40),
    st.integers(1, 900_000),
    st.lists(st.integers(0, 50), min_size=1, max_size=40),
)


@given(st.lists(times, min_size=1, max_size=30).map(tuple) | regular_times)
def test_times_round_trip(instants: tuple[int, ...]) -> None:
    """Any instants, regular or not, in order or not, come back exactly."""
    assert columns.decode_times(_through_cbor(columns.encode_times(instants)), len(instants)) == instants


@given(st.lists(counts, min_size=1, max_size=30).map(tuple))
def test_counts_round_trip(patterns: tuple[int, ...]) -> None:
    """Any 64-bit patterns come back exactly, whichever way they jump."""
    assert columns.decode_counts(_through_cbor(columns.encode_counts(patterns)), len(patterns)) == patterns


@given(st.lists(signed_times, min_size=1, max_size=30).map(tuple))
def test_offsets_round_trip(offsets: tuple[int, ...]) -> None:
    """Any offsets come back exactly."""
    assert columns.decode_offsets(_through_cbor(columns.encode_offsets(offsets)), len(offsets)) == offsets


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30).map(tuple))
def test_repeated_values_round_trip(values: tuple[int, ...]) -> None:
    """Any status values come back exactly."""
    column = _through_cbor(columns.encode_repeated(values))
    assert columns.decode_repeated(column, "a value", len(values), 9) == values


@given(cbor_values(2), st.integers(1, 5))
def test_decoders_raise_only_protocol_errors(column: object, rows: int) -> None:
    """Whatever stands in a column, decoding gives exactly the rows asked for or a ProtocolError."""
    for decode in (columns.decode_times, columns.decode_offsets, columns.decode_counts):
        try:
            decoded = decode(_through_cbor(column), rows)
        except ProtocolError:
            continue
        assert len(decoded) == rows


def test_regular_readings_take_a_few_bytes() -> None:
    """A day of undisturbed quarter hours costs one instant and one step; jitter costs a byte or two a row."""
    edges = [1_467_331_200_000 + 900_000 * row for row in range(96)]
    assert columns.encode_times(edges) == [edges[0], 900_000, 0]
    late = [edge + row % 7 for row, edge in enumerate(edges)]
    assert len(cbor.encode(columns.encode_times(late))) < 15 + 2 * len(late)


def test_one_hole_does_not_spoil_the_column() -> None:
    """After a hole the differences are shorter than the residuals, and are chosen."""
    edges = [1_467_331_200_000 + 1_000 * row + (10**9 if row > 3 else 0) for row in range(40)]
    assert columns.encode_times(edges)[1] == 0


@pytest.mark.parametrize(
    "column",
    [
        [0, 1],
        [0, 1, [0]],
        [0, 1, 7],
        [0, 0, 0],
        [0, 0, [1]],
        [5, 0, [-6, 1]],
        [2**48, 1, 0],
        [2**48 - 2, 1, 0],
        [0, -1, 0],
        [0, 1, False],
        None,
    ],
)
def test_wrong_time_columns_are_refused(column: object) -> None:
    """A time column of another length, form or range than three rows is malformed."""
    with pytest.raises(MalformedError):
        columns.decode_times(column, 3)


@pytest.mark.parametrize("column", [[0, 1], [-1, 1, 1], [0, 1, -2], [2**64 - 1, 1, 0], 5, [0, True, 0]])
def test_wrong_count_columns_are_refused(column: object) -> None:
    """A count column of another length than three rows, or that leaves 0..2^64-1, is malformed."""
    with pytest.raises(MalformedError):
        columns.decode_counts(column, 3)
