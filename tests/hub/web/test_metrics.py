"""`/metrics`: what is counted, who may read it, and that it does not grow with the fleet."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import event

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.counting import BLOCK_RESULTS, READING_RESULTS
from hub.errors import SettingsError
from hub.jobs import AlertJob
from hub.rules.reminders import NoticeKey, Occasion
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.register_device import register_device
from hub.services.sum_fleet import METER_STATES, POLL_KINDS
from hub.store import notices_outbox
from hub.store.notices_outbox import Attempt, Notice, Outcome
from hub.web import exposition
from protocol.identity import Epoch
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import wait_until
from tests.hub.reporting import JAN, add_meter, add_system, enter
from tests.hub.test_serve import Served
from tests.hub.web.acting import NOW as IN_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from hub.store.database import Database

HERE = ("127.0.0.1", 40_000)
TOKEN = "a-token-that-nobody-can-guess"  # noqa: S105 - of this test
DAY_MS = 86_400_000

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@contextmanager
def watched(folder: Path, now: int = NOW, token: Path | None = None) -> Iterator[tuple[TestClient, Database]]:
    """Yield a client on the machine of a hub that runs, and the hub's database."""
    settings = HubSettings(folder, broker=None, listen=Address("127.0.0.1", 0), is_open=True, metrics_token=token)
    app = build_app(settings, now=lambda: now)
    with TestClient(app, client=HERE) as client:
        yield client, app.state.hub.database


