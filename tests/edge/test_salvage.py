"""Salvage: a damaged journal never stops the agent, costs no more than the damage hit, and nobody has to guess what."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.journal import Author, CommandBook, Journal, StoredCommand, open_journal, read_journal_summary, set_aside
from edge.metering.outcome import PollOutcome, Taken
from protocol import wire
from protocol.chain import Verdict, begins, follows, judge
from protocol.commands import AskState, Command, Result, ResultStatus
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import BootId, Epoch, derive_device_id, hash_block
from protocol.messages import (
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    Instant,
    MeterDescriptor,
    Readings,
    Receipt,
    Register,
    TimeQuality,
)

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.messages import Block

KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HUB_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
AUTHOR = Author(derive_device_id(KEY.spki), KEY, "0.0.test")
MINUTE_MS = 60_000
START_MS = 1_467_331_200_000
PAGE = 4096
BLOCKS = 40
PER_BLOCK = 5
OPEN = 3
LOG_PLACE = 32 + 24 + 100
"""In the first page of the write-ahead log."""
SAFE = 12
LAST = BLOCKS * PER_BLOCK + OPEN
SEEDS = int(os.environ.get("METERLINE_DAMAGE_SEEDS", "60"))


def instant(minute: int) -> Instant:
    """Return the instant so many minutes after the start, synchronised."""
    return Instant(START_MS + minute * MINUTE_MS, minute * MINUTE_MS, TimeQuality.SYNCHRONISED)


def good(minute: int) -> PollOutcome:
    """Return a poll of meter 1 whose count tells when it was."""
    register = Register("1-0:2.8.0", "Wh", 0, 32, "u", 1 << 32, 3, 1206, "little")
    descriptor = MeterDescriptor(1, "Maker", "Model", "S1", "1", (1, 1), "rtu", 1, {0: register})
    return PollOutcome(1, instant(minute), instant(minute), Taken({0: 7 * minute}, descriptor))


def start(folder: Path, minute: int = LAST, boot: bytes = b"boot") -> Journal:
    """Open the journal in a folder."""
    return open_journal(folder / "journal.db", AUTHOR, BootId(boot), instant(minute), os.urandom)


@dataclass(frozen=True, slots=True)
class Made:
    """A journal as an agent left it that was killed: its files, its epoch and its blocks."""

    folder: Path
    epoch: Epoch
    blocks: tuple[bytes, ...]

    def copy(self, folder: Path) -> Path:
        """Return a copy of the files, to be damaged."""
        shutil.copytree(self.folder, folder)
        return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a journal of many blocks, some safe at the hub, and a few open polls."""
    folder = tmp_path_factory.mktemp("made")
    journal = start(folder / "", 0)
    for minute in range(1, LAST + 1):
        journal.record(instant(minute).wall_ms, [good(minute)], MINUTE_MS)
        if minute % PER_BLOCK == 0 and minute <= BLOCKS * PER_BLOCK:
            journal.seal(instant(minute))
        if minute == BLOCKS * PER_BLOCK // 2:
            hear(journal)
            journal.db.execute("pragma wal_checkpoint(passive)")
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    blocks = [journal.block(seq) for seq in range(BLOCKS + 1)]
    journal.close()
    return Made(kept, journal.epoch, tuple(block for block in blocks if block is not None))


def hear(journal: Journal) -> None:
    """Take a receipt for what is sealed, safe through `SAFE`."""
    sender = journal.sender(RetryPolicy())
    receipt = Receipt(
        device=AUTHOR.device,
        epoch=journal.epoch,
        committed=sender.head,
        safe=SAFE,
        committed_hash=(journal.hash_of(sender.head) or b"")[:16],
        selective=(),
        window=16,
        pace_ms=0,
        nonce=b"",
        hub_at=START_MS,
    )
    heard, _ = sender.received(receipt, journal.hash_of, 0)
    journal.acknowledge(heard, wire.seal_receipt(receipt, HUB_KEY))


