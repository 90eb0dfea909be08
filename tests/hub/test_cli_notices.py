"""`meter-hub notices` as a person uses it: a dry run, one round of sending, what became of it, what is missing."""

from __future__ import annotations

import csv
import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hub.clock import now_ms
from hub.exchange.mail import SmtpMailer
from hub.rules.instants import parse_instant
from hub.services.queue_notices import queue_notices
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.send_notices import send_notices
from simulators.ports import free_port
from tests.hub.mail_server import SENDER, MailServer, Postbox
from tests.hub.notice_making import Clock, Fleet
from tests.hub.programs import wait_until
from tests.hub.test_cli import run
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

URL = "https://hub.example.org"
ANN, BEA = "ann@example.org", "bea@example.org"


@pytest.fixture
def fleet(database: Database) -> Database:
    """Return a hub with one system since 2023 that nobody has ever reported."""
    at = parse_instant("2023-10-10T12:00:00-04:00")
    register_system(database, "S-1", "=Barn", "7.5", at)
    register_meter(database, MeterRequest("S-1", "", "M-1"), at)
    return database


def options(tmp_path: Path, port: int, *, pages: bool = True) -> tuple[str, ...]:
    """Return the options of a command that sends."""
    where = ("--pages-url", URL) if pages else ()
    return ("--smtp", f"smtp://127.0.0.1:{port}", "--mail-from", SENDER, *where, "--data", str(tmp_path / "hub"))


def test_what_became_of_each_mail_is_listed(database: Database, tmp_path: Path) -> None:
    """People see the last answer; machines all attempts. What waits is sent by the command."""
    clock = Clock()
    queue_notices(database, Fleet({"A": (ANN,), "B": (BEA,)}).sources, URL, clock())
    postbox = Postbox(to_recipients={ANN: "550 no such person"})
    with MailServer(postbox) as server, SmtpMailer(server.settings()) as mailer:
        send_notices(database, mailer, clock)
    listed = run("notices", "list", "--data", tmp_path / "hub").stdout
    for words in (ANN, "refused", "550 no such person", BEA, "sent", "250 queued as 42", "Please report October 2023"):
        assert words in listed
    shown = json.loads(run("notices", "list", "--json", "--limit", "1", "--data", tmp_path / "hub").stdout)
    (notice,) = shown["notices"]
    assert (notice["to"], notice["state"], notice["occasion"], notice["month"]) == (
        BEA, "sent", "window_open", "2023-10",
    )  # fmt: skip
    assert [each["outcome"] for each in notice["attempts"]] == ["sent"]
    assert shown["next"] == notice["id"]


def test_the_command_sends_once_and_says_what_it_did(database: Database, tmp_path: Path) -> None:
    """Exit code 0 with nothing to send; 1 where mail waits and the server does not take it."""
    with MailServer() as server:
        quiet = run("notices", "send", *options(tmp_path, server.port))
    assert (quiet.returncode, quiet.stdout) == (0, "0 queued, 0 sent, 0 to be tried again\n")
    assert queue_notices(database, Fleet({"A": (ANN,)}).sources, URL, now_ms()) == 1
    down = run("notices", "send", *options(tmp_path, port := free_port()))
    assert (down.returncode, down.stdout) == (1, "0 queued, 0 sent, 1 to be tried again\n")
    assert "refused" in down.stderr
    known = run("notices", "send", *options(tmp_path, port), "--json")
    assert json.loads(known.stdout) == {
        "queued": 0,
        "sent": 0,
        "later": 0,
        "warnings": [],
        "trouble": "",
        "more": False,
    }


def test_a_served_hub_sends_by_itself(database: Database, tmp_path: Path) -> None:
    """Named a mail server, it sends what waits soon after its start, and ends cleanly."""
    queue_notices(database, Fleet({"A": (ANN,)}).sources, URL, now_ms())
    database.close()
    with MailServer() as server:
        smtp = ("--smtp", f"smtp://127.0.0.1:{server.port}", "--mail-from", SENDER, "--pages-url", URL)
        with closing(Served(tmp_path / "hub", "none", *smtp)) as served:
            wait_until(lambda: len(server.postbox.envelopes) == 1, "the mail")
            assert served.end(signal.SIGTERM) == (0, "")
    assert server.postbox.envelopes[0].rcpt_tos == [ANN]


def test_what_is_due_is_shown_without_sending(fleet: Database, tmp_path: Path) -> None:
    """An instant can be named; nobody answers for a system yet, so nobody is written to."""
    shown = run("notices", "due", "--at", "2023-11-05T18:00:00-05:00", "--data", tmp_path / "hub")
    assert (shown.returncode, shown.stdout.replace("\u00a0", " ")) == (0, "no mails due at 5 Nov 2023, 18:00 EST\n")
    known = run("notices", "due", "--at", "2023-11-05T18:00:00-05:00", "--data", tmp_path / "hub", "--json")
    assert json.loads(known.stdout) == {"at": "2023-11-05T23:00:00Z", "notices": []}
    assert fleet.path.exists()


def test_missing_production_is_told_and_written_for_spreadsheets(fleet: Database, tmp_path: Path) -> None:
    """People get a table, machines JSON, spreadsheets cells that compute nothing."""
    path = tmp_path / "missing.csv"
    told = run("notices", "missing", "2023-Q4", "--csv", path, "--data", tmp_path / "hub")
    assert "S-1" in told.stdout
    assert "2023-10, 2023-11, 2023-12" in told.stdout
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert rows[1][:2] == ["S-1", "'=Barn"]
    shown = json.loads(run("notices", "missing", "2023-Q4", "--json", "--data", tmp_path / "hub").stdout)
    assert shown["months"] == ["2023-10", "2023-11", "2023-12"]
    assert [(each["system"], each["months"]) for each in shown["systems"]] == [("S-1", shown["months"])]
    later = run("notices", "missing", "2999-Q4", "--data", tmp_path / "hub").stdout
    assert later == "no window of 2999-Q4 has closed yet: nothing of it is missing\n"
    assert fleet.path.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("notices", "due", "--at", "noon"), "'noon' is not an instant"),
        (("notices", "missing", "2023-Q5"), "'2023-Q5' is not a"),
        (("notices", "missing", "2023-Q4", "--csv", "/does/not/exist.csv"), "/does/not/exist.csv cannot be written"),
        (("notices", "send"), "give --smtp smtp://host:port"),
        (("notices", "send", "--smtp", "smtp://h"), "--mail-from"),
        (("notices", "send", "--smtp", "smtp://h", "--mail-from", "a@b"), "--pages-url"),
        (("notices", "send", "--smtp", "ftp://h", "--mail-from", "a@b", "--pages-url", URL), "smtp://host:port"),
        (("serve", "--smtp", "smtp://h", "--mail-from", "Ann", "--pages-url", URL), "'Ann' is not an e-mail address"),
    ],
)
def test_a_mistake_is_one_sentence(fleet: Database, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2 and one line that names the thing."""
    done = run(*arguments, "--data", tmp_path / "hub")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert fleet.path.exists()


def test_credentials_that_others_may_read_keep_a_hub_from_serving(tmp_path: Path) -> None:
    """The sentence says how to guard them, before anything is opened."""
    secret = tmp_path / "secret"
    secret.write_text("hub\nsecret\n", encoding="ascii")
    secret.chmod(0o644)
    done = run(
        "serve", "--broker", "none", "--listen", "127.0.0.1:0", *options(tmp_path, 1), "--smtp-credentials", secret
    )
    assert (done.returncode, f"chmod 600 {secret}" in done.stderr) == (2, True)
