"""What the pages draw of the fleet and its devices: who was heard, and what came."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.charts.chart import Words
from hub.charts.shares import Share, ShareDay, share_strip
from hub.charts.sparkline import sparkline
from hub.charts.strips import Level, State, state_timeline
from hub.formats import count, local_day, local_time, long_day, time_left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.charts.chart import Chart
    from hub.fleet.links import LinkSpan
    from hub.services.read_fleet_board import FleetBoard, FleetDay

_LEVELS = {"online": Level.FULL, "late": Level.SOME, "silent": Level.SOME}
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


def draw_links(spans: Sequence[LinkSpan], days: int) -> Chart | None:
    """Return how a device was heard over so many days; None where nobody looked."""
    states = [
        State(local_time(one.from_at), one.from_at, one.until_at, _LEVELS.get(one.link, Level.NONE), _tell(one))
        for one in spans
    ]
    words = Words(
        f"link-{days}",
        f"Link of the last {days} days",
        "A part for each state, one after another. The table below has their beginnings and how long they lasted.",
        "Full: online. Half: late or silent, though it never took leave. Empty: offline, never seen, or not looked at.",
    )
    chart = state_timeline(words, states, ("Since", "Link", "Online"))
    return None if chart is None else replace(chart, span=(local_day(spans[0].from_at), "now"))


def _tell(span: LinkSpan) -> str:
    lasted = f"{span.link or 'not looked at'} for {_duration(span.until_at - span.from_at)}"
    return f"{lasted}, with {count(span.changes, 'change')} in it" if span.changes else lasted


def _duration(span_ms: int) -> str:
    return time_left(span_ms, 0)


def _came(day: FleetDay) -> tuple[str, str]:
    known = [hour for hour in day.hours if hour is not None]
    return f"{sum(one.readings for one in known):,}", f"{sum(one.blocks for one in known):,}"
