"""Read the window board as it was last drawn: what stands how, and of one standing what is most at stake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.fleet.standing import Standing
from hub.rules.windows import window_of
from hub.store import board
from hub.store.board import Count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from hub.rules.windows import ReportingWindow
    from hub.store.board import NamedLine

LINES_MAX = 500


@dataclass(frozen=True, slots=True)
class Board:
    """The board of a window: `counts` has every standing, what wants a person first; `lines` are of `standing`.

    `looked_at` (UTC ms) is when it was drawn; `next` is what the next page comes after, None on the last.
    """

    window: ReportingWindow
    is_open: bool
    looked_at: int
    counts: Mapping[Standing, Count]
    standing: Standing
    lines: tuple[NamedLine, ...]
    next: str | None


def read_board(
    connection: Connection, now: int, *, standing: Standing | None = None, after: str = "", limit: int = 50
) -> Board:
    """Return the board with a page of the systems that stand so; of none given of those that want a person first.

    Raises UnknownSubjectError before the hub first looked, and InputError for what is no cursor of this list.
    """
    looked = board.find_look(connection)
    if looked is None:
        message = "the hub has not looked at its systems yet: it does within a minute of its start"
        raise UnknownSubjectError(message)
    found = board.count_lines(connection)
    counts = {one: found.get(one, Count()) for one in Standing}
    shown = standing or next((one for one in Standing if counts[one].systems), Standing.ACCEPTED)
    lines = board.list_lines(connection, shown, _cursor(after), limit)
    window = window_of(looked.month)
    return Board(
        window=window,
        is_open=window.opens_at <= now < window.closes_at,
        looked_at=looked.at,
        counts=counts,
        standing=shown,
        lines=lines,
        next=f"{lines[-1].line.expected_wh},{lines[-1].line.system}" if len(lines) == limit else None,
    )


def _cursor(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    wh, comma, system = after.partition(",")
    if not comma or not wh.isascii() or not wh.isdigit() or len(wh) > len(str(1 << 62)):
        message = f"{after!r:.60} is no place in this list: begin without it, or take `next` of an answer"
        raise InputError(message)
    return int(wh), system
