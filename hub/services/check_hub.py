"""Judge a hub by what was found of it: what an operator should mend, in order of what the hub rests on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.thresholds import DEFAULTS
from hub.fleet.hearing import Link
from hub.rules.local_times import format_local
from hub.services.checks import FREE_BYTES_MIN, Check, Standing, megabytes, span
from hub.store.database import SCHEMA_REVISION
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.exchange.certificates import Expiry
    from hub.rules.periods import ProductionMonth
    from hub.rules.windows import ReportingWindow
    from hub.services.read_devices import DeviceView
    from hub.store.backups import Backup

FREE_BYTES_WISHED = 1 << 30
BACKUP_OLD_MS = 26 * 3_600_000
"""A day, and two hours in which the daily one may be late."""
BACKUP_BAD_MS = 7 * 86_400_000
CLOCK_BEHIND_MS = 5_000
MAIL_OLD_MS = 2 * 3_600_000
WINDOW_LATE_MS = 86_400_000
NAMED_MAX = 3
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around the database. `foreign` are files in the folder that belong to another user than the folder.

    `key_trouble` and the texts of `secrets` (path and text) are sentences, empty where all is well; `broker_obstacle`
    is why it cannot be reached, None where nobody asked. `certificates` and `crl` are until when they are good whose
    files were named.
    """

    folder: str
    folder_mode: int
    is_writable: bool
    foreign: tuple[str, ...]
    free_bytes: int
    database_bytes: int
    key_trouble: str
    broker: str
    broker_obstacle: str | None
    secrets: tuple[tuple[str, str], ...]
    certificates: tuple[Expiry, ...] = ()
    crl: Expiry | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What the database says at one instant; instants are UTC ms.

    `newest_at` is the latest instant that the hub itself kept. `backup_trouble` is why the newest backup cannot be
    read, empty if it can; `is_backup_here` whether its folder is there; `is_backup_read` whether it was read whole just
    now. `missing` is how many systems lack the month of the open window; `unclosed` are months whose window is over.
    """

    newest_at: int
    has_blocks: bool
    backup: Backup | None
    backup_trouble: str
    is_backup_here: bool
    is_backup_read: bool
    mails_waiting: int
    mail_since: int | None
    mail_answer: str
    audit_broken: str | None
    window: ReportingWindow
    missing: int | None
    unclosed: Sequence[ProductionMonth]
    devices: Sequence[DeviceView]


def check_surroundings(found: Surroundings, now: int) -> tuple[Check, ...]:
    """Return the checks of what lies around the database, at `now` (UTC ms)."""
    return (
        _folder(found),
        _disk(found),
        Check("receipt key", Standing.BAD, _sentence(found.key_trouble))
        if found.key_trouble
        else _ok("receipt key", "The key that signs receipts is there, and its owner's alone."),
        *_broker(found),
        *(
            Check("credentials", Standing.BAD, _sentence(trouble))
            if trouble
            else _ok("credentials", f"{path} is its owner's alone.")
            for path, trouble in found.secrets
        ),
        *(
            _end(f"certificate for {one.use}", one, now, "certificate_expiry_warning_days")
            for one in found.certificates
        ),
        *(() if found.crl is None else (_end("broker's revocation list", found.crl, now, "crl_expiry_days"),)),
    )


def check_integrity(complaint: str | None, seconds: float) -> Check:
    """Return the check of the database file: `complaint` is SQLite's first, empty for none, None if it did not end."""
    if complaint is None:
        text = f"SQLite found no fault in {seconds:.0f} s, but did not end: `meter-hub backup` reads all of it."
        return Check("integrity", Standing.WARN, text)
    if complaint:
        text = f"The database is damaged ({complaint}): stop the hub, see to its disk, and restore the last backup."
        return Check("integrity", Standing.BAD, text)
    return _ok("integrity", "SQLite finds no fault in the database.")


def check_schema(found: str | None) -> Check:
    """Return the check of the revision that the database's schema has."""
    if found == SCHEMA_REVISION:
        return _ok("schema", f"The schema is the newest that this hub knows, {found}.")
    if found is None or found < SCHEMA_REVISION:
        text = f"The schema is {found or 'not there'}, this hub's is {SCHEMA_REVISION}: start this hub, it migrates."
        return Check("schema", Standing.WARN, text)
    text = (
        f"The schema is {found} and this hub knows only {SCHEMA_REVISION}: install the hub that wrote it, or a newer."
    )
    return Check("schema", Standing.BAD, text)


def check_contents(found: Contents, now: int) -> tuple[Check, ...]:
    """Return the checks of what the database says, at `now` (UTC ms)."""
    return (
        _clock(found, now),
        _backup(found, now),
        _mail(found, now),
        Check(
            "audit log",
            Standing.BAD,
            f"The audit log is broken, {found.audit_broken}: compare it with the one in an earlier backup.",
        )
        if found.audit_broken
        else _ok("audit log", "The chain of the audit log is whole."),
        _window(found, now),
        _months(found.unclosed),
        _devices(found.devices, now),
    )


def _ok(name: str, text: str) -> Check:
    return Check(name, Standing.OK, text)


def _folder(found: Surroundings) -> Check:
    folder = found.folder
    if not found.is_writable:
        text = f"{folder} cannot be written by this user: run the hub and its commands as the folder's owner."
        return Check("folder", Standing.BAD, text)
    if found.foreign:
        names = _some(found.foreign)
        text = f"In {folder}, {names} belong to another user than the folder: give them back with chown."
        return Check("folder", Standing.BAD, text)
    if found.folder_mode & _OTHERS:
        return Check("folder", Standing.BAD, f"{folder} can be entered by others: run `chmod 700 {folder}`.")
    return _ok("folder", f"{folder} is its owner's alone.")


