"""What the rules of alerts compare with, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.read_thresholds import ThresholdView
    from hub.store.thresholds import KeptChange


class ComingJson(BaseModel):
    """A change that is to come; `value` null: its default again."""

    value: int | None
    from_at: str


class ThresholdJson(BaseModel):
    """A threshold: `value` holds now, in `unit`, as `default`, `least` and `greatest` are; the next change is first."""

    threshold: str
    rule: str
    words: str
    unit: str
    default: int
    least: int
    greatest: int
    value: int
    coming: list[ComingJson]


class ThresholdsJson(BaseModel):
    """Every threshold, rule by rule."""

    thresholds: list[ThresholdJson]


class ThresholdChangeJson(BaseModel):
    """What somebody said: from an instant on a threshold has this value, null: its default again."""

    change: int
    value: int | None
    from_at: str
    reason: str
    actor: str
    recorded_at: str


class ThresholdChangesJson(BaseModel):
    """What was said of a threshold, the last first; `next` is before which number it goes on."""

    changes: list[ThresholdChangeJson]
    next: int | None


def threshold_json(view: ThresholdView) -> ThresholdJson:
    """Return a threshold as it stands."""
    threshold = view.threshold
    return ThresholdJson(
        threshold=threshold.name,
        rule=threshold.rule.value,
        words=threshold.words,
        unit=threshold.unit.value,
        default=threshold.default,
        least=threshold.least,
        greatest=threshold.greatest,
        value=view.value,
        coming=[ComingJson(value=one.value, from_at=format_instant(one.from_at)) for one in view.coming],
    )


def thresholds_json(views: Sequence[ThresholdView]) -> ThresholdsJson:
    """Return thresholds as they stand."""
    return ThresholdsJson(thresholds=[threshold_json(one) for one in views])


def changes_json(said: Sequence[KeptChange], following: int | None) -> ThresholdChangesJson:
    """Return what was said of a threshold."""
    return ThresholdChangesJson(
        changes=[
            ThresholdChangeJson(
                change=one.number,
                value=one.change.value,
                from_at=format_instant(one.change.from_at),
                reason=one.recorded.reason,
                actor=one.recorded.actor,
                recorded_at=format_instant(one.recorded.at),
            )
            for one in said
        ],
        next=following,
    )
