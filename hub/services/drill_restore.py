"""Drill a restore: restore a backup of this hub as if it were lost, throw the copy away, and keep that it could be."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.backup_manifest import read_manifest
from hub.services.restore_backup import RestoreRequest, restore_backup
from hub.store import backups, registry
from hub.store.audit_log import append_audit
from hub.store.backups import Drill

if TYPE_CHECKING:
    from pathlib import Path

    from hub.services.check_backup import Progress
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """A backup's folder, and one with room for what is restored from it, which goes again.

    `timeline` (8 bytes, from chance) would name the new life; the drill is of `at` (UTC ms), by `actor`.
    """

    source: Path
    room: Path
    timeline: bytes
    at: int
    actor: str = ""


def drill_restore(database: Database, request: DrillRequest, progress: Progress) -> Drill:
    """Restore a backup of this hub into a folder of its own in `room`, remove that, and keep that it went well.

    Nothing is served from it, and no device ever hears of its timeline. Raises BackupError where the backup cannot be
    restored, InputError for one of another hub or where there is no such room, SettingsError for one of a newer hub;
    nothing is kept then.
    """
    manifest = read_manifest(request.source)
    with database.read() as connection:
        timeline = registry.find_timeline(connection)
    if timeline is None or manifest.timeline != timeline.hex():
        message = f"{request.source} is a backup of another hub, or of an earlier life of this one: drill with its own"
        raise InputError(message)
    if not request.room.is_dir():
        message = f"{request.room} is no folder: name one with room for the whole hub with --in"
        raise InputError(message)
    copy = request.room / f"drill-{request.timeline.hex()}"
    try:
        restored = restore_backup(
            RestoreRequest(request.source, copy, request.timeline, request.at, older=True, actor=request.actor),
            progress,
        )
    finally:
        # It holds the hub's private keys.
        shutil.rmtree(copy, ignore_errors=True)
    drill = Drill(request.at, str(request.source.absolute()), restored.made_at, restored.blocks, restored.readings)
    with database.write() as connection:
        backups.add_drill(connection, drill)
        append_audit(
            connection,
            actor=request.actor,
            action="drill restore",
            subject=request.source.name,
            at=request.at,
            after={"made_at": drill.made_at, "blocks": drill.blocks},
        )
    return drill
