"""Examine a hub from outside, beside a running one or without: everything is read, nothing is made or migrated."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import BackupError, SettingsError, StoreUnavailableError
from hub.exchange.certificates import read_expiries, read_next_update
from hub.exchange.credentials import load_credentials, load_token
from hub.exchange.reaching import find_obstacle
from hub.keys import KEY_NAME, load_receipt_key
from hub.rules.audit_chain import find_broken
from hub.rules.closing import RunKind
from hub.rules.periods import month_of
from hub.rules.windows import window_of
from hub.services import check_hub
from hub.services.backup_manifest import check_files, read_manifest
from hub.services.check_hub import Contents, Surroundings
from hub.services.checks import Check, Standing
from hub.services.notice_sources import SOURCES
from hub.services.read_devices import read_devices
from hub.services.read_reporting import current_window
from hub.store import audit_log, backups, months, notices_outbox, registry, sqlite
from hub.store.database import SCHEMA_REVISION, look_into, schema_revision
from hub.store.notices_outbox import NoticeState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from hub.config import Address, CertificateFile
    from hub.rules.periods import ProductionMonth
    from hub.store.backups import Backup
    from hub.store.database import Database

INTEGRITY_SECONDS = 30.0
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Examination:
    """What to look at. `credentials` are files of two lines, `tokens` of one; `read_back`: all of the last backup.

    `certificates` and `crl` are files whose end is looked at.
    """

    folder: Path
    now: int
    broker: Address | None = None
    credentials: tuple[Path, ...] = ()
    tokens: tuple[Path, ...] = ()
    certificates: tuple[CertificateFile, ...] = ()
    crl: Path | None = None
    read_back: bool = False


def examine_hub(wanted: Examination) -> tuple[Check, ...]:
    """Return every check of a hub; what cannot be looked at because of another check is left out.

    Raises SettingsError if the folder holds no hub database.
    """
    with look_into(wanted.folder) as database:
        around = check_hub.check_surroundings(_look_around(wanted, database), wanted.now)
        try:
            return (*around, *_look_inside(wanted, database))
        except StoreUnavailableError as error:
            text = str(error)
            return (*around, Check("database", Standing.BAD, f"{text[:1].upper()}{text[1:]}."))


def _look_around(wanted: Examination, database: Database) -> Surroundings:
    folder = wanted.folder
    try:
        status = folder.stat()
        foreign = tuple(sorted(one.name for one in folder.iterdir() if one.lstat().st_uid != status.st_uid))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        message = f"the folder {folder} cannot be read: {error.strerror}; run this as the user who runs the hub"
        raise SettingsError(message) from error
    secrets: list[tuple[Path, Callable[[], object]]] = [
        *((path, partial(load_credentials, path)) for path in wanted.credentials),
        *((path, partial(load_token, path)) for path in wanted.tokens),
    ]
    return Surroundings(
        folder=str(folder),
        folder_mode=status.st_mode & 0o777,
        is_writable=os.access(folder, os.W_OK | os.X_OK),
        foreign=foreign,
        free_bytes=free,
        database_bytes=database.size_bytes(),
        key_trouble=_trouble(partial(_check_key, folder)),
        broker="" if wanted.broker is None else str(wanted.broker),
        broker_obstacle=None if wanted.broker is None else find_obstacle(wanted.broker),
        secrets=tuple((str(path), _trouble(load)) for path, load in secrets),
        certificates=read_expiries(wanted.certificates),
        crl=None if wanted.crl is None else read_next_update(wanted.crl),
    )


def _check_key(folder: Path) -> None:
    load_receipt_key(folder)
    path = folder / KEY_NAME
    if path.stat().st_mode & _OTHERS:
        message = f"{path} can be read by others, who could sign receipts with it: run `chmod 600 {path}`"
        raise SettingsError(message)


def _trouble(look: Callable[[], object]) -> str:
    """Return what a look raised in a sentence, empty if all is well."""
    try:
        look()
    except (SettingsError, BackupError) as error:
        return str(error)
    return ""


def _look_inside(wanted: Examination, database: Database) -> tuple[Check, ...]:
    with database.read() as connection:
        integrity = check_hub.check_integrity(sqlite.quick_complaint(connection, INTEGRITY_SECONDS), INTEGRITY_SECONDS)
        if integrity.standing is Standing.BAD:
            return (integrity,)
        revision = schema_revision(connection)
        checks = (integrity, check_hub.check_schema(revision))
        if revision != SCHEMA_REVISION:
            # What the tables of another schema mean, only the hub of that schema knows.
            return checks
        contents = _read_contents(connection, wanted)
    return (*checks, *check_hub.check_contents(contents, wanted.now))


def _read_contents(connection: Connection, wanted: Examination) -> Contents:
    now = wanted.now
    devices = read_devices(connection, now)
    backup = backups.latest_backup(connection)
    mails = notices_outbox.count_states(connection, now)
    waiting = [one for one in notices_outbox.waiting_notices(connection, now) if one.useful_until > now]
    oldest = notices_outbox.find_notice(connection, waiting[0].id) if waiting else None
    window, is_open = current_window(now)
    blocks_at = [one.block_at for one in devices if one.block_at is not None]
    entries = audit_log.list_audit(connection, limit=1)
    kept_at = [*blocks_at, *(entry.at for entry in entries), 0 if backup is None else backup.verified_at]
    return Contents(
        newest_at=max(kept_at),
        has_blocks=bool(blocks_at),
        backup=backup,
        backup_trouble=_trouble(partial(_read_backup, backup, read_back=wanted.read_back)),
        is_backup_here=backup is not None and Path(backup.path).is_dir(),
        is_backup_read=wanted.read_back,
        mails_waiting=mails.numbers.get(NoticeState.WAITING, 0),
        mail_since=mails.waiting_since,
        mail_answer=oldest.attempts[-1].answer if oldest is not None and oldest.attempts else "",
        audit_broken=find_broken(audit_log.iterate_audit(connection)),
        window=window,
        missing=len(SOURCES.load(connection, [window.month])) if is_open else None,
        unclosed=_unclosed(connection, now),
        devices=devices,
    )


def _read_backup(backup: Backup | None, *, read_back: bool) -> None:
    """Read the manifest of a backup, and all of it if asked to; raises BackupError for the first that is not as it was.

    A backup whose folder is not there is left alone: its disk may be in a safe.
    """
    if backup is None or not Path(backup.path).is_dir():
        return
    manifest = read_manifest(Path(backup.path))
    if read_back:
        check_files(Path(backup.path), manifest)


def _unclosed(connection: Connection, now: int) -> tuple[ProductionMonth, ...]:
    """Return the months, since the first system was registered, whose windows are over and that nobody has closed."""
    systems = registry.list_systems(connection)
    if not systems:
        return ()
    closed = {run.month for run, _ in months.list_runs(connection) if run.kind == RunKind.CLOSE}
    found = []
    month = month_of(min(system.registered_at for system in systems))
    while window_of(month).closes_at <= now:
        if month not in closed:
            found.append(month)
        month = month.next()
    return tuple(found)
