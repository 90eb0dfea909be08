"""The edge's journal: what is taken stays, what is sealed is sealed once, what is not safe is never let go."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.journal import (
    BLOCK_RECORDS_MAX,
    MARKER_NAME,
    Author,
    Journal,
    JournalError,
    open_journal,
    read_journal_summary,
)
from edge.journal.open_records import add_statement
from edge.metering.outcome import Taken
from edge.metering.pack import OpenPoll, pack_polls
from protocol import wire
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import BootId, DescriptorId, derive_device_id
from protocol.messages import (
    FLAG_CRASH_RECOVERY,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    PollErrors,
    Readings,
    Receipt,
    TimeQuality,
)
from tests.edge.making import AUTHOR, BOOT, KEY, MINUTE_MS, audit, descriptor, draw, failed, good, instant
from tests.protocol.strategies import HUB_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from protocol.messages import Block


class Start(Protocol):
    """Opens the test's journal; all are closed at the end."""

    def __call__(self, minute: int = 0, boot: BootId = BOOT, author: Author = AUTHOR) -> Journal:
        """Open it at this minute, in this boot, as this device."""
        ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Open the journal in the test's folder, again and again if need be."""
    with ExitStack() as stack:

        def opened(minute: int = 0, boot: BootId = BOOT, author: Author = AUTHOR) -> Journal:
            journal = open_journal(tmp_path / "journal.db", author, boot, instant(minute), draw)
            stack.callback(journal.close)
            return journal

        yield opened


def kill(journal: Journal) -> None:
    """Do what the kernel does for a killed process: nothing but dropping its lock."""
    assert journal._lock is not None
    journal._lock.close()


def blocks(journal: Journal) -> list[Block]:
    """Return all blocks, each judged good and chained to the one before."""
    return audit(journal, journal.epoch)


def test_a_new_log_begins_with_a_sealed_genesis(start: Start) -> None:
    """Block 0 carries the genesis with the signing key, so that a verifier needs no registry."""
    journal = start()
    (genesis,) = blocks(journal)
    assert isinstance(genesis.frames[0], Genesis)
    assert genesis.frames[0].signing_key_spki == KEY.spki
    assert (genesis.seq, genesis.first_record, genesis.flags) == (0, 0, 0)


def test_a_journal_that_is_gone_was_lost(tmp_path: Path, start: Start) -> None:
    """The mark that a log was begun outlives the journal: the next log says that it is not the first."""
    start().close()
    assert (tmp_path / MARKER_NAME).exists()
    start().close()
    for left_over in tmp_path.glob("journal.db*"):
        left_over.unlink()
    (genesis,) = blocks(start())[0].frames
    assert isinstance(genesis, Genesis)
    assert (genesis.reason, genesis.predecessor) == (GenesisReason.DATABASE_LOST, None)


def test_a_block_holds_readings_failures_and_their_descriptor(start: Start) -> None:
    """A descriptor precedes its first reading and is stated once; failures are counted by cause over their span."""
    journal = start()
    for minute, count in enumerate((5, 6, 6)):
        journal.record(instant(minute).wall_ms, [good(1, minute, count), failed(2, minute)], MINUTE_MS)
    assert journal.seal(instant(3)) == 1
    block = blocks(journal)[1]
    stated, readings, errors = block.frames
    assert stated == descriptor(1)
    assert isinstance(readings, Readings)
    assert readings.descriptor == wire.describe(descriptor(1))
    assert readings.registers == {0: (5, 6, 6)}
    assert readings.read_at == tuple(instant(minute).wall_ms for minute in range(3))
    assert errors == PollErrors(2, instant(0).wall_ms, instant(2).wall_ms, {"timeout": 3})
    assert journal.open_polls == 0
    journal.record(instant(3).wall_ms, [good(1, 3, 7)], MINUTE_MS)
    journal.seal(instant(5))
    (again,) = blocks(journal)[2].frames
    assert isinstance(again, Readings)


def test_a_changed_scale_is_a_new_descriptor(start: Start) -> None:
    """Readings before and after a change of scale never share a descriptor, nor a frame."""
    journal = start()
    journal.record(instant(0).wall_ms, [good(1, 0, 5)], MINUTE_MS)
    journal.record(instant(1).wall_ms, [good(1, 1, 50, exponent=1)], MINUTE_MS)
    journal.seal(instant(2))
    first, before, second, after = blocks(journal)[1].frames
    assert isinstance(before, Readings)
    assert isinstance(after, Readings)
    assert (first, second) == (descriptor(1), descriptor(1, exponent=1))
    assert (before.descriptor, after.descriptor) == (wire.describe(descriptor(1)), wire.describe(descriptor(1, 1)))


