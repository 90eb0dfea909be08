"""Approve or refuse a meter exchange: by somebody else than who asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.rules.facts import MeterFacts
from hub.rules.permissions import may_decide
from hub.services.check_text import check_label
from hub.services.exchange_meter import check_actor, check_new_meter
from hub.store import changes, exchanges, meter_facts, registry
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.exchanges import Decision, Exchange
from hub.store.facts import Recorded
from hub.store.registry import Meter

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database
    from hub.store.exchanges import NewExchange


@dataclass(frozen=True, slots=True)
class ExchangeDecision:
    """What is decided on the exchange with this number; a refusal needs a reason."""

    number: int
    is_approved: bool
    reason: str = ""


def decide_exchange(database: Database, decided: ExchangeDecision, now: int, actor: str) -> Exchange:
    """Decide on an exchange and return it: approved, the old meter ends and the new one, read by the same, begins.

    Raises UnknownSubjectError for a number that no exchange has, InputError where `actor` asked for it or gives no
    reason to refuse, and AlreadyRegisteredError where it was decided before, or the new meter counts elsewhere now.
    """
    decided_by, reason = check_actor(actor), check_label(decided.reason, "a reason")
    if not decided.is_approved and not reason:
        message = "say why the exchange is refused: who asked for it must know what to change"
        raise InputError(message)
    with database.write() as connection:
        exchange = _find_waiting(connection, decided.number)
        if not may_decide(exchange.asked.requested_by, decided_by):
            message = (
                f"exchange {exchange.number} was asked for by {exchange.asked.requested_by}: somebody else must decide "
                "on it"
            )
            raise InputError(message)
        new_meter = _put_in_service(connection, exchange.asked, decided_by, now) if decided.is_approved else None
        decision = Decision(decided_by, now, decided.is_approved, reason, new_meter)
        exchanges.add_decision(connection, exchange.number, decision)
        asked = exchange.asked
        append_audit(
            connection,
            actor=decided_by,
            action="approve exchange" if decided.is_approved else "refuse exchange",
            subject=asked.system,
            at=now,
            before={"exchange": exchange.number, "by": asked.requested_by},
            after={"meter": asked.new_serial, "final_wh": asked.final_wh, "initial_wh": asked.initial_wh}
            if decided.is_approved
            else None,
            reason=reason,
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, exchange.asked.system)], now)
    return replace(exchange, decision=decision)


def _find_waiting(connection: Connection, number: int) -> Exchange:
    exchange = exchanges.find_exchange(connection, number)
    if exchange is None:
        message = f"there is no exchange {number}: `meter-hub meter exchanges` lists them"
        raise UnknownSubjectError(message)
    if exchange.decision is not None:
        verb = "approved" if exchange.decision.approved else "refused"
        message = f"exchange {number} was {verb} by {exchange.decision.decided_by}: ask for another if that was wrong"
        raise AlreadyRegisteredError(message)
    return exchange


def _put_in_service(connection: Connection, asked: NewExchange, actor: str, now: int) -> int:
    """End the old meter and begin the new one; return the new one's id."""
    recorded = Recorded(actor, now, f"exchange approved, asked for by {asked.requested_by}")
    old_facts = meter_facts.find_meter_facts(connection, asked.old_meter)
    assert old_facts is not None, "a registered meter has facts"
    old = next(one for one in registry.list_meters(connection, asked.system) if one.id == asked.old_meter)
    if old.read_until is not None:
        message = f"meter {old.serial} of system {old.system} has ended since: refuse the exchange"
        raise AlreadyRegisteredError(message)
    registry.save_meter(connection, replace(old, read_until=asked.at), now)
    ended = replace(old_facts, final_wh=asked.final_wh, ended_at=asked.at)
    new = check_new_meter(connection, asked) or registry.add_meter(
        connection,
        Meter(0, asked.system, old.devices, asked.new_serial, asked.new_make, asked.new_model, registered_at=now),
    )
    begun = meter_facts.find_meter_facts(connection, new.id) or MeterFacts(
        new.id, new.system, new.serial, new.make, new.model, is_das=old_facts.is_das
    )
    begun = replace(begun, initial_wh=asked.initial_wh, initial_at=asked.at)
    meter_facts.add_meter_versions(connection, [ended, begun], recorded)
    return new.id
