"""Backups: verified by reading them back, and only then a reason to let go of anything."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.errors import BackupError, HubError, InputError
from hub.keys import COMMAND_KEY_NAME, KEY_NAME, ensure_command_key, ensure_receipt_key
from hub.services.accept_blocks import Terms, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.back_up import back_up, list_backups
from hub.services.backup_manifest import MANIFEST_NAME, read_manifest
from hub.services.restore_backup import RestoreRequest, restore_backup
from hub.store import backups, registry, sqlite
from hub.store.database import DATABASE_NAME, open_database
from protocol.custody.receiver import SafePolicy
from protocol.custody.sender import OutcomeKind, RetryPolicy, Sender
from protocol.identity import hash_block
from tests.hub.making import EPOCH, NOW, TERMS, fetch, made_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.services.back_up import BackedUp
    from hub.services.check_backup import Step
    from hub.store.database import Database
    from protocol.messages import Receipt
    from tests.hub.making import MadeDevice

HOLD = replace(TERMS, safe=SafePolicy.HOLD)
COUNTS = list(range(100, 140))
"""Ten blocks of readings after the one of the genesis."""


def ignore(_step: Step, _number: int, _of: int) -> None:
    """Tell nobody."""


def take(database: Database, folder: Path, at: int = NOW, keep: int | None = None) -> BackedUp:
    """Make a backup at an instant."""
    return back_up(database, folder, keep=keep, now=lambda: at, progress=ignore)


def safe_of(database: Database) -> list[object]:
    """Return the `safe` of every stream."""
    return [safe for (safe,) in fetch(database, "SELECT safe FROM stream ORDER BY id")]


@pytest.fixture
def device(registered: Database) -> MadeDevice:
    """Return a device of whose log the hub holds the first six blocks; nothing is safe yet."""
    made = made_log(COUNTS)
    accept_blocks(registered, made.arrivals(0, 1, 2, 3, 4, 5), HOLD, NOW)
    assert safe_of(registered) == [-1]
    return made


def test_safe_advances_to_what_the_backup_holds(registered: Database, device: MadeDevice, tmp_path: Path) -> None:
    """It is the backup's own content that counts, and every later receipt and hello says so."""
    done = take(registered, tmp_path / "backups")
    assert (done.streams_advanced, done.backup.blocks, safe_of(registered)) == (1, 6, [5])
    accepted = accept_blocks(registered, device.arrivals(6), HOLD, NOW)
    assert [(receipt.committed, receipt.safe) for receipt in accepted.receipts] == [(6, 5)]
    answer = answer_state(registered, device.id, device.state(), terms=HOLD, now=NOW, retained=False)
    assert answer.receipt is not None
    assert (answer.receipt.committed, answer.receipt.safe) == (6, 5)
    with registered.read() as connection:
        assert backups.latest_backup(connection) == done.backup


def test_blocks_that_come_while_it_copies_are_not_safe(
    registered: Database, device: MadeDevice, tmp_path: Path
) -> None:
    """The primary has more by the time the backup is verified; `safe` ends with what the snapshot holds."""

    def go_on(_step: Step, _number: int, _of: int) -> None:
        accept_blocks(registered, device.arrivals(6, 7), HOLD, NOW)

    back_up(registered, tmp_path / "backups", keep=None, now=lambda: NOW, progress=go_on)
    assert fetch(registered, "SELECT committed, safe FROM stream") == [(7, 5)]


