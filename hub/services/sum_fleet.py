"""Sum up what a look at the fleet saw, for `/metrics` and the hub's own page: neither asks again at each request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.axes import UNREAD_MS
from hub.fleet.lifecycle import is_watched
from hub.services.read_alerts import read_open
from hub.store import board, notices_outbox, unread
from protocol.records import PollCause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.alerting.life import Standing as AlertStanding
    from hub.alerting.observing import DeviceFacts
    from hub.alerting.rules import Code, Severity
    from hub.fleet.standing import Standing
    from hub.services.read_devices import DeviceView
    from hub.store.notices_outbox import MailCounts

METER_STATES = ("answering", "not_answering", "not_known", "new", "unregistered")
"""Of a registered meter that a device reads: read within a day; not, though its device is heard, or as it is not heard;
registered within a day. Or read and not registered."""

_EXCEPTION, _OTHER = "exception", "other"
POLL_KINDS = (*(cause.value for cause in PollCause), _EXCEPTION, _OTHER)
"""Causes of failed polls; Modbus exceptions together, and whatever else a device calls one."""


@dataclass(frozen=True, slots=True)
class FleetSums:
    """The fleet at one instant, in numbers that name nobody; instants are UTC ms.

    `backlog` counts sealed blocks that the hub lacks, `unsafe` those it has and devices may not let go of yet.
    `oldest_block_at` is when the last block came of the device that has been without one for longest, `newest_block_at`
    when any last came. `meters` are by `METER_STATES`; `suspect` and `frozen` count those of which devices say that a
    register moved as it cannot, or does not move. `skews_ms` has for each device in service by how much its clock was
    off, either way, when it was last heard; `failed` polls of the last day by `POLL_KINDS`; `systems` how they stand
    towards the month of the window; `mails` those of the last sixty days.
    """

    contested: int
    backlog: int
    unsafe: int
    oldest_block_at: int | None
    newest_block_at: int | None
    meters: Mapping[str, int]
    suspect: int
    frozen: int
    skews_ms: Sequence[int]
    failed: Mapping[str, int]
    systems: Mapping[Standing, int]
    alerts: Mapping[tuple[Code, Severity, AlertStanding], int]
    mails: MailCounts


def sum_fleet(
    connection: Connection, views: Sequence[DeviceView], devices: Sequence[DeviceFacts], now: int
) -> FleetSums:
    """Return the sums over devices as they were seen at `now` (UTC ms), and over what else the database holds."""
    blocks_at = [view.block_at for view in views if view.block_at is not None]
    watched = [one for one in devices if is_watched(one.stage)]
    failed: Counter[str] = Counter()
    for cause, polls in (pair for one in devices for pair in one.failed):
        failed[_kind_of(cause)] += polls
    return FleetSums(
        contested=sum(bool(view.contested) for view in views),
        backlog=sum(view.backlog for view in views),
        unsafe=sum(max(0, view.committed - view.safe) for view in views),
        oldest_block_at=min(blocks_at, default=None),
        newest_block_at=max(blocks_at, default=None),
        meters=_sum_meters(connection, devices, now),
        suspect=sum(len(one.suspect) for one in devices),
        frozen=sum(len(one.frozen) for one in devices),
        skews_ms=tuple(abs(one.clock_ms) for one in watched if one.clock_ms is not None),
        failed=failed,
        systems={standing: count.systems for standing, count in board.count_lines(connection).items()},
        alerts=Counter(
            (view.rule.code, view.kept.episode.severity, view.standing) for view in read_open(connection, now)
        ),
        mails=notices_outbox.count_states(connection, now),
    )


def _kind_of(cause: str) -> str:
    if cause in POLL_KINDS:
        return cause
    return _EXCEPTION if cause.startswith(f"{_EXCEPTION}-") else _OTHER


def _sum_meters(connection: Connection, devices: Sequence[DeviceFacts], now: int) -> dict[str, int]:
    registered, new = unread.count_meters(connection, now - UNREAD_MS)
    silent = [(one, one.heard_at is None or now - one.heard_at > UNREAD_MS) for one in devices if one.unread]
    not_known = sum(len(one.unread) for one, is_unheard in silent if is_unheard)
    not_answering = sum(len(one.unread) for one, is_unheard in silent if not is_unheard)
    strangers = sum(len(one.strangers) for one in devices)
    counts = (registered - new - not_known - not_answering, not_answering, not_known, new, strangers)
    return dict(zip(METER_STATES, counts, strict=True))
