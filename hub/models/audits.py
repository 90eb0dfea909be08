"""Audits on site as JSON: what was read, what it says of the reports, and the corrections that followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.acceptance import kwh
from hub.rules.instants import format_instant
from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from hub.services.read_audits import AuditCorrection, AuditView
    from hub.store.site_audits import SiteAudit


class AuditCorrectionJson(BaseModel):
    """A correction that names an audit; `approved` and `decided_by` are None while it waits."""

    submission: int
    month: str | None
    register_wh: int
    actor: str
    reason: str
    approved: bool | None
    decided_by: str | None
    accepted: int | None


class SiteAuditJson(BaseModel):
    """An audit: its register beside the reported reading (of `month`, and its number) that it was held against.

    `reported_wh` is what was reported of the meter up to that reading, `audited_wh` what the meter gives for it,
    `between_wh` the most that can have been produced between both. `finding` is None where they agree within 1 %.
    """

    audit: int
    system: str
    meter: str
    audited_at: str
    recorded_at: str
    actor: str
    auditor: str
    register_wh: int
    register_typed: str
    photo: str | None
    note: str
    reading: int
    month: str
    reported_wh: int
    audited_wh: int
    between_wh: int
    deviation_wh: int
    deviation_ppm: int
    within: bool
    finding: str | None
    clause: str
    rules: str
    corrections: list[AuditCorrectionJson]


class SiteAuditsJson(BaseModel):
    """Audits, the latest recorded first; `next` begins the next page, None after the last."""

    audits: list[SiteAuditJson]
    next: int | None = None


def site_audit_json(view: AuditView) -> SiteAuditJson:
    """Return an audit with its corrections."""
    one, found = view.audit.audit, view.audit.audit.found
    return SiteAuditJson(
        audit=view.audit.number,
        system=one.system,
        meter=view.audit.serial,
        audited_at=format_instant(one.audited_at),
        recorded_at=format_instant(one.recorded_at),
        actor=one.actor,
        auditor=one.auditor,
        register_wh=one.register_wh,
        register_typed=one.register_typed,
        photo=one.photo,
        note=one.note,
        reading=found.reading,
        month=str(view.audit.month),
        reported_wh=found.reported_wh,
        audited_wh=found.audited_wh,
        between_wh=found.between_wh,
        deviation_wh=found.deviation_wh,
        deviation_ppm=found.deviation_ppm,
        within=found.is_within,
        finding=found.finding or None,
        clause=found.clause,
        rules=found.rules,
        corrections=[_correction_json(correction) for correction in view.corrections],
    )


def verdict(audit: SiteAudit) -> str:
    """Return in a few words whether the reports are within one per cent of the audited register."""
    found = audit.audit.found
    hundredths = found.deviation_ppm // 100
    word = "within" if found.is_within else "exceeds"
    return f"{word} 1 %: {kwh(found.deviation_wh)}, {hundredths // 100}.{hundredths % 100:02d} %"


def tell_audit(view: AuditView) -> list[str]:
    """Return an audit in sentences, for people."""
    audit, found = view.audit.audit, view.audit.audit.found
    audited = format_local(audit.audited_at)
    told = [
        f"audit {view.audit.number} of meter {view.audit.serial} of system {audit.system}",
        f"{audit.auditor} read {kwh(audit.register_wh)}, typed as {audit.register_typed}, at {audited}",
        f"recorded by {audit.actor} at {format_local(audit.recorded_at)}",
        f"reported up to the reading of {view.audit.month}: {kwh(found.reported_wh)}",
        f"by the audit: {kwh(found.audited_wh)}, with at most {kwh(found.between_wh)} produced between both",
        f"{verdict(view.audit)} ({found.clause}, rules {found.rules})",
    ]
    told += [text for text in (found.finding, audit.note) if text]
    told += [] if audit.photo is None else [f"photo {audit.photo}"]
    told += [_tell_correction(correction) for correction in view.corrections]
    if not found.is_within and not view.corrections:
        told.append(
            f"nothing was corrected yet: `meter-hub report correct {audit.system} YYYY-MM --audit {view.audit.number}`"
        )
    return told


def _tell_correction(one: AuditCorrection) -> str:
    asked = one.submission
    state = "waits for a decision"
    if one.decision is not None:
        state = f"{'approved' if one.decision.approved else 'rejected'} by {one.decision.decided_by}"
    return (
        f"correction {asked.number} of {asked.month} to {kwh(asked.register_wh)}, asked for by {asked.actor}: {state}"
    )


def _correction_json(one: AuditCorrection) -> AuditCorrectionJson:
    asked, decision = one.submission, one.decision
    return AuditCorrectionJson(
        submission=asked.number,
        month=None if asked.month is None else str(asked.month),
        register_wh=asked.register_wh,
        actor=asked.actor,
        reason=asked.reason,
        approved=None if decision is None else decision.approved,
        decided_by=None if decision is None else decision.decided_by,
        accepted=None if decision is None else decision.accepted,
    )
