"""Power cuts at any operation, in every mode: what was promised stays, what was not is whole or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.powercut.promises import check_backups, check_hub, check_journal, check_keys, check_salvaged
from tests.powercut.rig import Disk, play_cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.powercut.medium import Event


def record(disk: Disk, program: str) -> Sequence[Event]:
    """Run a program on the disk, which must succeed, and return everything that happened there."""
    done = disk.run(program)
    assert done.returncode == 0, done.stderr
    return disk.trace()


@pytest.mark.parametrize(
    ("program", "check"),
    [
        ("journal", check_journal),
        ("journal-salvaged", check_salvaged),
        ("hub", check_hub),
        ("backups", check_backups),
        ("keys", check_keys),
    ],
)
def test_no_power_cut_takes_back_what_was_promised(
    disk: Disk, tmp_path: Path, program: str, check: Callable[[Path, Sequence[str]], None]
) -> None:
    """Journal, hub database and key files keep every promise at every cut, and nothing half-written passes as whole."""
    assert play_cuts(record(disk, program), tmp_path, check) > 0


def test_a_journal_that_does_not_sync_is_caught(disk: Disk, tmp_path: Path) -> None:
    """With synchronous=OFF the same cuts take back what was promised: these tests can fail."""
    trace = record(disk, "journal-unsynced")
    with pytest.raises(AssertionError, match="are gone"):
        play_cuts(trace, tmp_path, check_journal)
