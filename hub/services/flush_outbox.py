"""Say which commands to send now: to devices that are there, in order, one at a time, again until each is answered."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import changes, outbox
from hub.store.outbox import CommandAnswer
from protocol.commands import ResultStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from hub.store.database import Database
    from hub.store.outbox import CommandRecord, Presence
    from protocol.identity import DeviceId

RESEND_MS = 600_000
"""A command without an answer is sent again after this long, and at once when its device begins a new session."""
GRACE_MS = 300_000
"""How long after its time to live an answer may still be on its way."""
SENDS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Outbound:
    """A sealed command, and the device whose topic it goes to."""

    device: DeviceId
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Plan:
    send: tuple[tuple[CommandRecord, bytes], ...]
    expire: tuple[CommandRecord, ...]


def flush_outbox(database: Database, now: int) -> tuple[Outbound, ...]:
    """Return the commands to publish now (UTC ms), already kept as sent, and close those that nobody will answer.

    A device takes numbers only upwards, so a command that overtook another would cancel it: one at a time is on its
    way to a device, the lowest that is open. Nothing is sent after its time to live, because a device without a
    trustworthy clock could not tell; a device that is not there gets it when it says hello.

    Raises StoreUnavailableError; then nothing is kept as sent.
    """
    with database.read() as connection:
        plan = _plan(connection, now)
    if not plan.send and not plan.expire:
        return ()
    with database.write() as connection:
        plan = _plan(connection, now)
        for record in plan.expire:
            _close(connection, record, now)
        for record, session in plan.send:
            outbox.mark_sent(connection, record, session, now)
        _announce(connection, (*plan.expire, *(record for record, _ in plan.send)), now)
    return tuple(Outbound(record.issued.device, record.issued.raw) for record, _ in plan.send)


def hand_over(database: Database, device: DeviceId, now: int, *, again: bool) -> tuple[Outbound, ...]:
    """Return the command that waits for a device which asks by POST, kept as sent; none or one.

    It cannot be reached otherwise, so it does not matter when that was last sent: one that was sent before is given
    `again` to a device that says hello. In answer to a result it would only bring the same result back, as fast as the
    line allows. A hub without a broker closes here what nobody will answer. Raises StoreUnavailableError.
    """
    with database.read() as connection:
        if not outbox.count_open(connection, device):
            return ()
    with database.write() as connection:
        close_overdue(connection, device, now)
        record, presence = next(iter(outbox.open_commands(connection, device)), (None, None))
        if record is None or now >= record.issued.expires_at or (record.sends and not again):
            return ()
        outbox.mark_sent(connection, record, presence.session if presence else b"", now)
        _announce(connection, [record], now)
    return (Outbound(device, record.issued.raw),)


def close_overdue(connection: Connection, device: DeviceId, now: int) -> None:
    """Close the commands to a device that nobody will answer any more at `now` (UTC ms)."""
    for record, _ in outbox.open_commands(connection, device):
        if _is_overdue(record, now):
            _close(connection, record, now)


def _plan(connection: Connection, now: int) -> _Plan:
    expire = outbox.list_overdue(connection, now - GRACE_MS)
    waiting = [one for one in outbox.open_commands(connection, is_there=True) if not _is_overdue(one[0], now)]
    return _Plan(tuple(itertools.islice(_due(waiting, now), SENDS_AT_ONCE)), expire)


def _due(waiting: Iterable[tuple[CommandRecord, Presence | None]], now: int) -> Iterator[tuple[CommandRecord, bytes]]:
    for _, group in itertools.groupby(waiting, key=lambda one: one[0].issued.device):
        record, presence = next(group)
        if presence is not None and presence.online and now < record.issued.expires_at:
            # A clock that was set back must not silence a command for as long as it was set back.
            rests = record.sent_at is not None and 0 <= now - record.sent_at < RESEND_MS
            if not rests or record.session != presence.session:
                yield record, presence.session


def _is_overdue(record: CommandRecord, now: int) -> bool:
    return now >= record.issued.expires_at + GRACE_MS


def _close(connection: Connection, record: CommandRecord, now: int) -> None:
    """Say in the device's place what is known, and wait no longer."""
    device, number = record.issued.device, record.issued.number
    found = outbox.find_command(connection, device, number)
    assert found is not None, "it has just been listed"
    outbox.add_answer(connection, found, _own_word(found, now))
    outbox.close_command(connection, device, number, now)


def _announce(connection: Connection, moved: Iterable[CommandRecord], now: int) -> None:
    """Tell the pages of the bulks that these commands are part of."""
    bulks = {record.issued.bulk for record in moved if record.issued.bulk is not None}
    changes.announce(connection, map(changes.bulk, bulks), now)


def _own_word(record: CommandRecord, now: int) -> CommandAnswer:
    if record.sends == 0:
        detail = "never sent: the device was not there in time"
    else:
        detail = "no last word came in time: the device may or may not have carried it out"
    return CommandAnswer(now, ResultStatus.EXPIRED, detail, None, None)
