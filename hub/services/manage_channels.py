"""Channels that alerts are told by: make, try, switch on again and end them; and deliver a message once more."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.alerting.retries import GIVE_UP_MS
from hub.alerting.telling import DIGEST_MINUTES_MAX, Interest, Way
from hub.errors import InputError, UnknownSubjectError
from hub.exchange.webhooks import SECRET_BYTES, format_secret
from hub.rules.mail_addresses import is_mail_address
from hub.services.amend_system import check_reason
from hub.services.queue_dispatches import make_event
from hub.store import channels, dispatches
from hub.store.audit_log import append_audit
from hub.store.channels import Channel
from hub.store.dispatches import Dispatch, Kind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.alerting.rules import Severity
    from hub.exchange.webhooks import Webhooks
    from hub.sealing import Sealer
    from hub.store.database import Database
    from hub.store.dispatches import KeptDispatch

TEST_MS = 3_600_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ChannelWish:
    """What somebody wants of a new channel; `target` is a mail address or a URL."""

    way: Way
    target: str
    least: Severity
    digest_minutes: int
    has_heartbeat: bool


@dataclass(frozen=True, slots=True)
class MadeChannel:
    """A channel, and the secret by which a webhook's receiver knows its messages, shown this once."""

    channel: Channel
    secret: str


def place_of(number: int) -> str:
    """Return what a channel is called in the audit log and among alerts."""
    return f"channel {number}"


def add_channel(  # noqa: PLR0913 - what is wanted, by whom, and what the hub has for it
    database: Database, wish: ChannelWish, webhooks: Webhooks, sealer: Sealer, *, actor: str, now: int
) -> MadeChannel:
    """Make a channel; the same one made twice is one, whose secret is not shown again.

    Raises InputError for an address that messages cannot go to.
    """
    target = wish.target.strip()
    if wish.way is Way.WEBHOOK:
        webhooks.check(target)
    elif not is_mail_address(target):
        message = f"target: {target!r:.60} is not a mail address: write it as alerts@example.org"
        raise InputError(message)
    if not 0 <= wish.digest_minutes <= DIGEST_MINUTES_MAX:
        message = f"digest_minutes: gather for 0 to {DIGEST_MINUTES_MAX} minutes"
        raise InputError(message)
    interest = Interest(wish.least, wish.digest_minutes * _MINUTE_MS)
    new = Channel(0, wish.way, target, interest, wish.has_heartbeat, now, actor)
    secret = secrets.token_bytes(SECRET_BYTES) if wish.way is Way.WEBHOOK else b""
    with database.write() as connection:
        for held in channels.list_channels(connection):
            if replace(held, number=0, made_at=now, made_by=actor, failed_at=None) == new:
                return MadeChannel(held, "")
        number = channels.add_channel(connection, new)
        if secret:
            channels.save_secret(connection, number, sealer.seal(secret, place_of(number)))
        _tell(connection, number, "add channel", actor, now, after={"way": new.way.value, "target": target})
    return MadeChannel(replace(new, number=number), format_secret(secret) if secret else "")


def try_channel(database: Database, number: int, *, actor: str, now: int) -> int:
    """Send a test to a channel, and return the message's number; raises UnknownSubjectError where there is none.

    One that was switched off is switched on by it.
    """
    with database.write() as connection:
        held = find_channel(connection, number)
        if held.failed_at is not None:
            channels.save_failure(connection, number, None)
        sent = Dispatch(number, "", Kind.TEST, make_event(), "{}", now, now + TEST_MS)
        made = dispatches.add_dispatch(connection, sent)
        _tell(connection, number, "test channel", actor, now, after={"message": made})
    return made


def end_channel(database: Database, number: int, *, actor: str, now: int, reason: str) -> None:
    """Tell a channel nothing more; raises UnknownSubjectError where there is none, InputError without a reason."""
    said = check_reason(reason)
    with database.write() as connection:
        find_channel(connection, number)
        channels.end_channel(connection, number, now)
        _tell(connection, number, "end channel", actor, now, reason=said)


def replay_dispatch(database: Database, number: int, *, actor: str, now: int) -> int:
    """Deliver a message once more under its id, and return the new number.

    Raises UnknownSubjectError where there is none, or its channel is not there any more, and InputError for one that
    still waits.
    """
    with database.write() as connection:
        kept = _find_dispatch(connection, number)
        assert kept.dispatch.channel is not None, "only messages to channels are found"
        find_channel(connection, kept.dispatch.channel)
        if kept.decided is None:
            message = f"message {number} still waits: it is delivered by itself"
            raise InputError(message)
        again = replace(kept.dispatch, made_at=now, useful_until=now + GIVE_UP_MS)
        made = dispatches.add_dispatch(connection, again)
        _tell(connection, kept.dispatch.channel, "replay message", actor, now, after={"message": number, "as": made})
    return made


def find_channel(connection: Connection, number: int) -> Channel:
    """Return a channel that somebody wants; raises UnknownSubjectError if there is none of this number."""
    found = channels.find_channel(connection, number)
    if found is None or found.ended_at is not None:
        message = f"there is no channel {number}"
        raise UnknownSubjectError(message)
    return found


def _find_dispatch(connection: Connection, number: int) -> KeptDispatch:
    found = dispatches.find_dispatch(connection, number)
    if found is None or found.dispatch.channel is None:
        message = f"there is no message {number}"
        raise UnknownSubjectError(message)
    return found


def _tell(  # noqa: PLR0913 - an entry of the audit log
    connection: Connection,
    number: int,
    action: str,
    actor: str,
    now: int,
    *,
    after: object = None,
    reason: str = "",
) -> None:
    append_audit(connection, actor=actor, action=action, subject=place_of(number), at=now, after=after, reason=reason)
