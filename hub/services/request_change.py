"""Ask that somebody else becomes reporter, REC owner or owner of a system."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError
from hub.rules.change_requests import ChangeTerms, refuse_wish
from hub.rules.facts import ProgrammeName
from hub.rules.mail_addresses import is_mail_address
from hub.rules.periods import date_at
from hub.rules.windows import refuse_manual
from hub.services.amend_system import check_reason
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.services.manage_people import find_account
from hub.services.set_manual_limit import load_manual_limits
from hub.store import accounts, change_requests, changes, facts
from hub.store.audit_log import append_audit
from hub.store.change_requests import ChangeRequest
from hub.store.changes import Subject, SubjectKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.change_requests import ChangeWish
    from hub.store.database import Database

_SREC = frozenset({ProgrammeName.SREC_1, ProgrammeName.SREC_2})


def request_change(  # noqa: PLR0913 - who asks for what, when and why
    database: Database, wish: ChangeWish, *, actor: str, now: int, reason: str, is_by_staff: bool
) -> ChangeRequest:
    """Keep that `actor` asks for a change of a system; the same request again returns the one that is in progress.

    Raises UnknownSubjectError for a system or account that is not here, InputError for what cannot be asked for, and
    AlreadyRegisteredError while another request of the system is in progress.
    """
    wish = _check_words(wish)
    why = check_reason(reason)
    with database.write() as connection:
        wish = replace(wish, system=find_system(connection, wish.system).pts_id)
        if wish.account:
            find_account(connection, wish.account)
        for one in change_requests.list_requests(connection, system=wish.system, in_progress_at=now):
            if (one.wish, one.requested_by) == (wish, actor):
                return one
            message = (
                f"request {one.number} of {wish.system} is in progress: have it decided or withdrawn before another is "
                "asked for"
            )
            raise AlreadyRegisteredError(message)
        refusal = refuse_wish(wish, load_terms(connection, wish, now, is_by_staff=is_by_staff))
        if refusal is not None:
            raise InputError(refusal)
        added = change_requests.add_request(connection, ChangeRequest(0, wish, why, actor, now))
        after = {name: getattr(wish, name) for name in type(wish).__slots__}
        append_audit(
            connection,
            actor=actor,
            action="request change",
            subject=wish.system,
            at=now,
            after={"request": added.number, **after},
            reason=why,
        )
        changes.announce(connection, [Subject(SubjectKind.SYSTEM, wish.system)], now)
    return added


def load_terms(connection: Connection, wish: ChangeWish, now: int, *, is_by_staff: bool) -> ChangeTerms:
    """Return what holds of the system and of who is asked for, at `now` (UTC ms)."""
    on = date_at(max(now, wish.wanted_at))
    known = facts.find_system_facts(connection, wish.system, on)
    assert known is not None, "a registered system has facts"
    programme = facts.find_programme(connection, wish.system, on)
    return ChangeTerms(
        manual=refuse_manual(
            known.technology, known.capacity_w_dc, known.capacity_w_ac, on, load_manual_limits(connection)
        ),
        is_srec=programme is not None and programme.programme in _SREC,
        is_approved_provider=wish.account in change_requests.list_providers(connection),
        is_by_staff=is_by_staff,
        relations=tuple(held.relation for held in accounts.list_relations(connection, of_system=wish.system)),
    )


def _check_words(wish: ChangeWish) -> ChangeWish:
    if wish.contact_email and not is_mail_address(wish.contact_email):
        message = f"{wish.contact_email!r:.60} is no mail address: write it as name@example.org"
        raise InputError(message)
    if wish.account and (wish.contact_name or wish.contact_email):
        message = "name an account or a person without one, not both"
        raise InputError(message)
    return replace(wish, contact_name=check_label(wish.contact_name, "a name"))
