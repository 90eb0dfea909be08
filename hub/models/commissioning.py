"""Commissioning as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.fleet.commissioning import Stand
    from hub.services.commission_meter import Commissioned


class StandJson(BaseModel):
    """Where a register stood, in whole Wh."""

    at: str
    register_wh: int


class CommissionedJson(BaseModel):
    """A look at a dial, the readings in custody next to it, and the verdict: `matches` or `differs`."""

    verdict: str
    text: str
    dial: StandJson
    before: StandJson
    after: StandJson
    actor: str


def commissioned_json(done: Commissioned) -> CommissionedJson:
    """Return a look that had a verdict."""
    one = done.commissioning
    return CommissionedJson(
        verdict=one.verdict.value,
        text=done.text,
        dial=_stand(one.dial),
        before=_stand(one.before),
        after=_stand(one.after),
        actor=one.actor,
    )


def _stand(stand: Stand) -> StandJson:
    return StandJson(at=format_instant(stand.at), register_wh=stand.register_wh)
