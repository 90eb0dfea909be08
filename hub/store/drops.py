"""Where registers went down: kept as instants while readings come in, so that a month need not look at all of them.

Neighbours are good verified readings in order of time, and at one instant of boottime. A drop belongs to the instant of
its later reading.
"""

from __future__ import annotations

import functools
import itertools
from operator import lt
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select

from hub.rules.production import EARLIEST_READ_AT, READ_AHEAD_MS_MAX
from hub.store import schema
from hub.store.good_readings import is_good, is_verified
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Connection, Select

    from hub.store.readings import Series

Newest = tuple[int, int]
"""When a register was read last (UTC ms), and the Wh it showed."""


def find_newest(connection: Connection, registers: Collection[int]) -> dict[int, Newest]:
    """Return the latest good verified reading of each of these registers, by register id."""
    rows: Iterable[tuple[int, int | None, int | None]] = connection.execute(
        _find_newest(), {"registers": list(registers)}
    )
    return {
        register_id: (read_at, shown_wh)
        for register_id, read_at, shown_wh in rows
        if read_at is not None and shown_wh is not None
    }


def watch(
    connection: Connection, series: Iterable[Series], before: Mapping[int, Newest], received_at: int, *, is_new: bool
) -> None:
    """Keep the drops that these readings, just stored, make or unmake.

    `before` is what `find_newest` gave before they were stored, `received_at` (UTC ms) when the first of them was
    received, `is_new` whether none of them was held already.
    """
    by_register: dict[int, list[Series]] = {}
    for one in series:
        by_register.setdefault(one.register_id, []).append(one)
    for register_id, added in by_register.items():
        if not (is_new and _goes_on_rising(added, before.get(register_id), received_at)):
            read_at = [at for one in added for at in one.read_at]
            compare_anew(connection, register_id, min(read_at), max(read_at))


def _goes_on_rising(added: Iterable[Series], newest: Newest | None, received_at: int) -> bool:
    """Return whether good verified readings of a register follow its newest, and nowhere show less than before.

    So it nearly always is, and then no drop is made or unmade.
    """
    last_at, shown_wh = newest or (EARLIEST_READ_AT - 1, None)
    for one in added:
        # A list without None, which only then is compared.
        energies_wh = [energy for energy in one.energies_wh if energy is not None]
        rises = (
            one.read_at[0] > last_at
            and one.read_at[-1] - received_at <= READ_AHEAD_MS_MAX
            and TimeQuality.UNKNOWN not in one.qualities
            and len(energies_wh) == len(one.read_at)
            and (shown_wh is None or energies_wh[0] >= shown_wh)
            and energies_wh == sorted(energies_wh)
            and all(map(lt, one.read_at, one.read_at[1:]))
        )
        if not rises:
            return False
        last_at, shown_wh = one.read_at[-1], energies_wh[-1]
    return True


@functools.cache
def _find_newest() -> Select[int, int, int]:
    # Built once: SQLAlchemy takes longer to build it than SQLite to carry it out, and every batch asks.
    reading, register = schema.reading, schema.register
    latest = (
        select(reading.c.read_at)
        .where(reading.c.register_id == register.c.id, is_good(), is_verified())
        .order_by(reading.c.read_at.desc(), reading.c.boottime_ms.desc(), reading.c.boot_id.desc())
        .limit(1)
        .correlate(register)
    )
    return select(
        register.c.id,
        latest.scalar_subquery(),
        latest.with_only_columns(reading.c.register_wh).scalar_subquery(),
    ).where(register.c.id.in_(bindparam("registers", expanding=True)))


def compare_anew(connection: Connection, register_id: int, lowest: int, highest: int) -> None:
    """Compare neighbours from the last reading before `lowest` to the first after `highest`; keep where it went down.

    A drop belongs to the instant of its later reading, so those from `lowest` on are found anew; one at the last
    instant before stays as it was found.
    """
    table, drop = schema.reading, schema.register_drop
    read_at = table.c.read_at
    compared = select(read_at, table.c.register_wh).where(table.c.register_id == register_id, is_good(), is_verified())
    at_only = compared.with_only_columns(read_at)
    before = at_only.where(read_at < lowest).order_by(read_at.desc()).limit(1).scalar_subquery()
    after = at_only.where(read_at > highest).order_by(read_at).limit(1).scalar_subquery()
    rows = connection.execute(
        compared.where(read_at >= func.coalesce(before, lowest), read_at <= func.coalesce(after, highest)).order_by(
            read_at, table.c.boottime_ms, table.c.boot_id
        )
    ).all()
    # Beyond the last of them there may be one whose reading no longer counts.
    last_at = max(highest, rows[-1].read_at) if rows else highest
    connection.execute(delete(drop).where(drop.c.register_id == register_id, drop.c.read_at.between(lowest, last_at)))
    found = {
        later.read_at
        for earlier, later in itertools.pairwise(rows)
        if later.read_at >= lowest and later.register_wh < earlier.register_wh
    }
    if found:
        connection.execute(insert(drop), [{"register_id": register_id, "read_at": at} for at in sorted(found)])
