"""The case files: what the rules must answer, written so that who knows the regulation and no Python can check it.

A file in `cases/` is either one case, with its content at the top, or a table of them (`[[case]]`). Every case has

    title    what it shows, in plain words
    clause   the name of its citation in `hub.rules.citations` or another `*_citations` there
    kind     "official" (numbers printed in a source), "derived" (arithmetic on a sourced rule) or "own" (our own rule)
    vector   the name under which acceptance lists know it, where they do
    given    what is put to the rule
    expect   what the rule must answer

and the file names the `rule` by which it is asked: a function in an `ask_*.py` beside this module, see `asks`.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hub.rules import citations, forwarding_citations, market_citations, people_citations
from hub.rules.citations import Citation

FOLDER = Path(__file__).parent
KINDS = ("official", "derived", "own")

Table = dict[str, Any]
Ask = Callable[[Any], Mapping[str, object]]
A = TypeVar("A", bound=Ask)


@dataclass(frozen=True, slots=True)
class Case:
    """One case and where it stands."""

    file: str
    rule: str
    title: str
    clause: str
    kind: str
    vector: str
    given: Table
    expect: Table


_ASKERS: dict[str, Ask] = {}


def asks(rule: str) -> Callable[[A], A]:
    """Mark a function as the one that puts the `given` of a case to `rule`, and returns what it answers."""

    def mark(ask: A) -> A:
        assert rule not in _ASKERS, f"two functions ask {rule}"
        _ASKERS[rule] = ask
        return ask

    return mark


@cache
def all_citations() -> Mapping[str, Citation]:
    """Return every citation by its name."""
    return {
        name: value
        for module in (citations, forwarding_citations, market_citations, people_citations)
        for name, value in vars(module).items()
        if isinstance(value, Citation)
    }


@cache
def askers() -> Mapping[str, Ask]:
    """Return what asks each rule, out of every `ask_*.py` beside this module."""
    for path in sorted(FOLDER.glob("ask_*.py")):
        importlib.import_module(f"tests.hub.rules.{path.stem}")
    return _ASKERS


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case of every file, in the order of their files."""
    return tuple(case for path in sorted((FOLDER / "cases").glob("*.toml")) for case in _read(path))


def _read(path: Path) -> list[Case]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    rule = content["rule"]
    tables = content.get("case", [content])
    return [
        Case(
            file=path.name,
            rule=rule,
            title=table["title"],
            clause=table["clause"],
            kind=table["kind"],
            vector=table.get("vector", ""),
            given=table["given"],
            expect=table["expect"],
        )
        for table in tables
    ]
