"""A pulse count survives what happens to a card and to a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.pulse.count_file import PAGE, CountFile, CountFileError, KeptCount

if TYPE_CHECKING:
    from pathlib import Path

BASIS = "100 kWh + 1 Wh"


def _kept(pulses: int) -> KeptCount:
    return KeptCount(pulses, 1_000 + pulses, BASIS)


def test_the_newest_count_is_read_back(tmp_path: Path) -> None:
    """Whoever opens the file anew finds what was kept last, and goes on writing beside it."""
    path = tmp_path / "pulses-1.count"
    assert CountFile(path).read(BASIS) is None
    for pulses in range(1, 6):
        file = CountFile(path)
        assert file.read(BASIS) == (_kept(pulses - 1) if pulses > 1 else None)
        file.keep(_kept(pulses))
    assert path.stat().st_size == 2 * PAGE


@pytest.mark.parametrize("written", range(0, PAGE, 64))
def test_a_write_cut_short_leaves_the_count_before(tmp_path: Path, written: int) -> None:
    """Whatever part of the page under way reached the card, the count is that one or the one before."""
    path = tmp_path / "pulses-1.count"
    file = CountFile(path)
    for pulses in (7, 8):
        file.keep(_kept(pulses))
    before = path.read_bytes()
    file.keep(_kept(9))
    after = path.read_bytes()
    path.write_bytes(after[:written] + before[written:])
    assert CountFile(path).read(BASIS) in (_kept(8), _kept(9))


def test_every_place_is_written_in_turn(tmp_path: Path) -> None:
    """A count is never written over the newest one: also right after the file was opened again."""
    path = tmp_path / "pulses-1.count"
    CountFile(path).keep(_kept(1))
    for pulses in range(2, 8):
        file = CountFile(path)
        file.read(BASIS)
        file.keep(_kept(pulses))
        octets = path.read_bytes()
        assert {int(page.split(b"|")[1]) for page in (octets[:PAGE], octets[PAGE:])} == {pulses, pulses - 1}


def test_a_clock_that_was_set_back_changes_no_turn(tmp_path: Path) -> None:
    """Which of two places is the newer say the pulses: the furthest count is not the next to be written over."""
    path = tmp_path / "pulses-1.count"
    file = CountFile(path)
    file.keep(KeptCount(41, 2_000_000, BASIS))
    file.keep(KeptCount(42, 1_000_000, BASIS))
    again = CountFile(path)
    again.read(BASIS)
    again.keep(KeptCount(43, 1_000_001, BASIS))
    octets = path.read_bytes()
    assert {int(page.split(b"|")[1]) for page in (octets[:PAGE], octets[PAGE:])} == {42, 43}


def test_rot_is_no_count(tmp_path: Path) -> None:
    """A place whose check sum does not agree is passed over."""
    path = tmp_path / "pulses-1.count"
    file = CountFile(path)
    file.keep(_kept(41))
    file.keep(_kept(42))
    path.write_bytes(path.read_bytes().replace(b"|42|", b"|99|"))
    assert CountFile(path).read(BASIS) == _kept(41)


def test_a_crash_of_the_program_costs_nothing(tmp_path: Path) -> None:
    """The copy in memory-backed storage is further than the card, and is believed if it is of the same count."""
    path, runtime = tmp_path / "durable", tmp_path / "runtime"
    file = CountFile(path, runtime)
    file.keep(_kept(10))
    file.note(_kept(13))
    assert CountFile(path, runtime).read(BASIS) == _kept(13)
    assert CountFile(path).read(BASIS) == _kept(10)
    assert CountFile(path, runtime).read("0 kWh + 1 Wh") is None


def test_memory_that_is_not_there_is_done_without(tmp_path: Path) -> None:
    """A copy that cannot be written is no reason to stop counting."""
    file = CountFile(tmp_path / "durable", tmp_path / "nowhere" / "runtime")
    file.keep(_kept(1))
    assert file.read(BASIS) == _kept(1)


def test_a_file_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    """The sentence names the file and what to look at."""
    file = CountFile(tmp_path / "nowhere" / "durable")
    with pytest.raises(CountFileError, match=r"nowhere/durable cannot be kept: No such file.*check the disk"):
        file.keep(_kept(1))
    (tmp_path / "folder").mkdir()
    with pytest.raises(CountFileError, match="folder cannot be kept: Is a directory"):
        CountFile(tmp_path / "folder").read(BASIS)
