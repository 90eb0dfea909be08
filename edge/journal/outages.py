"""Interval edges that passed without a poll, stated as gaps in true time, whatever clocks showed meanwhile.

Within a boot boottime tells how long it is since the last poll. Between boots only clocks tell, and only if both were
good: a boot that does not know the time yet says nothing of the time before it, and makes up for that once it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge.metering.schedule import ClockSeen, last_edge_now
from protocol.messages import Gap, GapCause, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlite_utils import Database

    from edge.metering.outcome import PollOutcome


class _Seen(NamedTuple):
    """The clock as of some cycle, and the boottime of the first cycle of its boot."""

    clock: ClockSeen
    began_ms: int


def missed_polls(
    db: Database, boot_count: int, edge_at: int, outcomes: Sequence[PollOutcome], interval_ms: int
) -> Iterator[Gap]:
    """Yield the gaps before the cycle of `edge_at` (UTC ms), and remember its clock; the caller holds the transaction.

    An outage that was put off until a boot knew the time is stated up to the boot's first cycle. Boots that never knew
    the time may have polls in it, which nobody can place.
    """
    before, now = _read_seen(db), _look(boot_count, outcomes)
    if before is not None and before.clock.boot_count == boot_count:
        now = now._replace(began_ms=before.began_ms)
    last_edges = dict(db.execute("select meter, edge_at from meter").fetchall())
    outages = dict(db.execute("select meter, since from outage").fetchall())
    (thrift_since,) = db.execute("select min(since) from thrift").fetchone()
    for meter in {outcome.meter: None for outcome in outcomes}:
        if meter not in last_edges:
            continue
        last_edge = last_edge_now(last_edges[meter], before.clock if before else None, now.clock, interval_ms)
        if last_edge is not None:
            yield from _gaps(meter, last_edge + interval_ms, edge_at, thrift_since)
        elif before is not None and before.clock.is_verified:
            outages.setdefault(meter, last_edges[meter] + interval_ms)
            db.execute("insert or ignore into outage values (?, ?)", [meter, outages[meter]])
        if now.clock.is_verified and meter in outages:
            began_at = edge_at if last_edge is None else now.began_ms + now.clock.offset_ms
            yield from _gaps(meter, outages[meter], min(began_at, edge_at), None)
            db.execute("delete from outage where meter = ?", [meter])
    _remember(db, before, now)


def _gaps(meter: int, missed_at: int, edge_at: int, thrift_since: int | None) -> Iterator[Gap]:
    spared_at = edge_at if thrift_since is None else min(max(thrift_since, missed_at), edge_at)
    if missed_at < spared_at:
        yield Gap(meter, missed_at, spared_at, GapCause.EDGE_OFF)
    if missed_at < edge_at and spared_at < edge_at:
        yield Gap(meter, spared_at, edge_at, GapCause.DISK_FULL)


def _look(boot_count: int, outcomes: Sequence[PollOutcome]) -> _Seen:
    first = min((outcome.before for outcome in outcomes), key=lambda instant: instant.boottime_ms)
    is_verified = first.quality is not TimeQuality.UNKNOWN
    return _Seen(ClockSeen(boot_count, first.wall_ms - first.boottime_ms, is_verified), first.boottime_ms)


def _read_seen(db: Database) -> _Seen | None:
    row = db.execute(
        "select boot_count, offset_ms, is_verified, began_ms from clock_seen order by boot_count desc limit 1"
    ).fetchone()
    return None if row is None else _Seen(ClockSeen(row[0], row[1], bool(row[2])), row[3])


def _remember(db: Database, before: _Seen | None, now: _Seen) -> None:
    """Write only what changed: a page a cycle would be a tenth of what the journal writes."""
    if before is not None and before.began_ms == now.began_ms and before.clock.is_like(now.clock):
        return
    db.execute("delete from clock_seen")
    db.execute("insert into clock_seen values (?, ?, ?, ?)", [*now.clock, now.began_ms])
