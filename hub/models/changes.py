"""Change requests as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.change_requests import ChangeStep, advance
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.store.change_requests import ChangeRequest, TakenStep


class ChangeStepJson(BaseModel):
    """What somebody did with a request; an approval names the account and says from when it counts."""

    step: str
    at: str
    by: str
    said: str
    evidence: str
    account: str
    counts_from: str | None


class ChangeJson(BaseModel):
    """A request that an account, or a person named here, becomes `role` of a system; `next` is what can be done now."""

    request: int
    system: str
    role: str
    account: str
    contact_name: str
    contact_email: str
    wanted_from: str
    evidence: str
    reason: str
    requested_by: str
    requested_at: str
    state: str
    counts_from: str | None
    next: list[str]
    steps: list[ChangeStepJson]


class ChangesJson(BaseModel):
    """Change requests by number; `next` is where the next page begins, None on the last."""

    changes: list[ChangeJson]
    next: int | None = None


class ProvidersJson(BaseModel):
    """The accounts that may be chosen as a data acquisition provider."""

    providers: list[str]


def change_json(request: ChangeRequest, at: int) -> ChangeJson:
    """Return a request as it is at `at` (UTC ms)."""
    state = request.state(at)
    since = request.counts_from
    return ChangeJson(
        request=request.number,
        system=request.wish.system,
        role=request.wish.role.value,
        account=request.wish.account,
        contact_name=request.wish.contact_name,
        contact_email=request.wish.contact_email,
        wanted_from=format_instant(request.wish.wanted_at),
        evidence=request.wish.evidence,
        reason=request.reason,
        requested_by=request.requested_by,
        requested_at=format_instant(request.requested_at),
        state=state.value,
        counts_from=None if since is None else format_instant(since),
        next=[step.value for step in ChangeStep if advance(state, step) is not None],
        steps=[_step_json(one) for one in request.steps],
    )


def _step_json(taken: TakenStep) -> ChangeStepJson:
    since = taken.counts_from
    return ChangeStepJson(
        step=taken.step.value,
        at=format_instant(taken.taken_at),
        by=taken.taken_by,
        said=taken.said,
        evidence=taken.evidence,
        account=taken.account,
        counts_from=None if since is None else format_instant(since),
    )
