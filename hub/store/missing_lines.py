"""Which systems lack closed months of a quarter, as it was last looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from hub.store.dialect import insert_or_replace
from hub.store.facts import chunks
from hub.store.fleet_tables import missing_line, missing_look

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from hub.rules.quarters import ProductionQuarter


@dataclass(frozen=True, slots=True)
class MissingLook:
    """A look at so many closed months of a quarter at `looked_at` (UTC ms): how many systems lacked one of them."""

    months: int
    systems: int
    looked_at: int


def find_look(connection: Connection, quarter: ProductionQuarter) -> MissingLook | None:
    """Return the last look at a quarter; None before the first."""
    row = connection.execute(select(missing_look).where(missing_look.c.quarter == str(quarter))).one_or_none()
    return None if row is None else MissingLook(row.months, row.systems, row.looked_at)


def save_look(connection: Connection, quarter: ProductionQuarter, look: MissingLook) -> None:
    """Keep the look at a quarter in place of the one before."""
    values = {"months": look.months, "systems": look.systems, "looked_at": look.looked_at}
    statement = insert_or_replace(connection, missing_look, ["quarter"], list(values))
    connection.execute(statement, {"quarter": str(quarter), **values})


def list_lines(
    connection: Connection,
    quarter: ProductionQuarter,
    *,
    only: Collection[str] | None = None,
    after: str = "",
    limit: int | None = None,
) -> tuple[str, ...]:
    """Return the systems after a PTS id that lacked a month, all or `only` some of them, by PTS id."""
    table = missing_line
    query = select(table.c.system).where(table.c.quarter == str(quarter), table.c.system > after)
    query = query.order_by(table.c.system).limit(limit)
    if only is None:
        return tuple(connection.execute(query).scalars())
    found: list[str] = []
    for some in chunks([one for one in only if one > after]):
        found += connection.execute(query.where(table.c.system.in_(some))).scalars()
        if limit is not None and len(found) >= limit:
            break
    return tuple(found[:limit])


def count_lines(connection: Connection, quarter: ProductionQuarter, only: Collection[str]) -> int:
    """Return how many of these systems lacked a month."""
    table = missing_line
    query = select(func.count()).where(table.c.quarter == str(quarter))
    return sum(connection.execute(query.where(table.c.system.in_(some))).scalar_one() for some in chunks(only))


def add_lines(connection: Connection, quarter: ProductionQuarter, systems: Iterable[str]) -> None:
    """Keep that these systems, which were not kept before, lack a month of a quarter."""
    values = [{"quarter": str(quarter), "system": one} for one in systems]
    if values:
        connection.execute(insert(missing_line), values)


def forget_lines(connection: Connection, quarter: ProductionQuarter, systems: Collection[str]) -> None:
    """Leave out systems that lack no month of a quarter any more."""
    table = missing_line
    for some in chunks(systems):
        connection.execute(delete(table).where(table.c.quarter == str(quarter), table.c.system.in_(some)))


def forget_before(connection: Connection, quarter: ProductionQuarter) -> None:
    """Forget the quarters before one."""
    for table in (missing_line, missing_look):
        connection.execute(delete(table).where(table.c.quarter < str(quarter)))
