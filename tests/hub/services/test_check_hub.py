"""What the doctor makes of what it finds: each trouble by itself, in the order of its weight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.exchange.certificates import Expiry
from hub.fleet.hearing import Link
from hub.rules.periods import parse_month
from hub.rules.windows import window_of
from hub.services.check_hub import (
    BACKUP_BAD_MS,
    BACKUP_OLD_MS,
    CLOCK_BEHIND_MS,
    FREE_BYTES_WISHED,
    MAIL_OLD_MS,
    Contents,
    Surroundings,
    check_contents,
    check_integrity,
    check_schema,
    check_surroundings,
)
from hub.services.checks import FREE_BYTES_MIN, Check, Standing, megabytes, span
from hub.services.read_devices import DeviceView
from hub.store.backups import Backup
from hub.store.database import SCHEMA_REVISION
from hub.store.registry import Device
from protocol.identity import DeviceId

WINDOW = window_of(parse_month("2024-01"))
NOW = WINDOW.closes_at - 3 * 86_400_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BACKUP = Backup(NOW - HOUR_MS, NOW - HOUR_MS + 1000, "/mnt/other/backup-1", b"timeline", 5, 50)
AROUND = Surroundings(
    folder="/var/lib/meter-hub",
    folder_mode=0o700,
    is_writable=True,
    foreign=(),
    free_bytes=20 * 10**9,
    database_bytes=10**9,
    key_trouble="",
    broker="127.0.0.1:1883",
    broker_obstacle="",
    secrets=(("/etc/meter-hub/smtp", ""),),
    certificates=(Expiry("pages", NOW + 30 * DAY_MS),),
    crl=Expiry("revocation list", NOW + 7 * DAY_MS),
)
BARE = replace(AROUND, broker_obstacle=None, secrets=(), certificates=(), crl=None)


def device(seed: int, link: Link, heard_at: int | None = NOW - 48 * HOUR_MS) -> DeviceView:
    """Return a device that was last heard two days ago."""
    return DeviceView(
        Device(DeviceId(bytes([seed] * 16)), f"Barn {seed}", 0), link, None, heard_at, heard_at, None, 0, 1, 1, "1", ""
    )


INSIDE = Contents(
    newest_at=NOW,
    has_blocks=True,
    backup=BACKUP,
    backup_trouble="",
    is_backup_here=True,
    is_backup_read=False,
    mails_waiting=0,
    mail_since=None,
    mail_answer="",
    audit_broken=None,
    window=WINDOW,
    missing=3,
    unclosed=(),
    devices=(device(1, Link.ONLINE), device(2, Link.NEVER_SEEN, None)),
)


def not_ok(checks: tuple[Check, ...]) -> dict[str, tuple[str, str]]:
    """Return what is not well, and that every sentence is one."""
    assert all(one.text[0].isupper() or one.text.startswith("/") for one in checks)
    assert all(one.text.endswith(".") and not one.text.endswith("..") for one in checks)
    return {one.name: (one.standing.value, one.text) for one in checks if one.standing is not Standing.OK}


def test_where_all_is_well_every_check_is_ok() -> None:
    """Each is named, so that one sees what was looked at."""
    around, inside = check_surroundings(AROUND, NOW), check_contents(INSIDE, NOW)
    assert not_ok(around) == not_ok(inside) == {}
    assert [one.name for one in around] == [
        "folder",
        "disk",
        "receipt key",
        "broker",
        "credentials",
        *["certificate"] * 2,
    ]
    assert [one.name for one in inside] == ["clock", "backup", "mail", "audit log", "window", "months", "devices"]
    assert [one.name for one in check_surroundings(BARE, NOW)] == [
        "folder",
        "disk",
        "receipt key",
    ]


@pytest.mark.parametrize(
    ("change", "name", "standing", "word"),
    [
        ({"folder_mode": 0o750}, "folder", "bad", "chmod 700"),
        ({"is_writable": False}, "folder", "bad", "cannot be written"),
        ({"certificates": (Expiry("pages", NOW + 30 * DAY_MS - 1),)}, "certificate", "warn", "for pages is good until"),
        ({"certificates": (Expiry("pages", NOW),)}, "certificate", "bad", "for pages ended"),
        ({"certificates": (Expiry("pages", None),)}, "certificate", "bad", "for pages cannot be read"),
        ({"crl": Expiry("revocation list", NOW + 7 * DAY_MS - 1)}, "certificate", "warn", "revocation list is good"),
        ({"foreign": ("a", "b", "c", "d", "e")}, "folder", "bad", "a, b, c and 2 more"),
        ({"free_bytes": FREE_BYTES_MIN - 1}, "disk", "bad", "free some"),
        ({"free_bytes": FREE_BYTES_MIN}, "disk", "warn", "67 MB"),
        ({"free_bytes": FREE_BYTES_WISHED - 1}, "disk", "warn", "copy of the database"),
        ({"free_bytes": 10**11, "database_bytes": 10**11 + 1}, "disk", "warn", "100 GB"),
        ({"key_trouble": "the key is gone"}, "receipt key", "bad", "The key is gone."),
        ({"broker_obstacle": "Connection refused"}, "broker", "bad", "127.0.0.1:1883"),
        ({"secrets": (("/x", "/x can be read by others: run `chmod 600 /x`"),)}, "credentials", "bad", "chmod 600"),
    ],
)
def test_trouble_around_the_database(change: dict[str, object], name: str, standing: str, word: str) -> None:
    """It says what to do."""
    found = not_ok(check_surroundings(replace(AROUND, **change), NOW))  # type: ignore[arg-type]
    assert list(found) == [name]
    assert (found[name][0], word in found[name][1]) == (standing, True)


@pytest.mark.parametrize(
    ("change", "name", "standing", "word"),
    [
        ({"newest_at": NOW + CLOCK_BEHIND_MS + 1}, "clock", "bad", "5 s behind"),
        ({"backup": None}, "backup", "bad", "meter-hub backup --to"),
        ({"backup": None, "has_blocks": False}, "backup", "warn", "No backup"),
        ({"backup": replace(BACKUP, made_at=NOW - BACKUP_OLD_MS - 1)}, "backup", "warn", "26 h"),
        ({"backup": replace(BACKUP, made_at=NOW - BACKUP_BAD_MS - 1)}, "backup", "bad", "7 days"),
        ({"backup_trouble": "the manifest is damaged"}, "backup", "bad", "The manifest is damaged."),
        ({"is_backup_here": False}, "backup", "warn", "mount its disk"),
        (
            {"mail_since": NOW - MAIL_OLD_MS - 1, "mails_waiting": 4, "mail_answer": "no."},
            "mail",
            "warn",
            "answered: no.",
        ),
        ({"mail_since": NOW - MAIL_OLD_MS - 1, "mails_waiting": 4}, "mail", "warn", "--smtp"),
        ({"audit_broken": "entry 3 was changed"}, "audit log", "bad", "entry 3"),
        ({"unclosed": (parse_month("2023-11"), parse_month("2023-12"))}, "months", "warn", "months run 2023-11"),
        ({"devices": (device(1, Link.ONLINE), device(2, Link.SILENT))}, "devices", "warn", "Barn 2 for 2 days"),
        ({"devices": (device(1, Link.OFFLINE), device(2, Link.SILENT))}, "devices", "bad", "2 of 2"),
    ],
)
def test_trouble_in_the_database(change: dict[str, object], name: str, standing: str, word: str) -> None:
    """One thing that is wrong is said once, and nothing else."""
    found = not_ok(check_contents(replace(INSIDE, **change), NOW))  # type: ignore[arg-type]
    assert list(found) == [name]
    assert (found[name][0], word in found[name][1]) == (standing, True)


@pytest.mark.parametrize(
    "change",
    [
        {"newest_at": NOW + CLOCK_BEHIND_MS},
        {"backup": replace(BACKUP, made_at=NOW - BACKUP_OLD_MS)},
        {"mail_since": NOW - MAIL_OLD_MS, "mails_waiting": 1},
        {"devices": ()},
        {"missing": None},
    ],
)
def test_what_is_no_trouble_yet(change: dict[str, object]) -> None:
    """At each bound all is still well."""
    assert not_ok(check_contents(replace(INSIDE, **change), NOW)) == {}  # type: ignore[arg-type]


def test_the_last_day_of_a_window_with_systems_missing() -> None:
    """Not before, and not where all have reported."""
    late = WINDOW.closes_at - 1000
    inside = replace(INSIDE, newest_at=late, backup=replace(BACKUP, made_at=late), devices=())
    assert not_ok(check_contents(inside, late))["window"][0] == "warn"
    assert not_ok(check_contents(replace(inside, missing=0), late)) == {}


@pytest.mark.parametrize(("complaint", "standing"), [("", "ok"), (None, "warn"), ("row 7 missing", "bad")])
def test_integrity(complaint: str | None, standing: str) -> None:
    """A check that did not end is no fault, and no proof either."""
    assert check_integrity(complaint, 30).standing.value == standing


@pytest.mark.parametrize(
    ("found", "standing"), [(SCHEMA_REVISION, "ok"), (None, "warn"), ("0001", "warn"), ("9", "bad")]
)
def test_schema(found: str | None, standing: str) -> None:
    """An older one is migrated by starting the hub; a newer one cannot be used."""
    assert check_schema(found).standing.value == standing


def test_sizes_and_spans_are_said_as_people_say_them() -> None:
    """Rounded down, in a unit that still says something."""
    assert [megabytes(size) for size in (999, 5 * 10**6, 67_108_864, 25 * 10**9)] == [
        "0 kB",
        "5,000 kB",
        "67 MB",
        "25 GB",
    ]
    assert [span(at) for at in (-5, 119_000, 120_000, 3 * HOUR_MS, 72 * HOUR_MS)] == [
        "0 s",
        "119 s",
        "2 min",
        "3 h",
        "3 days",
    ]
