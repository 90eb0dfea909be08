"""Draw which systems lack months of the last quarters, and keep what has changed since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.services.load_responsibilities import SYSTEMS_AT_ONCE, load_lacking
from hub.services.report_missing import closed_months, last_quarters
from hub.store import missing_lines
from hub.store.missing_lines import MissingLook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.store.database import Database

LINES_AT_ONCE = 2_000
_HOUR_MS = 3_600_000
LATE_EVERY_MS, EARLY_EVERY_MS = _HOUR_MS, 24 * _HOUR_MS
"""The two quarters that closed last are looked at each hour; in those before hardly anything changes."""
_LATE = 2


def draw_missing(database: Database, now: int, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Look at the quarters that are due at `now` (UTC ms), and return how many these were.

    A quarter is due once another month of it has closed, and again after an hour or a day.
    """
    closed = [(quarter, months) for quarter in last_quarters(now) if (months := closed_months(quarter, now))]
    drawn = 0
    for place, (quarter, months) in enumerate(closed):
        with database.read() as connection:
            look = missing_lines.find_look(connection, quarter)
        every_ms = LATE_EVERY_MS if place < _LATE else EARLY_EVERY_MS
        if look is not None and look.months == len(months) and now - look.looked_at < every_ms:
            continue
        if not _draw(database, quarter, months, now, is_stopping):
            return drawn
        drawn += 1
    with database.write() as connection:
        missing_lines.forget_before(connection, last_quarters(now)[-1])
    return drawn


def _draw(
    database: Database,
    quarter: ProductionQuarter,
    months: Sequence[ProductionMonth],
    now: int,
    is_stopping: Callable[[], bool],
) -> bool:
    """Look at a quarter and keep what it came to; return whether it was not stopped on the way."""
    found: set[str] = set()
    after: str | None = ""
    while after is not None:
        if is_stopping():
            return False
        with database.read() as connection:
            some, after = load_lacking(connection, months, after, SYSTEMS_AT_ONCE)
        found.update(one.system for one in some)
    with database.read() as connection:
        known = set(missing_lines.list_lines(connection, quarter))
    changed = [*((one, True) for one in sorted(found - known)), *((one, False) for one in sorted(known - found))]
    for start in range(0, len(changed), LINES_AT_ONCE):
        some_changed = changed[start : start + LINES_AT_ONCE]
        with database.write() as connection:
            missing_lines.add_lines(connection, quarter, (one for one, is_new in some_changed if is_new))
            missing_lines.forget_lines(connection, quarter, [one for one, is_new in some_changed if not is_new])
    with database.write() as connection:
        missing_lines.save_look(connection, quarter, MissingLook(len(months), len(found), now))
    return True
