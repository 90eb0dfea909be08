"""What the imports of the three layouts share: what becomes of a row, and who takes rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hub.rules.bulk_rows import RowFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.services.read_csv import CsvRow


class Outcome(StrEnum):
    """What becomes of a row once the whole file is right."""

    ADDED = "added"
    COMPLETED = "completed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What becomes of one row; `subject` names what it is about as far as that can be read."""

    line: int
    subject: str
    outcome: Outcome
    findings: tuple[RowFinding, ...] = ()


class Taker(Protocol):
    """Decides what becomes of the rows of one layout, in their order, and saves them if it may."""

    def take(self, connection: Connection, rows: Sequence[CsvRow], *, is_saving: bool) -> list[RowOutcome]:
        """Return what becomes of each of these rows, the next of the file.

        What is decided does not depend on whether the rows before were saved.
        """
        ...

    def changed_systems(self) -> set[str]:
        """Return the PTS ids of what pages may show and rows changed."""
        ...


def refused(line: int, subject: str, findings: Sequence[RowFinding]) -> RowOutcome:
    """Return the outcome of a row that is wrong."""
    return RowOutcome(line, subject, Outcome.REFUSED, tuple(findings))


def wrong(line: int, column: str, code: str, text: str) -> tuple[RowFinding, ...]:
    """Return the one thing that is wrong with a row."""
    return (RowFinding(line, column, code, text),)
