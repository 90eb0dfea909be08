"""Deliver what waits for channels and people: each until it is taken or refused, at growing distances, for five days.

An attempt is kept after the other side has answered. Whoever stops in between delivers that message once more, under
the same id: none is lost, and a double is known for one.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.alerting.retries import next_try_at
from hub.alerting.telling import Way
from hub.errors import SettingsError
from hub.exchange.dispatch_text import write_change, write_dispatch, write_link
from hub.exchange.mail import Answer, Mail, Verdict
from hub.rules.instants import format_instant
from hub.rules.local_times import format_local
from hub.services.hold_outbox import hold_outbox
from hub.services.manage_channels import place_of
from hub.services.send_notices import OUTCOMES
from hub.services.set_password import LINK_MS, make_link
from hub.services.tell_account import WayIn
from hub.store import accounts, channels, dispatches
from hub.store.audit_log import append_audit
from hub.store.dispatches import Kind
from hub.store.notices_outbox import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.clock import Now
    from hub.exchange.mail import Mailer
    from hub.exchange.webhooks import Webhooks
    from hub.sealing import Sealer
    from hub.store.accounts import Account
    from hub.store.database import Database
    from hub.store.dispatches import Dispatch, WaitingDispatch

SENDS_AT_ONCE = 100
_OUTBOX = "dispatches"
_HUB = "hub"
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Doors:
    """By what messages leave: `mailer` None where the hub sends no mail; `pages_url` is where people find the hub."""

    mailer: Mailer | None
    webhooks: Webhooks
    sealer: Sealer
    pages_url: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a round of delivering came to; `warnings` says of each message that will not arrive why.

    `results` counts what was tried or given up by way and outcome.
    """

    sent: int = 0
    later: int = 0
    warnings: tuple[str, ...] = ()
    is_elsewhere: bool = False
    is_more: bool = False
    results: Mapping[Way, Mapping[Outcome, int]] = field(compare=False, default_factory=dict)


def send_dispatches(
    database: Database, doors: Doors, now: Now, is_ending: Callable[[], bool] = lambda: False
) -> Delivery:
    """Deliver what is due, give up what is of no use any more, and switch off channels that took nothing for days.

    Of a channel that does not answer, the rest waits. `is_ending` is asked between two messages. Raises
    StoreUnavailableError; then the message that was being delivered will be delivered again.
    """
    with hold_outbox(database, _OUTBOX) as held:
        if not held:
            return Delivery(is_elsewhere=True)
        at = now()
        with database.read() as connection:
            waiting = dispatches.list_waiting(connection)
        if doors.mailer is None and any(one.dispatch.kind is Kind.CHANGED for one in waiting):
            # Nobody waits for these as for a link, and a hub that sends no mail is no failure.
            with database.write() as connection:
                dispatches.forget_changes(connection)
                waiting = dispatches.list_waiting(connection)
        stale = [one for one in waiting if at >= one.dispatch.useful_until]
        due = [one for one in waiting if at < one.dispatch.useful_until and _is_due(one, at)]
        warnings = _give_up(database, stale, at)
        results = {way: Counter({Outcome.GIVEN_UP: sum(one.way is way for one in stale)}) for way in Way}
        sent = later = tried = 0
        mute: set[int] = set()
        is_more = False
        for one in due:
            if one.dispatch.channel in mute:
                continue
            is_more = tried == SENDS_AT_ONCE
            if is_more or is_ending():
                break
            tried += 1
            attempt = _try(database, doors, one, now)
            results[one.way][attempt.outcome] += 1
            sent += attempt.outcome is Outcome.SENT
            later += attempt.outcome is Outcome.LATER
            if attempt.outcome is Outcome.LATER and one.dispatch.channel is not None:
                mute.add(one.dispatch.channel)
            if attempt.outcome is Outcome.REFUSED:
                warnings.append(f"{_describe(one)} was refused: {attempt.answer}")
                _switch_off(database, one.dispatch, now())
        return Delivery(sent, later, tuple(warnings), is_more=is_more, results=results)


def _is_due(one: WaitingDispatch, at: int) -> bool:
    # A clock that was set back must not silence a message for as long as it was set back.
    is_ahead = one.tried_at is not None and one.tried_at > at
    return is_ahead or at >= next_try_at(one.dispatch.event, one.tries, one.tried_at)


