"""What was and is to be forwarded to MassCEC, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.exchange.pts import Verdict
from hub.rules.forwarding import reading_time, register_kwh
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.forwarding import Forwarded, Forwarding
    from hub.services.forward_month import ForwardRun
    from hub.store.forwards import Call, ItemVerdict


class SentReadingJson(BaseModel):
    """A register as it is sent: kWh as a decimal, the time as the clocks in Massachusetts showed it."""

    system: str
    register_kwh: str
    register_wh: int
    read_at: str
    local_time: str
    service_cost_cents: int | None


class ForwardingJson(BaseModel):
    """What is to be done with a system's month, and why."""

    system: str
    state: str
    why: str
    reading: SentReadingJson | None


class ForwardPlanJson(BaseModel):
    """The plan of a month; `next` is where the next page begins, None on the last."""

    month: str
    systems: list[ForwardingJson]
    next: str | None = None


class ForwardRunJson(BaseModel):
    """What came of sending: how many systems were taken, refused or are unknown, and why it stopped short, if it did.

    `ready` counts those that were to be sent before.
    """

    month: str
    calls: list[int]
    ready: int
    taken: int
    refused: int
    unknown: int
    stopped: str | None


class CallJson(BaseModel):
    """A call; `status` is HTTP's, None where no answer came or none is kept yet."""

    call: int
    month: str
    door: str
    is_test: bool
    sent_at: str
    actor: str
    answered_at: str | None
    status: int | None


class CallsJson(BaseModel):
    """The latest calls, the latest first; `next` is where the next page begins, None on the last."""

    calls: list[CallJson]
    next: int | None = None


class CallItemJson(BaseModel):
    """What became of a system's reading in a call; `verdict` None while no answer is kept."""

    reading: SentReadingJson
    verdict: str | None
    said: str
    said_by: str


class CallShownJson(BaseModel):
    """A call with all it held: as it was sent but for what is secret, and its answer as it came."""

    call: CallJson
    request: str
    body: str
    systems: list[CallItemJson]


def forwarding_json(plan: Forwarding) -> ForwardingJson:
    """Return what is to be done with a system's month."""
    reading = None if plan.reading is None else _reading_json(plan.reading)
    return ForwardingJson(system=plan.system, state=plan.state.value, why=plan.why, reading=reading)


def run_json(month: str, run: ForwardRun, ready: int) -> ForwardRunJson:
    """Return what came of sending."""
    return ForwardRunJson(
        month=month,
        calls=list(run.calls),
        ready=ready,
        taken=run.count(Verdict.TAKEN),
        refused=run.count(Verdict.REFUSED),
        unknown=run.count(Verdict.UNKNOWN),
        stopped=run.stopped,
    )


def call_json(call: Call) -> CallJson:
    """Return a call."""
    return CallJson(
        call=call.number,
        month=str(call.month),
        door=call.door,
        is_test=call.is_test,
        sent_at=format_instant(call.sent_at),
        actor=call.actor,
        answered_at=None if call.answered_at is None else format_instant(call.answered_at),
        status=call.status,
    )


def call_shown_json(call: Call, items: Sequence[ItemVerdict]) -> CallShownJson:
    """Return a call with all it held."""
    systems = [
        CallItemJson(reading=_reading_json(one.reading), verdict=one.verdict, said=one.said, said_by=one.said_by)
        for one in items
    ]
    return CallShownJson(call=call_json(call), request=call.request, body=call.body, systems=systems)


def _reading_json(reading: Forwarded) -> SentReadingJson:
    return SentReadingJson(
        system=reading.system,
        register_kwh=register_kwh(reading.register_wh),
        register_wh=reading.register_wh,
        read_at=format_instant(reading.read_at),
        local_time=reading_time(reading.read_at),
        service_cost_cents=reading.service_cost_cents,
    )
