"""Accounts that are shut out: what they hold opens nothing, what they were stays, and somebody is left to let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub.cli.main import app
from hub.errors import InputError, NotIdentifiedError, UnknownSubjectError
from hub.exchange.oidc import Identity
from hub.rules.permissions import Relation, Role
from hub.services.disable_account import disable_account, enable_account
from hub.services.manage_people import add_account, end_relation, relate_account
from hub.services.manage_tokens import identify_actor, issue_token
from hub.services.request_link import invite_account, request_reset
from hub.services.set_password import find_link, make_link, set_password
from hub.services.sign_in import Visit, end_all_sessions, find_visitor, sign_in
from hub.services.sign_in_elsewhere import link_identity, sign_in_elsewhere
from hub.store import accounts, audit_log, dispatches
from hub.store.accounts import Account
from tests.hub.reporting import JAN
from tests.hub.web.acting import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.store.database import Database

NOW = JAN.ends_at
DAY_MS = 86_400_000
HERE = Visit("192.0.2.1", "a browser")


@pytest.fixture
def people(database: Database) -> Database:
    """Return a hub with Ann, who signs in, and Sec, who manages accounts."""
    for name in ("ann", "sec"):
        add_account(database, Account(name, name.title(), f"{name}@example.org", NOW, "test"))
    relate_account(database, Relation("sec", Role.SECURITY_ADMIN, None, NOW), actor="test", now=NOW)
    set_password(database, make_link(database, "ann", actor="test", now=NOW), PASSWORD, NOW)
    return database


def disable(database: Database, name: str = "ann", actor: str = "sec") -> Account:
    """Disable an account."""
    return disable_account(database, name, actor=actor, now=NOW, reason="left")


def test_nothing_that_it_holds_opens_a_door_any_more(people: Database) -> None:
    """Neither its session, nor its token, nor its link, nor its password, nor another house's word."""
    session = sign_in(people, "ann", PASSWORD, HERE, NOW).token
    token = issue_token(people, "ann", DAY_MS, actor="test", now=NOW)
    identity = Identity("https://id.test", "ann-there", has_mfa=False)
    link_identity(people, "ann", identity, NOW)
    link = make_link(people, "ann", actor="test", now=NOW)
    assert disable(people).disabled_at == NOW
    assert find_visitor(people, session, NOW) is None
    with people.read() as connection:
        assert identify_actor(connection, token, NOW) is None
    with pytest.raises(UnknownSubjectError, match="was used"):
        find_link(people, link, NOW)
    with pytest.raises(NotIdentifiedError, match="is disabled: ask"):
        sign_in(people, "ann", PASSWORD, HERE, NOW)
    with pytest.raises(NotIdentifiedError, match="is disabled: ask"):
        sign_in_elsewhere(people, identity, HERE, NOW)


def test_a_wrong_password_says_nothing_of_it(people: Database) -> None:
    """Only who has the right one learns that the account is disabled."""
    disable(people)
    with pytest.raises(NotIdentifiedError, match="do not belong together"):
        sign_in(people, "ann", "wrong words in a row", HERE, NOW)


@pytest.mark.parametrize(
    "give",
    [
        lambda database: issue_token(database, "ann", DAY_MS, actor="test", now=NOW),
        lambda database: make_link(database, "ann", actor="test", now=NOW),
        lambda database: invite_account(database, "ann", actor="test", now=NOW),
    ],
)
def test_it_is_given_nothing_to_come_in_by(people: Database, give: Callable[[Database], object]) -> None:
    """And who asks for a link is told what everybody is, and sent none."""
    disable(people)
    with pytest.raises(InputError, match="ann is disabled: enable the account first"):
        give(people)
    request_reset(people, "ann", NOW)
    with people.read() as connection:
        assert dispatches.count_links(connection, "ann", NOW - DAY_MS) == 0


