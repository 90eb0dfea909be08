"""Fill a hub's folder with a fleet and its years, and let everybody in."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.keys import ensure_receipt_key
from hub.rules.periods import date_at
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.services.set_password import make_link, set_password
from hub.store.database import DATABASE_NAME
from simulators.errors import SimulatorError
from simulators.fleet import incidents
from simulators.fleet.history import (
    DAY_MS,
    MISTYPED_PLACE,
    History,
    bring_readings,
    first_instant,
    introduce_people,
    introduce_systems,
    live_month,
    months_between,
    say_hello,
)
from simulators.fleet.plan import SYSTEMS_MAX, plan_systems
from simulators.fleet.who import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hub.store.database import Database

SYSTEMS = 26
"""With the four that the demonstration reads live these are thirty."""
YEARS = 2
EXCHANGED_PLACE = 11
AUDITED_PLACE = 8
_PASSWORD_PARTS = 4


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What to fill a folder with: so many systems and years up to `now`, the same for the same seed."""

    folder: Path
    now: datetime
    systems: int = SYSTEMS
    years: int = YEARS
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is now; `password` lets in everybody in `accounts`, and is kept nowhere but here."""

    systems: int
    months: int
    accounts: tuple[str, ...]
    password: str


def fill_fleet(plan: FleetPlan, progress: Callable[[int, int], object] = lambda _done, _all: None) -> Filled:
    """Fill the folder of a hub that is not there yet, month by month; `progress` hears how many of how many.

    Raises SimulatorError for a folder that holds a hub, or a fleet of a size that cannot be.
    """
    if (plan.folder / DATABASE_NAME).exists():
        message = f"{plan.folder} holds a hub already: name a folder that is new"
        raise SimulatorError(message)
    if not 1 <= plan.systems <= SYSTEMS_MAX or plan.years < 1:
        message = f"a fleet has 1 to {SYSTEMS_MAX} systems and a year of history at least: name such numbers"
        raise SimulatorError(message)
    now = int(plan.now.timestamp()) * 1000
    began_at = first_instant(plan.now, plan.years)
    ensure_receipt_key(plan.folder)
    timeline = secrets.token_bytes(TIMELINE_LENGTH)
    with closing(open_hub(plan.folder, new_timeline=timeline, at=began_at)) as database:
        history = History(database, plan.folder, began_at, now)
        introduce_people(history)
        introduce_systems(history, plan_systems(plan.systems, plan.seed, date_at(began_at)), plan.seed)
        months = months_between(began_at, now)
        for place, month in enumerate(months):
            if place == EXCHANGED_PLACE:
                incidents.exchange(history, month)
            live_month(history, month, place)
            if place == MISTYPED_PLACE + 1:
                incidents.correct(history, months[MISTYPED_PLACE], month.ends_at + 8 * DAY_MS)
            if place == AUDITED_PLACE:
                incidents.audit_on_site(history, month.ends_at + 9 * DAY_MS)
                incidents.tell_experience(history, month, month.ends_at + 9 * DAY_MS)
            progress(place + 1, len(months))
        bring_readings(history, now)
        incidents.stand_today(history)
        say_hello(history)
        # Figures only: letters drawn by chance would spell an account's name one day, and be refused.
        password = "-".join(f"{secrets.randbelow(10_000):04d}" for _ in range(_PASSWORD_PARTS))
        _let_in(database, password, now)
    return Filled(plan.systems, len(months), tuple(person.name for person in PEOPLE), password)


def _let_in(database: Database, password: str, now: int) -> None:
    for person in PEOPLE:
        set_password(database, make_link(database, person.name, actor="fleet", now=now), password, now)
