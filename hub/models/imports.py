"""The JSON of what became of an imported table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from hub.rules.bulk_rows import RowFinding
    from hub.services.import_csv import ImportReport


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True)


class RowFindingJson(_Json):
    """What is wrong with a row of a table, whose heading is line 1."""

    line: int
    column: str
    code: str
    text: str


class ImportJson(_Json):
    """What became of a file's rows; nothing is saved where there are `problems`, of which the first are told.

    `amended` are the closed months that come out otherwise by it.
    """

    layout: str
    is_dry_run: bool
    is_saved: bool
    rows: int
    added: int
    completed: int
    unchanged: int
    refused: int
    problems: int
    findings: list[RowFindingJson]
    amended: list[str]


class LayoutJson(_Json):
    """The columns that a table may have."""

    layout: str
    columns: list[str]


def import_json(report: ImportReport, *, is_dry_run: bool) -> ImportJson:
    """Return what became of an imported file."""
    return ImportJson(
        layout=report.layout,
        is_dry_run=is_dry_run,
        is_saved=report.is_saved,
        rows=report.rows,
        added=report.added,
        completed=report.completed,
        unchanged=report.unchanged,
        refused=report.refused,
        problems=report.problems,
        findings=[_finding(one) for one in report.findings],
        amended=[str(month) for month in report.amended],
    )


def _finding(finding: RowFinding) -> RowFindingJson:
    return RowFindingJson(line=finding.line, column=finding.column, code=finding.code, text=finding.text)