def test_it_comes_in_again_with_what_it_was(people: Database) -> None:
    """By its password; what was taken back stays so. Saying it twice changes nothing; the log tells both."""
    sign_in(people, "ann", PASSWORD, HERE, NOW)
    token = issue_token(people, "ann", DAY_MS, actor="test", now=NOW)
    for _ in range(2):
        disable(people)
    for _ in range(2):
        assert enable_account(people, "ann", actor="sec", now=NOW, reason="came back").disabled_at is None
    assert find_visitor(people, sign_in(people, "ann", PASSWORD, HERE, NOW).token, NOW) is not None
    with people.read() as connection:
        assert identify_actor(connection, token, NOW) is None
        entries = [one for one in audit_log.iterate_audit(connection) if "able account" in one.action]
    assert [(one.action, one.actor, one.reason) for one in entries] == [
        ("disable account", "sec", "left"),
        ("enable account", "sec", "came back"),
    ]
    assert entries[0].after == '{"ended":{"sessions":1,"tokens":1}}'


def test_the_door_is_not_shut_for_all(people: Database) -> None:
    """Nobody disables themselves, nor anybody the last who manages accounts; one who is disabled does not count."""
    with pytest.raises(InputError, match="cannot disable themselves"):
        disable(people, "sec")
    with pytest.raises(InputError, match="sec is the last who manages accounts"):
        disable(people, "sec", actor="cli:root")
    relate_account(people, Relation("ann", Role.SECURITY_ADMIN, None, NOW), actor="test", now=NOW)
    disable(people)
    with pytest.raises(InputError, match="sec is the last who manages accounts"):
        disable(people, "sec", actor="cli:root")
    with people.read() as connection:
        of_ann, of_sec = (accounts.list_relations(connection, of_account=name)[0].number for name in ("ann", "sec"))
    with pytest.raises(InputError, match="sec is the last"):
        end_relation(people, of_sec, NOW, actor="test", now=NOW, reason="leaves")
    assert end_relation(people, of_ann, NOW, actor="test", now=NOW, reason="left").relation.until_at == NOW


@pytest.mark.parametrize("say", [disable_account, enable_account])
def test_who_is_not_here_is_neither(people: Database, say: Callable[..., Account]) -> None:
    """404, and how to add it."""
    with pytest.raises(UnknownSubjectError, match="there is no account 'nobody'"):
        say(people, "nobody", actor="sec", now=NOW, reason="x")


def test_every_session_of_an_account_ends(people: Database) -> None:
    """But for the one that is kept; where none ended, nothing is told."""
    kept = sign_in(people, "ann", PASSWORD, HERE, NOW).token
    other = sign_in(people, "ann", PASSWORD, HERE, NOW).token
    visitor = find_visitor(people, kept, NOW)
    assert visitor is not None
    number = visitor.session.number
    assert [end_all_sessions(people, "ann", actor="ann", now=NOW, but=number) for _ in range(2)] == [1, 0]
    assert [find_visitor(people, one, NOW) is None for one in (kept, other)] == [False, True]
    assert end_all_sessions(people, "ann", actor="sec", now=NOW) == 1
    with people.read() as connection:
        told = [one.actor for one in audit_log.iterate_audit(connection) if one.action == "end sessions"]
    assert told == ["ann", "sec"]
    with pytest.raises(UnknownSubjectError):
        end_all_sessions(people, "nobody", actor="sec", now=NOW)


def test_at_the_command_line(people: Database, tmp_path: Path) -> None:
    """Disabled, listed so, and let in again."""
    del people
    runs = [["disable", "ann", "--reason", "left"], ["list"], ["enable", "ann", "--reason", "came back"]]
    said = [CliRunner().invoke(app, ["account", *run, "--data", str(tmp_path / "hub")]) for run in runs]
    assert [one.exit_code for one in said] == [0, 0, 0]
    assert "ann is disabled" in said[0].output
    assert "Disabled" in said[1].output
    assert "ann may sign in again" in said[2].output
