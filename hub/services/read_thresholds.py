"""Read what the rules of alerts compare with: what holds at an instant, and what is to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.thresholds import THRESHOLDS, find_threshold, hold_at, list_coming
from hub.store import thresholds

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.alerting.thresholds import Change, Threshold, Thresholds


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """A threshold with the value that holds, and what is to come."""

    threshold: Threshold
    value: int
    coming: tuple[Change, ...]


def load_thresholds(connection: Connection, at: int) -> Thresholds:
    """Return what holds at `at` (UTC ms)."""
    return hold_at(thresholds.list_changes(connection), at)


def read_thresholds(connection: Connection, at: int) -> tuple[ThresholdView, ...]:
    """Return every threshold as it stands at `at` (UTC ms), rule by rule."""
    return _view(tuple(THRESHOLDS.values()), thresholds.list_changes(connection), at)


def read_threshold(connection: Connection, name: str, at: int) -> ThresholdView:
    """Return one threshold as it stands at `at` (UTC ms); raises UnknownSubjectError for a name that none has."""
    threshold = find_threshold(name)
    (view,) = _view((threshold,), thresholds.list_changes(connection, name), at)
    return view


def tag_threshold(connection: Connection, name: str, at: int) -> str:
    """Return the tag of a threshold as it stands at `at` (UTC ms): how much was said of it, and has begun to hold."""
    said = thresholds.list_changes(connection, name)
    return f'"threshold-{len(said)}-{sum(one.from_at <= at for one in said)}"'


def _view(wanted: tuple[Threshold, ...], changes: tuple[Change, ...], at: int) -> tuple[ThresholdView, ...]:
    limits = hold_at(changes, at)
    coming: dict[str, list[Change]] = {}
    for change in list_coming(changes, at):
        coming.setdefault(change.threshold, []).append(change)
    return tuple(ThresholdView(one, limits[one.name], tuple(coming.get(one.name, ()))) for one in wanted)
