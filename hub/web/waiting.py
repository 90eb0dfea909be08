"""How much waits for somebody: readings to decide on, and change requests in which they have a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.acceptance import Outcome
from hub.rules.permissions import Action, Subject, allow
from hub.store import change_requests, submissions

if TYPE_CHECKING:
    from hub.rules.permissions import Actor
    from hub.web.context import Hub

COUNTED_MAX = 100
"""More than that is told as that many."""


def count_waiting(hub: Hub, actor: Actor) -> tuple[int, int]:
    """Return how many readings and change requests wait for this person; of each at most `COUNTED_MAX`."""
    now = hub.now()
    decides = allow(actor, Action.APPROVE_CORRECTION, Subject(), now)
    account = None if allow(actor, Action.DECIDE_CHANGE, Subject(), now) else actor.name
    with hub.database.read() as connection:
        readings = len(submissions.list_undecided(connection, Outcome.REVIEW.value)) if decides else 0
        changes = change_requests.list_requests(connection, account=account, in_progress_at=now, limit=COUNTED_MAX)
    return readings, len(changes)
