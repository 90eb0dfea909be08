"""The ways on a page's head: those that its viewer may take, the first of them shown, the others behind one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.rules.permissions import Action, Actor, Relation, Role
from hub.web.navigation import LINKS, SHOWN_MAX, Frame, Link, frame_beside, frame_for, is_owner_only
from hub.web.rendering import render_page

NOW = 1_700_000_000_000
FOR_ALL = {link.path for link in LINKS if link.action is None}


def who(role: Role, system: str | None) -> Actor:
    """Return somebody with one relation."""
    return Actor("ann", (Relation("ann", role, system, 0),))


def paths(actor: Actor) -> set[str]:
    """Return where the ways lead that somebody has."""
    return {link.path for link in frame_for(actor, NOW).links}


def test_nobody_gets_a_way_that_is_not_for_all() -> None:
    """Who is nothing to the hub is led to what everybody may, and to nothing else."""
    assert paths(Actor("nobody")) == FOR_ALL


@pytest.mark.parametrize("role", list(Role))
def test_a_way_of_the_whole_hub_is_not_for_who_has_one_system(role: Role) -> None:
    """A relation to one system opens no page that shows all of them."""
    whole = {link.path for link in LINKS if link.action is not None and not link.is_any}
    assert not paths(who(role, "SLF-AB1234-00001")) & whole


def test_a_relation_that_ended_opens_nothing() -> None:
    """Ways go with the relation."""
    operator = who(Role.OPERATOR, None)
    assert "/" in paths(operator)
    ended = tuple(replace(one, until_at=NOW) for one in operator.relations)
    assert paths(Actor("ann", ended)) == FOR_ALL


@pytest.mark.parametrize(
    ("role", "system", "leads_to"),
    [
        (Role.OPERATOR, None, "/"),
        (Role.SYSTEM_OWNER, "SLF-AB1234-00001", "/mine"),
        (Role.REPORTER, "SLF-AB1234-00001", "/systems"),
        (Role.INSTALLER, "SLF-AB1234-00001", "/systems"),
    ],
)
def test_the_way_back_from_a_system_leads_to_a_list_of_one_s_own(role: Role, system: str | None, leads_to: str) -> None:
    """To the fleet for those who may see all of it, and for nobody else."""
    assert frame_for(who(role, system), NOW).home.path == leads_to


def drawn(links: tuple[Link, ...]) -> str:
    """Return a page with these ways on its head."""
    return bytes(render_page("recovery_codes.html", Frame(links), codes=()).body).decode()


def test_many_ways_stand_behind_one_word() -> None:
    """The first are always shown, the others are opened; where there are few, nothing is to be opened."""
    links = tuple(replace(LINKS[0], path=f"/{number}", words=f"Way {number}") for number in range(SHOWN_MAX + 2))
    head, opened = drawn(links).split("<details", 1)
    assert all(f"Way {number}" in head for number in range(SHOWN_MAX))
    assert all(f"Way {number}" in opened for number in (SHOWN_MAX, SHOWN_MAX + 1))
    assert "<details" not in drawn(links[:SHOWN_MAX])


def test_every_action_of_a_way_is_one_that_somebody_may() -> None:
    """No way is shown to nobody."""
    for link in LINKS:
        assert link.action is None or any(link.path in paths(who(role, None)) for role in Role), (
            f"{link.path} asks for {link.action}, which no role has"
        )
    assert Action.VIEW_PRODUCTION in {link.action for link in LINKS}


def test_an_owner_is_one_who_is_nothing_else_now() -> None:
    """What ended or has not begun does not count, nor does it matter of how many systems."""
    owns = Relation("ann", Role.SYSTEM_OWNER, "S-1", 0)
    rec = Relation("ann", Role.REC_OWNER, "S-2", 0)
    reports = Relation("ann", Role.REPORTER, "S-1", 5, 10)
    assert is_owner_only(Actor("ann", (owns, rec)), 3)
    assert frame_for(Actor("ann", (owns,)), 3).shown[0].path == "/mine"
    assert is_owner_only(Actor("ann", (owns, reports)), 3)
    assert not is_owner_only(Actor("ann", (owns, reports)), 5)
    assert not is_owner_only(Actor("ann", ()), 3)


@pytest.mark.parametrize(
    ("role", "system", "words"),
    [
        (
            Role.OPERATOR,
            None,
            {"Change what is known", "Set the programme", "Register a meter", "Tell of a meter exchange"},
        ),
        (Role.INSTALLER, "S-1", {"Tell of a meter exchange"}),
        (Role.REPORTER, "S-1", {"Enter a reading"}),
        (Role.INSTALLER, "S-2", set()),
        (Role.AUDITOR, None, set()),
    ],
)
def test_a_system_s_page_offers_what_one_may_do_there(role: Role, system: str | None, words: set[str]) -> None:
    """And nothing that would be refused."""
    assert {link.words for link in frame_beside(who(role, system), "S-1", NOW).beside} == words
