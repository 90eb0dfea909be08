"""Readings derived from blocks: written once, and compared when they come again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from hub.store import drops, schema
from hub.store.dialect import insert_new, insert_rows
from hub.store.good_readings import is_placed
from hub.store.patterns import patterns_to_signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from protocol.identity import BootId


ReadingRow = tuple[int, int, bytearray, int, int, int | None, int, int, int, int, int]
"""A reading in the order of the table's columns; a plain tuple, as thousands in a second go to the driver so."""


class Series(NamedTuple):
    """Readings of one register in one boot out of blocks of one stream (`seqs`), as columns of one length.

    `read_at` is UTC ms, `counts` the unsigned patterns, `energies_wh` None where a count has no energy in it.
    """

    register_id: int
    scale_id: int
    stream: int
    boot_id: BootId
    read_at: Sequence[int]
    boottimes_ms: Sequence[int]
    counts: Sequence[int]
    energies_wh: Sequence[int | None]
    qualities: Sequence[int]
    statuses: Sequence[int]
    seqs: Sequence[int]

    def rows(self) -> Iterator[ReadingRow]:
        """Return the readings as they are stored."""
        # Where it gets `bytes`, sqlite3 asks for an adapter every time; a `bytearray` it takes as it is.
        boot_id = bytearray(self.boot_id)
        return zip(
            repeat(self.register_id),
            self.read_at,
            repeat(boot_id),
            self.boottimes_ms,
            patterns_to_signed(self.counts),
            self.energies_wh,
            repeat(self.scale_id),
            self.qualities,
            self.statuses,
            repeat(self.stream),
            self.seqs,
            strict=False,
        )


@dataclass(frozen=True, slots=True)
class Unconverted:
    """How many readings of a register, in this unit, could not be turned into Wh."""

    register_id: int
    unit: str
    readings: int


class Added(NamedTuple):
    """How many readings were new, how many there already, and how many contradict one that is."""

    new: int = 0
    known: int = 0
    conflicting: int = 0


def add_readings(connection: Connection, series: Sequence[Series], received_at: int) -> Added:
    """Insert readings and return what became of them.

    `received_at` (UTC ms) is when the first of their blocks was received. The key is (register, read_at, boot id,
    boottime): the same reading sealed again is skipped, a different value under the same key is kept beside the first
    in `reading_conflict`, never instead of it.
    """
    if not series:
        return Added()
    before = drops.find_newest(connection, {one.register_id for one in series})
    rows = list(chain.from_iterable([one.rows() for one in series]))
    added = insert_rows(connection, schema.reading, rows)
    drops.watch(connection, series, before, received_at, is_new=added == len(rows))
    conflicting = sum(_keep_conflict(connection, row) for row in rows) if added < len(rows) else 0
    return Added(added, len(rows) - added - conflicting, conflicting)


def count_unconverted(connection: Connection) -> tuple[Unconverted, ...]:
    """Return how many readings have no energy in Wh, by register and unit; one that was placed counts once."""
    table, scale = schema.reading, schema.register_scale
    rows = connection.execute(
        select(table.c.register_id, scale.c.unit, func.count().label("readings"))
        .join(scale, scale.c.id == table.c.scale_id)
        .where(table.c.register_wh.is_(None), ~is_placed())
        .group_by(table.c.register_id, scale.c.unit)
        .order_by(table.c.register_id, scale.c.unit)
    )
    return tuple(Unconverted(row.register_id, row.unit, row.readings) for row in rows)


def _keep_conflict(connection: Connection, row: ReadingRow) -> bool:
    table = schema.reading
    values = dict(zip((column.name for column in table.c), row, strict=True))
    query = select(table.c.raw, table.c.register_wh)
    for column in table.primary_key:
        query = query.where(column == values[column.name])
    held = connection.execute(query).one()
    if (held.raw, held.register_wh) == (values["raw"], values["register_wh"]):
        return False
    kept = {column.name: values[column.name] for column in schema.reading_conflict.c}
    connection.execute(insert_new(connection, schema.reading_conflict).values(kept))
    return True
