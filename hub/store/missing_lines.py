"""Which systems lack closed months of a quarter, as it was last looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from hub.store.dialect import insert_or_replace
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
    if only is not None:
        query = query.where(table.c.system.in_(list(only)))
    return tuple(connection.execute(query.order_by(table.c.system).limit(limit)).scalars())


def count_lines(connection: Connection, quarter: ProductionQuarter, only: Collection[str]) -> int:
    """Return how many of these systems lacked a month."""
    table = missing_line
    query = select(func.count()).where(table.c.quarter == str(quarter), table.c.system.in_(list(only)))
    return connection.execute(query).scalar_one()


def add_lines(connection: Connection, quarter: ProductionQuarter, systems: Iterable[str]) -> None:
    """Keep that these systems, which were not kept before, lack a month of a quarter."""
    values = [{"quarter": str(quarter), "system": one} for one in systems]
    if values:
        connection.execute(insert(missing_line), values)


def forget_lines(connection: Connection, quarter: ProductionQuarter, systems: Collection[str]) -> None:
    """Leave out systems that lack no month of a quarter any more."""
    table = missing_line
    connection.execute(delete(table).where(table.c.quarter == str(quarter), table.c.system.in_(list(systems))))


def forget_before(connection: Connection, quarter: ProductionQuarter) -> None:
    """Forget the quarters before one."""
    for table in (missing_line, missing_look):
        connection.execute(delete(table).where(table.c.quarter < str(quarter)))
