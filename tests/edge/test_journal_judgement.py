"""What a poll's judgement says is in the log with its reading, in one commit, and outlives the agent."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from edge.journal import open_journal
from edge.journal.salvage import set_aside
from edge.journal.schema import SCHEMA_VERSION
from edge.metering.counter import CounterMemory, ReadingTime, SeenCount
from edge.metering.memory import MeterMemory
from edge.metering.outcome import PollOutcome, Taken
from edge.metering.pack import HALF_WIDTH_MS_MAX
from protocol.messages import Instant, MeterDescriptor, MeterEvent, Readings
from protocol.records import STATUS_HELD, STATUS_LATE, STATUS_SUSPECT
from tests.edge.making import AUTHOR, BOOT, MINUTE_MS, audit, descriptor, draw, failed, good, instant, journal_in_memory

if TYPE_CHECKING:
    from pathlib import Path

    from edge.journal import Journal

SEEN = SeenCount(7, Fraction(7), ReadingTime(1, 2, "a", is_trusted=True))
MEMORY = MeterMemory(registers={0: CounterMemory(SEEN, "S1", "x1")}, counts={0: 7})


def judged(minute: int, count: int, status: int, *, memory: MeterMemory | None = MEMORY) -> PollOutcome:
    """Return a poll of meter 1 with a status, an event and something to remember."""
    event = MeterEvent(1, instant(minute).wall_ms, "suspect", register=0, after=(instant(minute).wall_ms, count))
    result = Taken({0: count}, descriptor(1), status)
    return replace(good(1, minute, count), result=result, events=(event,), memory=memory)


def newest_frames(journal: Journal) -> tuple[object, ...]:
    """Return the frames of the newest block."""
    return audit(journal, journal.epoch)[-1].frames


def test_events_stand_before_the_readings_they_speak_of() -> None:
    """A cycle in which a meter was read twice is one block's content: events first, then both readings as they were."""
    journal = journal_in_memory()
    again = judged(1, 9, STATUS_HELD)
    journal.record(instant(1).wall_ms, [judged(1, 5, STATUS_SUSPECT), failed(2, 1), again], MINUTE_MS)
    journal.seal(instant(2))
    first, second, described, readings, _ = newest_frames(journal)
    assert (first, second) == (*judged(1, 5, 0).events, *again.events)
    assert isinstance(described, MeterDescriptor)
    assert isinstance(readings, Readings)
    assert (readings.registers, readings.status) == ({0: (5, 9)}, (STATUS_SUSPECT, STATUS_HELD))


def test_a_reading_can_be_late_and_suspect() -> None:
    """What the judgement said and how long the request took are bits of one status."""
    journal = journal_in_memory()
    poll = judged(1, 5, STATUS_SUSPECT)
    after = Instant(poll.after.wall_ms, poll.after.boottime_ms + 3 * HALF_WIDTH_MS_MAX, poll.after.quality)
    journal.record(instant(1).wall_ms, [replace(poll, after=after)], MINUTE_MS)
    journal.seal(instant(2))
    readings = newest_frames(journal)[-1]
    assert isinstance(readings, Readings)
    assert readings.status == (STATUS_SUSPECT | STATUS_LATE,)


def test_what_is_remembered_outlives_the_agent() -> None:
    """A failed poll, or one that was not judged, leaves the memory as it was; an unreadable one is forgotten."""
    journal = journal_in_memory()
    journal.record(instant(1).wall_ms, [judged(1, 5, 0), good(2, 1, 5)], MINUTE_MS)
    journal.record(instant(2).wall_ms, [failed(1, 2), good(2, 2, 5)], MINUTE_MS)
    journal.record(instant(3).wall_ms, [good(1, 3, 5)], MINUTE_MS)
    again = journal_in_memory(journal.image(), minute=4)
    assert again.memories() == {1: MEMORY}
    newer = replace(MEMORY, stranger="S2")
    again.record(instant(5).wall_ms, [replace(failed(1, 5), memory=newer)], MINUTE_MS)
    assert again.memories() == {1: newer}
    again.db.execute("update meter set memory = 'nonsense'")
    assert again.memories() == {}


def test_a_cycle_that_is_not_taken_states_and_remembers_nothing() -> None:
    """Readings, events and memory are one commit."""
    journal = journal_in_memory()
    broken = replace(good(2, 1, 5), result=Taken({0: 5}, replace(descriptor(2), ratio=(0, 0))))
    with pytest.raises(ValueError, match="ratio"):
        journal.record(instant(1).wall_ms, [judged(1, 5, 0), broken], MINUTE_MS)
    assert journal.memories() == {}
    assert journal.seal(instant(2)) is None


def make_file(path: Path) -> None:
    """Write a journal with two open polls, one of them suspect, and leave it as a killed agent would."""
    journal = open_journal(path, AUTHOR, BOOT, instant(0), draw)
    journal.record(instant(1).wall_ms, [judged(1, 5, 0)], MINUTE_MS)
    journal.record(instant(2).wall_ms, [judged(2, 6, STATUS_SUSPECT)], MINUTE_MS)
    journal.close()


def test_a_salvage_keeps_the_status_and_forgets_the_memory(tmp_path: Path) -> None:
    """A status is believed by its check sum; what nothing vouches for judges no reading."""
    make_file(tmp_path / "journal.db")
    set_aside(tmp_path / "journal.db", instant(3))
    with closing(open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(3), os.urandom)) as journal:
        frames = [frame for block in audit(journal, journal.epoch) for frame in block.frames]
        assert [frame.status for frame in frames if isinstance(frame, Readings)] == [(0, STATUS_SUSPECT)]
        assert len([frame for frame in frames if isinstance(frame, MeterEvent)]) == 2
        assert journal.memories() == {}


def test_a_status_that_changed_is_never_signed(tmp_path: Path) -> None:
    """A suspect poll that lost its mark is not believed."""
    make_file(tmp_path / "journal.db")
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db, db:
        db.execute("update poll set status = 0")
    with closing(open_journal(tmp_path / "journal.db", AUTHOR, BOOT, instant(3), os.urandom)) as journal:
        frames = [frame for block in audit(journal, journal.epoch) for frame in block.frames]
        assert [frame.registers for frame in frames if isinstance(frame, Readings)] == [{0: (5,)}]


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_journal_of_the_second_version_goes_on(tmp_path: Path, *, is_damaged: bool) -> None:
    """Its open polls are as good as new ones, in place or out of its pages, and its meters begin without a memory."""
    path = tmp_path / "journal.db"
    journal = open_journal(path, AUTHOR, BOOT, instant(0), draw)
    journal.record(instant(1).wall_ms, [good(1, 1, 5)], MINUTE_MS)
    journal.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("alter table poll drop column status")
        db.execute("alter table meter drop column memory")
        db.execute("pragma user_version = 2")
    if is_damaged:
        set_aside(path, instant(2))
    with closing(open_journal(path, AUTHOR, BOOT, instant(2), os.urandom)) as journal:
        assert journal.db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        frames = [frame for block in audit(journal, journal.epoch) for frame in block.frames]
        assert [frame.registers for frame in frames if isinstance(frame, Readings)] == [{0: (5,)}]
        assert journal.memories() == {}
        journal.record(instant(3).wall_ms, [judged(3, 6, 0)], MINUTE_MS)
        assert journal.memories() == {1: MEMORY}
