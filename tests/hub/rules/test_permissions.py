"""Permissions: the table that people can check names every role, and every action is somebody's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.permissions import Action, Actor, Relation, Role, Subject, allow, explain_refusal
from tests.hub.rules.case_files import all_cases

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
