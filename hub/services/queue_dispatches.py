"""Queue what channels are to be told: alerts that fire and are over, gathered, and that the hub lives."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Standing
from hub.alerting.retries import GIVE_UP_MS
from hub.alerting.rules import RULES
from hub.alerting.telling import HEARTBEAT_MS, is_heartbeat_due
from hub.rules.instants import format_instant
from hub.services.read_alerts import read_open
from hub.store import alerts, audit_log, channels, dispatches
from hub.store.dispatches import Dispatch, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.services.read_alerts import AlertView
    from hub.store.alerts import KeptAlert
    from hub.store.channels import Channel
    from hub.store.database import Database

TOLD_AT_ONCE = 100
"""How many alerts one message names; of the others it says how many they are."""
_EVENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class _News:
    """What a channel is to hear of now: alerts that fire, those that are over, and whether the hub lives."""

    channel: Channel
    firing: tuple[KeptAlert, ...]
    over: tuple[KeptAlert, ...]
    has_heartbeat: bool


def queue_dispatches(database: Database, now: int) -> int:
    """Keep what channels are to be told at `now` (UTC ms), each alert once, and return how many messages that makes.

    What is acknowledged, muted or over by now is not told of: it is looked at here, just before it is sent.
    """
    with database.read() as connection:
        open_channels = [one for one in channels.list_channels(connection) if one.failed_at is None]
        if not open_channels:
            return 0
        views = read_open(connection, now)
        news = [found for one in open_channels if (found := _find_news(connection, one, views, now))]
    queued = 0
    for one in news:
        with database.write() as connection:
            queued += _queue(connection, one, now)
    return queued


def make_event() -> str:
    """Return an id for a message."""
    return f"msg_{secrets.token_hex(_EVENT_BYTES)}"


def _find_news(connection: Connection, channel: Channel, views: Sequence[AlertView], now: int) -> _News | None:
    told = channels.told_firing(connection, channel.number)
    firing = tuple(
        view.kept
        for view in views
        if view.standing is Standing.FIRING
        and view.kept.number not in told
        and channel.interest.wants(view.kept.episode.severity)
    )
    ended = (
        alerts.find_alert(connection, one) for one in channels.untold_ends(connection, channel.number, TOLD_AT_ONCE)
    )
    over = tuple(one for one in ended if one is not None)
    severities = {one.episode.severity for one in (*firing, *over)}
    last = dispatches.last_made(connection, channel.number, Kind.ALERTS)
    is_due = channel.interest.is_due(severities, last, now)
    has_heartbeat = channel.has_heartbeat and is_heartbeat_due(
        dispatches.last_made(connection, channel.number, Kind.HEARTBEAT), now
    )
    if not is_due and not has_heartbeat:
        return None
    return _News(channel, firing if is_due else (), over if is_due else (), has_heartbeat)


def _queue(connection: Connection, news: _News, now: int) -> int:
    queued = 0
    if news.firing or news.over:
        body = {
            "firing": [_describe(one) for one in news.firing[:TOLD_AT_ONCE]],
            "over": [_describe(one) for one in news.over],
            "more": max(0, len(news.firing) - TOLD_AT_ONCE),
        }
        _add(connection, news.channel, Kind.ALERTS, body, now, GIVE_UP_MS)
        number = news.channel.number
        channels.add_told(connection, number, (one.number for one in news.firing), channels.FIRING, now)
        channels.add_told(connection, number, (one.number for one in news.over), channels.OVER, now)
        queued += 1
    if news.has_heartbeat:
        # Who keeps it elsewhere can tell later that the log was written anew.
        head = next(iter(audit_log.list_audit(connection, limit=1)), None)
        audited = {"audit_entries": head.number if head else 0, "audit_head": head.sha256 if head else ""}
        _add(connection, news.channel, Kind.HEARTBEAT, audited, now, HEARTBEAT_MS)
        queued += 1
    return queued


def _add(  # noqa: PLR0913, PLR0917 - all that a message is
    connection: Connection, channel: Channel, kind: Kind, body: object, now: int, useful_ms: int
) -> None:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    dispatches.add_dispatch(connection, Dispatch(channel.number, "", kind, make_event(), text, now, now + useful_ms))


def _describe(kept: KeptAlert) -> dict[str, object]:
    episode = kept.episode
    return {
        "alert": kept.number,
        "rule": episode.code.value,
        "title": RULES[episode.code].title,
        "subject": episode.subject,
        "severity": episode.severity.value,
        "why": episode.why,
        "since": format_instant(episode.since_at),
        "ended": None if episode.ended_at is None else format_instant(episode.ended_at),
        "path": f"/alerts/{kept.number}",
    }
