"""Commission a meter: somebody who did not register it reads its dial, and the hub holds that against custody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError
from hub.fleet.commissioning import Stand, Verdict, compare_dial
from hub.rules.local_times import format_local
from hub.rules.permissions import may_decide
from hub.services.find_meter import find_meter
from hub.store import changes, commissionings, meter_facts, ownership, series
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.commissionings import Commissioning

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.production import Reading
    from hub.store.database import Database
    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody read from a meter's dial at `at` (UTC ms), in Wh; `make` where two share the serial number."""

    system: str
    serial: str
    dial_wh: int
    at: int
    make: str = ""


@dataclass(frozen=True, slots=True)
class Commissioned:
    """A look that had a verdict, and that verdict in words."""

    commissioning: Commissioning
    text: str


def commission_meter(database: Database, look: Look, *, actor: str, now: int) -> Commissioned:
    """Keep what somebody read from a dial with the readings next to it, and return the verdict.

    One that differs is kept too: the meter goes on to wait. Raises InputError for a time to come, for a meter that no
    device reads, for whoever registered it, and where no reading stands near enough yet; UnknownSubjectError for a
    meter that is not registered, and AlreadyRegisteredError for one that matched before.
    """
    if look.at > now:
        message = f"{format_local(look.at)} has not come yet: say when you looked at the dial"
        raise InputError(message)
    with database.write() as connection:
        meter = find_meter(connection, look.system, look.serial, look.make)
        _check_open(connection, meter, actor)
        registers = ownership.registers_of(connection, meter)
        before = _stand(series.last_reading(connection, registers, look.at))
        after = _stand(series.next_reading(connection, registers, look.at))
        compared = compare_dial(Stand(look.at, look.dial_wh), before, after)
        if compared.verdict is Verdict.UNDECIDED or before is None or after is None:
            message = f"meter {meter.serial}: {compared.text}"
            raise InputError(message)
        done = Commissioning(meter.id, Stand(look.at, look.dial_wh), before, after, compared.verdict, now, actor)
        commissionings.add_commissioning(connection, done)
        append_audit(
            connection,
            actor=actor,
            action="commission meter",
            subject=meter.system,
            at=now,
            after={"meter": meter.serial, "dial_wh": look.dial_wh, "verdict": compared.verdict.value},
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], now)
    return Commissioned(done, f"meter {meter.serial}: {compared.text}")


def _check_open(connection: Connection, meter: Meter, actor: str) -> None:
    """Raise what speaks against this person's commissioning the meter now."""
    if not meter.devices:
        message = f"no device reads meter {meter.serial}: only one that a device reads is commissioned"
        raise InputError(message)
    known = commissionings.list_commissionings(connection, meter.id)
    if known and known[0].verdict is Verdict.MATCHES:
        message = f"meter {meter.serial} was commissioned by {known[0].actor} already"
        raise AlreadyRegisteredError(message)
    registered_by = meter_facts.list_meter_versions(connection, meter.id)[0].recorded.actor
    if not may_decide(registered_by, actor):
        message = f"meter {meter.serial} was registered by {registered_by}: somebody else looks at its dial"
        raise InputError(message)


def _stand(reading: Reading | None) -> Stand | None:
    return None if reading is None else Stand(reading.read_at, reading.register_wh)
