"""The fleet board as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.fleet.looks import Waiting
    from hub.services.read_fleet_board import FleetBoard
    from hub.store.fleet_hours import FleetHour


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


class FleetHourJson(BaseModel):
    """The fleet at the last look of the hour that began at `hour`: how many devices in service were heard in an hour.

    `backlog` counts sealed blocks that the hub lacked, `blocks` and `readings` what it took in the hour.
    """

    hour: str
    looked_at: str
    in_service: int
    heard: int
    backlog: int
    blocks: int
    readings: int


class FleetBoardJson(BaseModel):
    """The fleet as the hub last looked, at `looked_at`; null, with nothing to tell, before it did.

    `stands` leaves out where no device is, and decommissioned devices. `backlog` counts sealed blocks that the hub
    lacks, of `behind` devices; `longest` is null where it lacks none.
    `hours` are those of the last seven days, without those in which the hub did not look.
    """

    looked_at: str | None
    in_service: int
    heard_in_hour: int
    stands: list[StandJson]
    backlog: int
    behind: int
    longest: WaitingJson | None
    hours: list[FleetHourJson]


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
        hours=[_hour(one) for one in board.hours],
    )


def _hour(hour: FleetHour) -> FleetHourJson:
    return FleetHourJson(
        hour=format_instant(hour.hour_at),
        looked_at=format_instant(hour.looked_at),
        in_service=hour.in_service,
        heard=hour.heard,
        backlog=hour.backlog,
        blocks=hour.blocks,
        readings=hour.readings,
    )


def _waiting(one: Waiting) -> WaitingJson:
    block_at = None if one.block_at is None else format_instant(one.block_at)
    return WaitingJson(device=one.device, name=one.name, backlog=one.backlog, block_at=block_at)
