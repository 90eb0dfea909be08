"""`meter-hub doctor`: from outside, beside a running hub or without, changing nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from hub.clock import now_ms
from hub.keys import KEY_NAME
from hub.services.accept_blocks import accept_blocks
from hub.services.examine_hub import Examination, examine_hub
from hub.services.manage_people import add_account
from hub.store import sqlite
from hub.store.accounts import Account
from hub.store.database import DATABASE_NAME, open_database
from hub.store.sqlite import quick_complaint
from simulators.ports import free_port
from tests.hub.making import NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import HOST
from tests.hub.test_cli import run
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from hub.store.database import Database

NO_BROKER = ("--broker", "none")


def diagnose(folder: Path, *options: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the checks by name."""
    done = run("doctor", "--data", folder, "--json", *options)
    assert not done.stderr
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == found["healthy"]
    return done.returncode, {check["name"]: check for check in found["checks"]}


def standings(folder: Path, *options: object) -> dict[str, str]:
    """Return what is not ok."""
    _, checks = diagnose(folder, *options)
    return {name: check["standing"] for name, check in checks.items() if check["standing"] != "ok"}


def test_a_new_hub_is_healthy_beside_its_server(tmp_path: Path) -> None:
    """Nothing is bad; that there is no backup yet is said."""
    folder = tmp_path / "hub"
    with closing(Served(folder)):
        assert standings(folder, *NO_BROKER) == {"backup": "warn"}
        table = run("doctor", "--data", folder, *NO_BROKER)
    assert table.returncode == 0
    assert any(line.split()[:2] == ["warn", "backup"] for line in table.stdout.splitlines())


def test_nothing_is_changed_by_looking(database: Database) -> None:
    """Not a byte of the database, also where no hub runs."""
    path, folder = database.path, database.path.parent
    database.close()
    before = path.read_bytes(), sorted(one.name for one in folder.iterdir())
    assert diagnose(folder, *NO_BROKER)[0] == 0
    assert (path.read_bytes(), sorted(one.name for one in folder.iterdir())) == before


def test_a_folder_without_a_hub_is_named(tmp_path: Path) -> None:
    """One sentence, and no database is made there."""
    done = run("doctor", "--data", tmp_path)
    assert (done.returncode, "holds no hub database" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_modes_and_credentials(database: Database, tmp_path: Path) -> None:
    """What others could read is bad, and so is what cannot be read."""
    folder, secret = database.path.parent, tmp_path / "smtp"
    secret.write_text("ann\npassword\n", encoding="ascii")
    secret.chmod(0o644)
    folder.chmod(0o755)
    (folder / KEY_NAME).chmod(0o640)
    code, checks = diagnose(folder, *NO_BROKER, "--smtp-credentials", secret, "--metrics-token-file", tmp_path / "no")
    assert code == 1
    assert [checks[name]["standing"] for name in ("folder", "receipt key", "credentials")] == ["bad"] * 3
    assert "password" not in str(checks)
    (folder / KEY_NAME).unlink()
    assert "meter-hub key" in diagnose(folder, *NO_BROKER)[1]["receipt key"]["text"]


def test_a_broker_that_is_not_there(database: Database) -> None:
    """Its address is named, and the cause; as is a certificate that cannot be read."""
    port = free_port()
    gone = database.path.parent / "gone.pem"
    _, checks = diagnose(
        database.path.parent, "--broker", f"mqtt://{HOST}:{port}", "--watch-certificate", f"pages={gone}"
    )
    assert (checks["certificate"]["standing"], "for pages" in checks["certificate"]["text"]) == ("bad", True)
    assert (checks["broker"]["standing"], str(port) in checks["broker"]["text"]) == ("bad", True)
    with closing(Served(database.path.parent)) as served:
        there = served.url.removeprefix("http://").rstrip("/")
        assert diagnose(database.path.parent, "--broker", f"mqtt://{there}")[1]["broker"]["standing"] == "ok"


def test_a_backup_is_read_back(registered: Database, tmp_path: Path) -> None:
    """Its manifest always, all of it if asked to; a byte that changed is found."""
    folder = registered.path.parent
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [5, 6], NOW - 86_400_000))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert standings(folder, *NO_BROKER)["backup"] == "bad"
    made = run("backup", "--to", tmp_path / "backups", "--data", folder, "--json")
    path = json.loads(made.stdout)["path"]
    _, checks = diagnose(folder, *NO_BROKER, "--read-back")
    assert (checks["backup"]["standing"], "found whole" in checks["backup"]["text"]) == ("ok", True)
    copy = tmp_path / "backups" / path.rsplit("/", 1)[-1] / DATABASE_NAME
    damaged = bytearray(copy.read_bytes())
    damaged[-1] ^= 1
    copy.write_bytes(damaged)
    assert diagnose(folder, *NO_BROKER)[1]["backup"]["standing"] == "ok"
    assert diagnose(folder, *NO_BROKER, "--read-back")[1]["backup"]["standing"] == "bad"
    copy.parent.rename(tmp_path / "elsewhere")
    assert "mount its disk" in diagnose(folder, *NO_BROKER)[1]["backup"]["text"]


