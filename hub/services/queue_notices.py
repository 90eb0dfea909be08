"""Queue the mails that are due: what the rules find is written and kept in the outbox, each once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from hub.exchange.notice_text import write_reminder, write_report
from hub.rules.missing_production import MissingReport, reports_due
from hub.rules.periods import ProductionMonth, month_of
from hub.rules.quarters import quarter_of
from hub.rules.reminders import Occasion, Reminder, Turn, Window, reminders_due, turn_at
from hub.rules.responsibilities import Responsibility
from hub.services.draw_years import draw_years
from hub.store import notices_outbox
from hub.store.notices_outbox import Notice

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database

WRITTEN_AT_ONCE = 200
"""How many mails are in memory, and in one transaction."""

Load = Callable[["Connection", Sequence[ProductionMonth]], Sequence[Responsibility]]
"""Returns every system that lacks one of the months, which are in order of time."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where notices come from: the window of a month, and who answers for what."""

    window_of: Callable[[ProductionMonth], Window]
    load: Load


def queue_notices(database: Database, sources: Sources, pages_url: str, now: int) -> int:
    """Keep the mails that are due at `now` (UTC ms) in the outbox, and return how many were new.

    Asked again, also by another program at the same time, it keeps none twice. Raises StoreUnavailableError; then the
    rest is queued when it is asked again.
    """
    with database.read() as connection:
        due = find_due(connection, sources, now)
    queued = 0
    written = (write_notice(one, pages_url, now, _draw(database, one)) for one in due)
    while some := list(itertools.islice(written, WRITTEN_AT_ONCE)):
        with database.write() as connection:
            queued += sum(notices_outbox.add_notice(connection, notice) for notice in some)
    return queued


def find_due(connection: Connection, sources: Sources, now: int) -> tuple[Reminder | MissingReport, ...]:
    """Return the reminders and reports that are due at `now` (UTC ms) and not in the outbox yet."""
    turn = find_turn(sources, now)
    if turn is None:
        return ()
    # Only the report tells of the whole quarter: looking at a month costs as much as there are systems.
    is_told = turn.occasion is Occasion.WINDOW_MISSED
    months = [month for month in quarter_of(turn.month).months if month <= turn.month] if is_told else [turn.month]
    responsibilities = sources.load(connection, months)
    said = notices_outbox.keys_of(connection, turn.month)
    return (*reminders_due(turn, responsibilities, said), *reports_due(turn, responsibilities, said))


def find_turn(sources: Sources, now: int) -> Turn | None:
    """Return the occasion that counts at `now` (UTC ms): of this month's window, or of the one before."""
    month = month_of(now)
    if now < sources.window_of(month).opens_at:
        month = month_of(month.starts_at - 1)
    return turn_at(sources.window_of(month), sources.window_of(month.next()), now)


def write_notice(
    due: Reminder | MissingReport, pages_url: str, now: int, charts: Mapping[str, str] = MappingProxyType({})
) -> Notice:
    """Return the mail, written at `now` (UTC ms); `pages_url` is where people find the hub, `charts` SVG by system."""
    words = write_reminder(due, pages_url, charts) if isinstance(due, Reminder) else write_report(due, pages_url)
    return Notice(
        key=due.key,
        name=due.share.name,
        address=due.share.address,
        subject=words.subject,
        text=words.text,
        html=words.html,
        made_at=now,
        useful_until=due.turn.until_at,
    )


def _draw(database: Database, due: Reminder | MissingReport) -> Mapping[str, str]:
    """Return what a reminder shows of its systems' last year, nothing for a report."""
    if not isinstance(due, Reminder):
        return {}
    with database.read() as connection:
        return draw_years(connection, [one.system for one in due.share.systems], due.turn.month)