def test_a_backup_is_its_owners_alone_and_says_what_is_in_it(
    registered: Database, device: MadeDevice, tmp_path: Path
) -> None:
    """Database, both keys and a manifest, readable by the owner only, and no second file of SQLite's."""
    keys = ensure_receipt_key(tmp_path / "hub"), ensure_command_key(tmp_path / "hub")
    folder = tmp_path / "backups"
    take(registered, folder)
    ((_, path),) = list_backups(folder, b"timeline".hex())
    names = {entry.name for entry in path.iterdir()}
    assert names == {DATABASE_NAME, KEY_NAME, COMMAND_KEY_NAME, MANIFEST_NAME}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in path.iterdir()} == {0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert [ensure(path).key_id for ensure in (ensure_receipt_key, ensure_command_key)] == [one.key_id for one in keys]
    manifest = read_manifest(path)
    assert (manifest.blocks, manifest.timeline, manifest.made_at_ms) == (6, b"timeline".hex(), NOW)
    (stream,) = manifest.streams
    assert (stream.device, stream.epoch, stream.committed) == (device.text, EPOCH.hex(), 5)
    assert stream.hash == hash_block(device.blocks[5]).hex()


DAMAGES = {
    "bytes of a block that changed": "UPDATE block SET bytes = zeroblob(300) WHERE seq = 3",
    "a block that is gone": "DELETE FROM block WHERE seq = 3",
    "a wrong end": "UPDATE stream SET committed_hash = zeroblob(32)",
    "a block aside that changed": (
        "INSERT INTO block_aside VALUES (1, 3, zeroblob(32), x'00', 0, 'malformed', 'conflict')"
    ),
    "a row of nobody": "INSERT INTO meter_device VALUES (99, zeroblob(10), 0)",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.usefixtures("device")
def test_what_cannot_be_read_back_whole_advances_nothing(
    registered: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """Whatever is wrong with the copy: one sentence, no new folder, `safe` where it was."""
    copy = sqlite.copy_snapshot

    def copy_badly(connection: object, path: Path, progress: Callable[[int, int], None]) -> None:
        copy(connection, path, progress)  # type: ignore[arg-type]
        with closing(sqlite3.connect(path)) as opened:
            opened.execute(damage)
            opened.commit()

    monkeypatch.setattr(sqlite, "copy_snapshot", copy_badly)
    with pytest.raises(BackupError, match="copy"):
        take(registered, tmp_path / "backups")
    assert safe_of(registered) == [-1]
    assert [entry.name for entry in (tmp_path / "backups").iterdir()] == ["backup.lock"]
    assert fetch(registered, "SELECT count(*) FROM backup") == [(0,)]


@pytest.mark.usefixtures("device")
def test_pages_that_rot_are_found(registered: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that change anywhere in the copy's pages, also where no query looks, advance nothing."""
    copy = sqlite.copy_snapshot

    def copy_badly(connection: object, path: Path, progress: Callable[[int, int], None]) -> None:
        copy(connection, path, progress)  # type: ignore[arg-type]
        content = bytearray(path.read_bytes())
        content[4096:8192] = bytes(4096)
        path.write_bytes(content)

    monkeypatch.setattr(sqlite, "copy_snapshot", copy_badly)
    with pytest.raises(BackupError):
        take(registered, tmp_path / "backups")
    assert safe_of(registered) == [-1]


def test_a_block_in_doubt_ends_what_is_safe(registered: Database, tmp_path: Path) -> None:
    """The device may hold the one intact copy of a block whose copy here is damaged: it must not let go of it."""
    device = made_log(COUNTS)
    device.blocks[3] = device.blocks[3][:-1] + bytes([device.blocks[3][-1] ^ 1])
    accept_blocks(registered, device.arrivals(0, 1, 2, 3), HOLD, NOW)
    take(registered, tmp_path / "backups")
    assert fetch(registered, "SELECT committed, safe FROM stream") == [(3, 2)]


@pytest.mark.usefixtures("device")
def test_no_more_than_asked_for_are_kept(registered: Database, tmp_path: Path) -> None:
    """The oldest go, those of other hubs and anything that is no backup stay; a draft that a power cut left goes."""
    folder = tmp_path / "backups"
    (folder / "backup-20150101T000000.000Z").mkdir(parents=True)
    (folder / "backup-20150102T000000.000Z.partial").mkdir()
    made = [take(registered, folder, at=NOW + number, keep=2).backup for number in range(4)]
    left = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert left == ["backup-20150101T000000.000Z", *(backup.path.rpartition("/")[2] for backup in made[2:])]


@pytest.mark.usefixtures("device")
def test_a_damaged_manifest_of_another_backup_is_in_nobodys_way(registered: Database, tmp_path: Path) -> None:
    """Whatever stands in it: that folder is neither counted nor removed, and the others are made and restored."""
    folder = tmp_path / "backups"
    source = folder / take(registered, folder).backup.path.rpartition("/")[2]
    text = (source / MANIFEST_NAME).read_text()
    for number, made_at in enumerate(("yesterday", "1960-01-01T00:00:00Z")):
        other = folder / f"backup-{number}"
        other.mkdir()
        (other / MANIFEST_NAME).write_text(text.replace(read_manifest(source).made_at, made_at))
        with pytest.raises(BackupError):
            restore(other, tmp_path / "never")
    restore(source, tmp_path / "new").close()
    assert take(registered, folder, at=NOW + 1, keep=1).removed == (source,)


@pytest.mark.usefixtures("device")
def test_a_backup_without_the_key_of_its_receipts_is_none(registered: Database, tmp_path: Path) -> None:
    """Devices would believe no hub that is restored without it: nothing is advanced, the sentence names the file."""
    (tmp_path / "hub" / KEY_NAME).unlink()
    with pytest.raises(BackupError, match=KEY_NAME):
        take(registered, tmp_path / "backups")
    assert safe_of(registered) == [-1]


@pytest.mark.usefixtures("device")
def test_a_backup_beside_the_data_is_refused(registered: Database, tmp_path: Path) -> None:
    """What would be lost with the hub's folder is no backup."""
    with pytest.raises(BackupError, match="own folder"):
        take(registered, tmp_path / "hub" / "backups")
    assert not (tmp_path / "hub" / "backups").exists()


@pytest.mark.usefixtures("device")
def test_two_backups_do_not_meet(registered: Database, tmp_path: Path) -> None:
    """A second one in the same folder says that the first is still at work."""

    def again(_step: Step, _number: int, _of: int) -> None:
        with pytest.raises(BackupError, match="another backup is being made"):
            take(registered, tmp_path / "backups")

    back_up(registered, tmp_path / "backups", keep=None, now=lambda: NOW, progress=again)
    assert safe_of(registered) == [5]


def restore(source: Path, data: Path, at: int = NOW + 1, *, older: bool = False) -> Database:
    """Restore a backup and open the new hub."""
    restore_backup(RestoreRequest(source, data, b"renewed!", at, older), ignore)
    return open_database(data, create=False)


def test_what_a_backup_holds_says_which_is_newer(registered: Database, device: MadeDevice, tmp_path: Path) -> None:
    """Devices let go of what the later one holds, whatever the hub's clock said when the two were made."""
    folder = tmp_path / "backups"
    early = folder / take(registered, folder, at=NOW + 1000).backup.path.rpartition("/")[2]
    accept_blocks(registered, device.arrivals(6), HOLD, NOW)
    late = folder / take(registered, folder, at=NOW).backup.path.rpartition("/")[2]
    with pytest.raises(InputError, match=late.name):
        restore(early, tmp_path / "new", NOW + 2000)
    restore(late, tmp_path / "new", NOW + 2000).close()


class Played:
    """The device's end of custody: the real sender over a log in memory, releasing only what it may."""

    def __init__(self, device: MadeDevice) -> None:
        self.device = device
        self.kept = dict(enumerate(device.blocks))
        self.sender = Sender.resume(
            device.id, EPOCH, head=len(device.blocks) - 1, committed=-1, safe=-1, policy=RetryPolicy()
        )
        self.outcomes: list[OutcomeKind] = []

    def meet(self, database: Database, terms: Terms, nonce: bytes, limit: int) -> None:
        """Hold a session with a hub: hello, and blocks up to `limit` as it asks for them."""
        self.sender = self.sender.connected(nonce, 0)
        state = self.device.state(nonce, head=self.sender.head)
        answer = answer_state(database, self.device.id, state, terms=terms, now=NOW, retained=False)
        assert answer.receipt is not None
        self._hear(answer.receipt)
        while due := [seq for seq in self.sender.due(0) if seq <= limit and seq not in self.sender.in_flight]:
            for seq in due:
                self.sender = self.sender.offered(seq, 0, 0.5)
            assert set(due) <= self.kept.keys(), "what the hub asks for was let go of"
            for receipt in accept_blocks(database, self.device.arrivals(*due), terms, NOW).receipts:
                self._hear(receipt)

    def _hear(self, receipt: Receipt) -> None:
        self.sender, outcome = self.sender.received(receipt, lambda seq: hash_block(self.device.blocks[seq]), 0)
        self.outcomes.append(outcome.kind)
        for seq in range(min(outcome.released_through, self.sender.head - 1) + 1):
            self.kept.pop(seq, None)


def test_a_hub_that_is_lost_comes_back_whole(registered: Database, tmp_path: Path) -> None:
    """Backup, more blocks, loss of the hub, restore: the device sends again what came after, and nothing is lost."""
    device = made_log(COUNTS)
    played = Played(device)
    played.meet(registered, HOLD, b"one.", 6)
    source = tmp_path / "backups" / take(registered, tmp_path / "backups").backup.path.rpartition("/")[2]
    played.meet(registered, HOLD, b"two.", 9)
    assert (played.sender.committed, sorted(played.kept)) == (9, [7, 8, 9, 10])
    restored = restore(source, tmp_path / "new")
    with restored.read() as connection:
        timeline = registry.find_timeline(connection)
    assert timeline == b"renewed!"
    assert fetch(restored, "SELECT committed, safe FROM stream") == [(6, 6)]
    played.meet(restored, replace(HOLD, timeline=timeline), b"thre", 10)
    assert OutcomeKind.REGRESSED in played.outcomes
    assert played.sender.committed == 10
    assert fetch(restored, "SELECT committed FROM stream") == [(10,)]
    assert fetch(restored, "SELECT count(*), count(DISTINCT raw) FROM reading") == [(len(COUNTS), len(COUNTS))]
    restored.close()


@pytest.mark.usefixtures("device")
def test_a_restored_hub_has_its_keys_and_knows_where_it_comes_from(registered: Database, tmp_path: Path) -> None:
    """Devices trust the same keys; the new life of the database names the old one and the backup."""
    keys = ensure_receipt_key(tmp_path / "hub"), ensure_command_key(tmp_path / "hub")
    done = take(registered, tmp_path / "backups")
    restored = restore(tmp_path / "backups" / done.backup.path.rpartition("/")[2], tmp_path / "new")
    assert fetch(restored, "SELECT timeline_before, timeline, made_at FROM restore") == [
        (b"timeline", b"renewed!", NOW)
    ]
    with restored.read() as connection:
        assert registry.timeline_began_at(connection) == NOW + 1
        assert backups.latest_backup(connection) is not None
    restored.close()
    new = tmp_path / "new"
    assert [ensure(new).key_id for ensure in (ensure_receipt_key, ensure_command_key)] == [one.key_id for one in keys]
    assert {entry.name for entry in new.iterdir()} == {DATABASE_NAME, KEY_NAME, COMMAND_KEY_NAME, "hub.lock"}


@pytest.mark.usefixtures("device")
def test_a_damaged_backup_is_not_restored(registered: Database, tmp_path: Path) -> None:
    """Any byte of any file that changed is found; no folder is made for it."""
    ensure_receipt_key(tmp_path / "hub")
    source = tmp_path / "backups" / take(registered, tmp_path / "backups").backup.path.rpartition("/")[2]
    for name in (DATABASE_NAME, KEY_NAME, MANIFEST_NAME):
        content = (source / name).read_bytes()
        place = content.index(b"hash") + 2 if name == MANIFEST_NAME else len(content) // 2
        for damaged in (content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :], content[:-9]):
            (source / name).write_bytes(damaged)
            with pytest.raises(BackupError):
                restore(source, tmp_path / "new")
            assert not (tmp_path / "new").exists()
        (source / name).write_bytes(content)
    restore(source, tmp_path / "new").close()


@pytest.mark.usefixtures("device")
def test_a_manifest_that_promises_more_is_not_believed(registered: Database, tmp_path: Path) -> None:
    """The database in it is counted again."""
    source = tmp_path / "backups" / take(registered, tmp_path / "backups").backup.path.rpartition("/")[2]
    text = (source / MANIFEST_NAME).read_text()
    (source / MANIFEST_NAME).write_text(text.replace('"blocks": 6', '"blocks": 7'))
    with pytest.raises(BackupError, match="does not hold what its manifest says"):
        restore(source, tmp_path / "new")


@pytest.mark.parametrize("name", ["../hub.db", "serve.lock"])
@pytest.mark.usefixtures("device")
def test_a_manifest_names_only_files_of_a_backup(registered: Database, tmp_path: Path, name: str) -> None:
    """A manifest from elsewhere cannot make a restore write where it should not."""
    source = tmp_path / "backups" / take(registered, tmp_path / "backups").backup.path.rpartition("/")[2]
    text = (source / MANIFEST_NAME).read_text()
    (source / MANIFEST_NAME).write_text(text.replace('"hub.db": {', f'"{name}": {{'))
    with pytest.raises(BackupError, match="does not name the files"):
        restore(source, tmp_path / "new")


@pytest.mark.usefixtures("device")
def test_what_would_lose_something_is_refused(registered: Database, tmp_path: Path) -> None:
    """A folder with something in it, a backup that a newer one follows, a clock before the backup's."""
    folder = tmp_path / "backups"
    first, second = (take(registered, folder, at=NOW + number).backup.path.rpartition("/")[2] for number in (0, 5))
    refusals: list[tuple[Path, Path, int]] = [
        (folder / second, tmp_path / "hub", NOW + 9),
        (folder / first, tmp_path / "new", NOW + 9),
        (folder / second, tmp_path / "new", NOW + 5),
        (folder / second, folder / second / MANIFEST_NAME, NOW + 9),
    ]
    for source, data, at in refusals:
        with pytest.raises(InputError):
            restore(source, data, at)
    assert not (tmp_path / "new").exists()
    restore(folder / first, tmp_path / "new", NOW + 9, older=True).close()


def test_a_folder_that_is_no_backup_is_named(tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(HubError, match="is no backup"):
        restore(tmp_path, tmp_path / "new")
