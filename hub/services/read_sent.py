"""Read what of a system's month was sent: the readings that count, and those that wait to be decided on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.acceptance import Outcome
from hub.rules.reported import meter_months, terms_of
from hub.services.compute_production import find_system
from hub.store import ledger, meter_facts, submissions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import MeterMonth
    from hub.store.ledger import Entry
    from hub.store.submissions import Submission


@dataclass(frozen=True, slots=True)
class Counting:
    """A meter's reading that counts for a month, and what it comes to; None where nothing came before it."""

    serial: str
    entry: Entry
    produced: MeterMonth | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What counts for a system's month, and what waits to be decided on; one of them is there."""

    counting: tuple[Counting, ...]
    waiting: tuple[Submission, ...]


def read_sent(connection: Connection, pts_id: str, month: ProductionMonth) -> Sent:
    """Return what was sent for a system's month and counts or waits.

    Raises UnknownSubjectError for a system that is not registered, and for a month of which nothing does.
    """
    system = find_system(connection, pts_id).pts_id
    meters = meter_facts.list_meter_facts(connection, [system]).get(system, ())
    sent = Sent(
        counting=tuple(one for meter in meters if (one := _find_counting(connection, meter, month)) is not None),
        waiting=tuple(
            one
            for meter in meters
            for one in submissions.list_waiting(connection, meter.meter, month, Outcome.REVIEW.value)
        ),
    )
    if not sent.counting and not sent.waiting:
        message = f"no reading of system {system} counts or waits for {month}: enter it while the month can be reported"
        raise UnknownSubjectError(message)
    return sent


def _find_counting(connection: Connection, meter: MeterFacts, month: ProductionMonth) -> Counting | None:
    entry = ledger.find_entry(connection, meter.meter, month)
    if entry is None:
        return None
    readings = [*ledger.list_before(connection, meter.meter, month, 1), entry.accepted]
    produced = {part.month: part for part in meter_months(terms_of(meter), readings)}
    return Counting(meter.serial, entry, produced.get(month))
