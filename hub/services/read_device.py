"""Read all that the hub knows of one device, for who has to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.axes import Seen, is_recent, judge_axes, worst_of
from hub.fleet.lifecycle import Stage, stage_at
from hub.fleet.machine import describe_machine
from hub.services.find_device import find_device
from hub.services.read_devices import read_devices
from hub.services.read_stated import stated_of
from hub.store import blocks, board, device_tags, device_words, machines, outbox, ownership, registry, series, states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from hub.fleet.axes import Urgency, Value
    from hub.fleet.machine import Machine
    from hub.rules.production import Reading
    from hub.services.read_devices import DeviceView
    from hub.store.blocks import HeldBlock
    from hub.store.device_words import DeviceWord
    from hub.store.outbox import CommandRecord
    from hub.store.registry import Meter
    from hub.store.states import DeviceState, Oddities, StreamFacts

COMMANDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """A device as it stands: how it is heard, what is held of it, what it reads, what was said of it and ordered.

    `meters` pairs each with its last reading, None before the first. `clock_ms` is by how much its clock was behind the
    hub's when it last spoke, None where it did not say. `machine_words` say what is known of the machine that it is, by
    what they are about.
    """

    view: DeviceView
    stage: Stage
    state: DeviceState | None
    clock_ms: int | None
    streams: tuple[StreamFacts, ...]
    oddities: Oddities
    last_block: HeldBlock | None
    meters: tuple[tuple[Meter, Reading | None], ...]
    words: tuple[DeviceWord, ...]
    commands: tuple[CommandRecord, ...]
    keys: int
    axes: tuple[Value, ...]
    machine: Machine | None
    machine_words: Mapping[str, str]
    tags: tuple[str, ...]

    @property
    def urgency(self) -> Urgency:
        """How soon somebody should look, by the worst axis."""
        return worst_of(self.axes)


def read_device(connection: Connection, device_id: str, now: int) -> DeviceDetails:
    """Return what is known of a device at `now` (UTC ms).

    Raises InputError for what is no device id, UnknownSubjectError for one that is not registered.
    """
    device = find_device(connection, device_id)
    (view,) = read_devices(connection, now, [device])
    state = states.find_state(connection, device.id)
    words = device_words.list_words(connection, device.id)
    streams = states.list_streams(connection, [device.id]).get(device.id, ())
    is_heard = states.is_heard(connection, device.id)
    oddities = states.find_oddities(connection, device.id)
    meters = tuple(
        (meter, series.last_reading(connection, ownership.registers_of(connection, meter)))
        for meter in registry.meters_read_by(connection, device.id)
    )
    stated = stated_of(connection, device.id)
    machine = machines.find_machine(connection, device.id)
    read_at = [None if last is None else last.read_at for meter, last in meters if meter.read_until is None]
    seen = Seen(
        link=view.link.value,
        was_heard=view.heard_at is not None,
        is_heard=is_recent(view.heard_at, now),
        meters=len(read_at),
        unread=sum(not is_recent(one, now) for one in read_at),
        suspect=len(stated.suspect),
        frozen=len(stated.frozen),
        contradicted=oddities.conflicts + oddities.aside_blocks + bool(view.contested),
        beyond=oddities.waiting,
        backlog=view.backlog,
        standings=board.standings_of(connection, {meter.system for meter, _ in meters}),
    )
    return DeviceDetails(
        view=view,
        stage=stage_at(words[0].said if words else None, now, is_heard=is_heard),
        state=state,
        clock_ms=None if state is None or state.device_at is None else state.heard_at - state.device_at,
        streams=streams,
        oddities=oddities,
        last_block=blocks.last_block(connection, device.id),
        meters=meters,
        words=words,
        commands=outbox.list_commands(connection, device.id, COMMANDS_SHOWN),
        keys=len(registry.keys_of(connection, device.id)),
        axes=judge_axes(seen),
        machine=machine,
        machine_words={} if machine is None else describe_machine(machine, now),
        tags=device_tags.tags_of(connection, [device.id]).get(device.id, ()),
    )
