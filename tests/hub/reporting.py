"""Systems with meters whose readings are reported, made without a device."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from hub.rules.facts import MeterFacts, SystemFacts
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.reported import Origin
from hub.store import facts, ledger, meter_facts, registry
from hub.store.facts import BEGINNING, Recorded
from hub.store.ledger import NewEntry
from hub.store.registry import Meter, System

if TYPE_CHECKING:
    from hub.store.database import Database
    from hub.store.ledger import Entry

SYSTEM = "SLF-AB1234-00001"
OTHER = "SLF-AB1234-00002"
JAN, FEB, MAR, APR = (parse_month(f"2024-{number:02d}") for number in range(1, 5))
MADE_AT = 1_700_000_000_000
DAY_MS = 86_400_000


def add_system(database: Database, pts_id: str = SYSTEM, **known: object) -> SystemFacts:
    """Register a PV system of 7.5 kW of which `known` is known too."""
    made = replace(
        SystemFacts(pts_id, f"Roof {pts_id[-1]}", BEGINNING, 7_500, in_service_on=date(2023, 12, 1)),
        **known,  # type: ignore[arg-type]
    )
    with database.write() as connection:
        registry.add_system(connection, System(pts_id, made.name, str(made.capacity_w_dc / 1000), MADE_AT))
        facts.add_system_versions(connection, [made], Recorded("test", MADE_AT))
    return made


def add_meter(database: Database, serial: str = "PV-1", pts_id: str = SYSTEM, **known: object) -> MeterFacts:
    """Register a meter without a device, that began in December 2023 at 0 unless told otherwise."""
    with database.write() as connection:
        meter = registry.add_meter(connection, Meter(0, pts_id, (), serial, "Itron", "C1S", MADE_AT))
        made = MeterFacts(meter.id, pts_id, serial, "Itron", "C1S", initial_wh=0, initial_at=JAN.starts_at)
        made = replace(made, **known)  # type: ignore[arg-type]
        meter_facts.add_meter_versions(connection, [made], Recorded("test", MADE_AT))
    return made


def enter(database: Database, meter: int, month: ProductionMonth, register_wh: int, **other: object) -> Entry:
    """Enter a reading that counts for a month, taken at noon of its last day."""
    new = NewEntry(meter, month, month.ends_at - DAY_MS // 2, register_wh, Origin.MANUAL, "test")
    with database.write() as connection:
        return ledger.add_entry(connection, replace(new, **other), month.ends_at)  # type: ignore[arg-type]
