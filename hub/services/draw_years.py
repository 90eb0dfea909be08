"""Draw the last year of a system for a mail: months as bars, with ink of their own, for no style sheet is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.charts.bars import Slot, bar_chart
from hub.charts.chart import Words
from hub.charts.svg import draw_svg
from hub.formats import kilowatt_hours, month_name
from hub.rules.periods import ProductionMonth
from hub.store import months

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.store.months import SystemMonthRow

SYSTEMS_DRAWN_MAX = 3
"""A mail about more systems is a list, and no picture book."""
_MONTHS_MIN = 2


def draw_years(connection: Connection, systems: Sequence[str], month: ProductionMonth) -> Mapping[str, str]:
    """Return an SVG of the year before a month for each of these systems that has one; none for many systems."""
    if len(systems) > SYSTEMS_DRAWN_MAX:
        return {}
    kept = months.list_recent(connection, systems, ProductionMonth(month.year - 1, month.month))
    drawn = {system: _draw(system, rows, place) for place, (system, rows) in enumerate(sorted(kept.items()))}
    return {system: svg for system, svg in drawn.items() if svg}


def _draw(system: str, rows: Sequence[SystemMonthRow], place: int) -> str:
    slots = [Slot(month_name(row.month), f"{row.month.month}", row.production_wh) for row in rows]
    if sum(slot.value is not None for slot in slots) < _MONTHS_MIN:
        return ""
    last = next(row for row in reversed(rows) if row.production_wh is not None)
    assert last.production_wh is not None, "it was looked for"
    words = Words(
        id=f"year-{place}",
        title=f"Production of {system} by month",
        text=f"{len(slots)} months; {month_name(last.month)}: {kilowatt_hours(last.production_wh)}.",
    )
    chart = bar_chart(words, slots, kilowatt_hours, "Month")
    assert chart is not None, "there are months"
    return draw_svg(chart, inked=True)
