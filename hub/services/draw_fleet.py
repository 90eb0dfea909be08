"""Draw the fleet board: where each device stands, how its link changed, how the hour goes; and write what changed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.axes import UNREAD_MS, Axis, Seen, is_recent, judge_axes
from hub.fleet.lifecycle import Stage
from hub.fleet.links import UNWATCHED, LinkChange
from hub.fleet.looks import FleetLook, Waiting, count_words, hour_of, is_in_hour, longest_of
from hub.store import device_axes, fleet_hours, link_changes
from hub.store.device_axes import DeviceAxes
from hub.store.fleet_hours import FleetHour
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.alerting.observing import DeviceFacts
    from hub.fleet.looks import Came
    from hub.fleet.standing import Standing
    from hub.services.read_devices import DeviceView
    from hub.store.database import Database
    from protocol.identity import DeviceId

_DAY_MS = 86_400_000
LINKS_KEPT_MS = 92 * _DAY_MS
HOURS_KEPT_MS = 366 * _DAY_MS
DEVICES_AT_ONCE = 2_000
"""So many are written in one transaction: what devices send need not wait for all of them."""
_LINK = list(Axis).index(Axis.LINK)


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A device that stands elsewhere, or (`axes` None) is not looked at any more; `link` has how that changed."""

    device: DeviceId
    axes: DeviceAxes | None
    link: LinkChange | None


@dataclass(frozen=True, slots=True)
class DrawnFleet:
    """What a look came to, and what of it has to be written."""

    look: FleetLook
    redrawn: tuple[Redrawn, ...]


@dataclass(slots=True)
class _Meters:
    """What was found of a device's meters."""

    meters: int = 0
    unread: int = 0
    standings: tuple[Standing, ...] = ()


_NO_METERS = _Meters()


def draw_fleet(
    connection: Connection, views: Sequence[DeviceView], facts: Sequence[DeviceFacts], now: int
) -> DrawnFleet:
    """Look at these devices, each with its facts, at `now` (UTC ms): with as many queries however many they are."""
    known, last = device_axes.load_axes(connection), fleet_hours.find_last_hour(connection)
    looked_at = None if last is None else last.looked_at
    sights = _sight_meters(connection, now)
    watched = [(view, of) for view, of in zip(views, facts, strict=True) if of.stage is not Stage.DECOMMISSIONED]
    drawn = [_judge(view, of, sights.get(view.device.id, _NO_METERS), now) for view, of in watched]
    redrawn = []
    for (view, _), words in zip(watched, drawn, strict=True):
        device, before = view.device, known.pop(view.device.id, None)
        if before is None or before.words != words or before.name != device.name:
            was = UNWATCHED if before is None else before.words[_LINK]
            axes = DeviceAxes(device.id, device.name, words)
            redrawn.append(Redrawn(device.id, axes, _link_change(view, was, looked_at, now)))
    for device_id, gone in known.items():
        redrawn.append(Redrawn(device_id, None, LinkChange(now, gone.words[_LINK], UNWATCHED)))
    return DrawnFleet(_look(watched, drawn, now), tuple(redrawn))


def keep_fleet(database: Database, drawn: DrawnFleet, came: Came) -> None:
    """Write what a look came to, in pieces, and what `came` since the one before."""
    for start in range(0, len(drawn.redrawn), DEVICES_AT_ONCE):
        some = drawn.redrawn[start : start + DEVICES_AT_ONCE]
        with database.write() as connection:
            device_axes.save_axes(connection, [one.axes for one in some if one.axes is not None])
            device_axes.forget_axes(connection, [one.device for one in some if one.axes is None])
            link_changes.add_changes(connection, [(one.device, one.link) for one in some if one.link is not None])
    look, hour_at = drawn.look, hour_of(drawn.look.at)
    with database.write() as connection:
        last = fleet_hours.find_last_hour(connection)
        begun = last if last is not None and last.hour_at == hour_at else None
        fleet_hours.save_hour(
            connection,
            FleetHour(
                hour_at,
                look.at,
                look.in_service,
                look.heard,
                look.backlog,
                came.blocks + (begun.blocks if begun else 0),
                came.readings + (begun.readings if begun else 0),
            ),
        )
        if begun is None:
            fleet_hours.forget_hours(connection, look.at - HOURS_KEPT_MS)
            link_changes.forget_changes(connection, look.at - LINKS_KEPT_MS)


def _sight_meters(connection: Connection, now: int) -> dict[DeviceId, _Meters]:
    found: dict[DeviceId, _Meters] = {}
    for sight in device_axes.list_sights(connection, now - UNREAD_MS):
        meters = found.setdefault(sight.device, _Meters())
        meters.meters += sight.is_read is not None
        meters.unread += sight.is_read is False
        if sight.standing is not None:
            meters.standings = (*meters.standings, sight.standing)
    return found


def _judge(view: DeviceView, facts: DeviceFacts, meters: _Meters, now: int) -> tuple[str, ...]:
    seen = Seen(
        link=view.link.value,
        was_heard=view.heard_at is not None,
        is_heard=is_recent(view.heard_at, now),
        meters=meters.meters,
        unread=meters.unread,
        suspect=len(facts.suspect),
        frozen=len(facts.frozen),
        contradicted=facts.conflicts + facts.aside_blocks + bool(facts.contested),
        beyond=facts.beyond,
        backlog=facts.backlog,
        standings=meters.standings,
    )
    return _words_of(seen)


@functools.lru_cache(maxsize=4_096)
def _words_of(seen: Seen) -> tuple[str, ...]:
    # Most devices of a fleet are seen alike: judging each anew would be a third of the look.
    return tuple(one.word for one in judge_axes(seen))


def _link_change(view: DeviceView, was: str, looked_at: int | None, now: int) -> LinkChange | None:
    """Return how a device is heard otherwise than before, and since when as far as that can be true."""
    if view.link.value == was:
        return None
    since = view.since
    is_told = since is not None and (was == UNWATCHED or looked_at is None or since > looked_at)
    return LinkChange(since if since is not None and is_told else now, was, view.link.value)


def _look(watched: Sequence[tuple[DeviceView, DeviceFacts]], drawn: Sequence[tuple[str, ...]], now: int) -> FleetLook:
    in_service = [view for view, facts in watched if facts.stage is Stage.IN_SERVICE]
    behind = [view for view, _ in watched if view.backlog]
    return FleetLook(
        at=now,
        counts=count_words(drawn),
        in_service=len(in_service),
        heard=sum(is_in_hour(view.heard_at, now) for view in in_service),
        backlog=sum(view.backlog for view in behind),
        behind=len(behind),
        longest=longest_of(
            Waiting(format_device_id(one.device.id), one.device.name, one.backlog, one.block_at) for one in behind
        ),
    )
