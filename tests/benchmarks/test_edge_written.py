"""The write budget of the edge: what docs/decisions/edge.md states of it is what is written."""

from __future__ import annotations

import pytest

from benchmarks.edge_written import measure

PAGE_BYTES = 4096 + 24
"""A page with its header in the write-ahead log, https://www.sqlite.org/fileformat2.html, clause 4.1."""
CYCLES, HOURS = 96, 24


def test_a_day_of_eight_meters_stays_within_its_budget() -> None:
    """A cycle writes three pages, an hour's seal four or five; a day less than 2.5 MB of the 5 allowed."""
    figures = measure()
    assert figures["written_mb_per_day"] < 2.5, figures
    pages = {name: round(figures[f"{name}_mb_per_day"] * 1_000_000 / PAGE_BYTES) for name in ("commits", "seals")}
    assert pages["commits"] <= 3 * CYCLES, figures
    assert pages["seals"] <= 5 * HOURS, figures
    parts = sum(size for name, size in figures.items() if not name.startswith(("written", "journal")))
    assert parts == pytest.approx(figures["written_mb_per_day"], abs=0.005), figures
    assert figures["journal_mb_per_day"] < 0.05, figures
