"""Read alerts as they stand: what fires, what somebody looks after, what is muted, and what is over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Standing, standing_of
from hub.alerting.rules import RULES
from hub.services.answer_alert import find_alert
from hub.store import alerts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.alerting.life import Silence
    from hub.alerting.rules import Rule
    from hub.store.alerts import KeptAlert

_WORST = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with its rule, and how it stands."""

    kept: KeptAlert
    rule: Rule
    standing: Standing
    acknowledged_until: int | None


def read_open(connection: Connection, at: int) -> tuple[AlertView, ...]:
    """Return every alert that is not over as it stands at `at` (UTC ms), what wants somebody first."""
    order = list(Standing)
    return tuple(
        sorted(
            _view(connection, alerts.list_open(connection), alerts.acknowledged_until(connection), at),
            key=lambda view: (
                order.index(view.standing),
                _WORST.index(view.kept.episode.severity.value),
                view.kept.episode.code.value,
                view.kept.number,
            ),
        )
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