def test_months_devices_audit_log_and_clock(registered: Database) -> None:
    """What the database says of the months since July 2017, of a silent device, a changed entry, a clock set back."""
    folder = registered.path.parent
    device = MadeDevice()
    device.seal(make_meter())
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    add_account(registered, Account("ann", "Ann", "ann@example.org", NOW, "test"))
    with closing(sqlite3.connect(registered.path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE audit_entry SET actor = 'nobody' WHERE number = 1")
    checks = {one.name: one for one in examine_hub(Examination(folder, NOW + 90 * 86_400_000))}
    assert "2017-07, 2017-08, 2017-09" in checks["months"].text
    assert (checks["devices"].standing.value, "Barn" in checks["devices"].text) == ("bad", True)
    assert "entry 1" in checks["audit log"].text
    assert checks["clock"].standing.value == "ok"
    early = {one.name: one for one in examine_hub(Examination(folder, NOW - 3_600_000))}
    assert (early["clock"].standing.value, "60 min behind" in early["clock"].text) == ("bad", True)


def test_another_schema_and_a_damaged_file(database: Database) -> None:
    """Then nothing further is read out of it."""
    folder = database.path.parent
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        ((place,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'reading'")
        ((size,),) = connection.execute("PRAGMA page_size")
    code, checks = diagnose(folder, *NO_BROKER)
    assert (code, checks["schema"]["standing"], "audit log" in checks) == (1, "bad", False)
    database.close()
    whole = database.path.read_bytes()
    damaged = bytearray(whole)
    damaged[(place - 1) * size : place * size] = b"\xff" * size
    database.path.write_bytes(damaged)
    code, checks = diagnose(folder, *NO_BROKER)
    assert (code, checks["integrity"]["standing"]) == (1, "bad")
    database.path.write_bytes(whole[: -(len(whole) // 4)] + b"\xff" * (len(whole) // 4))
    code, checks = diagnose(folder, *NO_BROKER)
    assert (code, "restore it from a backup" in checks["database"]["text"]) == (1, True)


def test_the_check_of_the_file_ends_in_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of many gigabytes holds nobody up: what was not found in time is not known."""
    monkeypatch.setattr(sqlite, "_STEPS_BETWEEN_LOOKS", 1)
    with database.read() as connection:
        assert quick_complaint(connection, -1) is None
        assert quick_complaint(connection, 60) == ""


def test_a_window_that_is_open(database: Database) -> None:
    """The systems that lack its month are counted as the reminders count them."""
    assert now_ms() > NOW
    open_at = 1_706_900_000_000
    checks = {one.name: one.text for one in examine_hub(Examination(database.path.parent, open_at))}
    assert checks["window"].startswith("The window of 2024-01 closes")
    assert checks["window"].endswith("lack a reading: 0.")
    open_database(database.path.parent, create=False).close()
