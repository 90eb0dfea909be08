"""What runs by the clock: mail goes out by itself, and no trouble of the world ends it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from hub import jobs as module
from hub.counting import Counting
from hub.errors import StoreUnavailableError
from hub.exchange.mail import SmtpMailer
from hub.jobs import MailJob
from hub.scheduler import Scheduler
from simulators.ports import free_port
from tests.hub.mail_server import MailServer, Postbox, make_settings
from tests.hub.notice_making import FIVE_DAYS, Clock, Fleet
from tests.hub.programs import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hub.store.database import Database

ANN, BEA = "ann@example.org", "bea@example.org"
EVERY_SECONDS = 0.02


@pytest.fixture
def clock() -> Clock:
    """Return a clock that shows the opening of October's window."""
    return Clock()


class Ran:
    """A scheduler that runs while the `with` block does."""

    def __init__(self, database: Database, port: int, fleet: Fleet, clock: Clock) -> None:
        mailer = SmtpMailer(make_settings(port), timeout_seconds=5)
        self._scheduler = Scheduler(MailJob(database.beside(), mailer, fleet.sources, clock, EVERY_SECONDS))

    def __enter__(self) -> None:
        """Start."""
        self._scheduler.start()

    def __exit__(self, *_error: object) -> None:
        """Stop."""
        self._scheduler.stop()
        assert not self._scheduler._thread.is_alive()


def test_mail_goes_out_by_itself_and_once(database: Database, clock: Clock) -> None:
    """Each occasion brings its mail soon after it begins, however often the hub looks."""
    with MailServer() as server, Ran(database, server.port, Fleet({"A": (ANN,)}), clock):
        wait_until(lambda: len(server.postbox.envelopes) == 1, "the first mail")
        clock.set(FIVE_DAYS)
        wait_until(lambda: len(server.postbox.envelopes) == 2, "the second mail")
    assert len(server.postbox.envelopes) == 2


def test_what_is_sent_is_counted(database: Database, clock: Clock) -> None:
    """For whoever watches the hub, by mail, with what is tried again."""
    counting = Counting(clock)

    def counted(result: str) -> float | None:
        labels = {"channel": "mail", "result": result}
        return counting.registry.get_sample_value("meterline_notifications_total", labels)

    def round_with(port: int) -> None:
        mailer = SmtpMailer(make_settings(port), timeout_seconds=5)
        MailJob(database, mailer, Fleet({"A": (ANN,)}).sources, clock, counting=counting).run(lambda: False)

    round_with(free_port())
    assert [counted(result) for result in ("sent", "later")] == [0, 1]
    clock.at += 3_600_000
    with MailServer() as server:
        round_with(server.port)
    assert [counted(result) for result in ("sent", "later")] == [1, 1]


def test_who_came_later_is_found_within_the_hour(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between occasions the fleet is looked at again now and then, and not each time."""
    fleet = Fleet({"A": (ANN,)})
    seconds = iter_seconds()
    monkeypatch.setattr(module, "monotonic_seconds", lambda: next(seconds))
    with MailServer() as server, Ran(database, server.port, fleet, clock):
        wait_until(lambda: len(server.postbox.envelopes) == 1, "the first mail")
        fleet.reporters["B"] = (BEA,)
        wait_until(lambda: len(server.postbox.envelopes) == 2, "the mail to who came later")


def test_it_outlives_a_server_and_a_store_that_fail(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each trouble is one sentence in the log, and the mail goes out when it has passed."""
    failures = [StoreUnavailableError("the disk is full"), StoreUnavailableError("the disk is full")]
    reading = type(database).read

    def read(self: Database) -> AbstractContextManager[object]:
        if failures:
            raise failures.pop()
        return reading(self)

    port = free_port()
    monkeypatch.setattr(type(database), "read", read)
    with caplog.at_level(logging.WARNING), Ran(database, port, Fleet({"A": (ANN,)}), clock):
        wait_until(lambda: "does not take mail now" in caplog.text, "the word that the server is down")
        clock.at += 360_000
        with MailServer(port=port) as server:
            wait_until(lambda: len(server.postbox.envelopes) == 1, "the mail")
    assert caplog.text.count("the disk is full; mail waits until it works again") == 1


def test_a_refusal_is_in_the_log(database: Database, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever runs the hub learns that somebody cannot be reached."""
    postbox = Postbox(to_recipients={ANN: "550 no such person"})
    with (
        caplog.at_level(logging.WARNING),
        MailServer(postbox) as server,
        Ran(database, server.port, Fleet({"A": (ANN,)}), clock),
    ):
        wait_until(lambda: "550 no such person" in caplog.text, "the refusal")
    assert ANN in caplog.text


def test_many_mails_go_out_at_once_and_many_warnings_do_not(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A round follows a round while there is more; the log names some who cannot be reached, and counts the others."""
    monkeypatch.setattr("hub.services.send_notices.SENDS_AT_ONCE", 12)
    monkeypatch.setattr(module, "WARNINGS_MAX", 10)
    addresses = [f"p{number:02d}@example.org" for number in range(24)]
    postbox = Postbox(to_recipients=dict.fromkeys(addresses[:12], "550 no such person"))
    fleet = Fleet({f"S-{each}": (each,) for each in addresses})
    with caplog.at_level(logging.WARNING), MailServer(postbox) as server:
        mailer = SmtpMailer(server.settings(), timeout_seconds=5)
        slow = Scheduler(MailJob(database.beside(), mailer, fleet.sources, clock, every_seconds=1000))
        slow.start()
        wait_until(lambda: len(postbox.envelopes) == 12, "the second round")
        slow.stop()
    assert caplog.text.count("550 no such person") == 10
    assert "and 2 mails more: see `meter-hub notices list`" in caplog.text


def iter_seconds() -> Iterator[float]:
    """Yield seconds that jump half an hour each time."""
    now = 0.0
    while True:
        yield now
        now += module.QUEUE_AGAIN_SECONDS / 2
