"""The page about faults of meters and lines names every kind there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from simulators.faults import FaultKind

PAGE = Path(__file__).parents[2] / "docs" / "meter_faults.md"


def test_the_page_lists_every_kind_of_fault() -> None:
    """A reader finds each fault of a plan in the table, in the order of the code."""
    cells = re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [kind for cell in cells for kind in re.findall(r"`([^`]+)`", cell)] == [kind.value for kind in FaultKind]
