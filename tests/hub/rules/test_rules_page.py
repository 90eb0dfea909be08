"""`docs/rules.md` says what the code says."""

from __future__ import annotations

import re

from tests.hub.rules.case_files import all_cases, all_citations
from tests.hub.rules.rules_page import CASES, PAGE, ROOT, VALUES, dated_values, render


def test_the_page_is_what_the_code_gives() -> None:
    """Whoever changes a clause, a value, a rule or a case draws the page anew."""
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "docs/rules.md is not what the code gives: run `make rules-page`"
    )


def test_every_dated_value_is_on_the_page() -> None:
    """No value of the law stands in the code and not before the people it binds."""
    assert {value.place for value in VALUES} == set(dated_values())


def test_every_clause_and_every_case_is_on_the_page_once() -> None:
    """Each has its place, and whatever is ours is marked as ours."""
    page = render()
    for name, citation in all_citations().items():
        ours = (
            f"Ours. `{name}`" if citation.document == "Meterline" else f"[Source]({citation.url}): {citation.edition}"
        )
        assert page.count(f"`{name}`\n") == 1, name
        assert ours in page, name
    for case in all_cases():
        assert page.count(f"| {case.title.replace('|', chr(92) + '|')} | {case.kind}") == 1, case.title


def test_links_lead_somewhere() -> None:
    """Every link inside the page has its heading, every file its path."""
    page = render()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= headings
    titles = [line for line in page.splitlines() if line.startswith("#### ")]
    assert len(titles) == len(set(titles)), "two clauses have one heading"
    for path in set(re.findall(r"\]\((\.\./[^)]*)\)", page)):
        assert (PAGE.parent / path).resolve().is_relative_to(ROOT)
        assert (PAGE.parent / path).exists(), path
    assert CASES in page
