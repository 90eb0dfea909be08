"""A drill restores a backup whole, leaves nothing behind but that it went well, and counts only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.alerting.rules import Code
from hub.errors import BackupError, InputError
from hub.services.accept_blocks import accept_blocks
from hub.services.back_up import back_up
from hub.services.drill_restore import DrillRequest, drill_restore
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.open_hub import open_hub
from hub.store import alerts, audit_log, backups, registry
from hub.store.backups import Drill
from hub.store.database import DATABASE_NAME
from tests.hub.making import NOW, TERMS, made_log

if TYPE_CHECKING:
    from pathlib import Path

    from hub.services.check_backup import Step
    from hub.store.database import Database

DAY_MS = 86_400_000
LATER = NOW + 36 * DAY_MS


def ignore(_step: Step, _number: int, _of: int) -> None:
    """Tell nobody."""


@pytest.fixture
def source(registered: Database, tmp_path: Path) -> Path:
    """Return the backup of a hub that holds blocks, and a newer one beside it."""
    accept_blocks(registered, made_log([100, 200]).arrivals(), TERMS, NOW)
    made = back_up(registered, tmp_path / "backups", keep=None, now=lambda: NOW, progress=ignore)
    back_up(registered, tmp_path / "backups", keep=None, now=lambda: NOW + 1, progress=ignore)
    (tmp_path / "room").mkdir()
    return tmp_path / "backups" / made.backup.path.rpartition("/")[2]


def drill(database: Database, source: Path, at: int = LATER, room: str = "room") -> Drill:
    """Drill a restore beside the backups."""
    request = DrillRequest(source, source.parents[1] / room, b"rehearse", at, "olga")
    return drill_restore(database, request, ignore)


def codes(database: Database) -> set[Code]:
    """Return the rules of which an alert is open."""
    with database.read() as connection:
        return {one.episode.code for one in alerts.list_open(connection)}


def test_a_drill_that_went_well_is_kept_and_nothing_else(registered: Database, source: Path) -> None:
    """With an entry of the audit log; the hub's life is what it was, and the copy with its keys is gone."""
    done = drill(registered, source)
    assert done == Drill(LATER, str(source), NOW, blocks=2, readings=2)
    assert list((source.parents[1] / "room").iterdir()) == []
    with registered.read() as connection:
        assert backups.latest_drill(connection) == done
        assert registry.find_timeline(connection) == b"timeline"
        (entry,) = audit_log.list_audit(connection, subject=source.name, limit=5)
    assert (entry.actor, entry.action) == ("olga", "drill restore")


def test_an_alert_tells_of_the_last_one(registered: Database, source: Path) -> None:
    """A hub has 35 days for its first; then each has its own."""
    for at, expected in ((NOW + 35 * DAY_MS, False), (LATER, True)):
        evaluate_alerts(registered, 0, at)
        assert (Code.RESTORE_DRILL_STALE in codes(registered)) is expected
    drill(registered, source)
    evaluate_alerts(registered, 0, LATER + 60_000)
    assert Code.RESTORE_DRILL_STALE not in codes(registered)
    evaluate_alerts(registered, 0, LATER + 36 * DAY_MS)
    assert Code.RESTORE_DRILL_STALE in codes(registered)


def test_one_that_fails_is_none(registered: Database, source: Path, tmp_path: Path) -> None:
    """What is wrong is said; no copy stays, and nothing is kept."""
    other = open_hub(tmp_path / "other", new_timeline=b"anotherx", at=NOW)
    with pytest.raises(InputError, match="a backup of another hub"):
        drill(other, source)
    other.close()
    with pytest.raises(InputError, match="is no folder"):
        drill(registered, source, room="nowhere")
    with pytest.raises(BackupError, match="is no backup"):
        drill(registered, source / "nothing")
    content = (source / DATABASE_NAME).read_bytes()
    (source / DATABASE_NAME).write_bytes(content[:-4096] + bytes(4096))
    with pytest.raises(BackupError, match="is not what the backup's manifest says"):
        drill(registered, source)
    assert list((tmp_path / "room").iterdir()) == []
    with registered.read() as connection:
        assert backups.latest_drill(connection) is None
