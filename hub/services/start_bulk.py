"""Do one thing to all devices that match: counted before, confirmed by their number, told once with all their ids."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hub.alerting.life import Silence
from hub.errors import InputError
from hub.fleet.bulks import COMMANDS
from hub.fleet.lifecycle import Said
from hub.fleet.tags import Retagging
from hub.keys import ensure_command_key
from hub.rules.instants import format_instant
from hub.services.amend_system import check_reason
from hub.services.issue_command import CommandRequest, sign_command
from hub.services.plan_bulk import Answered, Orders, plan_bulk
from hub.store import alerts, bulk_actions, changes, device_list, device_tags, device_words, outbox, registry
from hub.store.alerts import Acknowledgement
from hub.store.audit_log import append_audit
from hub.store.device_words import DeviceWord
from hub.store.facts import Recorded
from protocol.identity import format_device_id
from protocol.orders import COMMAND_ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.fleet.bulks import BulkAction
    from hub.services.plan_bulk import BulkPlan, Effect, LeftDevice
    from hub.store.database import Database
    from hub.store.device_list import DeviceFilter
    from hub.store.outbox import IssuedCommand
    from hub.store.registry import Device
    from protocol.cose import SigningKey

DEVICES_MAX = 5_000
"""More at once would hold up what devices send; a narrower filter comes to the same."""
UNCONFIRMED_MAX = 20
"""So many are changed without their number being named, unless what is done is destructive."""
TTL_SECONDS = 86_400
"""A command of a bulk that a device has not begun within a day is not sent any more."""


@dataclass(frozen=True, slots=True)
class BulkWish:
    """What is done to which devices; `number` is how many somebody thinks these are."""

    wanted: DeviceFilter
    action: BulkAction
    number: int | None = None


@dataclass(frozen=True, slots=True)
class CommandMeans:
    """What makes commands: the hub's command key, loaded where there are any, and 8 random bytes for each."""

    load_key: Callable[[], SigningKey]
    make_id: Callable[[], bytes]


def command_means(folder: Path) -> CommandMeans:
    """Return what makes the commands of the hub whose data are in `folder`."""
    return CommandMeans(partial(ensure_command_key, folder), partial(secrets.token_bytes, COMMAND_ID_LENGTH))


@dataclass(frozen=True, slots=True)
class StartedBulk:
    """An act under its `number`, None for a dry run: to which devices it is done, and to which it cannot be."""

    number: int | None
    changed: tuple[Device, ...]
    left: tuple[LeftDevice, ...]


def count_matching(connection: Connection, wanted: DeviceFilter) -> int:
    """Return how many devices match, one more than `DEVICES_MAX` at most."""
    return len(_match(connection, wanted))


def start_bulk(  # noqa: PLR0913 - what is done, with what, by whom, when and why
    database: Database,
    wish: BulkWish,
    means: CommandMeans,
    *,
    actor: str,
    now: int,
    reason: str,
    is_dry_run: bool = False,
) -> StartedBulk:
    """Do it to all devices that match at `now` (UTC ms), as one act; a dry run keeps nothing.

    Raises InputError without a reason, for what can be done to none of them, for more than `DEVICES_MAX`, and where
    the number that was named is not how many match.
    """
    recorded = Recorded(actor, now, check_reason(reason))
    if is_dry_run:
        with database.read() as connection:
            return _started(None, _plan(connection, wish, now))
    key = means.load_key() if wish.action.kind in COMMANDS else None
    with database.write() as connection:
        plan = _plan(connection, wish, now)
        _confirm(wish, len(plan.effects) + len(plan.left))
        counts = (len(plan.effects), len(plan.left))
        number = bulk_actions.add_bulk(connection, wish.action, wish.wanted.named(), counts, recorded)
        if key is not None:
            commands = _sign(connection, plan, number, key, means, recorded)
            outbox.add_commands(connection, commands)
        for device, effect in plan.effects:
            _carry_out(connection, device, effect, recorded)
        _audit(connection, wish, plan, number, recorded)
        changes.announce(connection, [changes.FLEET], now)
    return _started(number, plan)


def _started(number: int | None, plan: BulkPlan) -> StartedBulk:
    return StartedBulk(number, tuple(device for device, _ in plan.effects), plan.left)


def _match(connection: Connection, wanted: DeviceFilter) -> tuple[Device, ...]:
    return device_list.list_page(connection, wanted, after=None, limit=DEVICES_MAX + 1)


def _plan(connection: Connection, wish: BulkWish, now: int) -> BulkPlan:
    found = _match(connection, wish.wanted)
    if len(found) > DEVICES_MAX:
        message = f"more than {DEVICES_MAX:,} devices match: narrow them down, and do it in parts"
        raise InputError(message)
    plan = plan_bulk(connection, wish.action, found, now)
    if not plan.effects:
        message = plan.left[-1].why if plan.left else "no device matches"
        raise InputError(message)
    return plan


def _confirm(wish: BulkWish, number: int) -> None:
    if wish.number == number:
        return
    if wish.number is None and number <= UNCONFIRMED_MAX and not wish.action.is_destructive:
        return
    named = "name their number" if wish.number is None else f"that is not {wish.number:,}"
    message = f"number: {number:,} devices match, {named}; nothing was changed"
    raise InputError(message)


def _sign(  # noqa: PLR0913, PLR0917 - the commands of a plan, by whose word, with what
    connection: Connection, plan: BulkPlan, bulk: int, key: SigningKey, means: CommandMeans, recorded: Recorded
) -> Iterator[IssuedCommand]:
    """Yield the commands of a plan; each is numbered as `issue_command` says."""
    last = outbox.last_numbers(connection, [device.id for device, _ in plan.effects])
    began_at = registry.timeline_began_at(connection)
    for device, effect in plan.effects:
        assert isinstance(effect, Orders), "it is planned so"
        name = format_device_id(device.id)
        first = max(last.get(device.id, 0), began_at) + 1
        for number, order in enumerate(effect.orders, first):
            request = CommandRequest(name, order, recorded.actor, TTL_SECONDS, means.make_id())
            yield sign_command(request, device.id, number, key, recorded.at, bulk)


def _carry_out(connection: Connection, device: Device, effect: Effect, recorded: Recorded) -> None:
    match effect:
        case Said():
            device_words.add_word(connection, DeviceWord(device.id, effect, recorded))
        case Retagging():
            device_tags.put_on(connection, ((device, tag) for tag in effect.put_on))
            device_tags.take_off(connection, ((device, tag) for tag in effect.take_off))
        case Silence():
            alerts.add_silence(connection, effect, recorded)
        case Answered():
            for number in effect.alerts:
                alerts.add_acknowledgement(connection, Acknowledgement(number, effect.until_at, recorded))
        case Orders():
            pass  # They wait in the outbox already, all of them kept at once.


def _audit(connection: Connection, wish: BulkWish, plan: BulkPlan, number: int, recorded: Recorded) -> None:
    action = wish.action
    append_audit(
        connection,
        actor=recorded.actor,
        action=f"{action.kind} devices",
        subject="devices",
        at=recorded.at,
        after={
            "bulk": number,
            "filter": wish.wanted.named(),
            "until": None if action.until_at is None else format_instant(action.until_at),
            "tags": list(action.tags),
            "devices": [format_device_id(device.id) for device, _ in plan.effects],
        },
        reason=recorded.reason,
    )
