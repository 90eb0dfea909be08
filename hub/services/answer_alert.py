"""Say of alerts that somebody looks after them, or that they are to be quiet for a while; always until an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.alerting.life import Silence, check_until
from hub.errors import InputError, UnknownSubjectError
from hub.rules.instants import format_instant
from hub.services.amend_system import check_reason
from hub.store import alerts
from hub.store.alerts import Acknowledgement, KeptAlert, KeptSilence
from hub.store.audit_log import append_audit
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.store.database import Database


def acknowledge_alerts(  # noqa: PLR0913 - which alerts, until when, by whom and why
    database: Database, numbers: Sequence[int], until_at: int, *, actor: str, now: int, reason: str
) -> tuple[KeptAlert, ...]:
    """Keep that somebody looks after these alerts until `until_at` (UTC ms), all or none, and return them.

    Raises InputError without a reason or a fit end, or for one that is over, and UnknownSubjectError for a number that
    no alert has.
    """
    check_until(until_at, now)
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        found = tuple(find_alert(connection, number) for number in dict.fromkeys(numbers))
        for one in found:
            if one.episode.ended_at is not None:
                message = f"alert {one.number} is over: there is nothing to look after"
                raise InputError(message)
            alerts.add_acknowledgement(connection, Acknowledgement(one.number, until_at, recorded))
        append_audit(
            connection,
            actor=actor,
            action="acknowledge alerts",
            subject="alerts",
            at=now,
            after={"alerts": [one.number for one in found], "until": format_instant(until_at)},
            reason=recorded.reason,
        )
    return found


def silence_alerts(database: Database, silence: Silence, *, actor: str, now: int, reason: str) -> KeptSilence:
    """Mute a rule, a subject, or one of the other, until an instant; raises InputError as `acknowledge_alerts` does."""
    check_until(silence.until_at, now)
    if silence.code is None and silence.subject is None:
        message = "say what is to be quiet: a rule, a device, or both; all alerts at once are never muted"
        raise InputError(message)
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        number = alerts.add_silence(connection, silence, recorded)
        append_audit(
            connection,
            actor=actor,
            action="silence alerts",
            subject=silence.subject or "alerts",
            at=now,
            after={
                "silence": number,
                "rule": None if silence.code is None else silence.code.value,
                "until": format_instant(silence.until_at),
            },
            reason=recorded.reason,
        )
    return KeptSilence(number, silence, recorded)


def end_silence(database: Database, number: int, *, actor: str, now: int, reason: str) -> None:
    """Let a silence end now; raises UnknownSubjectError for none, InputError for one that has ended."""
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        held = alerts.find_silence(connection, number)
        if held is None:
            message = f"there is no silence {number}"
            raise UnknownSubjectError(message)
        if held.silence.until_at <= now:
            message = f"silence {number} has ended already"
            raise InputError(message)
        alerts.end_silence(connection, number, now)
        append_audit(
            connection,
            actor=actor,
            action="end silence",
            subject=held.silence.subject or "alerts",
            at=now,
            after={"silence": number},
            reason=recorded.reason,
        )


def find_alert(connection: Connection, number: int) -> KeptAlert:
    """Return the alert of this number; raises UnknownSubjectError if there is none."""
    found = alerts.find_alert(connection, number)
    if found is None:
        message = f"there is no alert {number}"
        raise UnknownSubjectError(message)
    return found
