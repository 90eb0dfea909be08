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

_NONE = "[]"
_CHANGING = ("said_at", "numbers", "boot_count", "starts")


def find_machine(connection: Connection, device: DeviceId) -> Machine | None:
    """Return what a device said last of its machine."""
    row = connection.execute(select(device_machine).where(device_machine.c.device == device)).one_or_none()
    return None if row is None else _machine(row)


def list_machines(connection: Connection) -> dict[DeviceId, Machine]:
    """Return what every device said last; those that never did are left out."""
    rows = connection.execute(select(device_machine)).all()
    # All of it at once: a hundred thousand small documents take four times as long as one that has them all.
    numbers = json.loads(f"[{','.join(row.numbers for row in rows)}]")
    return {
        DeviceId(row.device): Machine(row.said_at, each, row.boot_count, _starts(row.starts))
        for row, each in zip(rows, numbers, strict=True)
    }


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
    return Machine(row.said_at, json.loads(row.numbers), row.boot_count, _starts(row.starts))


def _starts(text: str) -> tuple[Start, ...]:
    return () if text == _NONE else tuple(Start(at, number) for at, number in json.loads(text))
