"""What is known of systems and meters, version by version: nothing is overwritten, the newest that applies counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import bindparam, func, insert, select

from hub.rules.facts import MeterFacts, Programme, ProgrammeName, ReportingMode, SystemFacts, Technology
from hub.store import schema
from hub.store.dates import to_date, to_text
from hub.store.facts_tables import UNIT, system_programme, system_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Column, Connection, Row, Select, Table

BEGINNING = date(1970, 1, 1)
"""From when on the first facts of a system hold: what was first said of it is true of all the time before."""

NAMES_AT_ONCE = 500
"""How many names one statement takes: old builds of SQLite take 999 values."""

F = TypeVar("F", SystemFacts, Programme, MeterFacts)


@dataclass(frozen=True, slots=True)
class Recorded:
    """By whose word something holds, since when the hub knows it (UTC ms), and why it was said."""

    actor: str
    at: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Version(Generic[F]):
    """One entry of a history: what was said, and by whom."""

    facts: F
    recorded: Recorded


def _newest(table: Table, owner: Column[str], begins: str) -> Select[tuple[int]]:
    """Select the number of the row that counts for `owner` on the day `:on`: the last to begin, of these the newest."""
    later = table.alias("later")
    return (
        select(later.c.number)
        .where(later.c.system == owner, later.c[begins] <= bindparam("on"))
        .order_by(later.c[begins].desc(), later.c.number.desc())
        .limit(1)
        .correlate(owner.table)
    )


_pts_id = schema.system.c.pts_id
_FACTS = select(system_version, schema.system.c.name).select_from(
    schema.system.join(system_version, system_version.c.system == _pts_id)
)
_EFFECTIVE = _FACTS.where(
    system_version.c.number == _newest(system_version, _pts_id, "effective_on").scalar_subquery()
).order_by(_pts_id)
_EFFECTIVE_OF = _EFFECTIVE.where(_pts_id.in_(bindparam("systems", expanding=True)))
_EFFECTIVE_AFTER = _EFFECTIVE.where(_pts_id > bindparam("after")).limit(bindparam("limit"))
_HISTORY = _FACTS.where(_pts_id == bindparam("system")).order_by(system_version.c.number)
_GREATEST = select(system_version.c.system, func.max(system_version.c.capacity_w_dc).label("greatest")).group_by(
    system_version.c.system
)


def add_system_versions(connection: Connection, versions: Sequence[SystemFacts], recorded: Recorded) -> None:
    """Append facts of registered systems, all by the same word; their `version` and `name` are ignored."""
    if versions:
        connection.execute(insert(system_version), [_system_row(facts, recorded) for facts in versions])


def find_system_facts(connection: Connection, pts_id: str, on: date) -> SystemFacts | None:
    """Return what holds of a system on a day, or None for a system that is not registered.

    Of its facts that are effective by then those count which became effective last, and of these the newest.
    """
    return next(iter(list_system_facts(connection, [pts_id], on)), None)


def list_system_facts(connection: Connection, systems: Collection[str] | None, on: date) -> tuple[SystemFacts, ...]:
    """Return what holds on a day of each of these systems, or of all, by PTS id; unregistered ones are left out."""
    if systems is None:
        return tuple(_all_system_facts(connection, on))
    return tuple(
        _system_facts(row)
        for chunk in chunks(systems)
        for row in connection.execute(_EFFECTIVE_OF, {"systems": chunk, "on": on.isoformat()})
    )


def iterate_system_facts(connection: Connection, on: date, after: str, limit: int) -> tuple[SystemFacts, ...]:
    """Return what holds on a day of the next `limit` systems after the PTS id `after`; empty beyond the last.

    Begin with an empty `after`, and go on with the last id that was returned: thus every system passes by while no
    more than `limit` are in memory.
    """
    rows = connection.execute(_EFFECTIVE_AFTER, {"on": on.isoformat(), "after": after, "limit": limit})
    return tuple(_system_facts(row) for row in rows)


def list_greatest_capacities(connection: Connection) -> dict[str, int]:
    """Return the largest DC nameplate (W) that was ever said of each system: more than that it never had."""
    return {row.system: row.greatest for row in connection.execute(_GREATEST)}


def list_with_assets(connection: Connection, units: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the systems that ever had each of these assets of the registry, by PTS id.

    Units are the digits of assets' ids (`hub.rules.registry_files.unit_digits`).
    """
    system = system_version.c.system
    query = select(UNIT.label("unit"), system).distinct().where(UNIT.in_(list(units))).order_by(system)
    found: dict[str, tuple[str, ...]] = dict.fromkeys(units, ())
    for row in connection.execute(query):
        found[row.unit] += (row.system,)
    return found


def list_system_versions(connection: Connection, pts_id: str) -> tuple[Version[SystemFacts], ...]:
    """Return all that was ever said of a system, in the order in which it was recorded."""
    rows = connection.execute(_HISTORY, {"system": pts_id})
    return tuple(Version(_system_facts(row), _recorded(row)) for row in rows)


def _all_system_facts(connection: Connection, on: date) -> Iterator[SystemFacts]:
    after = ""
    while some := iterate_system_facts(connection, on, after, NAMES_AT_ONCE):
        yield from some
        after = some[-1].system


