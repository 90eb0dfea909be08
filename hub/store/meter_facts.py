"""What is known of meters, version by version, as `hub.store.facts` has it of systems: the newest counts."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select

from hub.rules.facts import MeterFacts
from hub.store import schema
from hub.store.dates import to_date, to_text
from hub.store.facts import Recorded, Version, chunks
from hub.store.facts_tables import meter_version

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Row

_METER = schema.meter
_LATER = meter_version.alias("later")
_EVER = (1 << 63) - 1
_NEWEST = (
    select(func.max(_LATER.c.number))
    .where(_LATER.c.meter == _METER.c.id, _LATER.c.recorded_at <= bindparam("known_at", _EVER))
    .correlate(_METER)
    .scalar_subquery()
)
_FACTS = select(meter_version, _METER.c.system, _METER.c.serial, _METER.c.make, _METER.c.model).select_from(
    _METER.join(meter_version, meter_version.c.meter == _METER.c.id)
)
_NOW = _FACTS.where(meter_version.c.number == _NEWEST)
_NOW_OF_SYSTEMS = _NOW.where(_METER.c.system.in_(bindparam("systems", expanding=True))).order_by(
    _METER.c.system, _METER.c.serial, _METER.c.id
)
_NOW_WITH_SERIALS = _NOW.where(_METER.c.serial.in_(bindparam("serials", expanding=True))).order_by(_METER.c.id)
_NOW_OF_ONE = _NOW.where(_METER.c.id == bindparam("meter"))
_HISTORY = _FACTS.where(_METER.c.id == bindparam("meter")).order_by(meter_version.c.number)


def add_meter_versions(connection: Connection, versions: Sequence[MeterFacts], recorded: Recorded) -> None:
    """Append what is known of registered meters, all by the same word; only their id names them."""
    if versions:
        connection.execute(insert(meter_version), [_row(facts, recorded) for facts in versions])


def find_meter_facts(connection: Connection, meter: int) -> MeterFacts | None:
    """Return what is known of the meter with this id, or None where there is none."""
    row = connection.execute(_NOW_OF_ONE, {"meter": meter}).one_or_none()
    return None if row is None else _facts(row)


def list_meter_facts(
    connection: Connection, systems: Collection[str], known_at: int = _EVER
) -> dict[str, tuple[MeterFacts, ...]]:
    """Return what is known of the meters of each of these systems, by serial; systems without meters are left out.

    With `known_at` (UTC ms) it is what was known then.
    """
    found: dict[str, tuple[MeterFacts, ...]] = {}
    for chunk in chunks(systems):
        rows = connection.execute(_NOW_OF_SYSTEMS, {"systems": chunk, "known_at": known_at})
        for system, group in groupby(rows, key=lambda row: str(row.system)):
            found[system] = tuple(_facts(row) for row in group)
    return found


def list_with_serials(connection: Connection, serials: Collection[str]) -> tuple[MeterFacts, ...]:
    """Return what is known of the meters that carry any of these serial numbers, in whatever system."""
    return tuple(
        _facts(row) for chunk in chunks(serials) for row in connection.execute(_NOW_WITH_SERIALS, {"serials": chunk})
    )


def list_meter_versions(connection: Connection, meter: int) -> tuple[Version[MeterFacts], ...]:
    """Return all that was ever said of a meter, in the order in which it was recorded."""
    rows = connection.execute(_HISTORY, {"meter": meter})
    return tuple(Version(_facts(row), Recorded(row.actor, row.recorded_at, row.reason)) for row in rows)


def _row(facts: MeterFacts, recorded: Recorded) -> dict[str, object]:
    return {
        "meter": facts.meter,
        "accuracy_class_ppm": facts.accuracy_class_ppm,
        "ansi_standard": facts.ansi_standard,
        "ct_ratio": facts.ct_ratio,
        "ct_class_ppm": facts.ct_class_ppm,
        "tested_on": to_text(facts.tested_on),
        "seal": facts.seal,
        "initial_wh": facts.initial_wh,
        "initial_at": facts.initial_at,
        "final_wh": facts.final_wh,
        "ended_at": facts.ended_at,
        "modulus_wh": facts.modulus_wh,
        "is_revenue_grade": int(facts.is_revenue_grade),
        "is_das": int(facts.is_das),
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }


def _facts(row: Row[Any]) -> MeterFacts:
    return MeterFacts(
        meter=row.meter,
        system=row.system,
        serial=row.serial,
        make=row.make,
        model=row.model,
        accuracy_class_ppm=row.accuracy_class_ppm,
        ansi_standard=row.ansi_standard,
        ct_ratio=row.ct_ratio,
        ct_class_ppm=row.ct_class_ppm,
        tested_on=to_date(row.tested_on),
        seal=row.seal,
        initial_wh=row.initial_wh,
        initial_at=row.initial_at,
        final_wh=row.final_wh,
        ended_at=row.ended_at,
        modulus_wh=row.modulus_wh,
        is_revenue_grade=bool(row.is_revenue_grade),
        is_das=bool(row.is_das),
        version=row.number,
    )
