"""Accounts, relations and tokens: dated, refused in a sentence, and each in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from hub.cli import people
from hub.cli.main import app
from hub.errors import AlreadyRegisteredError, HubError, InputError, UnknownSubjectError
from hub.rules.permissions import Action, Relation, Role, Subject, allow
from hub.services.load_responsibilities import load_responsibilities
from hub.services.manage_people import add_account, end_relation, relate_account
from hub.services.manage_tokens import identify_actor, issue_token
from hub.store import accounts, audit_log
from hub.store.accounts import Account
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

NOW = JAN.ends_at
DAY_MS = 86_400_000
ANN = Account("ann", "Ann Lee", "ann@example.org", NOW, "test")
REPORTS = Relation("ann", Role.REPORTER, SYSTEM, NOW)


@pytest.fixture
def ann(database: Database) -> Account:
    """Return an account beside a registered system."""
    add_system(database)
    add_meter(database)
    return add_account(database, ANN)


def actions(database: Database) -> list[str]:
    """Return what the audit log says was done."""
    with database.read() as connection:
        return [entry.action for entry in audit_log.iterate_audit(connection)]


def test_a_token_speaks_for_its_account_while_it_lasts(database: Database, ann: Account) -> None:
    """With all that the account is; a token that expired, or none, is nobody's."""
    relate_account(database, REPORTS, actor="test", now=NOW)
    token = issue_token(database, ann.name, DAY_MS, actor="test", now=NOW)
    with database.read() as connection:
        actor = identify_actor(connection, token, NOW)
        assert actor is not None
        assert allow(actor, Action.ENTER_PRODUCTION, Subject(SYSTEM), NOW)
        assert identify_actor(connection, token, NOW + DAY_MS) is None
        assert identify_actor(connection, token + "x", NOW) is None
    assert actions(database) == ["add account", "relate", "issue token"]


def test_what_ended_was_true_until_then(database: Database, ann: Account) -> None:
    """Relations are ended, not deleted."""
    held = relate_account(database, REPORTS, actor="test", now=NOW)
    assert relate_account(database, REPORTS, actor="test", now=NOW) == held
    end_relation(database, held.number, NOW + DAY_MS, actor="test", now=NOW, reason="moved")
    with database.read() as connection:
        (ended,) = accounts.list_relations(connection, of_system=SYSTEM)
        assert [len(accounts.list_responsible(connection, [SYSTEM], at)) for at in (NOW, NOW + DAY_MS)] == [1, 0]
    assert ended.relation.until_at == NOW + DAY_MS
    assert ann.name == ended.relation.account
    with pytest.raises(InputError, match="has ended already"):
        end_relation(database, held.number, NOW, actor="test", now=NOW, reason="")


def test_reminders_go_to_who_reports(database: Database, ann: Account) -> None:
    """An account with an address that is the reporter of a system answers for its months."""
    relate_account(database, REPORTS, actor="test", now=NOW)
    relate_account(database, Relation("ann", Role.SYSTEM_OWNER, SYSTEM, NOW), actor="test", now=NOW)
    with database.read() as connection:
        (one,) = load_responsibilities(connection, [JAN.next()])
    assert [(who.duty.value, who.address) for who in one.responsible] == [("production_reporter", ann.email)]
    with database.write() as connection:
        accounts.set_disabled(connection, "ann", NOW)
        (one,) = load_responsibilities(connection, [JAN.next()])
    assert one.responsible == ()


@pytest.mark.parametrize(
    ("account", "says", "kind"),
    [
        (Account("Ann", "", "", NOW, "t"), "cannot be an account's name", InputError),
        (Account("ann", "Somebody", "", NOW, "t"), "is 'Ann Lee' already", AlreadyRegisteredError),
        (Account("cy", "", "cy at example", NOW, "t"), "is no mail address", InputError),
    ],
)
def test_accounts_are_refused_in_a_sentence(
    database: Database, ann: Account, account: Account, says: str, kind: type[Exception]
) -> None:
    """And the same one again changes nothing."""
    assert add_account(database, ANN) == ann
    with pytest.raises(kind, match=says):
        add_account(database, account)
    assert actions(database) == ["add account"]


def test_only_what_is_there_is_related(database: Database, ann: Account) -> None:
    """Each refusal names what is not."""
    assert ann.name == "ann"
    with pytest.raises(UnknownSubjectError, match="there is no account 'bea'"):
        relate_account(database, Relation("bea", Role.REPORTER, SYSTEM, NOW), actor="t", now=NOW)
    with pytest.raises(UnknownSubjectError, match="is not registered here"):
        relate_account(database, Relation("ann", Role.REPORTER, "SLF-XX0000-00001", NOW), actor="t", now=NOW)
    with pytest.raises(UnknownSubjectError, match="there is no relation 7"):
        end_relation(database, 7, NOW, actor="t", now=NOW, reason="")
    with pytest.raises(InputError, match="at least a day"):
        issue_token(database, "ann", 0, actor="t", now=NOW)
    held = relate_account(database, REPORTS, actor="t", now=NOW)
    with pytest.raises(InputError, match="before it began"):
        end_relation(database, held.number, NOW - 1, actor="t", now=NOW, reason="")


def test_an_installer_works_at_single_systems(database: Database, ann: Account) -> None:
    """For all of them the role would grant nothing: no list would show them, and no job."""
    with pytest.raises(InputError, match="an installer works at single systems: name the system"):
        relate_account(database, Relation(ann.name, Role.INSTALLER, None, NOW), actor="t", now=NOW)
    assert relate_account(database, Relation(ann.name, Role.INSTALLER, SYSTEM, NOW), actor="t", now=NOW).number == 1


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'bea'", "DELETE FROM audit_entry"])
def test_the_database_refuses_to_change_the_log(database: Database, ann: Account, statement: str) -> None:
    """And the chain finds what was done past it."""
    assert ann.name == "ann"
    with pytest.raises(IntegrityError, match="only added to"), database.write() as connection:
        connection.exec_driver_sql(statement)


def test_people_are_managed_at_the_command_line(
    database: Database, ann: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added, related, ended, listed; the log is shown and verified, and what is broken is an exit code."""
    monkeypatch.setattr(people, "actor", lambda: "cli:test")

    def say(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "hub")])
        assert done.exception is None or isinstance(done.exception, SystemExit | HubError), done.exception
        return f"{done.exit_code} {done.stdout}"

    assert "may nothing before" in say("account", "add", "bea", "--name", "Bea", "--email", "bea@example.org")
    assert "relation 1: bea is reporter of" in say("account", "relate", "bea", "--role", "reporter", "--system", SYSTEM)
    assert "is operator of all systems" in say("account", "relate", "ann", "--role", "operator", "--from", "2024-01-01")
    assert len(say("account", "token", "bea", "--days", "1").split()[1]) > 40
    assert "relation 1 ends" in say("account", "end", "1", "--reason", "moved")
    assert ann.email in say("account", "list")
    assert '"role":"operator"' in say("account", "list", "--json")
    assert "issue token" in say("audit", "log")
    assert '"actor":"cli:test"' in say("audit", "log", "--subject", "bea", "--json")
    assert "6 entries, whole" in say("audit", "verify")
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entry_no_update")
        connection.exec_driver_sql("UPDATE audit_entry SET actor = 'nobody' WHERE number = 3")
    assert say("audit", "verify") == "1 entry 3 does not say what was sealed: it was changed\n"
    assert '"broken":"entry 3' in say("audit", "verify", "--json")
