"""What the fleet is made of: its systems, drawn from a seed, and what goes wrong in it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hub.rules.facts import ProgrammeName

SYSTEMS_MAX = 96
MANUAL_KW_MAX = 10
"""What may be reported by hand whatever the date, kW DC."""
HOURS_A_YEAR = 1_180
"""What a kW DC makes in a year in Massachusetts, kWh, as people estimate it."""


class Trouble(StrEnum):
    """What goes wrong with a system, or is done about it; each in the one system that draws it."""

    NONE = "none"
    EXCHANGED = "its meter was exchanged"
    FORGOTTEN = "a month of it was never reported"
    MISTYPED = "a reading was mistyped, and corrected after the month was closed"
    HELD = "its last reading waits for a decision"
    AUDITED = "it was audited on site"
    SILENT = "its device has been silent for days"
    MAINTAINED = "its device is under maintenance"
    HANDED_OVER = "its owner asks for a new owner"


@dataclass(frozen=True, slots=True)
class PlannedSystem:
    """A system as it is registered: `yield_percent` is how much of the common sun it makes use of."""

    pts_id: str
    name: str
    town: str
    zip_code: str
    capacity_kw: Decimal
    programme: ProgrammeName
    in_service_on: date
    is_automatic: bool
    serial: str
    model: tuple[str, str]
    yield_percent: int
    sky: int
    trouble: Trouble

    @property
    def annual_kwh(self) -> int:
        """What it is expected to make in a year."""
        return int(self.capacity_kw * HOURS_A_YEAR)


_NAMES = (
    *(
        "Barn of the Lees",
        "Food Cooperative",
        "Library, south roof",
        "Fire Station 4",
        "Water Works",
        "Mill Building 2",
    ),
    *("School canopy", "Church hall", "Ice rink", "Harbor shed", "Brewery", "Community garden", "Town hall", "Dairy"),
    *("Bike shop", "Clinic", "Bus depot", "Orchard", "Bakery", "Print shop", "Boat yard", "Carpenter", "Greenhouse"),
    *("Museum annex", "Row houses", "Observatory"),
)
_TOWNS = (
    *(("Lowell", "01851"), ("Salem", "01970"), ("Holyoke", "01040"), ("Worcester", "01604"), ("Gloucester", "01930")),
    *(("Amherst", "01002"), ("Plymouth", "02360"), ("Pittsfield", "01201")),
)
_MODELS = (("CCS", "WattNode"), ("EIG", "Shark 100"), ("Accuenergy", "AcuRev 1310"))
_BY_HAND = ("Itron", "C1S")
_TROUBLES_AUTOMATIC = (Trouble.EXCHANGED, Trouble.SILENT, Trouble.MAINTAINED, Trouble.AUDITED)
_TROUBLES_MANUAL = (Trouble.FORGOTTEN, Trouble.MISTYPED, Trouble.HELD, Trouble.HANDED_OVER)
SKIES = 3


def plan_systems(number: int, seed: int, first_day: date) -> tuple[PlannedSystem, ...]:
    """Return so many systems that were in service on `first_day`, the same for the same seed.

    Three of five are read by devices; of each kind the first ones draw what goes wrong.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation has to be repeatable
    left = {True: list(_TROUBLES_AUTOMATIC), False: list(_TROUBLES_MANUAL)}
    made = []
    for place in range(number):
        is_automatic = place % 5 in {0, 2, 4}
        town, zip_code = _TOWNS[chance.randrange(len(_TOWNS))]
        capacity = (
            Decimal(chance.randrange(120, 2400) if is_automatic else chance.randrange(30, MANUAL_KW_MAX * 10)) / 10
        )
        name = _NAMES[place % len(_NAMES)] + ("" if place < len(_NAMES) else f" {place // len(_NAMES) + 1}")
        troubles = left[is_automatic]
        made.append(
            PlannedSystem(
                pts_id=f"SLF-MA{2001 + place}-{place + 1:05d}",
                name=f"{town} {name}" if place % 2 else name,
                town=town,
                zip_code=zip_code,
                capacity_kw=capacity,
                programme=(ProgrammeName.SREC_1, ProgrammeName.SREC_2, ProgrammeName.CLASS_1)[place % 3],
                in_service_on=date(first_day.year - 1 - place % 4, 1 + chance.randrange(12), 1 + chance.randrange(28)),
                is_automatic=is_automatic,
                serial=f"{'W' if is_automatic else 'IT'}{70_001 + place}",
                model=_MODELS[place % len(_MODELS)] if is_automatic else _BY_HAND,
                yield_percent=88 + chance.randrange(18),
                sky=chance.randrange(SKIES),
                trouble=troubles.pop(0) if troubles and place > 1 else Trouble.NONE,
            )
        )
    return tuple(made)
