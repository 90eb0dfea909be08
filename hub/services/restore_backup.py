"""Begin a new hub from a backup: everything in it checked again, a timeline of its own, all that it holds safe."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import BackupError, InputError
from hub.files import copy_synced, make_folder, sync_folder
from hub.rules.instants import format_instant
from hub.services.advance_safe import advance_safe
from hub.services.back_up import list_backups
from hub.services.backup_manifest import check_files, draw_up, read_manifest
from hub.services.check_backup import Step, check_contents
from hub.store import backups, changes, registry
from hub.store.audit_log import append_audit
from hub.store.backups import Backup, Restore
from hub.store.database import DATABASE_NAME, open_database

if TYPE_CHECKING:
    from pathlib import Path

    from hub.services.backup_manifest import FileEntry, Manifest
    from hub.services.check_backup import Contents, Progress

_STAGING = ".restoring"
_ALWAYS_THERE = frozenset({"lost+found"})
"""What an empty file system of its own may hold."""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """A backup's folder and the new hub's. `older` restores it although a newer one of the same hub lies beside it.

    `timeline` (8 bytes, from chance) names the new life of the database, which begins at `at` (UTC ms) by the act of
    `actor`.
    """

    source: Path
    data: Path
    timeline: bytes
    at: int
    older: bool = False
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the new hub holds. The backup was made at `made_at` (UTC ms): what came later is for devices to resend."""

    made_at: int
    streams: int
    blocks: int
    readings: int


def restore_backup(request: RestoreRequest, progress: Progress) -> Restored:
    """Restore a verified backup into a new, empty folder.

    The timeline is a new one, so that devices believe lower watermarks, and send again what this hub lacks; all that
    the backup holds is safe, for it is held twice now. The new folder holds a database only once it is complete.

    Raises BackupError if the backup is damaged, InputError if it or the folder is not the right one, SettingsError if
    a newer hub made it.
    """
    manifest = read_manifest(request.source)
    _check_request(request, manifest)
    check_files(request.source, manifest)
    with backups.open_copy(request.source / DATABASE_NAME) as connection:
        contents = check_contents(connection, progress)
    found = draw_up(contents, {}, manifest.made_at_ms).model_copy(
        update={"files": manifest.files, "schema_revision": manifest.schema_revision}
    )
    if found != manifest:
        message = f"the backup {request.source} does not hold what its manifest says: restore from another backup"
        raise BackupError(message)
    try:
        _fill(request, manifest, contents, progress)
    except OSError as error:
        message = f"the backup cannot be restored to {request.data}: {error.strerror}; check its owner and free space"
        raise BackupError(message) from error
    return Restored(manifest.made_at_ms, len(contents.streams), contents.counts.blocks, contents.counts.readings)


def _check_request(request: RestoreRequest, manifest: Manifest) -> None:
    if request.data.exists() and not request.data.is_dir():
        message = f"{request.data} is a file: name a new folder with --data"
        raise InputError(message)
    if request.data.exists() and any(path.name not in _ALWAYS_THERE for path in request.data.iterdir()):
        message = f"{request.data} is not empty, and what is in it is never overwritten: name a new folder with --data"
        raise InputError(message)
    if request.at <= manifest.made_at_ms:
        message = f"the clock of this machine stands before {manifest.made_at}, when the backup was made: set it first"
        raise InputError(message)
    beside = list_backups(request.source.absolute().parent, manifest.timeline)
    newer = [path.name for _, path in beside if _is_newer(read_manifest(path), manifest)]
    if newer and not request.older:
        message = (
            f"the newer backup {newer[-1]} of this hub lies beside {request.source}, and devices may have let go of "
            "what only that one holds: restore it, or say --older if it is damaged"
        )
        raise InputError(message)


def _is_newer(other: Manifest, manifest: Manifest) -> bool:
    """Return whether the other backup of a hub is the later one: by what it holds, since a clock may be set back."""
    held, others = ({(one.device, one.epoch): one.committed for one in each.streams} for each in (manifest, other))
    if held == others:
        return other.made_at_ms > manifest.made_at_ms
    return any(committed > held.get(place, -2) for place, committed in others.items())


def _fill(request: RestoreRequest, manifest: Manifest, contents: Contents, progress: Progress) -> None:
    """Copy the backup into the new folder, begin its new life there, and only then give the database its name."""
    data, staging = request.data, request.data / _STAGING
    is_new = not data.exists()
    try:
        make_folder(data)
        staging.mkdir(mode=0o700)
        for number, (name, entry) in enumerate(manifest.files.items(), 1):
            _copy(request.source / name, staging / name, entry)
            progress(Step.COPY, number, len(manifest.files))
        _begin_anew(request, manifest, contents)
        _name_all(data, list(manifest.files))
    except BaseException:
        _empty(data, list(manifest.files), is_new=is_new)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _copy(source: Path, target: Path, entry: FileEntry) -> None:
    if copy_synced(source, target).sha256.hex() != entry.sha256:
        message = f"{source} changed while it was copied: restore it from a sound disk"
        raise BackupError(message)


def _name_all(data: Path, names: list[str]) -> None:
    """Give every file its name in the new folder, the database last: without its keys it would get other ones."""
    assert not (data / _STAGING / f"{DATABASE_NAME}-wal").exists(), "a database that is closed is one file"
    for name in sorted(names, key=lambda name: name == DATABASE_NAME):
        (data / _STAGING / name).rename(data / name)
        sync_folder(data)


def _empty(data: Path, names: list[str], *, is_new: bool) -> None:
    """Leave the new folder as it was found."""
    for name in names:
        (data / name).unlink(missing_ok=True)
    shutil.rmtree(data / _STAGING, ignore_errors=True)
    if is_new:
        shutil.rmtree(data, ignore_errors=True)


def _begin_anew(request: RestoreRequest, manifest: Manifest, contents: Contents) -> None:
    database = open_database(request.data / _STAGING, create=False)
    try:
        with database.write() as connection:
            registry.renew_timeline(connection, request.timeline, request.at)
            path = str(request.source.absolute())
            backup = Backup(
                made_at=manifest.made_at_ms,
                verified_at=request.at,
                path=path,
                timeline=contents.timeline,
                blocks=contents.counts.blocks,
                readings=contents.counts.readings,
            )
            restore = Restore(request.at, path, manifest.made_at_ms, contents.timeline, request.timeline)
            backups.add_backup(connection, backup)
            backups.add_restore(connection, restore)
            append_audit(
                connection,
                actor=request.actor,
                action="restore backup",
                subject=request.timeline.hex(),
                at=request.at,
                before={"timeline": contents.timeline.hex(), "made_at": manifest.made_at_ms},
                after={"timeline": request.timeline.hex(), "blocks": contents.counts.blocks},
            )
            changes.announce(connection, [changes.FLEET], request.at)
        advance_safe(database, contents.streams)
    finally:
        database.close()


def describe_next(restored: Restored) -> str:
    """Return what to do after a restore, in one sentence."""
    return (
        "start `meter-hub serve` on the new folder in place of the old one; every device sends again what came after "
        f"{format_instant(restored.made_at)}, as it comes online"
    )
