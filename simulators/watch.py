"""Watching a line at work: how far it is, and waiting until the hub has everything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from edge.journal import read_journal_summary
from simulators.audit import count_stored
from simulators.errors import LineError
from simulators.measured import STEP_MS

if TYPE_CHECKING:
    from simulators.line import Line

CUSTODY_SECONDS = 120.0
LOOK_SECONDS = 0.1


class Progress(Protocol):
    """Who is told how far a line is."""

    def __call__(self, *, taken: int, stored: int) -> None:
        """Take note of how many readings the edge has taken and the hub has stored."""
        ...


async def wait_for_custody(line: Line, progress: Progress) -> None:
    """Wait until the hub has acknowledged every sealed block; raises LineError if it never does."""
    try:
        async with asyncio.timeout(CUSTODY_SECONDS):
            while True:
                summary = read_journal_summary(line.journal)
                tell(line, progress)
                if summary.committed == summary.head:
                    return
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        message = (
            f"the hub has acknowledged {summary.committed + 1} of {summary.head + 1} blocks and makes no progress;"
            f" look at edge.log and hub.log in {line.plan.work_dir}"
        )
        raise LineError(message) from error


def tell(line: Line, progress: Progress) -> None:
    """Tell how many readings must have been taken by the simulated time, and how many the hub has stored."""
    cycles = (line.clock.now_ms - line.plan.start_ms) // STEP_MS + 1
    progress(taken=cycles * len(line.site.systems), stored=count_stored(line.hub_database))
