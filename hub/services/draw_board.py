"""Draw the window board: look at every system once, and keep what has changed since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.fleet.hearing import silent_after_ms
from hub.fleet.standing import Reader, Standing, Unreported, judge_standing
from hub.rules.acceptance import Outcome
from hub.rules.periods import date_at, month_of
from hub.rules.plausibility import expected_wh
from hub.rules.reported import is_active, terms_of
from hub.rules.windows import window_at, window_of
from hub.services.read_devices import read_devices
from hub.services.read_thresholds import load_thresholds
from hub.store import board, facts, ledger, meter_facts, registry, submissions
from hub.store.board import Line, Looked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.windows import ReportingWindow
    from hub.store.database import Database

SYSTEMS_AT_ONCE = 500
LINES_AT_ONCE = 2_000
_OPEN = frozenset({Standing.AT_RISK, Standing.HELD, Standing.WAITING, Standing.READY, Standing.MISSING})


def board_window(now: int) -> ReportingWindow:
    """Return the window that the board is about: the open one, else the one that closed last."""
    return window_at(now) or window_of(_month_before(now))


def draw_board(database: Database, now: int, is_stopping: Callable[[], bool] = lambda: False) -> int | None:
    """Look at every system at `now` (UTC ms), keep the lines that changed, and return how many lack the month.

    None where it was stopped on the way: then the board is as it was before.
    """
    window = board_window(now)
    with database.read() as connection:
        known = board.load_lines(connection)
        drawn = {}
        for line in _look(connection, window, now):
            drawn[line.system] = line
            if is_stopping():
                return None
    changed = [line for name, line in drawn.items() if known.get(name) != line]
    for start in range(0, len(changed), LINES_AT_ONCE):
        with database.write() as connection:
            board.save_lines(connection, changed[start : start + LINES_AT_ONCE])
    with database.write() as connection:
        board.forget_lines(connection, known.keys() - drawn.keys())
        board.save_look(connection, Looked(window.month, now))
    return sum(line.standing in _OPEN for line in drawn.values())


def _look(connection: Connection, window: ReportingWindow, now: int) -> Iterator[Line]:
    readers = _readers(connection, now)
    held = submissions.held_meters(connection, window.month, (Outcome.HELD.value, Outcome.REVIEW.value))
    after = ""
    while some := facts.iterate_system_facts(connection, date_at(window.month.ends_at - 1), after, SYSTEMS_AT_ONCE):
        after = some[-1].system
        meters = meter_facts.list_meter_facts(connection, [one.system for one in some])
        numbers = [meter.meter for own in meters.values() for meter in own]
        reported = ledger.find_entries(connection, numbers, window.month).keys()
        for one in some:
            yield _line(one, meters.get(one.system, ()), reported, readers, held, window, now)


def _readers(connection: Connection, now: int) -> dict[int, Reader]:
    """Return the device that reads each meter, by the meter's id."""
    silent_ms = load_thresholds(connection, now).ms("device_silent_hours")
    devices = {
        view.device.id: Reader(view.device.name, view.heard_at, silent_after_ms(view.cadence_ms, silent_ms))
        for view in read_devices(connection, now)
    }
    return {meter.id: devices[meter.device] for meter in registry.list_meters(connection) if meter.device is not None}


def _line(  # noqa: PLR0913, PLR0917 - all that is known of one system
    system: SystemFacts,
    meters: Collection[MeterFacts],
    reported: Collection[int],
    readers: Mapping[int, Reader],
    held: Collection[tuple[str, str]],
    window: ReportingWindow,
    now: int,
) -> Line:
    active = [one for one in meters if is_active(terms_of(one), window.month)]
    unreported = [
        # A reporter may leave out the serial number of an only meter.
        Unreported(one.serial, readers.get(one.meter), any((system.system, name) in held for name in (one.serial, "")))
        for one in active
        if one.meter not in reported
    ]
    judged = judge_standing(system.reporting_mode, len(active), unreported, window, now)
    month = window.month
    return Line(
        system=system.system,
        month=str(month),
        standing=judged.standing,
        reason=judged.reason,
        capacity_w=system.capacity_w_dc,
        expected_wh=expected_wh(system, month.starts_at, month.ends_at),
    )


def _month_before(now: int) -> ProductionMonth:
    """Return the month whose window closed last, given that none is open."""
    month = month_of(now)
    while window_of(month).closes_at > now:
        month = month.previous()
    return month
