"""Permissions: the table that people can check names every role, and every action is somebody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.permissions import Action, Actor, Relation, Role, Subject, allow, explain_refusal, reach
from tests.hub.rules.case_files import all_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

MINE, OTHERS = "SLF-AB1234-00001", "SLF-AB1234-00002"
TABLE = {case.given["role"]: case.expect["own"] for case in all_cases() if case.rule == "permissions"}


def test_the_table_names_every_role_and_every_action() -> None:
    """A role without a row, or an action that nobody may do, fails; one action is for whoever is asked, of any role."""
    assert set(TABLE) == set(Role)
    assert {action for actions in TABLE.values() for action in actions} == set(Action) - {Action.CONFIRM_CHANGE}


relations = st.builds(
    Relation,
    account=st.just("ann"),
    role=st.sampled_from(Role),
    system=st.sampled_from([None, MINE, OTHERS]),
    from_at=st.integers(0, 10),
    until_at=st.none() | st.integers(0, 12),
)


@given(
    held=st.lists(relations, max_size=4).map(tuple),
    action=st.sampled_from(Action),
    subject=st.builds(
        Subject, st.sampled_from([None, MINE, OTHERS]), st.booleans(), st.sampled_from(["", "ann", "bo"])
    ),
    at=st.integers(0, 12),
    scope=st.none() | st.frozensets(st.sampled_from(Action), max_size=3),
)
def test_nothing_is_allowed_that_no_relation_of_the_time_grants(
    held: tuple[Relation, ...],
    action: Action,
    subject: Subject,
    at: int,
    scope: frozenset[Action] | None,
) -> None:
    """By the table alone, written out again, and by what a token was made for; and who is refused is told why."""
    actor = Actor("ann", held, scope)
    granted = any(
        one.from_at <= at
        and (one.until_at is None or at < one.until_at)
        and one.system in {None, subject.system}
        and action in TABLE[one.role]
        for one in held
    )
    expected = granted and not (subject.is_automatic and action is Action.ENTER_PRODUCTION)
    if action is Action.CONFIRM_CHANGE:
        expected = subject.asked_of == "ann"
    expected &= scope is None or action in scope
    assert allow(actor, action, subject, at) is expected
    assert (explain_refusal(actor, action, subject, at) is None) is expected


@given(
    held=st.lists(relations, max_size=4).map(tuple),
    action=st.sampled_from(Action),
    at=st.integers(0, 12),
    scope=st.none() | st.frozensets(st.sampled_from(Action), max_size=3),
)
def test_what_is_reached_is_what_is_allowed(
    held: tuple[Relation, ...], action: Action, at: int, scope: frozenset[Action] | None
) -> None:
    """System by system; and all of them where it is allowed without naming one."""
    actor = Actor("ann", held, scope)
    if allow(actor, action, Subject(), at):
        assert reach(actor, action, at) is None
    else:
        allowed = frozenset(one for one in (MINE, OTHERS) if allow(actor, action, Subject(one), at))
        assert reach(actor, action, at) == allowed


class _Counted(tuple[Relation, ...]):
    """Relations that count how often they are gone over."""

    __slots__ = ()
    walks = 0

    def __iter__(self) -> Iterator[Relation]:
        """Count another walk."""
        _Counted.walks += 1
        return super().__iter__()


def test_reach_goes_over_the_relations_as_often_for_many_systems_as_for_one() -> None:
    """Whoever owns thousands of systems waits no thousand times for each of them."""
    walks = []
    for systems in (1, 500):
        _Counted.walks = 0
        held = _Counted(Relation("ann", Role.SYSTEM_OWNER, f"SLF-{one}", 0) for one in range(systems))
        found = reach(Actor("ann", held), Action.VIEW_PRODUCTION, 1)
        assert found is not None
        assert len(found) == systems
        walks.append(_Counted.walks)
    assert walks[0] == walks[1]
