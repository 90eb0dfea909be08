"""The counter of written bytes is right: the disk saw as many."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks.edge_written import bytes_written
from edge.journal import open_journal
from tests.edge.making import AUTHOR, BOOT, MINUTE_MS, good, instant
from tests.powercut.medium import Name, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.powercut.medium import Event
    from tests.powercut.rig import Disk

CYCLES = 12


def test_the_disk_saw_what_the_kernel_counted(disk: Disk) -> None:
    """Cycles and a seal on a recording disk: it received what the write budget counts, to the byte."""
    with closing(open_journal(disk.folder / "journal.db", AUTHOR, BOOT, instant(0), os.urandom)) as journal:
        seen, counted = received(disk.trace()), bytes_written()
        for minute in range(1, CYCLES + 1):
            journal.record(instant(minute).wall_ms, [good(meter, minute, minute) for meter in range(1, 9)], MINUTE_MS)
        journal.seal(instant(CYCLES))
        counted = bytes_written() - counted
        assert counted > CYCLES * 4096
        # The order that asks for the trace is written to a pipe, after the count was taken.
        assert received(disk.trace()) - seen == counted


def received(trace: Sequence[Event]) -> int:
    """Return how many bytes were written to the journal's files; its shared memory is no file of the disk's."""
    names = {inode: name for event in trace if isinstance(event, Name) for name, inode in event.changes if inode}
    return sum(
        len(event.data) for event in trace if isinstance(event, Write) and not names[event.inode].endswith("-shm")
    )
