"""Send what waits in the outbox of mail: each until it is taken or refused, at growing distances, while it is of use.

An attempt is kept after the server has answered. Whoever stops in between sends that mail once more, under the same
Message-ID: none is lost, and a double is known for one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.exchange.mail import Mail, Verdict
from hub.rules.instants import format_instant
from hub.services.hold_outbox import hold_outbox
from hub.store import notices_outbox
from hub.store.notices_outbox import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.clock import Now
    from hub.exchange.mail import Mailer
    from hub.store.database import Database
    from hub.store.notices_outbox import KeptNotice, WaitingNotice

FIRST_WAIT_MS = 300_000
WAIT_MS_MAX = 3_600_000
SENDS_AT_ONCE = 200
"""How many mails a round sends, and how many it gives up."""
_DOUBLINGS_MAX = 10
_OUTBOX = "notices"
OUTCOMES = {Verdict.SENT: Outcome.SENT, Verdict.LATER: Outcome.LATER, Verdict.REFUSED: Outcome.REFUSED}
"""What an answer makes of an attempt."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What one round of sending came to. `warnings` says of each mail that will not arrive why, and what to do.

    `trouble` is what the server said of the hub itself and not of a mail, empty if nothing; then the rest waits.
    `is_elsewhere`: another program is sending, so nothing was done. `is_more`: there is more to do at once.
    `results` counts what was tried or given up by outcome.
    """

    sent: int = 0
    later: int = 0
    warnings: tuple[str, ...] = ()
    trouble: str = ""
    is_elsewhere: bool = False
    is_more: bool = False
    results: Mapping[Outcome, int] = field(compare=False, default_factory=dict)


def send_notices(
    database: Database, mailer: Mailer, now: Now, is_ending: Callable[[], bool] = lambda: False
) -> Sending:
    """Send the notices that are due, and give up those that are of no use any more; return what came of it.

    A notice is tried again five minutes after the first attempt, then at twice the distance each time, an hour at
    most; and given up when the next occasion begins, for which another mail is written. `is_ending` is asked between
    two mails. Raises StoreUnavailableError; then the mail that was being sent will be sent again.
    """
    with hold_outbox(database, _OUTBOX) as held:
        if not held:
            return Sending(is_elsewhere=True)
        with database.read() as connection:
            waiting = notices_outbox.waiting_notices(connection, now())
        stale = [one for one in waiting if now() >= one.useful_until]
        due = [one for one in waiting if now() < one.useful_until and _is_due(one, now())]
        is_more = max(len(stale), len(due)) > SENDS_AT_ONCE
        warnings = _give_up(database, stale[:SENDS_AT_ONCE], now())
        results = Counter({Outcome.GIVEN_UP: len(warnings)})
        for one in due[:SENDS_AT_ONCE]:
            if is_ending():
                break
            kept, attempt, is_general = _try(database, mailer, one, now)
            results[attempt.outcome] += 1
            if attempt.outcome is Outcome.REFUSED:
                warnings.append(_describe(kept, f"was refused: {attempt.answer}; correct the address or tell them"))
            if is_general:
                return _sum_up(results, warnings, trouble=attempt.answer)
        return _sum_up(results, warnings, is_more=is_more)


def _sum_up(results: Counter[Outcome], warnings: list[str], *, trouble: str = "", is_more: bool = False) -> Sending:
    sent, later = results[Outcome.SENT], results[Outcome.LATER]
    return Sending(sent, later, tuple(warnings), trouble, is_more=is_more, results=results)


def _try(database: Database, mailer: Mailer, one: WaitingNotice, now: Now) -> tuple[KeptNotice, Attempt, bool]:
    with database.read() as connection:
        kept = notices_outbox.find_notice(connection, one.id)
    answer = mailer.send(_mail(kept))
    attempt = Attempt(now(), OUTCOMES[answer.verdict], answer.text)
    with database.write() as connection:
        notices_outbox.add_attempt(connection, one.id, attempt)
    return kept, attempt, answer.is_general


def _give_up(database: Database, stale: Sequence[WaitingNotice], now: int) -> list[str]:
    """Keep of each that it is not tried any more, and return a warning for each."""
    if not stale:
        return []
    warnings: list[str] = []
    with database.write() as connection:
        for one in stale:
            kept = notices_outbox.find_notice(connection, one.id)
            last = kept.attempts[-1].answer if kept.attempts else "the hub did not get so far"
            answer = f"given up: of no use after {format_instant(one.useful_until)}; {last}"
            notices_outbox.add_attempt(connection, one.id, Attempt(now, Outcome.GIVEN_UP, answer))
            warnings.append(_describe(kept, f"was {answer}; tell them in another way"))
    return warnings


def _mail(kept: KeptNotice) -> Mail:
    notice, key = kept.notice, kept.notice.key
    return Mail(
        key=f"{key.recipient} {key.occasion} {key.month}",
        name=notice.name,
        address=notice.address,
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        made_at=notice.made_at,
    )


def _is_due(one: WaitingNotice, now: int) -> bool:
    if one.tried_at is None:
        return True
    wait_ms = min(FIRST_WAIT_MS << min(one.attempts - 1, _DOUBLINGS_MAX), WAIT_MS_MAX)
    # A clock that was set back must not silence a mail for as long as it was set back.
    return not 0 <= now - one.tried_at < wait_ms


def _describe(kept: KeptNotice, what: str) -> str:
    notice = kept.notice
    return f"mail {kept.id} to {notice.address!r:.80} ({notice.key.occasion}, {notice.key.month}) {what}"
