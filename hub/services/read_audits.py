"""Read an audit on site with the corrections that followed from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.store import site_audits, submissions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.site_audits import SiteAudit
    from hub.store.submissions import Decision, Submission


@dataclass(frozen=True, slots=True)
class AuditCorrection:
    """A correction that names an audit, and what was decided on it; None while it waits."""

    submission: Submission
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class AuditView:
    """An audit and the corrections that name it, oldest first."""

    audit: SiteAudit
    corrections: tuple[AuditCorrection, ...]


def read_audit(connection: Connection, number: int) -> AuditView:
    """Return an audit with its corrections; raises UnknownSubjectError for a number that is none."""
    return view_audit(connection, find_audit(connection, number))


def view_audit(connection: Connection, audit: SiteAudit) -> AuditView:
    """Return an audit with its corrections."""
    corrections = []
    for number in site_audits.list_citing(connection, audit.number):
        submission = submissions.find_submission(connection, number)
        assert submission is not None, "what names an audit is kept"
        corrections.append(AuditCorrection(submission, submissions.find_decision(connection, number)))
    return AuditView(audit, tuple(corrections))


def find_audit(connection: Connection, number: int) -> SiteAudit:
    """Return the audit with this number; raises UnknownSubjectError if there is none."""
    found = site_audits.find_audit(connection, number)
    if found is None:
        message = f"there is no audit {number}: `meter-hub audit list` shows those that were recorded"
        raise UnknownSubjectError(message)
    return found
