"""Read what an installer has to do: of each system, its meters, whose dial was looked at, and exchanges that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.commissioning import Verdict
from hub.services.compute_production import find_system
from hub.store import commissionings, exchanges, registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from hub.store.commissionings import Commissioning
    from hub.store.exchanges import Exchange
    from hub.store.registry import Meter, System


@dataclass(frozen=True, slots=True)
class JobMeter:
    """A meter that is in place, and the last look at its dial, None where nobody has looked yet."""

    meter: Meter
    last: Commissioning | None

    @property
    def is_open(self) -> bool:
        """Whether a device reads it and nobody has found its dial to match."""
        return bool(self.meter.devices) and (self.last is None or self.last.verdict is not Verdict.MATCHES)


@dataclass(frozen=True, slots=True)
class Job:
    """A system with its meters, and the exchanges of its meters that were told and not decided."""

    system: System
    meters: tuple[JobMeter, ...]
    waiting: tuple[Exchange, ...]


def read_jobs(connection: Connection, systems: Iterable[str]) -> tuple[Job, ...]:
    """Return what there is to do at these systems; raises UnknownSubjectError for one that is not registered."""
    return tuple(_read(connection, find_system(connection, one)) for one in systems)


def _read(connection: Connection, system: System) -> Job:
    meters = [one for one in registry.list_meters(connection, system.pts_id) if one.read_until is None]
    looks = {one.id: next(iter(commissionings.list_commissionings(connection, one.id)), None) for one in meters}
    told = exchanges.list_exchanges(connection, system.pts_id)
    return Job(
        system=system,
        meters=tuple(JobMeter(one, looks[one.id]) for one in meters),
        waiting=tuple(one for one in told if one.decision is None),
    )
