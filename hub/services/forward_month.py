"""Forward a month to MassCEC's own tracking system, some systems to a call, and keep every call and its answer.

A call is kept before it is made: one that was broken off, by a crash here or silence there, is seen as unknown, and
its readings are sent again, which is safe because the other side refuses only what is less than it has.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.exchange.pts import Verdict
from hub.rules.forwarding import ForwardState
from hub.services.amend_system import check_reason
from hub.services.compute_production import find_system
from hub.services.plan_forwarding import count_states, plan_month
from hub.store import forwards
from hub.store.audit_log import append_audit
from hub.store.forwards import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from hub.clock import Now
    from hub.exchange.pts import DoorAnswer, PtsDoor
    from hub.rules.forwarding import Forwarded, Forwarding
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database

CALL_SYSTEMS_MAX = 50
FAULTS_MAX = 3
"""So many single systems in a row that are refused as a whole call say that it is not about the systems."""


@dataclass(frozen=True, slots=True)
class ForwardOrder:
    """Which month is forwarded, of which systems (None: all), kept there or only tried; at most `calls_max` calls."""

    month: ProductionMonth
    actor: str
    is_test: bool = False
    only: Collection[str] | None = None
    calls_max: int | None = None


@dataclass(frozen=True, slots=True)
class ForwardRun:
    """What came of it: the numbers of the calls, the verdict on each system that was sent, and why it stopped short.

    `states` counts what the plan said of all systems before.
    """

    calls: tuple[int, ...]
    verdicts: Mapping[str, Verdict]
    stopped: str | None
    states: Mapping[ForwardState, int]

    def count(self, verdict: Verdict) -> int:
        """Return how many systems came to this."""
        return Counter(self.verdicts.values())[verdict]


def forward_month(
    database: Database,
    order: ForwardOrder,
    door: PtsDoor,
    now: Now,
    on_progress: Callable[[int], object] = lambda _: None,
) -> ForwardRun:
    """Send what is ready of a month; what was taken before is not sent again.

    A call that is refused as a whole is made again for each of its systems alone. Raises StoreUnavailableError if a
    call cannot be kept: then it is not made.
    """
    with database.read() as connection:
        plans = tuple(plan_month(connection, order.month, order.only))
    waiting = deque(one.reading for one in plans if one.state is ForwardState.READY and one.reading is not None)
    alone: set[str] = set()
    calls: list[int] = []
    verdicts: dict[str, Verdict] = {}
    stopped, faults = None, 0
    while waiting and stopped is None and (order.calls_max is None or len(calls) < order.calls_max):
        batch = _next_batch(waiting, alone)
        number, answer = _make_call(database, order, door, batch, now, is_first=not calls)
        calls.append(number)
        verdicts |= {system: one.verdict for system, one in answer.systems.items()}
        stopped = answer.stop
        if answer.is_fault and len(batch) > 1:
            alone |= set(answer.systems)
            waiting.extendleft(reversed(batch))
            continue
        faults = faults + 1 if answer.is_fault else 0
        if faults == FAULTS_MAX and waiting:
            stopped = f"{FAULTS_MAX} systems in a row were refused as whole calls: see the last answer"
        on_progress(len(batch))
    return ForwardRun(tuple(calls), verdicts, stopped, count_states(plans))


def settle_call(  # noqa: PLR0913 - who says what became of what, when and why
    database: Database, call: int, system: str, verdict: Verdict, *, actor: str, now: int, reason: str
) -> None:
    """Keep by a person's word what became of a system's reading in a call, in place of what its answer says.

    Raises UnknownSubjectError for a call that was not made or had another system in it, InputError without a reason.
    """
    why = check_reason(reason)
    if verdict is Verdict.UNKNOWN:
        message = "say taken or refused: that nobody can tell needs no word"
        raise InputError(message)
    with database.write() as connection:
        items = {one.reading.system: one for one in forwards.list_items(connection, call)}
        if system not in items:
            message = f"call {call} had no reading of {system!r:.60}: `meter-hub forward show {call}` lists its systems"
            raise UnknownSubjectError(message)
        forwards.add_verdicts(connection, call, [(system, verdict.value, why)], now, actor)
        append_audit(
            connection,
            actor=actor,
            action="settle forwarded reading",
            subject=system,
            at=now,
            before={"call": call, "verdict": items[system].verdict},
            after={"verdict": verdict.value},
            reason=why,
        )


def begin_anew(database: Database, system: str, *, actor: str, now: int, reason: str) -> None:
    """Keep that MassCEC began a system's register anew; raises UnknownSubjectError, InputError without a reason."""
    why = check_reason(reason)
    with database.write() as connection:
        pts_id = find_system(connection, system).pts_id
        last = forwards.find_last_taken(connection, [pts_id]).get(pts_id)
        forwards.begin_anew(connection, pts_id, now, actor, why)
        append_audit(
            connection,
            actor=actor,
            action="forward anew",
            subject=pts_id,
            at=now,
            before=None if last is None else {"register_wh": last.register_wh, "read_at": last.read_at},
            reason=why,
        )


def find_call(database: Database, number: int) -> tuple[Call, tuple[forwards.ItemVerdict, ...]]:
    """Return a call with what became of each of its systems; raises UnknownSubjectError for one that was not made."""
    with database.read() as connection:
        call = forwards.find_call(connection, number)
        if call is None:
            message = f"there is no call {number}: `meter-hub forward list` shows them"
            raise UnknownSubjectError(message)
        return call, forwards.list_items(connection, number)


def preview(plans: Sequence[Forwarding], door: PtsDoor) -> tuple[str, ...]:
    """Return the calls as they would be made, in order."""
    waiting = deque(one.reading for one in plans if one.state is ForwardState.READY and one.reading is not None)
    composed = []
    while waiting:
        composed.append(door.compose(_next_batch(waiting, frozenset())))
    return tuple(composed)


def _next_batch(waiting: deque[Forwarded], alone: Collection[str]) -> list[Forwarded]:
    batch = [waiting.popleft()]
    if batch[0].system not in alone:
        while waiting and len(batch) < CALL_SYSTEMS_MAX and waiting[0].system not in alone:
            batch.append(waiting.popleft())
    return batch


def _make_call(  # noqa: PLR0913 - what is sent, by which door, and whether it is the first
    database: Database, order: ForwardOrder, door: PtsDoor, batch: Sequence[Forwarded], now: Now, *, is_first: bool
) -> tuple[int, DoorAnswer]:
    composed = door.compose(batch)
    with database.write() as connection:
        made = Call(0, order.month, door.name, order.is_test, now(), order.actor, composed)
        number = forwards.add_call(connection, made, batch)
        if is_first:
            append_audit(
                connection,
                actor=order.actor,
                action="try forwarding" if order.is_test else "forward month",
                subject=str(order.month),
                at=made.sent_at,
                after={"door": door.name, "first_call": number},
            )
    answer = door.send(composed, [one.system for one in batch], is_test=order.is_test)
    with database.write() as connection:
        at = now()
        forwards.add_answer(connection, number, at, answer.status, answer.body)
        said = [(system, one.verdict.value, one.text) for system, one in answer.systems.items()]
        forwards.add_verdicts(connection, number, said, at)
    return number, answer
