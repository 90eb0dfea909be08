"""Read the fleet board as it was last drawn: how many devices stand where, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.axes import Axis
from hub.fleet.looks import by_urgency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.fleet.axes import Urgency
    from hub.fleet.looks import FleetLook


@dataclass(frozen=True, slots=True)
class FleetBoard:
    """The board: `axes` has the words of each axis under their urgency, with how many devices stand there.

    `look` is None, and `axes` empty, before the hub first looked.
    """

    look: FleetLook | None
    axes: Mapping[Axis, Mapping[Urgency, tuple[tuple[str, int], ...]]]


def read_fleet_board(look: FleetLook | None) -> FleetBoard:
    """Return the board of a look: it costs the same however large the fleet is."""
    return FleetBoard(look, {} if look is None else {axis: by_urgency(look.counts, axis) for axis in Axis})
