"""Read what stands behind a system's month: from the number down to the blocks, and to who decided what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.periods import ProductionMonth, month_of
from hub.rules.reading_names import ReadingName
from hub.rules.registers import GENERATED_OBIS
from hub.services.compute_production import compute_month, find_system
from hub.services.export_evidence import month_readings
from hub.store import blocks, facts, ledger, meter_facts, months, site_audits, submissions, system_meters

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.services.compute_production import SystemMonth
    from hub.store.blocks import HeldBlock
    from hub.store.ledger import Entry
    from hub.store.months import Run, SystemMonthRow
    from hub.store.named_readings import NamedReading
    from hub.store.registry import System
    from hub.store.site_audits import SiteAudit
    from hub.store.submissions import Submission


@dataclass(frozen=True, slots=True)
class HeldReading:
    """A reading in custody with the name it is quoted by, and the block that holds it."""

    name: ReadingName
    reading: NamedReading
    block: HeldBlock


@dataclass(frozen=True, slots=True)
class MonthEvidence:
    """All that bears on a system's month.

    `read` is what its devices read, None where no reading of the month is in custody, with the readings in `held`.
    `versions` are what runs kept of it, the last first, each with its run; `entries` every reading that was accepted
    for it, `sent` everything that was submitted; `audits` are those on site in the month, or of its reading.
    """

    system: System
    month: ProductionMonth
    read: SystemMonth | None
    held: tuple[HeldReading, ...]
    versions: tuple[tuple[SystemMonthRow, Run], ...]
    entries: tuple[tuple[str, Entry], ...]
    sent: tuple[Submission, ...]
    audits: tuple[SiteAudit, ...]


def read_evidence(connection: Connection, pts_id: str, month: ProductionMonth, now: int) -> MonthEvidence:
    """Return what stands behind a system's month at `now` (UTC ms).

    Raises UnknownSubjectError for a system that is not registered, and for a month that it had not begun to live in or
    that has not come, unless something bears on it all the same.
    """
    system = find_system(connection, pts_id)
    runs = {run.number: run for run, _ in months.list_runs(connection, month)}
    versions = months.list_system_months(connection, pts_id, every_version=True)
    meters = dict(system_meters.list_serials(connection, pts_id))
    read, held = _find_read(connection, pts_id, month)
    found = MonthEvidence(
        system=system,
        month=month,
        read=read,
        held=held,
        versions=tuple((row, runs[row.run]) for row in versions if row.month == month and row.run in runs),
        entries=tuple(
            (serial, entry)
            for number, serial in meters.items()
            for entry in ledger.list_entries(connection, number, every_version=True)
            if entry.accepted.month == month
        ),
        sent=tuple(
            sorted(
                (one for number in meters for one in submissions.list_of_month(connection, number, month)),
                key=lambda one: one.number,
            )
        ),
        audits=tuple(
            one
            for one in site_audits.list_audits(connection, system=pts_id)
            if month in {one.month, month_of(one.audit.audited_at)}
        ),
    )
    if found.read is None and not (found.versions or found.entries or found.sent or found.audits):
        _check_lived(connection, system, month, now)
    return found


def _check_lived(connection: Connection, system: System, month: ProductionMonth, now: int) -> None:
    """Refuse a month before a system was in service, as far as anybody told, and one that has not come."""
    if month > month_of(now):
        message = f"{month} has not come: there is nothing of system {system.pts_id} in it yet"
        raise UnknownSubjectError(message)
    said = [one.facts.in_service_on for one in facts.list_system_versions(connection, system.pts_id)]
    meters = meter_facts.list_meter_facts(connection, [system.pts_id]).get(system.pts_id, ())
    began = [
        *(ProductionMonth(on.year, on.month) for on in said if on is not None),
        *(month_of(meter.initial_at) for meter in meters if meter.initial_at is not None),
    ]
    first = min(began, default=month_of(system.registered_at))
    if month < first:
        message = f"system {system.pts_id} has nothing in {month}: it began in {first}"
        raise UnknownSubjectError(message)


def _find_read(
    connection: Connection, pts_id: str, month: ProductionMonth
) -> tuple[SystemMonth | None, tuple[HeldReading, ...]]:
    """Return what devices read of the month, with its readings in custody."""
    try:
        read = compute_month(connection, pts_id, month)
        named = month_readings(connection, pts_id, month)
    except UnknownSubjectError:
        # People read these meters, or nobody has yet.
        return None, ()
    found = blocks.find_blocks(connection, {(one.stream, one.seq) for one in named})
    return read, tuple(
        HeldReading(ReadingName(one.serial, GENERATED_OBIS, one.read_at), one, found[one.stream, one.seq])
        for one in named
    )