def test_what_was_taken_survives_and_is_sealed_as_recovered(start: Start) -> None:
    """Polls that a killed process left open are sealed at the next start, in a block of their own boot."""
    first = start()
    first.record(instant(0).wall_ms, [good(1, 0, 5)], MINUTE_MS)
    kill(first)
    second = start(minute=9, boot=BootId(b"next"))
    recovered = blocks(second)[1]
    assert recovered.flags == FLAG_CRASH_RECOVERY
    assert (recovered.boot_id, recovered.boot_count) == (BOOT, 1)
    second.record(instant(10).wall_ms, [good(1, 10, 6)], MINUTE_MS)
    second.seal(instant(11))
    assert blocks(second)[2].boot_id == b"next"
    assert blocks(second)[2].first_record == recovered.first_record + 2


def test_missed_edges_are_stated_as_a_gap_once(start: Start) -> None:
    """Interval edges without a poll are an honest hole with a cause, stated before the next poll, and never twice."""
    journal = start()
    journal.record(instant(0).wall_ms, [good(1, 0, 5), good(2, 0, 5)], MINUTE_MS)
    journal.record(instant(1).wall_ms, [good(1, 1, 5), good(2, 1, 5)], MINUTE_MS)
    journal.record(instant(5).wall_ms, [good(1, 5, 5)], MINUTE_MS)
    journal.record(instant(6).wall_ms, [good(1, 6, 5)], MINUTE_MS)
    journal.seal(instant(7))
    gaps = [frame for frame in blocks(journal)[1].frames if isinstance(frame, Gap)]
    assert gaps == [Gap(1, instant(2).wall_ms, instant(5).wall_ms, GapCause.EDGE_OFF)]


def receipt(journal: Journal, committed: int, safe: int) -> bytes:
    """Return the hub's word on the current epoch."""
    word = Receipt(AUTHOR.device, journal.epoch, committed, safe, bytes(16), (), 16, 0, b"", 0)
    return wire.seal_receipt(word, HUB_KEY)


def test_nothing_is_released_above_safe_or_before_retention(start: Start) -> None:
    """Only what is safe at the hub and older than the retention goes, and never the newest block (R1)."""
    journal = start()
    for minute in range(1, 6):
        journal.record(instant(minute).wall_ms, [good(1, minute, minute)], MINUTE_MS)
        journal.seal(instant(minute))
    everything = replace(journal.sender(RetryPolicy()), committed=5, safe=3)
    journal.acknowledge(everything, receipt(journal, 5, 3))
    assert journal.release(instant(6), retention_ms=MINUTE_MS * 10) == 0
    assert journal.release(instant(6), retention_ms=MINUTE_MS * 4) == 2
    assert journal.floor() == 2
    assert journal.release(instant(100), retention_ms=0) == 2
    assert journal.floor() == 4
    journal.acknowledge(replace(everything, safe=5), receipt(journal, 5, 5))
    assert journal.release(instant(100), retention_ms=0) == 1
    assert journal.floor() == 5
    kill(journal)
    resumed = start(minute=100).sender(RetryPolicy())
    assert (resumed.head, resumed.committed, resumed.safe) == (5, 5, 5)


def test_sealing_one_boot_leaves_what_is_open_of_another(start: Start) -> None:
    """After a salvage statements stand in no order; those of a newer boot wait for their own block all the same."""
    journal = start()
    journal.db.execute("insert into boot (boot_count, boot_id) values (2, ?)", [b"next"])
    newer, older = Gap(1, 3, 4, GapCause.EDGE_OFF), Gap(1, 1, 2, GapCause.EDGE_OFF)
    add_statement(journal.db, 2, newer)
    add_statement(journal.db, 1, older)
    while journal.seal(instant(1)) is not None:
        pass
    assert [frame for block in blocks(journal) for frame in block.frames if isinstance(frame, Gap)] == [older, newer]


def test_many_open_polls_become_several_blocks(start: Start) -> None:
    """A block is bounded; what does not fit goes into the next, and no record number is skipped."""
    journal = start()
    total = BLOCK_RECORDS_MAX + 7
    for minute in range(total):
        journal.record(instant(minute).wall_ms, [good(1, minute, minute)], MINUTE_MS)
    while journal.seal(instant(total)) is not None:
        pass
    found = blocks(journal)
    counts = [
        count
        for block in found
        for frame in block.frames
        if isinstance(frame, Readings)
        for count in frame.registers[0]
    ]
    assert counts == list(range(total))
    assert len(found) == 3
    assert found[2].first_record == found[1].first_record + BLOCK_RECORDS_MAX + 1


def test_a_block_that_would_be_too_large_takes_fewer_records(start: Start) -> None:
    """However much is open, every block stays below its 64 KiB and nothing is left out."""
    journal = start()
    for meter in range(1, 250):
        wordy = replace(descriptor(meter), note="n" * 256)
        journal.record(instant(1).wall_ms, [replace(good(meter, 1, meter), result=Taken({0: meter}, wordy))], MINUTE_MS)
    while journal.seal(instant(2)) is not None:
        pass
    found = blocks(journal)
    counts = [frame.registers[0][0] for block in found for frame in block.frames if isinstance(frame, Readings)]
    assert sorted(counts) == list(range(1, 250))
    assert len(found) > 2


