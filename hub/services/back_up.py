"""Make a backup of the hub beside whatever it is doing, prove it by reading it back, and only then advance `safe`."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import BackupError
from hub.files import copy_synced, digest, make_folder, sync_file, sync_folder
from hub.keys import KEY_NAME, KEY_NAMES, check_keys
from hub.rules.instants import format_instant
from hub.services.advance_safe import advance_safe
from hub.services.backup_manifest import draw_up, read_manifest, write_manifest
from hub.services.check_backup import Step, check_contents
from hub.store import backups, changes, sqlite
from hub.store.backups import Backup
from hub.store.database import DATABASE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.clock import Now
    from hub.files import Digest
    from hub.services.check_backup import Contents, Progress
    from hub.store.database import Database

_PREFIX = "backup-"
_DRAFT_SUFFIX = ".partial"
_LOCK_NAME = "backup.lock"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A verified backup: where it is, how many streams may let go of more since, which old backups went for it.

    `same_disk` says that it lies on the file system of the hub's own data, with which it would be lost.
    """

    backup: Backup
    streams: int
    streams_advanced: int
    removed: tuple[Path, ...]
    same_disk: bool


def back_up(database: Database, target: Path, *, keep: int | None, now: Now, progress: Progress) -> BackedUp:
    """Back the hub up into a new folder in `target`, and keep no more than the newest `keep` of this timeline there.

    The folder appears whole, under the name `backup-<UTC>`, after everything in it was synced and read back. It holds
    the hub's private keys and is its owner's alone. `safe` advances by what the backup was found to hold.

    Raises BackupError, SettingsError or StoreUnavailableError. Nothing is advanced then, and no new folder is left,
    unless the backup was verified and only what follows that failed: then the folder is whole, and the next one mends
    the rest.
    """
    assert keep is None or keep > 0, "the backup just made is kept"
    data = database.path.parent
    if target.resolve().is_relative_to(data.resolve()):
        message = f"{target} lies in the hub's own folder {data}, and would be lost with it: choose another with --to"
        raise BackupError(message)
    with _alone_in(target):
        made_at = now()
        final = target / f"{_PREFIX}{_stamp(made_at)}"
        try:
            contents = _make(database, final, made_at, progress)
            same_disk = final.stat().st_dev == data.stat().st_dev
        except OSError as error:
            message = f"the backup cannot be written to {target}: {error.strerror}; check its owner and free space"
            raise BackupError(message) from error
        backup = Backup(
            made_at=made_at,
            verified_at=now(),
            path=str(final.absolute()),
            timeline=contents.timeline,
            blocks=contents.counts.blocks,
            readings=contents.counts.readings,
        )
        advanced = advance_safe(database, contents.streams)
        with database.write() as connection:
            backups.add_backup(connection, backup)
            changes.announce(connection, [changes.FLEET], backup.verified_at)
        removed = _remove_old(target, final, contents.timeline.hex(), keep)
    return BackedUp(backup, len(contents.streams), advanced, removed, same_disk)


def _make(database: Database, final: Path, made_at: int, progress: Progress) -> Contents:
    """Fill a draft of the backup, check it, and give it its name."""
    draft = final.with_name(final.name + _DRAFT_SUFFIX)
    draft.mkdir(mode=0o700)
    try:
        copy = draft / DATABASE_NAME
        copy.touch(mode=0o600)
        with database.read() as connection:
            sqlite.copy_snapshot(connection, copy, lambda copied, total: progress(Step.COPY, copied, total))
        sync_file(copy)
        with backups.open_copy(copy) as connection:
            contents = check_contents(connection, progress)
        if contents.streams:
            _demand_receipt_key(database.path.parent)
        files = {DATABASE_NAME: digest(copy), **_copy_keys(database.path.parent, draft)}
        write_manifest(draft, draw_up(contents, files, made_at))
        sync_folder(draft)
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(final.parent)
    return contents


def _demand_receipt_key(data: Path) -> None:
    if not (data / KEY_NAME).exists():
        message = (
            f"the receipt key {data / KEY_NAME} is missing, and devices would not believe a hub that is restored "
            "without it: put it back, for example from an earlier backup"
        )
        raise BackupError(message)


def _copy_keys(data: Path, draft: Path) -> dict[str, Digest]:
    copied: dict[str, Digest] = {}
    for name in KEY_NAMES:
        if (data / name).exists():
            copied[name] = copy_synced(data / name, draft / name)
            sync_file(draft / name)
            if digest(draft / name) != copied[name]:
                message = f"the copy {draft / name} is not what was written: make the backup on a sound disk"
                raise BackupError(message)
    check_keys(draft)
    return copied


@contextmanager
def _alone_in(target: Path) -> Iterator[None]:
    """Hold the folder of backups against other backups, and clear it of drafts that a power cut left."""
    try:
        make_folder(target)
        held = sqlite.hold_alone(target / _LOCK_NAME)
    except OSError as error:
        message = f"the folder {target} cannot be used: {error.strerror}; choose another with --to"
        raise BackupError(message) from error
    if held is None:
        message = f"another backup is being made in {target}: wait for it, or choose another folder with --to"
        raise BackupError(message)
    try:
        for draft in target.glob(f"{_PREFIX}*{_DRAFT_SUFFIX}"):
            shutil.rmtree(draft, ignore_errors=True)
        yield
    finally:
        os.close(held)


def list_backups(target: Path, timeline: str) -> list[tuple[int, Path]]:
    """Return the backups in `target` of this timeline (hexadecimal) with when they were made, the oldest first."""
    found: list[tuple[int, Path]] = []
    for path in target.glob(f"{_PREFIX}*"):
        if path.name.endswith(_DRAFT_SUFFIX):
            # A power cut left it, and nothing was called safe for it.
            continue
        try:
            manifest = read_manifest(path)
        except BackupError:
            # Not one of ours, or damaged: neither counted nor ever removed.
            continue
        if manifest.timeline == timeline:
            found.append((manifest.made_at_ms, path))
    return sorted(found)


def _remove_old(target: Path, newest: Path, timeline: str, keep: int | None) -> tuple[Path, ...]:
    if keep is None:
        return ()
    old = [path for _, path in list_backups(target, timeline) if path != newest]
    surplus = tuple(old[: max(0, len(old) - (keep - 1))])
    for path in surplus:
        # Under a draft's name first: a backup of which a part is gone must never look like one.
        draft = path.with_name(path.name + _DRAFT_SUFFIX)
        try:
            path.rename(draft)
            shutil.rmtree(draft)
        except OSError as error:
            message = f"the backup {newest} is made and verified, but {path} cannot be removed: {error.strerror}"
            raise BackupError(message) from error
    return surplus


def _stamp(at: int) -> str:
    """Return an instant (UTC ms) as a name that sorts by time: 20160701T040000.000Z."""
    seconds, milliseconds = divmod(at, 1000)
    return f"{format_instant(seconds * 1000).translate({45: None, 58: None})[:-1]}.{milliseconds:03d}Z"
