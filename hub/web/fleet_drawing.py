"""What the pages draw of the fleet and its devices: who was heard, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.charts.chart import Words
from hub.charts.shares import Share, ShareDay, share_strip
from hub.charts.sparkline import sparkline
from hub.formats import long_day

if TYPE_CHECKING:
    from hub.charts.chart import Chart
    from hub.services.read_fleet_board import FleetBoard, FleetDay

HEARD_CAPTION = (
    "A column a day, its hours from the top down. A bar is as wide as the share of the devices in service that were "
    "heard in the hour; dark: all of them. Dashed: the hub itself did not look."
)


def draw_heard(board: FleetBoard) -> Chart | None:
    """Return which share of the devices in service was heard in each hour; None where the hub never looked."""
    if not board.hours:
        return None
    words = Words(
        "heard-chart",
        "Devices heard in the last seven days",
        "A column a day, a bar for each hour. The table below has each day's share, and what came in it.",
        HEARD_CAPTION,
    )
    days = [
        ShareDay(
            long_day(day.on),
            str(day.on.day),
            tuple(None if hour is None else Share(hour.heard, hour.in_service) for hour in day.hours),
            _came(day),
        )
        for day in board.days
    ]
    return share_strip(words, days, ("Readings", "Blocks"))


def draw_ingest(board: FleetBoard) -> Chart | None:
    """Return a word-sized line of the readings that came in each hour; None where the hub looked in less than two."""
    came = [hour.readings for hour in board.past_hours]
    if not came:
        return None
    text = f"{came[0]:,} an hour at the beginning, {came[-1]:,} in the last; {max(came):,} at most."
    return sparkline(Words("ingest-chart", "Readings that came in an hour", text), came)


def _came(day: FleetDay) -> tuple[str, str]:
    known = [hour for hour in day.hours if hour is not None]
    return f"{sum(one.readings for one in known):,}", f"{sum(one.blocks for one in known):,}"
