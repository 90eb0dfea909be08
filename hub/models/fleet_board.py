"""The fleet board as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.fleet.looks import Waiting
    from hub.services.read_fleet_board import FleetBoard


class StandJson(BaseModel):
    """How many devices stand at a word of an axis: link, meter, data, report; and how urgent that is: ok, warn, bad."""

    axis: str
    stands: str
    urgency: str
    devices: int


class WaitingJson(BaseModel):
    """The device with a backlog that has been without a block for longest; `block_at` is null before its first."""

    device: str
    name: str
    backlog: int
    block_at: str | None


class FleetBoardJson(BaseModel):
    """The fleet as the hub last looked, at `looked_at`; null, with nothing to tell, before it did.

    `stands` leaves out where no device is, and decommissioned devices. `backlog` counts sealed blocks that the hub
    lacks, of `behind` devices; `longest` is null where it lacks none.
    """

    looked_at: str | None
    in_service: int
    heard_in_hour: int
    stands: list[StandJson]
    backlog: int
    behind: int
    longest: WaitingJson | None


def fleet_board_json(board: FleetBoard) -> FleetBoardJson:
    """Return the board."""
    look = board.look
    return FleetBoardJson(
        looked_at=None if look is None else format_instant(look.at),
        in_service=0 if look is None else look.in_service,
        heard_in_hour=0 if look is None else look.heard,
        stands=[
            StandJson(axis=axis.value, stands=word, urgency=urgency.value, devices=number)
            for axis, urgencies in board.axes.items()
            for urgency, words in urgencies.items()
            for word, number in words
        ],
        backlog=0 if look is None else look.backlog,
        behind=0 if look is None else look.behind,
        longest=None if look is None or look.longest is None else _waiting(look.longest),
    )


def _waiting(one: Waiting) -> WaitingJson:
    block_at = None if one.block_at is None else format_instant(one.block_at)
    return WaitingJson(device=one.device, name=one.name, backlog=one.backlog, block_at=block_at)
