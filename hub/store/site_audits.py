"""Audits on site: what an auditor read of a meter, what it says of the reports, and the corrections that name one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from hub.rules.periods import parse_month
from hub.store.audit_tables import site_audit, submission_audit
from hub.store.ledger_tables import accepted_reading
from hub.store.schema import meter

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from hub.rules.periods import ProductionMonth

LISTED_MAX = 1_000
_FOUND = ("reported_wh", "audited_wh", "between_wh", "deviation_ppm", "finding", "clause", "rules")


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What an audit said of a reported reading (its number in the ledger), all energies whole Wh.

    As in `hub.rules.auditing.Comparison`; `finding` is empty within the tolerance. `clause` is a name in `citations`,
    `rules` the version of the rules by which it was found.
    """

    reading: int
    reported_wh: int
    audited_wh: int
    between_wh: int
    deviation_ppm: int
    is_within: bool
    finding: str
    clause: str
    rules: str

    @property
    def deviation_wh(self) -> int:
        """By how much too much was reported; negative where it was too little."""
        return self.reported_wh - self.audited_wh


@dataclass(frozen=True, slots=True)
class NewAudit:
    """What an auditor read of a meter (its id) at `audited_at` (UTC ms), and who recorded it when.

    `register_typed` is the register as it was typed, in kWh. `photo` is the name of a picture (`hub.photos`).
    """

    system: str
    meter: int
    audited_at: int
    recorded_at: int
    actor: str
    auditor: str
    register_wh: int
    register_typed: str
    photo: str | None
    note: str
    found: AuditFinding


@dataclass(frozen=True, slots=True)
class SiteAudit:
    """An audit under its number; `serial` is its meter's, `month` that of the reading it was held against."""

    number: int
    audit: NewAudit
    serial: str
    month: ProductionMonth


def add_audit(connection: Connection, new: NewAudit) -> SiteAudit:
    """Keep an audit and return it under its number."""
    values = {
        "system": new.system,
        "meter_id": new.meter,
        "audited_at": new.audited_at,
        "recorded_at": new.recorded_at,
        "actor": new.actor,
        "auditor": new.auditor,
        "register_wh": new.register_wh,
        "register_typed": new.register_typed,
        "photo": new.photo,
        "note": new.note,
        "reading": new.found.reading,
        "is_within": int(new.found.is_within),
        **{name: getattr(new.found, name) for name in _FOUND},
    }
    number = connection.execute(insert(site_audit).values(values).returning(site_audit.c.number)).scalar_one()
    added = find_audit(connection, number)
    assert added is not None, "it has just been added"
    return added


def find_audit(connection: Connection, number: int) -> SiteAudit | None:
    """Return the audit with this number."""
    row = connection.execute(_audits().where(site_audit.c.number == number)).one_or_none()
    return None if row is None else _audit(row)


def list_audits(
    connection: Connection,
    *,
    system: str | None = None,
    only_exceeding: bool = False,
    before: int | None = None,
    limit: int = 100,
) -> tuple[SiteAudit, ...]:
    """Return audits, of one system or of all, the latest recorded first, those with a number below `before` if given.

    With `only_exceeding` those alone that were not within the tolerance.
    """
    assert limit <= LISTED_MAX, limit
    query = _audits().order_by(site_audit.c.number.desc()).limit(limit)
    if system is not None:
        query = query.where(site_audit.c.system == system)
    if only_exceeding:
        query = query.where(site_audit.c.is_within == 0)
    if before is not None:
        query = query.where(site_audit.c.number < before)
    return tuple(map(_audit, connection.execute(query)))


def systems_with_photo(connection: Connection, photo: str) -> tuple[str, ...]:
    """Return the systems of which this picture was taken at an audit."""
    query = select(site_audit.c.system).distinct().where(site_audit.c.photo == photo)
    return tuple(connection.execute(query).scalars())


def cite_audit(connection: Connection, submission: int, audit: int) -> None:
    """Keep from which audit a correction, which is a submission, follows."""
    connection.execute(insert(submission_audit).values(submission=submission, audit=audit))


def list_citing(connection: Connection, audit: int) -> tuple[int, ...]:
    """Return the numbers of the submissions that follow from an audit, oldest first."""
    table = submission_audit
    query = select(table.c.submission).where(table.c.audit == audit).order_by(table.c.submission)
    return tuple(connection.execute(query).scalars())


def _audits() -> Select[Any]:
    return (
        select(site_audit, meter.c.serial, accepted_reading.c.month)
        .join(meter, meter.c.id == site_audit.c.meter_id)
        .join(accepted_reading, accepted_reading.c.number == site_audit.c.reading)
    )


def _audit(row: Row[Any]) -> SiteAudit:
    found = AuditFinding(
        reading=row.reading, is_within=bool(row.is_within), **{name: getattr(row, name) for name in _FOUND}
    )
    audit = NewAudit(
        system=row.system,
        meter=row.meter_id,
        audited_at=row.audited_at,
        recorded_at=row.recorded_at,
        actor=row.actor,
        auditor=row.auditor,
        register_wh=row.register_wh,
        register_typed=row.register_typed,
        photo=row.photo,
        note=row.note,
        found=found,
    )
    return SiteAudit(row.number, audit, row.serial, parse_month(row.month))
