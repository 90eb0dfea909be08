"""Read alerts as they stand: what fires, what somebody looks after, what is muted, and what is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Standing, standing_of
from hub.alerting.rules import RULES
from hub.store import alerts

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    found = alerts.list_open(connection)
    firing = {one.episode.code for one in found if one.episode.fired_at is not None}
    silences = [one.silence for one in alerts.list_silences(connection, at)]
    until = alerts.acknowledged_until(connection)
    views = []
    for one in found:
        rule = RULES[one.episode.code]
        acknowledged = until.get(one.number)
        standing = standing_of(
            one.episode, rule, firing=firing, silences=silences, acknowledged_until=acknowledged, at=at
        )
        views.append(AlertView(one, rule, standing, acknowledged))
    order = list(Standing)
    return tuple(
        sorted(
            views,
            key=lambda view: (
                order.index(view.standing),
                _WORST.index(view.kept.episode.severity.value),
                view.kept.episode.code.value,
                view.kept.number,
            ),
        )
    )


def read_over(connection: Connection, before: int | None, limit: int) -> tuple[AlertView, ...]:
    """Return alerts that are over, the latest first."""
    return tuple(
        AlertView(one, RULES[one.episode.code], Standing.RESOLVED, None)
        for one in alerts.list_over(connection, before, limit)
    )
