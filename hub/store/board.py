"""The window board: how each system stands towards a month, as it was last looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select

from hub.fleet.standing import Standing
from hub.rules.periods import parse_month
from hub.store.dialect import insert_or_replace
from hub.store.fleet_tables import window_line, window_look
from hub.store.schema import system

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth

_LOOK = 1


@dataclass(frozen=True, slots=True)
class Line:
    """A system's line: why it stands so, its nameplate (W DC), and what it should make in the month (Wh)."""

    system: str
    month: str
    standing: Standing
    reason: str
    capacity_w: int
    expected_wh: int


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line with the name of its system."""

    line: Line
    name: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many systems stand so, with their nameplates (W DC) and what they should make in the month (Wh) together."""

    systems: int = 0
    capacity_w: int = 0
    expected_wh: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """Of which month the board is, and when it was drawn (UTC ms)."""

    month: ProductionMonth
    at: int


def load_lines(connection: Connection) -> dict[str, Line]:
    """Return every line by system."""
    rows = connection.execute(select(window_line))
    return {
        row.system: Line(row.system, row.month, Standing(row.standing), row.reason, row.capacity_w, row.expected_wh)
        for row in rows
    }


def standings_of(connection: Connection, systems: Collection[str]) -> tuple[Standing, ...]:
    """Return how these systems stand, those that the board has."""
    table = window_line
    rows = connection.execute(select(table.c.standing).where(table.c.system.in_(list(systems))))
    return tuple(Standing(row.standing) for row in rows)


def save_lines(connection: Connection, lines: Collection[Line]) -> None:
    """Keep these lines in place of those of the same systems."""
    if not lines:
        return
    changing = ["month", "standing", "reason", "capacity_w", "expected_wh"]
    values = [{name: getattr(line, name) for name in Line.__slots__} for line in lines]
    connection.execute(
        insert_or_replace(connection, window_line, ["system"], changing),
        [{**value, "standing": value["standing"].value} for value in values],
    )


def forget_lines(connection: Connection, systems: Iterable[str]) -> None:
    """Leave out systems that are no longer there."""
    for name in systems:
        connection.execute(delete(window_line).where(window_line.c.system == name))


def save_look(connection: Connection, looked: Looked) -> None:
    """Keep of which month the board is, and when it was drawn."""
    added = insert_or_replace(connection, window_look, ["id"], ["month", "looked_at"])
    connection.execute(added, {"id": _LOOK, "month": str(looked.month), "looked_at": looked.at})


def find_look(connection: Connection) -> Looked | None:
    """Return of which month the board is; None before anybody looked."""
    row = connection.execute(select(window_look)).one_or_none()
    return None if row is None else Looked(parse_month(row.month), row.looked_at)


def count_lines(connection: Connection) -> dict[Standing, Count]:
    """Return how many systems stand how."""
    table = window_line
    totals = (func.count(), func.sum(table.c.capacity_w), func.sum(table.c.expected_wh))
    rows = connection.execute(select(table.c.standing, *totals).group_by(table.c.standing))
    return {Standing(row[0]): Count(row[1], row[2], row[3]) for row in rows}


def list_lines(
    connection: Connection, standing: Standing, after: tuple[int, str] | None, limit: int
) -> tuple[NamedLine, ...]:
    """Return the next systems that stand so, most at stake first; `after` is the expected Wh and system of the last."""
    table = window_line
    query = (
        select(table, system.c.name)
        .join(system, system.c.pts_id == table.c.system)
        .where(table.c.standing == standing.value)
        .order_by(table.c.expected_wh.desc(), table.c.system.desc())
        .limit(limit)
    )
    if after is not None:
        wh, name = after
        further = (table.c.expected_wh == wh) & (table.c.system < name)
        query = query.where(table.c.expected_wh <= wh, or_(table.c.expected_wh < wh, further))
    return tuple(
        NamedLine(Line(row.system, row.month, standing, row.reason, row.capacity_w, row.expected_wh), row.name)
        for row in connection.execute(query)
    )
