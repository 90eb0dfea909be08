"""What was reported of a meter: the one reading that counts for each production month, and what a meter began with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth


class Origin(StrEnum):
    """How a reading came to be reported: by a device, by hand, out of a file, or in place of one that was wrong."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    IMPORTED = "imported"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class AcceptedReading:
    """The one reading of a meter that counts for a production month: its cumulative register, in exact Wh.

    `id` is its number in the ledger, `read_at` (UTC ms) when it was read.
    """

    id: int
    meter: int
    month: ProductionMonth
    read_at: int
    register_wh: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class MeterTerms:
    """What a meter's readings are counted from and until.

    It began at `initial_at` (UTC ms) with `initial_wh` on its register. An exchanged or removed meter ended at
    `ended_at` with `final_wh`; both are None for one that goes on. `modulus_wh` is the energy at which the register
    starts again, None where nobody declared one: then a lower reading is refused.
    """

    meter: int
    initial_at: int
    initial_wh: int
    ended_at: int | None = None
    final_wh: int | None = None
    modulus_wh: int | None = None