_PROGRAMME_ON = select(system_programme).where(
    system_programme.c.number == _newest(system_programme, system_programme.c.system, "from_on").scalar_subquery(),
    system_programme.c.system.in_(bindparam("systems", expanding=True)),
)
_PROGRAMMES_SAID = (
    select(system_programme)
    .where(system_programme.c.system.in_(bindparam("systems", expanding=True)))
    .order_by(system_programme.c.number)
)
_PROGRAMME_HISTORY = (
    select(system_programme).where(system_programme.c.system == bindparam("system")).order_by(system_programme.c.number)
)


def add_programmes(connection: Connection, programmes: Sequence[Programme], recorded: Recorded) -> None:
    """Append programmes of registered systems, all by the same word; their `version` is ignored."""
    if programmes:
        connection.execute(insert(system_programme), [_programme_row(one, recorded) for one in programmes])


def find_programme(connection: Connection, pts_id: str, on: date) -> Programme | None:
    """Return the programme of a system on a day, or None where it has none then.

    Of what was said the programme counts that began last by then, of these the newest: where that one has ended, no
    earlier one goes on.
    """
    return list_programmes(connection, [pts_id], on).get(pts_id)


def list_programmes(connection: Connection, systems: Collection[str], on: date) -> dict[str, Programme]:
    """Return the programme of each of these systems on a day; those without one are left out."""
    found = (
        _programme(row)
        for chunk in chunks(systems)
        for row in connection.execute(_PROGRAMME_ON, {"systems": chunk, "on": on.isoformat()})
    )
    return {
        one.system: one
        for one in found
        if one.programme is not ProgrammeName.NONE and (one.until_on is None or on <= one.until_on)
    }


def list_all_programmes(connection: Connection, systems: Collection[str]) -> dict[str, dict[date, Programme]]:
    """Return what was said last of the programme that begins on a day, by day, of each system of which any was said."""
    found: dict[str, dict[date, Programme]] = {}
    for chunk in chunks(systems):
        for row in connection.execute(_PROGRAMMES_SAID, {"systems": chunk}):
            programme = _programme(row)
            found.setdefault(programme.system, {})[programme.from_on] = programme
    return found


def list_programme_versions(connection: Connection, pts_id: str) -> tuple[Version[Programme], ...]:
    """Return all that was ever said of a system's programmes, in the order in which it was recorded."""
    rows = connection.execute(_PROGRAMME_HISTORY, {"system": pts_id})
    return tuple(Version(_programme(row), _recorded(row)) for row in rows)


def chunks(names: Collection[str]) -> Iterator[list[str]]:
    """Yield these names in order, as many at a time as one statement takes."""
    wanted = sorted(names)
    return (wanted[start : start + NAMES_AT_ONCE] for start in range(0, len(wanted), NAMES_AT_ONCE))


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(row.actor, row.recorded_at, row.reason)


def _system_row(facts: SystemFacts, recorded: Recorded) -> dict[str, object]:
    return {
        "system": facts.system,
        "effective_on": facts.effective_on.isoformat(),
        "technology": facts.technology,
        "capacity_w_dc": facts.capacity_w_dc,
        "capacity_w_ac": facts.capacity_w_ac,
        "in_service_on": to_text(facts.in_service_on),
        "annual_wh_estimated": facts.annual_wh_estimated,
        "gis_asset": facts.gis_asset,
        "reporting_mode": facts.reporting_mode,
        "is_funded": int(facts.is_funded),
        "latitude_microdegrees": facts.latitude_microdegrees,
        "longitude_microdegrees": facts.longitude_microdegrees,
        "tilt_degrees": facts.tilt_degrees,
        "azimuth_degrees": facts.azimuth_degrees,
        "zip_code": facts.zip_code,
        "town": facts.town,
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }


def _system_facts(row: Row[Any]) -> SystemFacts:
    return SystemFacts(
        system=row.system,
        name=row.name,
        effective_on=date.fromisoformat(row.effective_on),
        capacity_w_dc=row.capacity_w_dc,
        technology=Technology(row.technology),
        capacity_w_ac=row.capacity_w_ac,
        in_service_on=to_date(row.in_service_on),
        annual_wh_estimated=row.annual_wh_estimated,
        gis_asset=row.gis_asset,
        reporting_mode=ReportingMode(row.reporting_mode),
        is_funded=bool(row.is_funded),
        latitude_microdegrees=row.latitude_microdegrees,
        longitude_microdegrees=row.longitude_microdegrees,
        tilt_degrees=row.tilt_degrees,
        azimuth_degrees=row.azimuth_degrees,
        zip_code=row.zip_code,
        town=row.town,
        version=row.number,
    )


def _programme_row(programme: Programme, recorded: Recorded) -> dict[str, object]:
    return {
        "system": programme.system,
        "programme": programme.programme,
        "from_on": programme.from_on.isoformat(),
        "until_on": to_text(programme.until_on),
        "factor_percent": programme.factor_percent,
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }


def _programme(row: Row[Any]) -> Programme:
    return Programme(
        system=row.system,
        programme=ProgrammeName(row.programme),
        from_on=date.fromisoformat(row.from_on),
        until_on=to_date(row.until_on),
        factor_percent=row.factor_percent,
        version=row.number,
    )