def families(text: str) -> tuple[Metric, ...]:
    """Return the families of an exposition, as a strict reader of OpenMetrics understands it."""
    return tuple(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def scrape(client: TestClient) -> Series:
    """Return every sample by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(answer.text)
        for sample in family.samples
    }


def look(client: TestClient) -> None:
    """Let the hub look at its fleet now, after the look with which it began."""
    hub = client.app.state.hub  # type: ignore[attr-defined]
    wait_until(lambda: "alerts" in hub.counting.jobs, "the first look")
    AlertJob(hub.database, hub.counting, hub.now).run(lambda: False)


def value(series: Series, name: str, **labels: str) -> float:
    """Return one sample."""
    return series[f"meterline_{name}", tuple(sorted(labels.items()))]


def made_log(device: MadeDevice, blocks: int = 1) -> list[Arrival]:
    """Return the blocks of a device: one that describes its meter, then one with two readings each."""
    device.seal(make_meter())
    for place in range(blocks):
        device.seal(make_readings(make_meter(), [5, 6], NOW - 10 * DAY_MS + place * 1_800_000))
    return device.arrivals()


def test_blocks_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    """New and repeated ones, strangers and junk, each once, and the readings in those that were taken."""
    device, stranger = MadeDevice(), MadeDevice(seed=77)
    with watched(tmp_path) as (client, database):
        register_device(database, device.pem, "Barn", NOW)
        log = made_log(device, 3)

        def post(whose: MadeDevice, *raw: bytes) -> int:
            return client.post(f"/v1/custody/{whose.text}", content=b"".join(raw)).status_code

        before = scrape(client)
        assert post(device, *(one.raw for one in log)) == 200
        assert post(device, log[0].raw) == 200
        assert post(stranger, *(one.raw for one in made_log(stranger))) == 200
        assert post(stranger, log[0].raw) == 422
        after = scrape(client)
    counted = {result: value(after, "blocks_total", result=result) for result in BLOCK_RESULTS}
    assert all(value(before, "blocks_total", result=result) == 0 for result in BLOCK_RESULTS)
    wanted = {"new": len(log), "duplicate": 1, "unregistered": 2, "rejected": 1}
    assert counted == {result: wanted.get(result, 0) for result in BLOCK_RESULTS}
    assert [value(after, "readings_total", result=result) for result in READING_RESULTS] == [6, 0, 0]
    assert value(after, "receipts_total") == 3
    assert value(after, "ingest_batch_seconds_count") == 4
    assert value(after, "database_write_seconds_count") > value(before, "database_write_seconds_count")


def test_devices_are_counted_by_link_and_custody_by_age(tmp_path: Path) -> None:
    """A silent device is a number here; which one it is, pages and API say."""
    with watched(tmp_path, NOW + 3 * DAY_MS) as (client, database):
        device = MadeDevice()
        register_device(database, device.pem, "Barn", NOW)
        register_device(database, MadeDevice(seed=2).pem, "Shed", NOW)
        accept_blocks(database, made_log(device), TERMS, NOW)
        look(client)
        series = scrape(client)
    assert value(series, "devices", link="never_seen") == 1
    assert value(series, "devices", link="offline") == 1
    assert value(series, "custody_oldest_age_seconds") == 3 * 86_400
    assert value(series, "custody_newest_timestamp_seconds") == NOW / 1000
    assert value(series, "custody_unsafe_blocks") == 0
    assert value(series, "backup_last_success_timestamp_seconds") == 0
    assert value(series, "ready", check="database") == 1
    assert value(series, "database_size_bytes") > 10_000


def test_the_fleet_is_counted_by_how_it_does(tmp_path: Path) -> None:
    """Clocks as a histogram of one instant, alerts by rule, meters, systems and failed polls by all there can be."""
    with watched(tmp_path) as (client, database):
        device = MadeDevice()
        register_device(database, device.pem, "Barn", NOW)
        accept_blocks(database, made_log(device), TERMS, NOW)
        answer_state(database, device.id, device.state(), terms=TERMS, now=JULY_AT + 30_000, retained=False)
        look(client)
        series = scrape(client)
    skews = [value(series, "clock_skew_seconds_bucket", le=le) for le in ("15.0", "60.0", "+Inf")]
    assert (skews, value(series, "clock_skew_seconds_gcount")) == ([0, 1, 1], 1)
    assert value(series, "alerts", rule="backup_stale", severity="critical", state="firing") == 1
    assert value(series, "meters", state="unregistered") == 1
    assert {dict(labels)["state"] for name, labels in series if name == "meterline_meters"} == set(METER_STATES)
    assert {dict(labels)["cause"] for name, labels in series if name == "meterline_poll_errors_last_day"} == set(
        POLL_KINDS
    )
    assert value(series, "systems", report="at_risk") == 0


def test_a_scrape_asks_nothing_of_the_fleet(tmp_path: Path) -> None:
    """It costs the same for every fleet: what grows with it, the look of each minute has summed up."""
    with watched(tmp_path) as (client, database):
        look(client)
        asked: list[str] = []

        def note(*given: object) -> None:
            asked.append(str(given[2]))

        with database.read() as connection:
            engine = connection.engine
        event.listen(engine, "before_cursor_execute", note)
        scrape(client)
    tables = " ".join(asked)
    assert "backup" in tables
    assert not re.search(r"(FROM|JOIN) (device|device_state|stream|meter|register|system|alert|notice|block)\b", tables)


def test_mail_is_counted_by_state(tmp_path: Path) -> None:
    """As the list of notices says it; the oldest that waits is named by its time."""
    outcomes = [[], [Outcome.LATER], [Outcome.LATER, Outcome.SENT], [Outcome.REFUSED]]
    with watched(tmp_path) as (client, database), database.write() as connection:
        for place, tried in enumerate((*outcomes, [])):
            key = NoticeKey(f"{place}@example.org", Occasion.WINDOW_OPEN, JAN)
            until = NOW if place == len(outcomes) else NOW + DAY_MS
            made_at = NOW - 10_000 * (5 - place)
            notices_outbox.add_notice(connection, Notice(key, "Ann", key.recipient, "s", "t", "h", made_at, until))
            for one in tried:
                notices_outbox.add_attempt(connection, place + 1, Attempt(NOW, one, ""))
    with watched(tmp_path) as (client, database):
        with database.read() as connection:
            kept = notices_outbox.list_notices(connection, 10)
        look(client)
        series = scrape(client)
    states = [one.state_at(NOW).value for one in kept]
    found = {state: value(series, "mails", state=state) for state in ("waiting", "sent", "refused", "given_up")}
    assert (
        found
        == {state: states.count(state) for state in found}
        == {
            "waiting": 2,
            "sent": 1,
            "refused": 1,
            "given_up": 1,
        }
    )
    assert value(series, "mail_waiting_since_timestamp_seconds") == NOW / 1000 - 50


def test_devices_are_counted_where_they_stand(tmp_path: Path) -> None:
    """Every word of every axis has a series once the hub has looked, so that none begins with its first device."""
    standing = {"never_seen": 1, "silent": 0, "online": 0, "offline": 0}
    with watched(tmp_path) as (_, database):
        register_device(database, MadeDevice().pem, "Barn", NOW)
    with watched(tmp_path) as (client, _):
        name = ("meterline_devices_standing", (("axis", "link"), ("word", "never_seen")))
        wait_until(lambda: name in scrape(client), "the first look")
        series = scrape(client)
    for word, number in standing.items():
        assert value(series, "devices_standing", axis="link", word=word) == number
    assert value(series, "devices_standing", axis="data", word="nothing_yet") == 1


def test_the_window_is_counted_down_and_what_it_lacks(tmp_path: Path) -> None:
    """While a window is open, the systems that lack its month; between two windows nobody lacks anything."""
    name = ("meterline_window_missing_systems", ())
    with watched(tmp_path, IN_WINDOW) as (client, database):
        for number, reported in enumerate((True, False, False)):
            add_system(database, f"S-{number}")
            meter = add_meter(database, f"PV-{number}", f"S-{number}")
            if reported:
                enter(database, meter.meter, JAN, 400_000)
    with watched(tmp_path, IN_WINDOW) as (client, _):
        wait_until(lambda: name in scrape(client), "the first look at the window")
        series = scrape(client)
        wait_until(
            lambda: ("meterline_job_last_success_timestamp_seconds", (("job", "window"),)) in scrape(client), "it"
        )
    assert (series[name], value(series, "window_open")) == (2, 1)
    assert 0 < value(series, "window_closes_in_seconds") < 6 * 86_400
    with watched(tmp_path, IN_WINDOW + 15 * DAY_MS) as (client, _):
        series = scrape(client)
    assert (name in series, value(series, "window_open")) == (False, 0)


def test_requests_are_counted_by_the_template_of_their_route(tmp_path: Path) -> None:
    """No series for a path or a method that anybody can make up."""
    with watched(tmp_path) as (client, database):
        add_system(database)
        for path in ("/systems/SLF-AB1234-00001", "/systems/NOPE", "/no/such/thing", "/static/hub.css", "/livez"):
            client.get(path)
        client.get("/api/v1/systems")
        client.head("/livez")
        for word in ("SPY", "SPY2"):
            client.request(word, "/no/such/thing")
        series = scrape(client)
    name = "meterline_http_request_duration_seconds_count"
    counted = {
        tuple(dict(labels)[label] for label in ("method", "route", "status")): number
        for (found, labels), number in series.items()
        if found == name
    }
    assert counted == {
        ("GET", "/systems/{pts_id}", "2xx"): 1,
        ("GET", "/systems/{pts_id}", "4xx"): 1,
        ("GET", "none", "4xx"): 1,
        ("other", "none", "4xx"): 2,
        ("GET", "/static", "2xx"): 1,
        ("GET", "/livez", "2xx"): 1,
        ("HEAD", "/livez", "2xx"): 1,
        ("GET", "/api/v1/systems", "2xx"): 1,
    }


def test_the_number_of_series_does_not_grow_with_the_fleet(tmp_path: Path) -> None:
    """Ten devices or a thousand: the same series, for each costs whoever keeps them."""
    counts = []
    for fleet in (10, 1000):
        with watched(tmp_path / str(fleet)) as (client, database):
            devices = [MadeDevice(seed=seed, epoch=Epoch(seed.to_bytes(8, "big"))) for seed in range(1, fleet + 1)]
            for device in devices:
                register_device(database, device.pem, device.text, NOW)
            accept_blocks(database, [one for device in devices for one in made_log(device)], TERMS, NOW)
            client.get("/")
            wait_until(lambda: len({key for key in scrape(client) if "job_last_success" in key[0]}) == 5, "the jobs")
            look(client)
            series = scrape(client)
        assert value(series, "devices", link="offline") == fleet
        counts.append({key for key in series if key[0] != "meterline_build_info"})
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("origin", "commit"),
    [
        (None, ""),
        ('{"url": "file:///here", "dir_info": {}}', ""),
        ('{"url": "https://example.org/meterline", "vcs_info": {"vcs": "git", "commit_id": "5eed"}}', "5eed"),
    ],
)
def test_the_commit_is_told_where_pip_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None, commit: str
) -> None:
    """It does for what it installed out of a repository; otherwise the label is empty."""

    class Installed:
        @staticmethod
        def read_text(name: str) -> str | None:
            assert name == "direct_url.json"
            return origin

    monkeypatch.setattr(exposition, "distribution", lambda _: Installed)
    exposition.find_commit.cache_clear()
    with watched(tmp_path) as (client, _):
        found = [dict(labels)["commit"] for name, labels in scrape(client) if name == "meterline_build_info"]
    exposition.find_commit.cache_clear()
    assert found == [commit]


def test_without_its_database_what_was_counted_is_still_told(tmp_path: Path) -> None:
    """Then the exposition is most wanted; it says that the database cannot be read."""
    with watched(tmp_path) as (client, database):
        # A job that is at work would open the file again.
        wait_until(lambda: len({key for key in scrape(client) if "job_last_success" in key[0]}) == 5, "the jobs")
        database.close()
        database.path.write_bytes(b"no database at all" * 500)
        series = scrape(client)
    assert value(series, "ready", check="database") == 0
    assert value(series, "blocks_total", result="new") == 0
    assert ("meterline_database_size_bytes", ()) not in series


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via"])
def test_behind_a_proxy_nobody_is_on_this_machine(tmp_path: Path, header: str) -> None:
    """The connection is from here, whoever asked is not."""
    with watched(tmp_path) as (client, _):
        refused = client.get("/metrics", headers={header: "127.0.0.1"})
        assert (refused.status_code, "--metrics-token-file" in refused.text) == (403, True)


@pytest.mark.parametrize("client_address", ["192.0.2.7", "testclient", "::ffff:192.0.2.7"])
def test_another_machine_needs_the_token(tmp_path: Path, client_address: str) -> None:
    """With it and as a bearer token; without, or with another, it is refused."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", encoding="ascii")
    path.chmod(0o600)
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0), metrics_token=path)
    app = build_app(settings, now=lambda: NOW)
    with TestClient(app, client=(client_address, 1)) as client:
        asked = [
            client.get("/metrics", headers={b"authorization": shown.encode("latin-1")} if shown else {}).status_code
            for shown in ("", f"Bearer {TOKEN}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", "Bearer \xe9")
        ]
    assert asked == [403, 200, 403, 403, 403, 403]


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (TOKEN, 0o644, "chmod 600"),
        ("short", 0o600, "at least 16"),
        (f"{TOKEN}\n{TOKEN}", 0o600, "one line"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_token_that_protects_nothing_is_refused(tmp_path: Path, content: str | None, mode: int, why: str) -> None:
    """The hub does not start with it, and says what to do."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content, encoding="ascii")
        path.chmod(mode)
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0), metrics_token=path)
    with pytest.raises(SettingsError, match=why):
        build_app(settings)


def test_over_real_http(tmp_path: Path) -> None:
    """A scraper on the same machine reads it from a served hub, process metrics too."""
    token = tmp_path / "token"
    descriptor = os.open(token, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, secrets.token_hex(16).encode())
    os.close(descriptor)
    served = Served(tmp_path / "hub", "none", "--metrics-token-file", str(token))
    try:
        text = served.get("metrics")
    finally:
        served.close()
    names = {family.name for family in families(text)}
    assert {"meterline_build", "meterline_devices", "process_resident_memory_bytes"} <= names
    assert token.read_text(encoding="ascii") not in text
