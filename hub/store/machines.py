"""What devices said last of the machines that they are, see `hub.fleet.machine`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.fleet.machine import Machine, Start
from hub.store.dialect import insert_or_replace
from hub.store.fleet_tables import device_machine
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_CHANGING = ("said_at", "numbers", "boot_count", "starts")


def find_machine(connection: Connection, device: DeviceId) -> Machine | None:
    """Return what a device said last of its machine."""
    row = connection.execute(select(device_machine).where(device_machine.c.device == device)).one_or_none()
    return None if row is None else _machine(row)


def list_machines(connection: Connection) -> dict[DeviceId, Machine]:
    """Return what every device said last; those that never did are left out."""
    return {DeviceId(row.device): _machine(row) for row in connection.execute(select(device_machine))}


def save_machine(connection: Connection, device: DeviceId, machine: Machine) -> None:
    """Keep what a device says in place of what it said before."""
    connection.execute(
        insert_or_replace(connection, device_machine, ["device"], _CHANGING),
        {
            "device": device,
            "said_at": machine.said_at,
            "numbers": json.dumps(dict(machine.numbers)),
            "boot_count": machine.boot_count,
            "starts": json.dumps([(start.at, start.number) for start in machine.starts]),
        },
    )


def _machine(row: Row[tuple[object, ...]]) -> Machine:
    starts = tuple(Start(at, number) for at, number in json.loads(row.starts))
    return Machine(row.said_at, json.loads(row.numbers), row.boot_count, starts)
