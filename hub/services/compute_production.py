"""Compute what a system generated in its production months, from the readings the hub holds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.periods import ProductionMonth, month_of, months_through
from hub.rules.production import EDGE_HALF_WIDTH_MS, monthly_production, system_production
from hub.store import registry, series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.production import MeterProduction, SystemProduction
    from hub.store.registry import Meter, System

MONTHS_MAX = 1200


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter's part of a system's month."""

    meter: Meter
    production: MeterProduction


@dataclass(frozen=True, slots=True)
class SystemMonth:
    """A system's month and the meters it was added up from."""

    system: System
    production: SystemProduction
    meters: tuple[MeterMonth, ...]


def find_system(connection: Connection, pts_id: str) -> System:
    """Return the registered system; raises UnknownSubjectError for any other."""
    system = registry.find_system(connection, pts_id)
    if system is None:
        message = f"system {pts_id!r} is not registered here: check its PTS id or run `meter-hub system add {pts_id}`"
        raise UnknownSubjectError(message)
    return system


def compute_month(connection: Connection, pts_id: str, month: ProductionMonth) -> SystemMonth:
    """Return a system's production of one month.

    Raises UnknownSubjectError for an unregistered system and for a month in which none of its meters was read.
    """
    system = find_system(connection, pts_id)
    computed = _compute(connection, system, month, _registers(connection, system))
    if not _was_read(computed):
        message = f"system {pts_id} has no reading in {month}: ask for a month from its first reading on"
        raise UnknownSubjectError(message)
    return computed


def compute_months(connection: Connection, pts_id: str) -> tuple[SystemMonth, ...]:
    """Return every month from the system's first reading to its last, the latest first.

    Raises UnknownSubjectError for an unregistered system.
    """
    system = find_system(connection, pts_id)
    registers = _registers(connection, system)
    every = [register for _, owned in registers for register in owned]
    first, last = series.first_reading(connection, every), series.last_reading(connection, every)
    if first is None or last is None:
        return ()
    # A reading on the edge, or as late after it as stands for the edge, closes the month before and opens none.
    latest = max(month_of(last.read_at - EDGE_HALF_WIDTH_MS - 1), month_of(first.read_at))
    months = list(months_through(month_of(first.read_at), latest))[-MONTHS_MAX:]
    return tuple(_compute(connection, system, month, registers) for month in reversed(months))


def _registers(connection: Connection, system: System) -> tuple[tuple[Meter, tuple[int, ...]], ...]:
    meters = registry.list_meters(connection, system.pts_id)
    return tuple((meter, series.registers_of(connection, meter)) for meter in meters)


def _compute(
    connection: Connection,
    system: System,
    month: ProductionMonth,
    registers: Sequence[tuple[Meter, tuple[int, ...]]],
) -> SystemMonth:
    power_w_max = int(Decimal(system.capacity_kw_dc) * 1000)
    meters = tuple(
        MeterMonth(meter, monthly_production(month, series.find_evidence(connection, owned, month), power_w_max))
        for meter, owned in registers
    )
    return SystemMonth(system, system_production(month, [meter.production for meter in meters]), meters)


def _was_read(computed: SystemMonth) -> bool:
    starts_at = computed.production.month.starts_at
    return any(
        part.production.closing is not None and part.production.closing.read_at >= starts_at for part in computed.meters
    )
