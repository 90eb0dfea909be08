"""Read alerts as they stand: what fires, what somebody looks after, what is muted, and what is over."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Standing, standing_of
from hub.alerting.rules import RULES, Severity
from hub.services.answer_alert import find_alert
from hub.store import alerts
from hub.store.alerts import OpenGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.alerting.life import Silence
    from hub.alerting.rules import Rule
    from hub.store.alerts import KeptAlert

_WORST, _STANDINGS = list(Severity), list(Standing)


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with its rule, and how it stands."""

    kept: KeptAlert
    rule: Rule
    standing: Standing
    acknowledged_until: int | None


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """Alerts that are not over: how many stand how, how severe are those that fire, and the first of them."""

    counts: Mapping[Standing, int]
    firing: Mapping[Severity, int]
    views: tuple[AlertView, ...]


def read_open(connection: Connection, at: int) -> tuple[AlertView, ...]:
    """Return every alert that is not over as it stands at `at` (UTC ms), what wants somebody first."""
    return tuple(
        sorted(_view(connection, alerts.list_open(connection), alerts.acknowledged_until(connection), at), key=_order)
    )


def read_first(connection: Connection, at: int, limit: int = 0, standing: Standing | None = None) -> OpenAlerts:
    """Return how many alerts that are not over stand how at `at` (UTC ms), and the first `limit`, all or of a standing.

    It costs little however many there are, as in the hours after a fleet was cut off: those of one rule and severity
    stand alike, but for the few of which somebody said something.
    """
    groups, spoken_of = alerts.count_open(connection), alerts.list_spoken_of(connection, at)
    apart = Counter(map(_group_of, spoken_of))
    loaded = {one.number: one for one in spoken_of}
    for group, number in groups.items():
        if number > apart[group]:
            # One at least, by which the others are known.
            some = alerts.list_group(connection, group, max(1, limit) + apart[group])
            loaded |= {one.number: one for one in some}
    views = _view(connection, tuple(loaded.values()), alerts.acknowledged_until(connection), at)
    told = {one.number for one in spoken_of}
    counts = Counter((view.standing, view.kept.episode.severity) for view in views if view.kept.number in told)
    alike = {_group_of(view.kept): view.standing for view in views if view.kept.number not in told}
    for group, as_they_stand in alike.items():
        counts[as_they_stand, group.severity] += groups[group] - apart[group]
    found = sorted((view for view in views if standing in {None, view.standing}), key=_order)
    return OpenAlerts(
        counts={
            one: sum(counts[one, severity] for severity in Severity) for one in Standing if one is not Standing.RESOLVED
        },
        firing={severity: counts[Standing.FIRING, severity] for severity in Severity},
        views=tuple(found[:limit]),
    )


def page_open(connection: Connection, at: int, before: int | None, limit: int) -> tuple[AlertView, ...]:
    """Return alerts that are not over as they stand at `at` (UTC ms), the latest first."""
    found = alerts.page_open(connection, before, limit)
    return _view(connection, found, alerts.acknowledged_until(connection, [one.number for one in found]), at)


def find_open(connection: Connection, at: int, numbers: Collection[int]) -> tuple[AlertView, ...]:
    """Return of the alerts with these numbers those that are not over, as they stand at `at` (UTC ms)."""
    return _view(connection, alerts.find_open(connection, numbers), alerts.acknowledged_until(connection, numbers), at)


def read_alert(connection: Connection, at: int, number: int) -> AlertView:
    """Return the alert of this number as it stands at `at` (UTC ms), or as it ended.

    Raises UnknownSubjectError if there is none.
    """
    kept = find_alert(connection, number)
    if kept.episode.ended_at is not None:
        return _over(kept)
    (view,) = find_open(connection, at, [number])
    return view


def read_over(connection: Connection, before: int | None, limit: int) -> tuple[AlertView, ...]:
    """Return alerts that are over, the latest first."""
    return tuple(map(_over, alerts.list_over(connection, before, limit)))


def _order(view: AlertView) -> tuple[int, int, str, int, int]:
    """Order what wants somebody first."""
    one = view.kept.episode
    urgency = _STANDINGS.index(view.standing), _WORST.index(one.severity)
    return *urgency, one.code.value, one.fired_at or 0, view.kept.number


def _group_of(kept: KeptAlert) -> OpenGroup:
    return OpenGroup(kept.episode.code, kept.episode.severity, kept.episode.fired_at is not None)


def _over(kept: KeptAlert) -> AlertView:
    return AlertView(kept, RULES[kept.episode.code], Standing.RESOLVED, None)


def _view(
    connection: Connection, found: Sequence[KeptAlert], until: Mapping[int, int], at: int
) -> tuple[AlertView, ...]:
    firing = alerts.find_firing(connection)
    silences = _by_subject(one.silence for one in alerts.list_silences(connection, at))
    views = []
    for one in found:
        rule = RULES[one.episode.code]
        acknowledged = until.get(one.number)
        standing = standing_of(
            one.episode,
            rule,
            firing=firing,
            silences=(*silences[None], *silences[one.episode.subject]),
            acknowledged_until=acknowledged,
            at=at,
        )
        views.append(AlertView(one, rule, standing, acknowledged))
    return tuple(views)


def _by_subject(silences: Iterable[Silence]) -> defaultdict[str | None, list[Silence]]:
    """Return the silences by what they are about: thousands of devices may be silenced at once, one by one."""
    found: defaultdict[str | None, list[Silence]] = defaultdict(list)
    for silence in silences:
        found[silence.subject].append(silence)
    return found
