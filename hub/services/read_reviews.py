"""Read the readings that wait for a decision, each with what somebody has to know who decides on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.acceptance import Outcome
from hub.rules.periods import date_at
from hub.rules.plausibility import expected_band
from hub.rules.reported import register_energy
from hub.store import facts, ledger, meter_facts, submissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import AcceptedReading
    from hub.store.submissions import Submission

BEFORE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Review:
    """A reading that waits: `before` are the meter's last readings that count for earlier months, the latest first.

    `production_wh` is what it comes to since the last of them, or since the meter began; `expected_wh` the least and
    the most that is plausible in that time. Both are None where nothing came before it.
    """

    submission: Submission
    name: str
    before: tuple[AcceptedReading, ...]
    production_wh: int | None
    expected_wh: tuple[int, int] | None


def read_reviews(connection: Connection, now: int, limit: int) -> tuple[Review, ...]:
    """Return at most `limit` readings on which nobody decided yet at `now` (UTC ms), the oldest first."""
    waiting = submissions.list_undecided(connection, Outcome.REVIEW.value, limit)
    systems = {one.system for one in waiting}
    named = {one.system: one for one in facts.list_system_facts(connection, systems, date_at(now))}
    meters = {one.meter: one for some in meter_facts.list_meter_facts(connection, systems).values() for one in some}
    before = {
        (month, meter): found
        for month in {one.month for one in waiting if one.month is not None}
        for meter, found in ledger.list_last(connection, _meters_of(waiting, month), month, BEFORE_SHOWN).items()
    }
    return tuple(
        _review(one, named[one.system], meters[one.meter], before.get((one.month, one.meter), ()))
        for one in waiting
        if one.meter is not None and one.month is not None
    )


def _meters_of(waiting: Sequence[Submission], month: ProductionMonth) -> list[int]:
    return sorted({one.meter for one in waiting if one.month == month and one.meter is not None})


def _review(one: Submission, system: SystemFacts, meter: MeterFacts, before: Sequence[AcceptedReading]) -> Review:
    if before:
        from_at, from_wh = before[0].read_at, before[0].register_wh
    elif meter.initial_at is not None and meter.initial_wh is not None:
        from_at, from_wh = meter.initial_at, meter.initial_wh
    else:
        return Review(one, system.name, (), None, None)
    return Review(
        submission=one,
        name=system.name,
        before=tuple(before),
        production_wh=register_energy(from_wh, one.register_wh, meter.modulus_wh),
        expected_wh=expected_band(system, from_at, one.read_at),
    )
