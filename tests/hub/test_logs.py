"""What the hub says in its log: lines that a program can read, that obey nobody, and that keep secrets."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.logs import REQUEST_ID, WITHHELD, JsonFormatter, LogForm, TextFormatter, clean, set_up_logging, with_fields
from tests.hub.programs import WAIT_SECONDS
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NASTY = "a\x1b[2Jb\nforged: line\r\x00\u2028\u202ec"
FORMS = [JsonFormatter(), TextFormatter()]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def made(message: str, *arguments: object, level: int = logging.WARNING) -> logging.LogRecord:
    """Return a record."""
    return logging.LogRecord("hub.ingest", level, __file__, 1, message, arguments, None)


def test_json_says_when_how_bad_who_and_what() -> None:
    """And the fields beside the event, as they are."""
    record = made("took %d", 5)
    record.created = 1_500_000_000.25
    record.__dict__.update(with_fields(route="/systems/{pts_id}", status=200))
    assert json.loads(JsonFormatter().format(record)) == {
        "ts": "2017-07-14T02:40:00.250Z",
        "level": "warning",
        "logger": "hub.ingest",
        "event": "took 5",
        "route": "/systems/{pts_id}",
        "status": 200,
    }


def test_a_request_is_named_in_what_is_said_during_it() -> None:
    """So that its lines can be found together."""
    token = REQUEST_ID.set("abc")
    try:
        assert json.loads(JsonFormatter().format(made("x")))["request_id"] == "abc"
    finally:
        REQUEST_ID.reset(token)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_in_a_line_is_obeyed(form: logging.Formatter) -> None:
    """What a device sent neither moves a cursor nor makes an event of its own."""
    text = form.format(made("from %s", NASTY))
    shown = json.loads(text)["event"] if isinstance(form, JsonFormatter) else text
    assert shown.isprintable()
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_traceback_stays_whole(form: logging.Formatter) -> None:
    """In JSON it is a list of lines, so that the event is still one line."""
    record = made("a bug")
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    text = form.format(record)
    lines = json.loads(text)["trace"] if isinstance(form, JsonFormatter) else text.splitlines()
    assert lines[-1].startswith("ZeroDivisionError")
    assert any("1 // 0" in line for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "authorization: Bearer s3cr3t-s3cr3t",
        "Authorization: Basic s3cr3t-s3cr3t==",
        "password=s3cr3t-s3cr3t",
        "{'password': 's3cr3t-s3cr3t'}",
        "metrics_token = s3cr3t-s3cr3t",
        "smtp://ann:s3cr3t-s3cr3t@mail.example.org",
        '{"accessKey": 1, "access_key": "s3cr3t-s3cr3t"}',
    ],
)
def test_what_looks_like_a_secret_is_withheld(text: str) -> None:
    """Whoever reads logs need not be who may send mail."""
    assert "s3cr3t" not in clean(text)
    assert WITHHELD in clean(text)


def test_other_words_are_said() -> None:
    """A sentence about a token is no token."""
    text = "the token file is missing: write a password into http://127.0.0.1:8080/x"
    assert clean(text) == text


def test_lines_for_journald_begin_with_their_priority(tmp_path: Path) -> None:
    """Only where it reads them: it says so in the environment."""
    with (tmp_path / "log").open("w+", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        for where in (f"{status.st_dev}:{status.st_ino}", "1:1"):
            set_up_logging(stream, {"JOURNAL_STREAM": where}, LogForm.JSON, logging.INFO)
            logging.getLogger("hub").warning("one")
            logging.getLogger("hub").debug("too little")
        stream.seek(0)
        first, second = stream.read().splitlines()
    assert (first[:4], json.loads(first[3:])["event"], json.loads(second)["event"]) == ("<4>{", "one", "one")
    memory = io.StringIO()
    set_up_logging(memory, {}, LogForm.TEXT, logging.INFO)
    logging.getLogger("hub").info("two")
    assert re.fullmatch(r"\S+ \S+ INFO hub: two\n", memory.getvalue())


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Return a client of a hub that runs, and answers also for bugs."""
    app = build_app(HubSettings(tmp_path, broker=None, listen=Address("127.0.0.1", 0), is_open=True))

    @app.get("/bug")
    async def fail() -> None:
        raise RuntimeError

    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 64])
def test_the_id_of_a_proxy_is_kept(client: TestClient, given: str) -> None:
    """One request has one id from the proxy's log to the hub's."""
    assert client.get("/livez", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", "é".encode()])
def test_what_is_no_id_is_replaced(client: TestClient, given: str | bytes) -> None:
    """Nobody writes into the log or an answer by naming a request."""
    raw = given if isinstance(given, bytes) else given.encode()
    found = {client.get("/livez", headers={b"x-request-id": raw}).headers["x-request-id"] for _ in range(2)}
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in found)
    assert len(found) == 2


def test_a_request_is_a_line_of_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """By the template of its route: neither path nor query is said, for they name people and systems."""
    with caplog.at_level(logging.INFO, "hub.access"):
        headers = {"x-request-id": "one", "accept-encoding": "identity"}
        body = client.get("/systems/SECRET-NAME?ann@example.org", headers=headers).content
        bug = client.get("/bug", headers={"x-request-id": "two"})
    said: list[dict[str, Any]] = [record.__dict__["fields"] for record in caplog.records if record.name == "hub.access"]
    assert [(one["method"], one["route"], one["status"], one["bytes"]) for one in said] == [
        ("GET", "/systems/{pts_id}", 404, len(body)),
        ("GET", "/bug", 500, 0),
    ]
    assert all(one["ms"] >= 0 for one in said)
    assert (bug.status_code, bug.headers["x-request-id"]) == (500, "two")
    assert "SECRET-NAME" not in caplog.text
    assert "ann@example.org" not in caplog.text


def test_a_served_hub_logs_json(tmp_path: Path) -> None:
    """Each line of the process is an object; the one of the request names it."""
    with closing(Served(tmp_path, "none", "--log", "json", "--verbose")) as served:
        request = urllib.request.Request(served.url + "systems/NOWHERE?token=s3cr3t", headers={"X-Request-ID": "mine"})
        with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=WAIT_SECONDS):
            pass
        assert refused.value.headers["X-Request-ID"] == "mine"
        refused.value.close()
        code, errors = served.end(signal.SIGTERM)
    lines = [json.loads(line) for line in errors.splitlines()]
    assert code == 0
    (access,) = [line for line in lines if line["logger"] == "hub.access"]
    assert (access["route"], access["status"], access["request_id"]) == ("/systems/{pts_id}", 404, "mine")
    assert "s3cr3t" not in errors
    assert "NOWHERE" not in errors