def chain(journal: Journal, epoch: Epoch) -> list[Block]:
    """Return the blocks of an epoch, each sound and behind the one before."""
    found: list[Block] = []
    for seq in range(journal.sender(RetryPolicy(), epoch).head + 1):
        raw = journal.block(seq, epoch)
        if raw is None or hash_block(raw) != journal.hash_of(seq, epoch):
            # Custody never offers what rotted; the hub decides whether it is lost at all.
            continue
        judgement = judge(raw, {KEY.key_id: KEY.public})
        assert judgement.verdict is Verdict.OK, judgement.reason
        assert judgement.block is not None
        found.append(judgement.block)
    return found


def check_chain(journal: Journal) -> None:
    """Find nothing wrong with the current epoch as a chain."""
    blocks = chain(journal, journal.epoch)
    assert blocks[0].seq or begins(blocks[0]) is None
    for before, after in ((before, after) for before, after in pairwise(blocks) if after.seq == before.seq + 1):
        before_hash = journal.hash_of(before.seq)
        assert before_hash is not None
        assert follows(before, before_hash, after) is None


def readings(blocks: list[Block]) -> dict[int, int]:
    """Return minute and count of all readings, which must be what the meter showed then."""
    found: dict[int, int] = {}
    for block in blocks:
        for frame in block.frames:
            if isinstance(frame, Readings):
                for read_at, count in zip(frame.read_at, frame.registers[0], strict=True):
                    minute = (read_at - START_MS) // MINUTE_MS
                    assert count == 7 * minute, "a reading is not what the meter showed"
                    assert minute not in found, "a reading is there twice"
                    found[minute] = count
    return found


def gaps(blocks: list[Block]) -> list[Gap]:
    """Return what is stated to be missing."""
    return [frame for block in blocks for frame in block.frames if isinstance(frame, Gap)]


def work_goes_on(folder: Path, minute: int = LAST + 5) -> list[Block]:
    """Open the journal, poll and seal once more, and return the current epoch."""
    with closing(start(folder, minute)) as journal:
        journal.record(instant(minute).wall_ms, [good(minute)], MINUTE_MS)
        journal.seal(instant(minute))
        check_chain(journal)
        blocks = chain(journal, journal.epoch)
        assert minute in readings(blocks)
        return blocks


def page_at(path: Path, place: int) -> int:
    """Return which page of a database, or which frame of its log, a byte belongs to."""
    return (place - 32) // (PAGE + 24) if path.name.endswith("-wal") else place // PAGE


def pages_of(path: Path, content: bytes | bytearray, raw: bytes) -> set[int]:
    """Return the pages or frames that hold these bytes, which fit into one."""
    found, at = set(), content.find(raw)
    while at >= 0:
        found.add(page_at(path, at))
        at = content.find(raw, at + 1)
    return found


def test_a_sound_journal_is_not_salvaged(made: Made, tmp_path: Path) -> None:
    """What a killed agent left is opened as it is: nothing is set aside, the epoch goes on."""
    folder = made.copy(tmp_path / "a")
    with closing(start(folder)) as journal:
        assert journal.epoch == made.epoch
        assert readings(chain(journal, made.epoch)).keys() == set(range(1, LAST + 1))
    assert not list(folder.glob("journal-corrupt-*"))


def test_with_its_header_destroyed_a_journal_loses_nothing(made: Made, tmp_path: Path) -> None:
    """The first page zeroed: all blocks and open polls are carried over, what is not safe is sealed again (R4)."""
    folder = made.copy(tmp_path / "a")
    original = folder / "journal.db"
    content = bytes(PAGE) + original.read_bytes()[PAGE:]
    original.write_bytes(content)
    blocks = work_goes_on(folder)
    genesis = blocks[0].frames[0]
    assert isinstance(genesis, Genesis)
    assert genesis.reason is GenesisReason.DATABASE_LOST
    assert genesis.predecessor == (made.epoch, SAFE, hash_block(made.blocks[SAFE]))
    assert set(readings(blocks)) == {*range(SAFE * PER_BLOCK + 1, LAST + 1), LAST + 5}
    assert all(gap.cause is GapCause.EDGE_OFF for gap in gaps(blocks))
    with closing(start(folder)) as journal:
        assert [journal.block(seq, made.epoch) for seq in range(BLOCKS + 1)] == list(made.blocks)
    [aside] = folder.glob("journal-corrupt-*.db")
    assert aside.read_bytes() == content


