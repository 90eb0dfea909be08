"""The window board as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.services.read_board import Board
    from hub.store.board import NamedLine


class StandingJson(BaseModel):
    """How many systems stand so, with their nameplates in W DC and what they should make in the month in whole Wh."""

    standing: str
    systems: int
    capacity_w_dc: int
    expected_wh: int


class BoardLineJson(BaseModel):
    """A system that stands so, and why."""

    system: str
    name: str
    standing: str
    reason: str
    capacity_w_dc: int
    expected_wh: int


class BoardJson(BaseModel):
    """How the fleet stands towards a window; `looked_at` is when the hub last looked.

    `systems` are those of the standing that was asked for, most at stake first; `next` is the cursor of the next page.
    """

    month: str
    opens_at: str
    closes_at: str
    is_open: bool
    looked_at: str
    counts: list[StandingJson]
    systems: list[BoardLineJson]
    next: str | None


def board_json(board: Board) -> BoardJson:
    """Return the board."""
    return BoardJson(
        month=str(board.window.month),
        opens_at=format_instant(board.window.opens_at),
        closes_at=format_instant(board.window.closes_at),
        is_open=board.is_open,
        looked_at=format_instant(board.looked_at),
        counts=[
            StandingJson(
                standing=standing.value,
                systems=count.systems,
                capacity_w_dc=count.capacity_w,
                expected_wh=count.expected_wh,
            )
            for standing, count in board.counts.items()
        ],
        systems=[_line(one) for one in board.lines],
        next=board.next,
    )


def _line(one: NamedLine) -> BoardLineJson:
    return BoardLineJson(
        system=one.line.system,
        name=one.name,
        standing=one.line.standing.value,
        reason=one.line.reason,
        capacity_w_dc=one.line.capacity_w,
        expected_wh=one.line.expected_wh,
    )
