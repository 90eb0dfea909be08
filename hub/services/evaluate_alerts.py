"""Look at the fleet once and let alerts begin, go on and end by what is seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hub.alerting.life import step
from hub.alerting.listening import Listening
from hub.alerting.observing import DeviceFacts, observe
from hub.alerting.observing_hub import ChannelFacts, EndFacts, ErraticFacts, HubFacts
from hub.fleet.axes import UNREAD_MS
from hub.fleet.lifecycle import stage_at
from hub.fleet.looks import Came
from hub.fleet.standing import Standing
from hub.services.analyse_month import count_unreviewed
from hub.services.draw_fleet import draw_fleet, keep_fleet
from hub.services.manage_channels import place_of
from hub.services.measure_disk import measure_disk
from hub.services.read_devices import read_devices
from hub.services.read_reporting import current_window
from hub.services.read_stated import Stated, read_stated
from hub.services.read_strangers import look_for_strangers
from hub.services.read_thresholds import load_thresholds
from hub.services.sum_fleet import sum_fleet
from hub.store import (
    alerts,
    backups,
    board,
    channels,
    device_words,
    dispatches,
    fleet_hours,
    machines,
    notices_outbox,
    poll_errors,
    registry,
    states,
    unread,
)
from hub.store.states import Oddities
from protocol.identity import format_device_id
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.alerting.life import Episode, Seen
    from hub.alerting.rules import Code, Rule
    from hub.alerting.thresholds import Thresholds
    from hub.fleet.hearing import Link
    from hub.fleet.looks import FleetLook
    from hub.services.read_devices import DeviceView
    from hub.services.read_strangers import StrangersLook
    from hub.services.sum_fleet import FleetSums
    from hub.store.alerts import KeptAlert
    from hub.store.database import Database
    from protocol.identity import DeviceId

_DAY_MS = 86_400_000
_LACKING = (Standing.AT_RISK, Standing.HELD, Standing.WAITING, Standing.READY)


@dataclass(frozen=True, slots=True)
class HubSigns:
    """What a running hub knows of itself and its store does not.

    `came` is what it took since it last looked, `ingest_lag_ms` how long the oldest message waits that it took from the
    broker and has not committed, `ends` until when certificates are good. `is_deaf` tells that it has no session with
    its broker, `bytes_per_day` is by how much its database grows, None until that is known. `heard_until` is until when
    devices were heard before it began to listen, None if that is not known.
    """

    came: Came = field(default_factory=Came)
    ingest_lag_ms: int = 0
    ends: tuple[EndFacts, ...] = ()
    is_deaf: bool = False
    bytes_per_day: int | None = None
    heard_until: int | None = None


NO_SIGNS = HubSigns()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a look came to: how many alerts fire now for the first time, and how many are over.

    `fleet` is what it came to of the board, `sums` what else there is to say of the fleet in numbers, `links` counts
    devices by how they are heard, `versions` those that said so by the agent that they run. `strangers` are meters that
    nobody has registered.
    """

    fired: int
    ended: int
    fleet: FleetLook | None = field(compare=False, default=None)
    sums: FleetSums | None = field(compare=False, default=None)
    links: Mapping[Link, int] = field(compare=False, default_factory=dict)
    versions: Mapping[str, int] = field(compare=False, default_factory=dict)
    strangers: StrangersLook | None = field(compare=False, default=None)


def find_last_look(database: Database) -> int | None:
    """Return when a hub last looked at this fleet (UTC ms); None before the first look."""
    with database.read() as connection:
        last = fleet_hours.find_last_hour(connection)
    return None if last is None else last.looked_at


def evaluate_alerts(database: Database, began_at: int, now: int, signs: HubSigns = NO_SIGNS) -> Evaluated:
    """Look at `now` (UTC ms), and keep how every alert goes on and where devices stand.

    `began_at` is when this hub began to listen, or to listen again; `signs` what else it knows of itself.
    """
    with database.read() as connection:
        views = read_devices(connection, now)
        limits = load_thresholds(connection, now)
        room = measure_disk(database)
        hub = replace(
            _load_hub(connection, Listening(began_at, signs.heard_until), now),
            free_per_cent=None if room is None else room.free_per_cent,
            days_left=None if room is None else room.days_left(signs.bytes_per_day),
            is_deaf=signs.is_deaf,
            ingest_lag_ms=signs.ingest_lag_ms,
            ends=signs.ends,
        )
        strangers = look_for_strangers(connection)
        facts = _load_devices(connection, views, strangers, now)
        drawn = draw_fleet(connection, views, facts, now)
        observed = observe(facts, hub, now, limits)
        seen = {(one.code, one.subject): one for one in observed}
        held = {(one.episode.code, one.episode.subject): one for one in alerts.list_open(connection)}
    keep_fleet(database, drawn, signs.came)
    fired, ended = _keep_episodes(database, held, seen, limits, now)
    with database.read() as connection:
        sums = sum_fleet(connection, views, facts, now)
    versions = Counter(view.agent_version for view in views if view.agent_version)
    return Evaluated(fired, ended, drawn.look, sums, Counter(view.link for view in views), versions, strangers)


