"""Say what an act on many devices comes to for each of them, and of which it cannot be done and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hub.alerting.life import Silence, Standing, check_until
from hub.errors import InputError
from hub.fleet.bulks import COMMANDS, OF_ALERTS, WORDS, BulkKind, check_action
from hub.fleet.lifecycle import Said, check_said, stage_at
from hub.fleet.tags import Retagging, check_retagging
from hub.services.issue_command import WAITING_MAX
from hub.services.read_alerts import read_open
from hub.store import described, device_tags, device_words, outbox, states
from hub.store.facts import NAMES_AT_ONCE
from protocol.commands import AskState, Repoll, Resend, RestartAgent
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.fleet.bulks import BulkAction
    from hub.store.registry import Device
    from protocol.commands import Order
    from protocol.identity import DeviceId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Orders:
    """The commands that a device gets."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The alerts of a device that somebody looks after until `until_at` (UTC ms)."""

    alerts: tuple[int, ...]
    until_at: int


Effect = Said | Retagging | Orders | Silence | Answered


@dataclass(frozen=True, slots=True)
class LeftDevice:
    """A device of which it cannot be done, and why."""

    device: Device
    why: str


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """What is done to which devices, and which are left."""

    effects: tuple[tuple[Device, Effect], ...]
    left: tuple[LeftDevice, ...]


def plan_bulk(connection: Connection, action: BulkAction, devices: Sequence[Device], now: int) -> BulkPlan:
    """Return what an act comes to at `now` (UTC ms); raises InputError for one that makes no sense of any device."""
    check_action(action)
    if action.kind in OF_ALERTS:
        check_until(_end_of(action), now)
    decide = _decider(connection, action, [device.id for device in devices], now)
    effects: list[tuple[Device, Effect]] = []
    left: list[LeftDevice] = []
    for device in devices:
        try:
            effects.append((device, decide(device.id)))
        except InputError as error:
            left.append(LeftDevice(device, str(error)))
    return BulkPlan(tuple(effects), tuple(left))


def _decider(
    connection: Connection, action: BulkAction, ids: Sequence[DeviceId], now: int
) -> Callable[[DeviceId], Effect]:
    """Return what says for one device what is done; all that this takes is read before, in few statements."""
    if action.kind in WORDS:
        return _say(connection, Said(WORDS[action.kind], action.until_at), ids, now)
    if action.kind in COMMANDS:
        return _command(connection, action.kind, ids)
    if action.kind in OF_ALERTS:
        return _answer_alerts(connection, action, now)
    tags = device_tags.tags_of(connection, ids)
    wish = Retagging(action.tags) if action.kind is BulkKind.TAG else Retagging(take_off=action.tags)
    return lambda device: check_retagging(wish, tags.get(device, ()))


def _say(connection: Connection, said: Said, ids: Sequence[DeviceId], now: int) -> Callable[[DeviceId], Effect]:
    words = _gather(ids, lambda some: device_words.last_words(connection, some))
    heard = _gather(ids, lambda some: dict.fromkeys(states.heard_among(connection, some), True))

    def decide(device: DeviceId) -> Said:
        check_said(said, stage_at(words.get(device), now, is_heard=device in heard), now)
        return said

    return decide


def _answer_alerts(connection: Connection, action: BulkAction, now: int) -> Callable[[DeviceId], Effect]:
    until_at = _end_of(action)
    if action.kind is BulkKind.SILENCE:
        return lambda device: Silence(None, format_device_id(device), until_at)
    firing: dict[str, tuple[int, ...]] = {}
    for view in read_open(connection, now):
        if view.standing is Standing.FIRING:
            subject = view.kept.episode.subject
            firing[subject] = (*firing.get(subject, ()), view.kept.number)

    def decide(device: DeviceId) -> Answered:
        numbers = firing.get(format_device_id(device))
        if numbers is None:
            message = "no alert of it fires now"
            raise InputError(message)
        return Answered(numbers, until_at)

    return decide


def _command(connection: Connection, kind: BulkKind, ids: Sequence[DeviceId]) -> Callable[[DeviceId], Effect]:
    waiting = outbox.count_open_of(connection, ids)
    orders_of = _orders(connection, kind, ids)

    def decide(device: DeviceId) -> Orders:
        orders = orders_of(device)
        if waiting.get(device, 0) + len(orders) > WAITING_MAX:
            message = f"{waiting.get(device, 0)} commands to it wait already"
            raise InputError(message)
        return Orders(orders)

    return decide


def _orders(connection: Connection, kind: BulkKind, ids: Sequence[DeviceId]) -> Callable[[DeviceId], tuple[Order, ...]]:
    match kind:
        case BulkKind.RESEND:
            return _resend(connection, ids)
        case BulkKind.REPOLL:
            return _repoll(connection, ids)
        case BulkKind.RESTART_AGENT:
            return lambda _: (RestartAgent(),)
        case _:
            return lambda _: (AskState(),)


def _resend(connection: Connection, ids: Sequence[DeviceId]) -> Callable[[DeviceId], tuple[Order, ...]]:
    known = _gather(ids, lambda some: states.list_states(connection, some))
    streams = _gather(ids, lambda some: states.list_streams(connection, some))

    def decide(device: DeviceId) -> tuple[Order, ...]:
        state = known.get(device)
        if state is None or state.epoch is None:
            message = "it has not said yet which blocks it has"
            raise InputError(message)
        held = next((one.committed for one in streams.get(device, ()) if one.epoch == state.epoch), -1)
        if held >= state.head:
            message = "the hub lacks none of its blocks"
            raise InputError(message)
        return (Resend(state.epoch, held + 1, state.head),)

    return decide


def _repoll(connection: Connection, ids: Sequence[DeviceId]) -> Callable[[DeviceId], tuple[Order, ...]]:
    meters = _gather(ids, lambda some: described.list_meter_numbers(connection, some))

    def decide(device: DeviceId) -> tuple[Order, ...]:
        if device not in meters:
            message = "it has described no meter yet"
            raise InputError(message)
        return tuple(map(Repoll, meters[device]))

    return decide


def _gather(ids: Sequence[DeviceId], load: Callable[[Sequence[DeviceId]], Mapping[DeviceId, T]]) -> dict[DeviceId, T]:
    """Return what is loaded of many devices, some at a time."""
    found: dict[DeviceId, T] = {}
    for begin in range(0, len(ids), NAMES_AT_ONCE):
        found.update(load(ids[begin : begin + NAMES_AT_ONCE]))
    return found


def _end_of(action: BulkAction) -> int:
    assert action.until_at is not None, "it has been checked"
    return action.until_at