def damage(content: bytearray, chance: random.Random) -> list[range]:
    """Flip bits, overwrite pages, zero one or cut off the end; return which bytes were hit."""
    pages = [range(page * PAGE, (page + 1) * PAGE) for page in range(len(content) // PAGE)]
    match chance.randrange(4):
        case 0:
            places = [chance.randrange(len(content)) for _ in range(chance.randint(1, 30))]
            for place in places:
                content[place] ^= 1 << chance.randrange(8)
            return [range(place, place + 1) for place in places]
        case 1:
            hit = chance.sample(pages, chance.randint(1, 4))
            for page in hit:
                content[page.start : page.stop] = chance.randbytes(PAGE)
            return hit
        case 2:
            page = chance.choice(pages)
            content[page.start : page.stop] = bytes(PAGE)
            return [page]
        case _:
            cut = range(chance.randrange(len(content)), len(content))
            del content[cut.start :]
            return [cut]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_damage_anywhere_costs_what_it_hit(made: Made, tmp_path: Path, seed: int) -> None:
    """Whatever happens to the database or its log: intact blocks stay, work goes on, and what is lost is stated."""
    chance = random.Random(seed)  # noqa: S311 - a test has to be repeatable
    folder = made.copy(tmp_path / "a")
    hurt = folder / chance.choice(["journal.db", "journal.db", "journal.db-wal"])
    before = hurt.read_bytes()
    content = bytearray(before)
    hit = {page_at(hurt, place) for places in damage(content, chance) for place in places}
    hurt.write_bytes(content)
    sound = b"".join(path.read_bytes() for path in folder.glob("journal.db*") if path != hurt)
    intact = {seq for seq, raw in enumerate(made.blocks) if raw in sound or pages_of(hurt, before, raw) - hit}
    blocks = work_goes_on(folder)
    with closing(start(folder)) as journal:
        assert intact <= {seq for seq, raw in enumerate(made.blocks) if journal.block(seq, made.epoch) == raw}
    if blocks[0].epoch == made.epoch:
        return
    here = set(readings(blocks))
    expected = {PER_BLOCK * (seq - 1) + nth for seq in intact if seq > SAFE for nth in range(1, PER_BLOCK + 1)}
    assert expected <= here
    lost = {START_MS + minute * MINUTE_MS for minute in {*range(SAFE * PER_BLOCK + 1, LAST + 1)} - here}
    assert all(any(gap.from_at <= at < gap.to_at for gap in gaps(blocks)) for at in lost), "nobody says what is lost"
    assert list(folder.glob("journal-corrupt-*.db"))


def test_an_open_poll_that_changed_is_never_signed(made: Made, tmp_path: Path) -> None:
    """A count that is another than it was when it was taken is lost, and said to be, but not sealed."""
    folder = made.copy(tmp_path / "a")
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        database.execute("update poll set counts = '{\"0\": 99999}' where n = (select max(n) from poll)")
    blocks = work_goes_on(folder)
    assert LAST not in readings(blocks)
    assert LAST - 1 in readings(blocks)
    assert any(gap.cause is GapCause.DAMAGED for gap in gaps(blocks))


@pytest.mark.parametrize(
    "change",
    [
        "update meter set counts = cast(x'7b2230223aff7d' as text)",
        "update meter set counts = '{\"0\": null}'",
        "update meter set counts = '12'",
        "update poll set counts = cast(x'ff' as text) where n = (select max(n) from poll)",
        "update poll set boot_count = 0 where n = (select max(n) from poll)",
        "insert into configuration values (1, 1, cast(x'ff' as text), 'trial', x'00', 1)",
        "update epoch set safe = safe + 1",
        "update epoch set committed = head + 1",
        "update epoch set floor = -1",
    ],
)
def test_a_changed_column_never_stops_the_log(made: Made, tmp_path: Path, change: str) -> None:
    """What SQLite takes for sound and the journal did not write is salvaged, not stumbled over at every start."""
    folder = made.copy(tmp_path / "a")
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        database.execute(change)
    assert set(readings(work_goes_on(folder))) >= set(range(SAFE * PER_BLOCK + 1, LAST))
    assert list(folder.glob("journal-corrupt-*.db"))


def test_the_journal_that_was_set_aside_last_is_salvaged(made: Made, tmp_path: Path) -> None:
    """Their numbers count, not how they are spelt: the thousandth comes after the one before."""
    folder = made.copy(tmp_path / "a")
    for number in (999, 1000):
        (folder / f"journal-corrupt-{number}-20160701T000000Z.db").touch()
    set_aside(folder / "journal.db", instant(LAST))
    assert list(folder.glob("journal-corrupt-1001-*.db"))
    assert set(readings(work_goes_on(folder))) >= set(range(SAFE * PER_BLOCK + 1, LAST + 1))


def test_commits_behind_damage_in_the_log_are_not_dropped_silently(made: Made, tmp_path: Path) -> None:
    """SQLite would end its log at the first broken frame; what stands behind it is salvaged."""
    folder = made.copy(tmp_path / "a")
    log = folder / "journal.db-wal"
    content = bytearray(log.read_bytes())
    content[LOG_PLACE] ^= 1
    log.write_bytes(content)
    blocks = work_goes_on(folder)
    assert blocks[0].epoch != made.epoch
    assert set(readings(blocks)) >= set(range(SAFE * PER_BLOCK + 1, LAST + 1))


def stored_command(number: int) -> StoredCommand:
    """Return a command as the journal keeps it, with the result that we signed."""
    command = Command(AUTHOR.device, 41, AskState(), issued_at=0, ttl_seconds=60, id=bytes(8))
    result = Result(AUTHOR.device, 41, ResultStatus.DONE, "", 0)
    return StoredCommand(
        number, bytes(8), ResultStatus.DONE, wire.seal_command(command, HUB_KEY), wire.seal_result(result, KEY)
    )


def test_what_commands_left_behind_is_carried_over(made: Made, tmp_path: Path) -> None:
    """Which command was the last, and its result, survive: an old command is not carried out a second time."""
    folder = made.copy(tmp_path / "a")
    with closing(start(folder)) as journal:
        CommandBook(journal.db).take(stored_command(41))
    with (folder / "journal.db").open("r+b") as file:
        file.write(bytes(PAGE))
    with closing(start(folder)) as journal:
        assert CommandBook(journal.db).find(41) == stored_command(41)
    [note] = read_journal_summary(folder / "journal.db").salvages
    assert "no block in between is missing" in note


def test_a_command_under_a_wrong_number_is_not_believed(made: Made, tmp_path: Path) -> None:
    """A number that damage made larger would let every later command count as carried out already."""
    folder = made.copy(tmp_path / "a")
    with closing(start(folder)) as journal:
        CommandBook(journal.db).take(stored_command(1 << 40))
    with (folder / "journal.db").open("r+b") as file:
        file.write(bytes(PAGE))
    with closing(start(folder)) as journal:
        assert CommandBook(journal.db).find(1 << 40) is None


def test_what_the_next_epoch_lost_is_sealed_again_from_the_one_before(made: Made, tmp_path: Path) -> None:
    """If copies in a newer epoch are damaged, the originals in the archive take their place."""
    folder = made.copy(tmp_path / "a")
    with closing(start(folder)) as journal:
        journal.begin_epoch(GenesisReason.FORK, instant(LAST), os.urandom)
        copy = journal.block(3)
        second = journal.epoch
    assert copy is not None
    path = folder / "journal.db"
    content = bytearray(path.read_bytes())
    for page in pages_of(path, content, copy):
        content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(content)
    with closing(start(folder)) as journal:
        assert journal.epoch != second
        found: set[int] = set()
        for block in chain(journal, journal.epoch):
            found |= readings([block]).keys()
        assert found >= set(range(SAFE * PER_BLOCK + 1, LAST + 1))
