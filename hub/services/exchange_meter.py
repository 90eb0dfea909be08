"""Ask that a meter exchange counts: the last register of the old meter, the first of the new one, and the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError
from hub.rules.local_times import format_local
from hub.services.check_text import check_label
from hub.services.find_meter import find_meter
from hub.store import changes, exchanges, meter_facts, registry
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.exchanges import NewExchange

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.store.database import Database
    from hub.store.exchanges import Exchange

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """Which meter was replaced by which, when (UTC ms), and at which registers (Wh).

    `make` is needed where two of the system's meters share the old serial number; empty `new_make` and `new_model`
    match any. `evidence` is the SHA-256 in hexadecimal of a picture or protocol that shows both registers.
    """

    system: str
    serial: str
    at: int
    final_wh: int
    new_serial: str
    initial_wh: int
    evidence: str
    make: str = ""
    new_make: str = ""
    new_model: str = ""


def exchange_meter(database: Database, request: ExchangeRequest, now: int, actor: str) -> Exchange:
    """Keep that `actor` says a meter was exchanged; it counts once somebody else has approved it.

    The same request again changes nothing while the first waits. Raises InputError for what cannot be,
    UnknownSubjectError for a system or meter that is not registered, and AlreadyRegisteredError where the old meter
    has ended or waits for another exchange, or the new one counts elsewhere.
    """
    asked_by = check_actor(actor)
    new = _check_words(request)
    if request.at > now:
        message = f"{format_local(request.at)} has not come yet: report an exchange once it has been made"
        raise InputError(message)
    with database.write() as connection:
        meter = find_meter(connection, request.system, request.serial, request.make)
        known = meter_facts.find_meter_facts(connection, meter.id)
        assert known is not None, "a registered meter has facts"
        _check_registers(request, known)
        asked = NewExchange(
            system=meter.system,
            old_meter=meter.id,
            new_serial=new[0],
            new_make=new[1],
            new_model=new[2],
            at=request.at,
            final_wh=request.final_wh,
            initial_wh=request.initial_wh,
            evidence=request.evidence,
            requested_by=asked_by,
            requested_at=now,
        )
        waiting = _find_waiting(connection, asked)
        if waiting is not None:
            return waiting
        check_new_meter(connection, asked)
        added = exchanges.add_exchange(connection, asked)
        append_audit(
            connection,
            actor=asked_by,
            action="request exchange",
            subject=meter.system,
            at=now,
            before={"meter": meter.serial},
            after={
                "exchange": added.number,
                "meter": asked.new_serial,
                "at": asked.at,
                "final_wh": asked.final_wh,
                "initial_wh": asked.initial_wh,
                "evidence": asked.evidence,
            },
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], now)
    return added


def check_actor(actor: str) -> str:
    """Return the name of a person; raises InputError if there is none, for nobody can be told from others then."""
    name = check_label(actor, "a name")
    if not name:
        message = "say who you are: an exchange counts by the word of two different people"
        raise InputError(message)
    return name


def check_new_meter(connection: Connection, asked: NewExchange) -> registry.Meter | None:
    """Return the new meter if the system has it already; raises AlreadyRegisteredError if it counts elsewhere."""
    rivals = [
        one
        for one in registry.meters_with_serial(connection, asked.new_serial)
        if not asked.new_make or not one.make or one.make == asked.new_make
    ]
    for one in rivals:
        if one.system != asked.system or one.id == asked.old_meter or one.read_until is not None or len(rivals) > 1:
            message = (
                f"meter {asked.new_serial} already counts or counted for system {one.system}: check the new serial "
                "number, or give its --new-make if two makers use the same one"
            )
            raise AlreadyRegisteredError(message)
    return rivals[0] if rivals else None


def _check_words(request: ExchangeRequest) -> tuple[str, str, str]:
    serial = check_label(request.new_serial, "a serial number")
    if not serial:
        message = "the new meter needs a serial number: read it off its name plate"
        raise InputError(message)
    if _SHA256.fullmatch(request.evidence) is None:
        message = (
            f"{request.evidence!r:.60} is no evidence: give the SHA-256, 64 hexadecimal digits, of a picture or "
            "protocol that shows both registers"
        )
        raise InputError(message)
    return serial, check_label(request.new_make, "a make"), check_label(request.new_model, "a model")


def _check_registers(request: ExchangeRequest, known: MeterFacts) -> None:
    """Refuse what the old meter's facts rule out."""
    if min(request.final_wh, request.initial_wh) < 0:
        message = "a register does not stand below 0: give both registers as the displays showed them"
        raise InputError(message)
    if known.ended_at is not None:
        message = (
            f"meter {known.serial} of system {known.system} ended at {format_local(known.ended_at)} already: check the "
            "serial number"
        )
        raise AlreadyRegisteredError(message)
    if known.initial_at is not None and request.at < known.initial_at:
        message = f"meter {known.serial} began at {format_local(known.initial_at)}: it cannot have been replaced before"
        raise InputError(message)
    if known.modulus_wh is None and known.initial_wh is not None and request.final_wh < known.initial_wh:
        message = (
            f"meter {known.serial} began with {known.initial_wh} Wh and cannot have ended with {request.final_wh} Wh: "
            "check the final register, or declare at which energy it starts again"
        )
        raise InputError(message)
    if known.modulus_wh is not None and request.final_wh >= known.modulus_wh:
        message = (
            f"meter {known.serial} starts again at {known.modulus_wh} Wh and cannot have ended with {request.final_wh} "
            "Wh: check the final register"
        )
        raise InputError(message)


def _find_waiting(connection: Connection, asked: NewExchange) -> Exchange | None:
    """Return the same request if it waits already; raises AlreadyRegisteredError if another one of the meter does."""
    for one in exchanges.list_exchanges(connection, asked.system, is_waiting=True):
        if one.asked.old_meter != asked.old_meter:
            continue
        mine = (asked.new_serial, asked.new_make, asked.at, asked.final_wh, asked.initial_wh, asked.evidence)
        theirs = one.asked
        if mine == (
            theirs.new_serial, theirs.new_make, theirs.at, theirs.final_wh, theirs.initial_wh, theirs.evidence,
        ):  # fmt: skip
            return one
        message = f"exchange {one.number} of that meter waits for a decision: have it approved or refused first"
        raise AlreadyRegisteredError(message)
    return None
