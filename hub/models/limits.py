"""The limits of manual reporting as JSON, and what the operator said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.parameters import Dated, ManualLimit
    from hub.store.manual_limits import LimitDay


class ManualLimitJson(BaseModel):
    """Up to which nameplate, in whole watts and included, production is reported by hand; `from_on` None: always."""

    from_on: str | None
    pv_w_dc: int
    other_w: int
    other_basis: str
    source: str


class LimitDayJson(BaseModel):
    """What an operator said: from which day on the raised limit holds, None: not at all."""

    raised_on: str | None
    actor: str
    recorded_at: str
    reason: str


class ManualLimitsJson(BaseModel):
    """The limits, each until the next begins, and all that was said of them, the last first."""

    limits: list[ManualLimitJson]
    said: list[LimitDayJson]


def limits_json(limits: Sequence[Dated[ManualLimit]], said: Sequence[LimitDay]) -> ManualLimitsJson:
    """Return the limits of manual reporting, and what was said of them."""
    return ManualLimitsJson(
        limits=[
            ManualLimitJson(
                from_on=None if one.from_on is None else str(one.from_on),
                pv_w_dc=one.value.pv_w_dc,
                other_w=one.value.other_w,
                other_basis=one.value.other_basis.value,
                source=f"{one.citation.document}: {one.citation.clause}",
            )
            for one in limits
        ],
        said=[
            LimitDayJson(
                raised_on=None if one.raised_on is None else str(one.raised_on),
                actor=one.recorded.actor,
                recorded_at=format_instant(one.recorded.at),
                reason=one.recorded.reason,
            )
            for one in said
        ],
    )
