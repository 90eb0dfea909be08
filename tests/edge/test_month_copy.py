"""The second copy of month-edge readings: what decides a month outlives its journal, and reaches the hub once."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal import Journal, JournalUnavailableError, open_journal, read_journal_summary
from edge.journal.month_copy import COPIES_PER_METER_MAX, MonthCopy
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from protocol.custody.sender import RetryPolicy
from protocol.identity import BootId
from tests.edge.making import AUTHOR, BOOT, KEY, audit, failed, good, instant, readings_of
from tests.hub.making import NOW, TERMS, fetch

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from hub.store.database import Database

QUARTER = 15
CYCLES = 64
"""Sixteen hours from the first instant of July, UTC: thirteen of its hours may be the month's edge somewhere."""
COPIED_HOURS = 13


def start(folder: Path, minute: int = 0, boot: BootId = BOOT) -> Journal:
    """Open the journal in a folder, with its copy beside it."""
    path = folder / "journal.db"
    return open_journal(path, AUTHOR, boot, instant(minute), os.urandom, month_copy=folder / "month-edges.log")


def poll(journal: Journal, cycles: range) -> None:
    """Poll two meters every quarter of an hour and seal each hour; a third is dead."""
    for cycle in cycles:
        minute = cycle * QUARTER
        outcomes = [good(1, minute, cycle), good(2, minute, 2 * cycle), failed(3, minute)]
        journal.record(instant(minute).wall_ms, outcomes, QUARTER * 60_000)
        if cycle % 4 == 3:
            journal.seal(instant(minute))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return the folder of a device that has polled, sealed and was killed."""
    folder = tmp_path / "state"
    folder.mkdir()
    with closing(start(folder)) as journal:
        poll(journal, range(CYCLES))
    return folder


def test_a_cycle_that_cannot_be_copied_was_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a cycle's commit says, it says before: a cycle is never in the journal and refused."""

    def fail(*_: object) -> None:
        message = "disk I/O error"
        raise JournalUnavailableError(message)

    monkeypatch.setattr("edge.journal.log.read_edge", fail)
    with closing(start(tmp_path)) as journal:
        with pytest.raises(JournalUnavailableError):
            poll(journal, range(1))
        assert journal.open_polls == 0


@pytest.mark.parametrize("fate", ["overwritten", "gone"])
def test_month_edge_readings_outlive_the_journal(state: Path, tmp_path: Path, fate: str) -> None:
    """With the journal beyond salvage, or gone, they reach the hub all the same, and none of them twice."""
    hub = open_hub(tmp_path / "hub", new_timeline=b"timeline", at=NOW)
    register_device(hub, KEY.public.to_pem(), "", NOW)
    with closing(start(state, 2000, BootId(b"next"))) as journal:
        blocks = [journal.block(seq) for seq in range(4)]
    accept_blocks(hub, [Arrival(AUTHOR.device, raw) for raw in blocks if raw], TERMS, NOW)
    before = stored(hub)
    for path in state.glob("journal*"):
        if fate == "gone":
            path.unlink()
        else:
            path.write_bytes(b"\x5a" * path.stat().st_size)
    with closing(start(state, 3000, BootId(b"last"))) as journal:
        found = readings_of(audit(journal, journal.epoch))
        sent = [journal.block(seq) for seq in range(journal.sender(RetryPolicy()).head + 1)]
    assert len(found) == 2 * COPIED_HOURS == len(set(found))
    assert {boot for boot, *_ in found} == {BOOT}
    accept_blocks(hub, [Arrival(AUTHOR.device, raw) for raw in sent if raw], TERMS, NOW)
    after = stored(hub)
    hub.close()
    assert len(after) == len(set(after)), "no reading twice"
    assert set(before) <= set(after)
    assert {(at, boottime) for _, at, boottime, _ in after} >= {(at, boottime) for _, _, at, boottime, _ in found}


def stored(hub: Database) -> list[tuple[object, ...]]:
    """Return the readings that a hub holds."""
    return fetch(hub, "SELECT register_id, read_at, boottime_ms, raw FROM reading")


def test_a_salvaged_journal_takes_from_the_copy_only_what_it_lacks(state: Path) -> None:
    """One lost block with a month-edge reading of two meters comes back as those two; what is held is not repeated."""
    path = state / "journal.db"
    with closing(start(state, 2000)) as journal:
        journal.db.execute("pragma wal_checkpoint(truncate)")
        lost = journal.block(3)
        assert lost is not None
    damaged = bytearray(path.read_bytes())
    place = damaged.find(lost[-64:])
    damaged[place : place + 64] = bytes(64)
    page = (path.stat().st_size // 4096 - 1) * 4096
    damaged[page + 8 : page + 40] = b"\xff" * 32
    path.write_bytes(damaged)
    with closing(start(state, 3000, BootId(b"last"))) as journal:
        found = [moment for moment in readings_of(audit(journal, journal.epoch)) if moment[1] == 1]
    assert len(found) == len(set(found))
    assert set(range(0, COPIED_HOURS * 4, 4)) <= {count for *_, count in found}
    assert any("came from the second copy" in note for note in read_journal_summary(path).salvages)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_a_damaged_copy_gives_nothing_that_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, flips: int
) -> None:
    """Whatever happens to its bytes, what is read of it was written, and the next line is whole."""
    folder = tmp_path_factory.mktemp("copy")
    copy = MonthCopy(folder / "month-edges.log")
    with closing(start(folder)) as journal:
        poll(journal, range(20))
    whole = copy.read()
    content = bytearray((folder / "month-edges.log").read_bytes())
    for _ in range(flips):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (folder / "month-edges.log").write_bytes(content[: chance.randrange(len(content))])
    damaged = MonthCopy(folder / "month-edges.log")
    assert all(copied in whole for copied in damaged.read())
    damaged.add(whole[:1])
    assert whole[0] in damaged.read()


def test_the_copy_is_bounded(tmp_path: Path) -> None:
    """However many years go by, of each meter no more than fourteen months are kept, and the file stops growing."""
    with closing(start(tmp_path)) as journal:
        poll(journal, range(1))
        copied = MonthCopy(tmp_path / "month-edges.log").read()
    copy = MonthCopy(tmp_path / "month-edges.log")
    sizes: list[int] = []
    for _ in range(120):
        copy.add(copied * 27)
        sizes.append((tmp_path / "month-edges.log").stat().st_size)
    assert len(copy.read()) == 2 * COPIES_PER_METER_MAX
    assert max(sizes[60:]) <= max(sizes[:60])


def test_polling_goes_on_without_the_copy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A stick that was pulled out is told of once; readings are journaled as ever."""
    path = tmp_path / "journal.db"
    gone = tmp_path / "stick" / "month-edges.log"
    with closing(open_journal(path, AUTHOR, BOOT, instant(0), os.urandom, month_copy=gone)) as journal:
        poll(journal, range(12))
        assert journal.latest()[1].registers == {0: 11}
        assert caplog.text.count("cannot be used") == 1
        gone.parent.mkdir()
        poll(journal, range(12, 20))
    assert len(MonthCopy(gone).read()) == 4
