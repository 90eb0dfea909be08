"""`docs/rules.md`, drawn from the code: every clause that is followed, every value of the law, every rule, every case.

`make rules-page` writes it; a test fails where it is not what the code says.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hub.rules
from hub.rules.parameters import Dated, Sending
from tests.hub.rules.case_files import KINDS, Case, all_cases, all_citations

if TYPE_CHECKING:
    from types import FunctionType, ModuleType

    from hub.rules.citations import Citation
    from hub.rules.parameters import BankTerms, ManualLimit

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "rules.md"
CASES = "../tests/hub/rules/cases"
OURS = "Meterline"
ALWAYS = "always, as far as the source says"

_CITES = re.compile(r"Citation: (.*)", re.DOTALL)
_NAMES = re.compile(r"citations\.([A-Z0-9_]+)")

INTRODUCTION = """\
# The rules, and where each of them stands

Everything that decides a window, a number, an estimate, a certificate or a line of a file is a pure function in
[hub/rules](../hub/rules). Each names the clause that it follows, and each clause has cases: what is given and what must
come out, in files that can be read without knowing Python. This page is drawn from them by `make rules-page`, and a
test fails where it says something else than they do.

- [Values of the law](#values-of-the-law): limits, factors, percentages and rates, each with its time and its clause
- [Published rules](#published-rules): every clause that is followed, by document, with its cases
- [Rules of our own](#rules-of-our-own): where no source was found
- [Rules by module](#rules-by-module): every function, and the clause that it follows

A case is **official** where its numbers are printed in the source, **derived** where they are arithmetic on a rule that
is, and **own** where no source was found and the rule is ours. A name such as W1 after it is that of the case in the
project's list of what must hold.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the law on this page: what it is called, where it stands in the code, how one of it is written.

    `note` says what else is to be known; `begins` since when a row holds that has no date.
    """

    title: str
    place: str
    show: Callable[[Any], str]
    note: str
    begins: str = ALWAYS


def _hundredths(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"


def _limit(limit: ManualLimit) -> str:
    pv, other = limit.pv_w_dc // 1000, limit.other_w // 1000
    return f"up to {pv} kW DC of PV, {other} kW {limit.other_basis} of anything else"


def _bank(terms: BankTerms) -> str:
    if not terms.percent:
        return "nothing"
    return f"up to {terms.percent} % of a year's need, in the {terms.years} next years"


VALUES = (
    Value(
        "Who may report by hand",
        "parameters.MANUAL_LIMIT",
        _limit,
        "What the pages of the Production Tracking System say, and what holds unless the operator says otherwise.",
    ),
    Value(
        "Who may report by hand, by the newer limit",
        "parameters.MANUAL_LIMIT_RAISED",
        _limit,
        "What the help centre says. It names no date, so the newer limit holds where the operator states one.",
        begins="from the day that the operator states",
    ),
    Value(
        "How a month is sent to the registry",
        "parameters.SENDING",
        lambda way: {Sending.WHOLE_MWH: "in whole MWh", Sending.THOUSANDTHS: "as MWh with three decimals"}[way],
        "By the first day of the production quarter.",
    ),
    Value("Factor of SREC I and Class I", "parameters.FULL_FACTOR", _hundredths, "Certificates for each MWh."),
    Value(
        "Factors of SREC II",
        "parameters.SREC_2_FACTORS",
        _hundredths,
        "Certificates for each MWh, by market sector and by the day of mechanical completion. The second row of each "
        "sector further asks that half of the cost was spent by 8 May 2017.",
    ),
    Value(
        "Class I minimum standard",
        "parameters.CLASS_1_PERCENT",
        lambda percent: f"{percent} % of sales",
        "Both solar carve-outs are included. From 2031 on it is one percent more each year.",
    ),
    Value(
        "Banked certificates",
        "parameters.BANK_TERMS",
        _bank,
        "By the year of generation. The pages of the Production Tracking System measure the share on the need of the "
        "year in which they are used, the regulation on that of the year in which they were generated: the hub knows "
        "both, and follows the pages unless told otherwise.",
    ),
    Value(
        "Alternative compliance payment",
        "parameters.ACP_CENTS",
        lambda cents: f"${_hundredths(cents)} per MWh",
        "Only years whose rate was found published; none is made up for another year.",
    ),
)
"""Every dated value in `hub.rules`; a test finds the one that is missing here."""


def render() -> str:
    """Return the page as the code has it."""
    return "\n".join((INTRODUCTION, *_summary(), *_values(), *_clauses(), *_modules())).rstrip() + "\n"


def dated_values() -> dict[str, object]:
    """Return every module's dated values by their place, such as `parameters.SENDING`."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in _rule_modules()
        for name, value in vars(module).items()
        if list(_rows(value)) and re.search(rf"^{name}\b.* = ", inspect.getsource(module), re.MULTILINE)
    }


def _summary() -> Iterator[str]:
    kinds = Counter(case.kind for case in all_cases())
    published = [one for one in all_citations().values() if one.document != OURS]
    yield f"There are {len(all_cases())} cases, {', '.join(f'{kinds[kind]} {kind}' for kind in KINDS)}, of"
    yield f"{len(published)} published clauses and {len(all_citations()) - len(published)} of our own.\n"


def _values() -> Iterator[str]:
    found = dated_values()
    yield "## Values of the law\n"
    for value in VALUES:
        yield f"### {value.title}\n"
        yield f"{value.note} `{value.place}`\n"
        rows = list(_rows(found[value.place]))
        named = any(of for of, _ in rows)
        yield f"{'| Of ' if named else ''}| Value | In force | Clause |"
        yield "| --- " * (3 + named) + "|"
        for place, (of, row) in enumerate(rows):
            following = rows[place + 1][1] if rows[place + 1 :] and rows[place + 1][0] == of else None
            cells = (value.show(row.value), _in_force(row, following, value.begins), _link(_name_of(row.citation)))
            yield "| " + " | ".join(map(_cell, (of, *cells) if named else cells)) + " |"
        yield ""


def _clauses() -> Iterator[str]:
    yield "## Published rules\n"
    named = sorted(all_citations().items(), key=lambda one: (one[1].document, one[1].edition))
    published = [one for one in named if one[1].document != OURS]
    for document, clauses in groupby(published, key=lambda one: one[1].document):
        yield f"### {document}\n"
        for name, citation in clauses:
            yield from _clause(name, citation)
    yield "## Rules of our own\n"
    yield "No published source was found for these. They are ours, and can be changed without asking a regulator.\n"
    for name, citation in named:
        if citation.document == OURS:
            yield from _clause(name, citation)


def _clause(name: str, citation: Citation) -> Iterator[str]:
    yield f"#### {_title(name)}\n"
    yield f"> {citation.clause}\n"
    if citation.document == OURS:
        yield f"Ours. `{name}`\n"
    else:
        since = "" if citation.in_force_on is None else f", in force from {citation.in_force_on}"
        yield f"[Source]({citation.url}): {citation.edition}{since}. `{name}`\n"
    followers = [rule for module in _rule_modules() for rule in _functions(module) if name in _cited(rule)]
    if followers:
        yield "Followed by " + ", ".join(f"`{_place(rule)}`" for rule in followers) + ".\n"
    yield "| Case | Kind | File |\n| --- | --- | --- |"
    for case in _cases_of(name):
        kind = f"{case.kind}, {case.vector}" if case.vector else case.kind
        yield f"| {_cell(case.title)} | {kind} | [{case.file}]({CASES}/{case.file}) |"
    yield ""


def _modules() -> Iterator[str]:
    yield "## Rules by module\n"
    for module in _rule_modules():
        functions = list(_functions(module))
        if not functions:
            continue
        name = module.__name__.rpartition(".")[2]
        yield f"### [{name}](../hub/rules/{name}.py)\n"
        yield f"{_first_line(module)}\n"
        yield "| Rule | What it says | Clause |\n| --- | --- | --- |"
        for rule in functions:
            cited = _cited(rule)
            clause = ", ".join(map(_link, cited)) if cited else _citation_text(rule)
            yield f"| `{rule.__name__}` | {_cell(_first_line(rule))} | {_cell(clause)} |"
        yield ""


def _rule_modules() -> list[ModuleType]:
    return [importlib.import_module(module.name) for module in pkgutil.iter_modules(hub.rules.__path__, "hub.rules.")]


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the public functions of a module that cite something, in the order in which they stand."""
    found = [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and _citation_text(function)
    ]
    return iter(sorted(found, key=lambda function: function.__code__.co_firstlineno))


def _place(rule: FunctionType) -> str:
    return f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"


def _citation_text(rule: FunctionType) -> str:
    match = _CITES.search(" ".join((rule.__doc__ or "").split()))
    return "" if match is None else match[1].rstrip(".")


def _cited(rule: FunctionType) -> list[str]:
    return _NAMES.findall(_citation_text(rule))


def _first_line(documented: object) -> str:
    text = " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())
    return text.partition(" Citation:")[0]


def _cases_of(name: str) -> list[Case]:
    kinds = {kind: place for place, kind in enumerate(KINDS)}
    return sorted((case for case in all_cases() if case.clause == name), key=lambda case: (case.file, kinds[case.kind]))


def _rows(value: object, of: str = "") -> Iterator[tuple[str, Dated[Any]]]:
    """Yield the dated rows in a value, each with what it is of."""
    if isinstance(value, Dated):
        yield of, value
    elif isinstance(value, Mapping):
        for key, rows in value.items():
            yield from _rows(rows, str(key))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for row in value:
            if isinstance(row, Dated):
                yield of, row


def _in_force(row: Dated[Any], following: Dated[Any] | None, begins: str) -> str:
    start, end = row.from_on, row.until_on
    if end is None and following is not None and following.from_on is not None:
        end = following.from_on - timedelta(days=1)
    if start is None:
        return begins if end is None else f"until {end}"
    if end is None:
        return f"from {start}"
    if (start, end) == (date(start.year, 1, 1), date(start.year, 12, 31)):
        return f"{start.year}"
    return f"{start} to {end}"


def _name_of(citation: Citation) -> str:
    (name,) = (name for name, known in all_citations().items() if known is citation)
    return name


def _link(name: str) -> str:
    return f"[{_title(name)}](#{_title(name).lower().replace(' ', '-')})"


_SPELLED = {
    name.upper(): name
    for name in (
        "ACP",
        "APS",
        "CPS",
        "GIS",
        "kW",
        "kWh",
        "MIRECS",
        "MWh",
        "MRETS",
        "NCRETS",
        "PTS",
        "SREC",
        "DAS",
        "AR",
    )
}


def _title(name: str) -> str:
    words = [_SPELLED.get(word, word.lower()) for word in name.split("_")]
    title = " ".join(words)
    return title[0].upper() + title[1:] if words[0] not in _SPELLED.values() else title


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} has {len(all_cases())} cases\n")