def _try(database: Database, doors: Doors, one: WaitingDispatch, now: Now) -> Attempt:
    if one.dispatch.channel is None:
        answer = _send_to_person(database, doors, one.dispatch, now())
    else:
        answer = _send_to_channel(database, doors, one.dispatch, one.dispatch.channel, now())
    attempt = Attempt(now(), OUTCOMES[answer.verdict], answer.text)
    with database.write() as connection:
        dispatches.add_attempt(connection, one.number, attempt)
    return attempt


def _send_to_channel(database: Database, doors: Doors, sent: Dispatch, number: int, at: int) -> Answer:
    with database.read() as connection:
        channel = channels.find_channel(connection, number)
        sealed = channels.find_secret(connection, number)
    assert channel is not None, "a message is kept for channels that there are"
    body = json.loads(sent.body)
    if channel.way is Way.WEBHOOK:
        told = {"type": sent.kind.value, "timestamp": format_instant(sent.made_at), "data": body}
        raw = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
        try:
            secret = doors.sealer.open(sealed, place_of(number))
        except SettingsError as error:
            return Answer(Verdict.LATER, str(error))
        return doors.webhooks.deliver(channel.target, secret, sent.event, at, raw)
    if doors.mailer is None:
        return Answer(Verdict.LATER, "the hub was not told of a mail server: start it with --smtp")
    words = write_dispatch(sent.kind.value, body, doors.pages_url)
    return doors.mailer.send(Mail(sent.event, "", channel.target, words.subject, words.text, words.html, sent.made_at))


def _send_to_person(database: Database, doors: Doors, sent: Dispatch, at: int) -> Answer:
    if doors.mailer is None:
        return Answer(Verdict.LATER, "the hub was not told of a mail server: start it with --smtp")
    with database.read() as connection:
        account = accounts.find_account(connection, sent.account)
    if sent.kind is Kind.CHANGED:
        body = json.loads(sent.body)
        name = sent.account if account is None else account.full_name or account.name
        # A link to set another password would go to the address that is there now: to whoever changed it.
        reset_at = "" if body["what"] == WayIn.EMAIL else doors.pages_url
        words = write_change(name, sent.account, body["what"], format_local(sent.made_at), reset_at)
        mail = Mail(sent.event, name, body["to"], words.subject, words.text, words.html, sent.made_at)
        return doors.mailer.send(mail)
    return _send_link(database, doors, doors.mailer, sent, account, at)


def _send_link(  # noqa: PLR0913, PLR0917 - which link by what way to whom
    database: Database, doors: Doors, mailer: Mailer, sent: Dispatch, account: Account | None, at: int
) -> Answer:
    """Send a link to set a password; it is made here, so that it is kept nowhere."""
    if account is None or not account.email:
        return Answer(Verdict.REFUSED, "the account has no mail address")
    if account.disabled_at is not None:
        return Answer(Verdict.REFUSED, "the account is disabled")
    token = make_link(database, account.name, actor=_HUB, now=at)
    link = f"{doors.pages_url}/welcome/{token}"
    words = write_link(sent.kind.value, account.full_name, link, LINK_MS // _HOUR_MS)
    key = f"{sent.event} {token}"
    return mailer.send(Mail(key, account.full_name, account.email, words.subject, words.text, words.html, sent.made_at))


def _give_up(database: Database, stale: Sequence[WaitingDispatch], at: int) -> list[str]:
    """Keep of each that it is not tried any more, switch off its channel if alerts did not arrive, and say so."""
    warnings = []
    for one in stale:
        with database.write() as connection:
            answer = f"given up: of no use after {format_instant(one.dispatch.useful_until)}"
            dispatches.add_attempt(connection, one.number, Attempt(at, Outcome.GIVEN_UP, answer))
        if one.dispatch.kind is Kind.ALERTS:
            _switch_off(database, one.dispatch, at)
        warnings.append(f"{_describe(one)} was {answer}")
    return warnings


def _switch_off(database: Database, undelivered: Dispatch, at: int) -> None:
    """Try a channel no more until a person says so; an alert tells of it."""
    if undelivered.channel is None:
        return
    with database.write() as connection:
        found = channels.find_channel(connection, undelivered.channel)
        if found is None or found.failed_at is not None:
            return
        channels.save_failure(connection, found.number, at)
        append_audit(
            connection,
            actor=_HUB,
            action="switch channel off",
            subject=place_of(found.number),
            at=at,
            after={"failed_at": format_instant(at)},
        )


def _describe(one: WaitingDispatch) -> str:
    whom = one.dispatch.account if one.dispatch.channel is None else place_of(one.dispatch.channel)
    return f"message {one.number} ({one.dispatch.kind.value}) to {whom}"
