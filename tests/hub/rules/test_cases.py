"""The rules against cases that a reader of the regulation can follow, and the cases against the rules."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from typing import TYPE_CHECKING

import pytest

import hub.rules
from tests.hub.rules.case_files import KINDS, Case, all_cases, all_citations, askers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: f"{case.file}: {case.title}")
def test_case_comes_out_as_written(case: Case) -> None:
    """Every case gives exactly the answer it states."""
    assert askers()[case.rule](case.given) == case.expect


def test_every_clause_has_a_case_and_every_case_a_clause() -> None:
    """A citation without a case, or a case that cites nothing, fails."""
    cited = {case.clause for case in all_cases()}
    assert cited == set(all_citations())


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    """Every public function of the rules that cites a clause is run by some case; every asker has cases."""
    assert {case.rule for case in all_cases()} == set(askers())
    run: set[CodeType] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: run.add(frame.f_code) if event == "call" else None)
    try:
        for case in all_cases():
            askers()[case.rule](case.given)
    finally:
        sys.setprofile(before)
    untried = {f"{rule.__module__}.{rule.__name__}" for rule in _rules() if rule.__code__ not in run}
    assert untried == set()


def test_cases_say_what_they_are() -> None:
    """Each is official, derived or our own, has a title of its own, and a vector's name stands once."""
    assert {case.kind for case in all_cases()} <= set(KINDS)
    titles = [case.title for case in all_cases()]
    assert sorted(titles) == sorted(set(titles))
    vectors = [case.vector for case in all_cases() if case.vector]
    assert sorted(vectors) == sorted(set(vectors))


def _rules() -> Iterator[FunctionType]:
    for module in pkgutil.iter_modules(hub.rules.__path__, "hub.rules."):
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            is_own = found.__module__ == module.name and not found.__name__.startswith("_")
            if is_own and "Citation: `citations." in " ".join((found.__doc__ or "").split()):
                yield found