def _keep_episodes(
    database: Database,
    held: Mapping[tuple[Code, str], KeptAlert],
    seen: Mapping[tuple[Code, str], Seen],
    limits: Thresholds,
    now: int,
) -> tuple[int, int]:
    """Keep how episodes begin, go on and end; return how many fire now for the first time, and how many are over."""
    steps = [(kept, step(kept.episode, seen.get(key), limits.rule(key[0]), now)) for key, kept in held.items()]
    saved = [(kept, after) for kept, after in steps if after is not None and after != kept.episode]
    begun = [_begin(seen[key], limits.rule(key[0]), now) for key in seen.keys() - held.keys()]
    # At once, or else what a cause mutes could be told of before the cause is there.
    with database.write() as connection:
        for kept, after in steps:
            if after is None:
                alerts.drop_episode(connection, kept.number)
        alerts.save_episodes(connection, [(kept.number, after) for kept, after in saved])
        alerts.add_episodes(connection, begun)
    fired = sum(kept.episode.fired_at is None and after.fired_at is not None for kept, after in saved)
    fired += sum(one.fired_at is not None for one in begun)
    return fired, sum(after.ended_at is not None for _, after in saved)


def _begin(seen: Seen, rule: Rule, now: int) -> Episode:
    begun = step(None, seen, rule, now)
    assert begun is not None, "what is seen begins"
    return begun


def _load_devices(
    connection: Connection, views: Sequence[DeviceView], look: StrangersLook, now: int
) -> list[DeviceFacts]:
    """Return what the rules ask of devices: a number of queries that does not grow with the fleet."""
    words = device_words.last_words(connection)
    known, streams = states.list_states(connection), states.list_streams(connection)
    oddities = states.count_oddities(connection)
    stated = read_stated(connection)
    told = machines.list_machines(connection)
    stale = unread.list_unread(connection, now - UNREAD_MS, now)
    failed = poll_errors.count_failed(connection, now - _DAY_MS)
    strangers: dict[DeviceId, tuple[str, ...]] = {}
    for meter in look.strangers:
        strangers[meter.device] = (*strangers.get(meter.device, ()), meter.serial or "one without a serial number")
    found = []
    for view in views:
        device = view.device.id
        state, odd = known.get(device), oddities.get(device, Oddities())
        said = stated.get(device, Stated())
        found.append(
            DeviceFacts(
                id=format_device_id(device),
                name=view.device.name,
                stage=stage_at(words.get(device), now, is_heard=view.block_at is not None),
                heard_at=view.heard_at,
                clock_ms=None if state is None or state.device_at is None else state.heard_at - state.device_at,
                unset_since=None if state is None else state.unset_since,
                cadence_ms=view.cadence_ms,
                backlog=view.backlog,
                contested=view.contested,
                is_forked=any(one.code == ReceiptCode.FORK for one in streams.get(device, ())[:1]),
                bad_blocks=odd.bad_blocks,
                conflicts=odd.conflicts,
                suspect=said.suspect,
                frozen=said.frozen,
                strangers=strangers.get(device, ()),
                beyond=odd.waiting,
                aside_blocks=odd.aside_blocks,
                failed=tuple(failed.get(device, {}).items()),
                machine=told.get(device),
                unread=tuple(one.serial for one in stale.get(device, ())),
            )
        )
    return found


def _load_hub(connection: Connection, listening: Listening, now: int) -> HubFacts:
    window, is_open = current_window(now)
    counts, looked = board.count_lines(connection), board.find_look(connection)
    is_current = looked is not None and (looked.month == window.month) == is_open
    number = {standing: count.systems for standing, count in counts.items()} if is_current else {}
    backup, drill = backups.latest_backup(connection), backups.latest_drill(connection)
    return HubFacts(
        listening=listening,
        lacking=sum(number.get(one, 0) for one in _LACKING) if is_open else None,
        closes_at=window.closes_at,
        missed=0 if is_open else number.get(Standing.MISSING, 0),
        backup_at=None if backup is None else backup.verified_at,
        has_blocks=states.has_blocks(connection),
        oldest_mail_at=notices_outbox.count_states(connection, now).waiting_since,
        channels=_load_channels(connection),
        erratic=_load_erratic(connection),
        restorable_at=registry.timeline_began_at(connection) if drill is None else drill.drilled_at,
    )


def _load_erratic(connection: Connection) -> ErraticFacts | None:
    left = count_unreviewed(connection)
    return None if left is None else ErraticFacts(str(left.month), left.systems, left.zero)


def _load_channels(connection: Connection) -> tuple[ChannelFacts, ...]:
    waiting = dispatches.waiting_since(connection)
    return tuple(
        ChannelFacts(place_of(one.number), one.target, waiting.get(one.number), one.failed_at is not None)
        for one in channels.list_channels(connection)
    )
