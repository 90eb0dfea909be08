"""The people of a made hub: thousands of accounts, a few that are something to very many systems, and an audit log.

Their sessions begin without a password, as if they had just signed in, each with the second factor that it takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.made_devices import BEGAN_AT, NOW, part_of
from benchmarks.made_months import system_name
from hub.rules.audit_chain import NO_ENTRY, AuditEntry, seal_entry
from hub.rules.closing import canonical
from hub.rules.permissions import Role
from hub.services.set_password import make_link
from hub.services.sign_in import Visit, begin_session
from hub.store import audit_log, people_tables, sign_ins
from hub.store.dialect import insert_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from hub.store.database import Database

STAFF, OWNER, SINGLE, PROVIDER, REPORTER, INSTALLER = "staff", "owner", "single", "provider", "reporter", "installer"
HALFWAY = "halfway"
"""Who gave a password and not yet a code."""
NOBODY = ""
SYSTEMS_OF = {OWNER: 3_000, PROVIDER: 5_000, REPORTER: 3_000, INSTALLER: 2_000, SINGLE: 1}
"""To how many systems each is something, of a hub that is large enough."""
_ROLES = {
    OWNER: (Role.SYSTEM_OWNER, Role.REC_OWNER),
    SINGLE: (Role.SYSTEM_OWNER,),
    PROVIDER: (Role.DAS_PROVIDER,),
    REPORTER: (Role.REPORTER,),
    INSTALLER: (Role.INSTALLER,),
    STAFF: (Role.OPERATOR, Role.SECURITY_ADMIN),
    HALFWAY: (Role.AUDITOR,),
}
ACCOUNTS, AUDIT_ENTRIES = 5_000, 50_000
_PROVIDERS, _SESSIONS, _TOKENS = 50, 300, 20


@dataclass(frozen=True, slots=True)
class Let:
    """Who is let in: the token of each person's session, and of a link that sets a password."""

    sessions: dict[str, str]
    link: str


def account_name(number: int) -> str:
    """Return what one of the many accounts is called, by its number."""
    return f"person-{number:06d}"


def number_of(devices: int, who: str) -> int:
    """Return to how many systems somebody is something, from the first system on."""
    return max(1, part_of(devices, SYSTEMS_OF[who]))


def make_people(database: Database, devices: int) -> None:
    """Make accounts, what they are to systems, and the audit log that goes with them."""
    numbers = range(part_of(devices, ACCOUNTS))
    with database.write() as connection:
        insert_rows(
            connection,
            people_tables.account,
            [
                (name, f"{name.title()} Lee", f"{name}@example.org", BEGAN_AT, "made", None)
                for name in (*_ROLES, *map(account_name, numbers))
            ],
        )
        insert_rows(
            connection,
            people_tables.relation,
            [(number, *row, BEGAN_AT, BEGAN_AT, "made") for number, row in enumerate(_relations(devices), 1)],
        )
        insert_rows(
            connection,
            people_tables.provider_approval,
            [(one + 1, account_name(one), 1, BEGAN_AT, "made", "by letter") for one in numbers[:_PROVIDERS]],
        )
        insert_rows(
            connection,
            people_tables.api_token,
            [
                (f"{one:064x}", STAFF, BEGAN_AT, NOW + BEGAN_AT, "", f"program {one}", None, None)
                for one in range(_TOKENS)
            ],
        )
        _add_audit(connection, AUDIT_ENTRIES if len(numbers) == ACCOUNTS else 10 * len(numbers))


def let_in(database: Database) -> Let:
    """Begin a session of everybody who looks at pages, and make a link; staff have some sessions besides.

    Those from before end, so that a hub that is kept is the same every time.
    """
    with database.write() as connection:
        for who in _ROLES:
            sign_ins.end_sessions(connection, who, NOW)
        # Confirmed, and so asked for: what its secret is nobody needs to know.
        sign_ins.save_factor(connection, sign_ins.Factor(HALFWAY, bytes(20), NOW, 0), NOW)
        sessions = {
            who: begin_session(connection, who, Visit("127.0.0.1", "benchmark"), NOW, has_code=who != HALFWAY).token
            for who in (*_ROLES, *[STAFF] * _SESSIONS)
        }
    return Let(sessions, make_link(database, SINGLE, actor=STAFF, now=NOW))


def _relations(devices: int) -> Iterator[tuple[str, str, str | None]]:
    """Yield who is what to which system: the many first, who own the system of their number each, then the large."""
    for one in range(part_of(devices, ACCOUNTS)):
        yield account_name(one), Role.SYSTEM_OWNER.value, system_name(one)
    for who, roles in _ROLES.items():
        if who not in SYSTEMS_OF:
            yield from ((who, role.value, None) for role in roles)
            continue
        for one in range(number_of(devices, who)):
            yield from ((who, role.value, system_name(one)) for role in roles)


def _add_audit(connection: Connection, number: int) -> None:
    """Append so many entries to the audit log, sealed as `append_audit` seals each."""
    last = next(iter(audit_log.list_audit(connection, limit=1)), None)
    begin, previous = (0, NO_ENTRY) if last is None else (last.number, last.sha256)
    rows: list[tuple[object, ...]] = []
    for one in range(begin + 1, begin + number + 1):
        entry = AuditEntry(
            number=one,
            at=BEGAN_AT + one,
            actor=STAFF if one % 5 else account_name(one % 100),
            action="amend system" if one % 3 else "relate",
            subject=system_name(one % 1000),
            before=canonical({"capacity_w_dc": one, "town": "Lowell"}),
            after=canonical({"capacity_w_dc": one + 10, "town": "Lowell"}),
            reason="the inverter was exchanged",
            previous=previous,
            sha256="",
        )
        previous = seal_entry(entry)
        sealed = replace(entry, sha256=previous)
        rows.append(tuple(getattr(sealed, column.name) for column in people_tables.audit_entry.c))
    assert insert_rows(connection, people_tables.audit_entry, rows) == number, "each has a number of its own"