def test_one_commit_per_cycle_with_full_durability(start: Start) -> None:
    """The journal runs in WAL mode with synchronous=FULL, and a cycle that cannot be written whole is not written."""
    journal = start()
    assert journal.db.execute("pragma synchronous").fetchone()[0] == 2
    assert journal.db.journal_mode == "wal"
    broken = replace(good(2, 0, 1), result=Taken({0: -1}, replace(descriptor(2), ratio=(0, 0))))
    with pytest.raises(ValueError, match="ratio"):
        journal.record(instant(0).wall_ms, [good(1, 0, 1), broken], MINUTE_MS)
    assert journal.open_polls == 0
    assert journal.last_edges() == {}
    journal.record(instant(1).wall_ms, [good(1, 1, 1)], MINUTE_MS)
    journal.seal(instant(2))
    assert descriptor(1) in blocks(journal)[1].frames


def test_a_foreign_journal_is_refused_and_a_broken_one_set_aside(tmp_path: Path, start: Start) -> None:
    """Another device's journal ends in a sentence and stays as it is; a file that is none is set aside as it is."""
    start().close()
    other = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(JournalError, match="belongs to device"):
        start(author=Author(derive_device_id(other.spki), other, "0"))
    owner = start()
    with pytest.raises(JournalError, match="another agent is running"):
        start()
    owner.close()
    junk = tmp_path / "junk"
    junk.mkdir()
    (junk / "journal.db").write_bytes(b"not a database" * 1000)
    open_journal(junk / "journal.db", AUTHOR, BOOT, instant(0), draw).close()
    [aside] = junk.glob("journal-corrupt-*.db")
    assert aside.read_bytes() == b"not a database" * 1000
    with pytest.raises(JournalError, match="no journal at"):
        read_journal_summary(tmp_path / "nowhere.db")


def test_the_summary_can_be_read_beside_a_running_agent(tmp_path: Path, start: Start) -> None:
    """Looking at the journal from another process neither waits nor writes."""
    journal = start()
    journal.record(instant(1).wall_ms, [good(1, 1, 5), failed(2, 1)], MINUTE_MS)
    summary = read_journal_summary(tmp_path / "journal.db")
    assert (summary.head, summary.committed, summary.open_polls) == (0, -1, 2)
    taken, missed = summary.meters
    assert (taken.counts, taken.read_at, taken.failures) == ({0: 5}, instant(1).wall_ms, 0)
    assert (missed.cause, missed.read_at, missed.failures) == ("timeout", None, 1)
    with sqlite3.connect(tmp_path / "journal.db") as db:
        assert db.execute("select count(*) from poll").fetchone() == (2,)


polls_strategy = st.lists(
    st.builds(
        OpenPoll,
        meter=st.integers(1, 3),
        read_at=st.integers(0, 10**9),
        boottime_ms=st.integers(0, 10**6),
        half_width_ms=st.integers(0, 3000),
        quality=st.sampled_from(TimeQuality),
        descriptor=st.sampled_from([DescriptorId(b"one-----"), DescriptorId(b"two-----")]),
        counts=st.dictionaries(st.just(0), st.integers(0, 2**32), min_size=1),
        cause=st.none(),
    )
    | st.builds(
        OpenPoll,
        meter=st.integers(1, 3),
        read_at=st.integers(0, 10**9),
        boottime_ms=st.just(0),
        half_width_ms=st.just(0),
        quality=st.sampled_from(TimeQuality),
        descriptor=st.none(),
        counts=st.none(),
        cause=st.sampled_from(["timeout", "exception-2"]),
    ),
    max_size=40,
)


@given(polls_strategy)
def test_packing_loses_and_reorders_nothing(polls: list[OpenPoll]) -> None:
    """Unpacked again, the frames give every meter's polls in the order taken, and as many failures as there were."""
    frames = pack_polls(polls)
    for meter in (1, 2, 3):
        of_meter = [frame for frame in frames if frame.meter == meter]
        rows = [
            (frame.descriptor, at, at - offset, quality, count)
            for frame in of_meter
            if isinstance(frame, Readings)
            for at, offset, quality, count in zip(
                frame.read_at, frame.offset_ms, frame.quality, frame.registers[0], strict=True
            )
        ]
        assert rows == [
            (poll.descriptor, poll.read_at, poll.boottime_ms, poll.quality, poll.counts[0])
            for poll in polls
            if poll.meter == meter and poll.counts is not None
        ]
        failures = sum(sum(frame.counts.values()) for frame in of_meter if isinstance(frame, PollErrors))
        assert failures == sum(1 for poll in polls if poll.meter == meter and poll.cause is not None)