def _disk(found: Surroundings) -> Check:
    free, wished = found.free_bytes, max(FREE_BYTES_WISHED, found.database_bytes)
    if free < FREE_BYTES_MIN:
        text = f"The disk has {megabytes(free)} left, and nothing is taken once it is full: free some of it now."
        return Check("disk", Standing.BAD, text)
    if free < wished:
        text = (
            f"The disk has {megabytes(free)} left; have {megabytes(wished)}, as much as a copy of the database needs."
        )
        return Check("disk", Standing.WARN, text)
    return _ok("disk", f"The disk has {megabytes(free)} left; the database has {megabytes(found.database_bytes)}.")


def _broker(found: Surroundings) -> tuple[Check, ...]:
    if found.broker_obstacle is None:
        return ()
    if found.broker_obstacle:
        text = (
            f"The broker {found.broker} cannot be reached ({found.broker_obstacle}): start it, or see to the network."
        )
        return (Check("broker", Standing.BAD, text),)
    return (_ok("broker", f"The broker {found.broker} can be reached."),)


def _end(name: str, found: Expiry, now: int, threshold: str) -> Check:
    if found.until is None:
        text = f"The {name} cannot be read: see that its file is there and that the hub's user may read it."
        return Check("certificate", Standing.BAD, text)
    left_ms = found.until - now
    if left_ms <= 0:
        text = f"The {name} ended {format_local(found.until)}: renew it, and have its server read it again."
        return Check("certificate", Standing.BAD, text)
    text = f"The {name} is good until {format_local(found.until)}"
    if left_ms < DEFAULTS.ms(threshold):
        return Check("certificate", Standing.WARN, f"{text}: see why nobody renewed it.")
    return _ok("certificate", f"{text}.")


def _clock(found: Contents, now: int) -> Check:
    behind_ms = found.newest_at - now
    if behind_ms > CLOCK_BEHIND_MS:
        text = f"The clock is {span(behind_ms)} behind what the hub has kept already: set it, and let it be kept right."
        return Check("clock", Standing.BAD, text)
    return _ok("clock", "The clock is not behind anything that the hub has kept.")


def _backup(found: Contents, now: int) -> Check:
    made = found.backup
    if made is None:
        text = (
            "No backup was ever made, and until one is, devices let go of nothing: run `meter-hub backup --to FOLDER`."
        )
        return Check("backup", Standing.BAD if found.has_blocks else Standing.WARN, text)
    age_ms = now - made.made_at
    old = f"The last backup is of {span(age_ms)} ago: run `meter-hub backup` daily."
    if found.backup_trouble:
        return Check("backup", Standing.BAD, _sentence(found.backup_trouble))
    if age_ms > BACKUP_BAD_MS:
        return Check("backup", Standing.BAD, old)
    if age_ms > BACKUP_OLD_MS:
        return Check("backup", Standing.WARN, old)
    if not found.is_backup_here:
        text = f"The last backup, {made.path}, is not there now: mount its disk, or check it where it is."
        return Check("backup", Standing.WARN, text)
    read = (
        "read again just now and found whole" if found.is_backup_read else f"{made.path} was read back when it was made"
    )
    return _ok("backup", f"The last backup is of {span(age_ms)} ago; {read}.")


def _mail(found: Contents, now: int) -> Check:
    if found.mail_since is None:
        return _ok("mail", "No mail waits to be sent.")
    waited_ms = now - found.mail_since
    if waited_ms <= MAIL_OLD_MS:
        return _ok("mail", f"Mail waits to be sent: {found.mails_waiting}, for {span(waited_ms)} at most.")
    said = f"the server answered: {found.mail_answer}" if found.mail_answer else "none was tried: is --smtp given?"
    text = f"Mail waits to be sent for {span(waited_ms)}: {found.mails_waiting}; of the oldest {said}"
    return Check("mail", Standing.WARN, _sentence(text))


def _window(found: Contents, now: int) -> Check:
    window, missing = found.window, found.missing
    if missing is None:
        return _ok("window", f"No window is open; that of {window.month} opens {format_local(window.opens_at)}.")
    text = f"The window of {window.month} closes {format_local(window.closes_at)}"
    if missing and window.closes_at - now < WINDOW_LATE_MS:
        return Check(
            "window", Standing.WARN, f"{text}; systems that lack a reading: {missing}; remind their reporters."
        )
    return _ok("window", f"{text}; systems that lack a reading: {missing}.")


def _months(unclosed: Sequence[ProductionMonth]) -> Check:
    if not unclosed:
        return _ok("months", "Every month whose window is over is closed.")
    names = _some([str(month) for month in unclosed])
    text = (
        f"Not closed although their windows are over: {names}; run `meter-hub months run {unclosed[0]} --kind close`."
    )
    return Check("months", Standing.WARN, text)


def _devices(devices: Sequence[DeviceView], now: int) -> Check:
    if not devices:
        return _ok("devices", "No device is registered yet.")
    absent = [one for one in devices if one.link in {Link.SILENT, Link.OFFLINE}]
    if not absent:
        return _ok("devices", f"No device that was ever heard is silent, of {len(devices)}.")
    longest = sorted(absent, key=lambda one: one.heard_at or 0)
    names = _some([f"{_name(one)} for {span(now - (one.heard_at or now))}" for one in longest])
    text = f"Silent or offline are {len(absent)} of {len(devices)} devices: {names}; look at their power and network."
    return Check("devices", Standing.BAD if len(absent) == len(devices) else Standing.WARN, text)


def _name(one: DeviceView) -> str:
    return one.device.name or format_device_id(one.device.id)


def _some(names: Sequence[str]) -> str:
    """Return the first of these names, and how many there are beside."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _sentence(text: str) -> str:
    """Return a sentence that begins and ends as one."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
