"""Notices from the rules to the post: each once, none lost, none after it is of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import StoreUnavailableError
from hub.exchange.mail import Answer, Mail, SmtpMailer
from hub.rules.quarters import ProductionQuarter
from hub.services.open_hub import open_hub
from hub.services.queue_notices import find_due, queue_notices
from hub.services.report_missing import report_missing
from hub.services.send_notices import Sending, send_notices
from hub.store import notices_outbox, sqlite
from hub.store.notices_outbox import NoticeState, Outcome
from simulators.ports import free_port
from tests.hub.mail_server import MailServer, Postbox, make_settings
from tests.hub.making import fetch
from tests.hub.notice_making import CLOSES, FIVE_DAYS, OCTOBER, ONE_DAY, OPENS, REOPENS, SIX_HOURS, Clock, Fleet

if TYPE_CHECKING:
    from hub.services.queue_notices import Sources
    from hub.store.database import Database

URL = "https://hub.example.org"
MINUTE_MS = 60_000
ANN, BEA = "ann@example.org", "bea@example.org"


@pytest.fixture
def clock() -> Clock:
    """Return a clock that shows the opening of October's window."""
    return Clock()


@pytest.fixture
def sources() -> Sources:
    """Return a fleet in which Ann reports two systems and Bea one."""
    return Fleet({"A": (ANN,), "B": (ANN,), "C": (BEA,)}).sources


def run(database: Database, sources: Sources, server: MailServer, clock: Clock) -> Sending:
    """Queue and send as the hub does every few minutes."""
    queue_notices(database, sources, URL, clock())
    with SmtpMailer(server.settings(), timeout_seconds=5) as mailer:
        return send_notices(database, mailer, clock)


def states(database: Database, clock: Clock) -> dict[str, NoticeState]:
    """Return what became of each person's latest notice."""
    with database.read() as connection:
        return {
            one.notice.address: one.state_at(clock()) for one in reversed(notices_outbox.list_notices(connection, 100))
        }


def outcomes(database: Database) -> list[tuple[Outcome, str]]:
    """Return all attempts in order."""
    rows = fetch(database, "SELECT outcome, answer FROM notice_attempt ORDER BY id")
    return [(Outcome(str(outcome)), str(answer)) for outcome, answer in rows]


def test_each_person_gets_one_mail_for_an_occasion(database: Database, sources: Sources, clock: Clock) -> None:
    """A digest with all systems of a person; asked again in the same days, nothing goes out."""
    with MailServer() as server:
        assert run(database, sources, server, clock) == Sending(sent=2)
        clock.set("2023-10-31T23:59:59-04:00")
        assert run(database, sources, server, clock) == Sending()
    assert [message["To"] for message in server.postbox.messages] == [f"Ann <{ANN}>", f"Ann <{BEA}>"]
    body = server.postbox.messages[0].get_body(("plain",))
    assert body is not None
    for words in ("  - A Barn roof, 7.5 kW DC", "  - B Barn roof", "Sunday, 5 November 2023, 23:59 EST", URL):
        assert words in body.get_content()
    assert "  - C" not in body.get_content()


def test_a_month_of_reminders_ends_with_the_report(database: Database, clock: Clock) -> None:
    """Through October's 241 hours every occasion brings one mail, until the month is reported."""
    fleet = Fleet({"A": (ANN,), "B": (BEA,)})
    with MailServer() as server:
        for at in (OPENS, FIVE_DAYS, "2023-11-03T00:00:00-04:00", ONE_DAY):
            clock.set(at)
            run(database, fleet.sources, server, clock)
            run(database, fleet.sources, server, clock)
        fleet.reported.add("B")
        for at in ("2023-11-05T01:30:00-04:00", "2023-11-05T01:30:00-05:00", SIX_HOURS, CLOSES, REOPENS):
            clock.set(at)
            run(database, fleet.sources, server, clock)
    subjects = [(message["To"].addresses[0].username, str(message["Subject"])) for message in server.postbox.messages]
    assert [who for who, _ in subjects].count("bea") == 4
    assert [subject.split(":")[0] for who, subject in subjects if who == "ann"] == [
        "Please report October 2023 by 5 Nov, 23",
        *["Still missing"] * 4,
        "Not reported",
        "Please report November 2023 by 5 Dec, 23",
    ]
    assert len({message["Message-ID"] for message in server.postbox.messages}) == len(subjects)


def test_a_hub_that_slept_sends_one_mail_and_no_burst(database: Database, sources: Sources, clock: Clock) -> None:
    """What lay between is not sent afterwards: neither by a hub that was down, nor after a server that was."""
    queue_notices(database, sources, URL, clock())
    clock.set("2023-11-05T12:00:00-05:00")
    with MailServer() as server:
        sending = run(database, sources, server, clock)
    assert sending.sent == 2
    assert [str(message["Subject"])[:13] for message in server.postbox.messages] == ["Still missing"] * 2
    assert [outcome for outcome, _ in outcomes(database)].count(Outcome.GIVEN_UP) == 2


def test_a_restart_sends_nothing_again(database: Database, sources: Sources, clock: Clock) -> None:
    """What was said is in the database, not in the program."""
    with MailServer() as server:
        run(database, sources, server, clock)
        database.close()
        again = open_hub(database.path.parent, new_timeline=b"timeline", at=clock())
        try:
            assert run(again, sources, server, clock) == Sending()
        finally:
            again.close()
    assert len(server.postbox.envelopes) == 2


def test_who_takes_no_mail_now_is_asked_again_at_growing_distances(database: Database, clock: Clock) -> None:
    """Five minutes, ten, twenty, forty, then every hour; a 4xx is never the end while the mail is of use."""
    sources = Fleet({"A": (ANN,)}).sources
    postbox = Postbox(to_recipients={ANN: "450 mailbox busy"})
    tries: list[int] = []
    with MailServer(postbox) as server:
        for minute in range(200):
            if run(database, sources, server, clock).later:
                tries.append(minute)
            clock.at += MINUTE_MS
        del postbox.to_recipients[ANN]
        clock.at += 60 * MINUTE_MS
        assert run(database, sources, server, clock).sent == 1
    assert tries == [0, 5, 15, 35, 75, 135, 195]
    assert outcomes(database)[0] == (Outcome.LATER, "450 mailbox busy")
    assert states(database, clock) == {ANN: NoticeState.SENT}


def test_a_clock_that_was_set_back_silences_nobody(database: Database, clock: Clock) -> None:
    """An attempt that lies in the future is no reason to wait for it."""
    sources = Fleet({"A": (ANN,)}).sources
    clock.set("2023-10-30T00:00:00-04:00")
    with MailServer(Postbox(to_recipients={ANN: "450 busy"})) as server:
        run(database, sources, server, clock)
        clock.at -= 60 * MINUTE_MS
        server.postbox.to_recipients.clear()
        assert run(database, sources, server, clock).sent == 1


def test_who_is_refused_is_named_and_not_asked_again(database: Database, sources: Sources, clock: Clock) -> None:
    """A 5xx is kept in the server's words and stated once; the others get their mail."""
    with MailServer(Postbox(to_recipients={ANN: "550 5.1.1 no such person"})) as server:
        sending = run(database, sources, server, clock)
        clock.at += 120 * MINUTE_MS
        assert run(database, sources, server, clock) == Sending()
    assert (sending.sent, len(sending.warnings)) == (1, 1)
    for words in (ANN, "550 5.1.1 no such person", "window_open, 2023-10", "correct the address"):
        assert words in sending.warnings[0]
    assert states(database, clock) == {ANN: NoticeState.REFUSED, BEA: NoticeState.SENT}


def test_an_address_that_is_none_is_refused_without_a_server(database: Database, clock: Clock) -> None:
    """A line end in an address reaches no server, and is stated like any refusal."""
    bad = f"{ANN}\r\nRCPT TO:<eve@example.org>"
    with MailServer() as server:
        sending = run(database, Fleet({"A": (bad,)}).sources, server, clock)
        assert server.postbox.sessions == set()
    assert "is not an e-mail address" in sending.warnings[0]
    assert len(sending.warnings[0].splitlines()) == 1


def test_a_server_that_is_down_costs_one_attempt_and_no_mail(
    database: Database, sources: Sources, clock: Clock
) -> None:
    """Nobody is refused for it; once the server is up everybody gets the mail."""
    port = free_port()
    queue_notices(database, sources, URL, clock())
    with SmtpMailer(make_settings(port), timeout_seconds=5) as mailer:
        down = send_notices(database, mailer, clock)
    assert (down.sent, down.later, "refused" in down.trouble) == (0, 1, True)
    clock.at += 6 * MINUTE_MS
    with MailServer(port=port) as server:
        assert run(database, sources, server, clock) == Sending(sent=2)


def test_what_is_of_no_use_any_more_is_given_up_and_stated(database: Database, clock: Clock) -> None:
    """A mail that no server took before the next occasion is not sent late; a warning says so once."""
    sources = Fleet({"A": (ANN,)}).sources
    with MailServer(Postbox(to_recipients={ANN: "450 busy"})) as server:
        run(database, sources, server, clock)
        clock.set(FIVE_DAYS)
        sending = run(database, sources, server, clock)
        (warning,) = sending.warnings
        clock.at += 6 * MINUTE_MS
        assert run(database, sources, server, clock).warnings == ()
    assert states(database, clock) == {ANN: NoticeState.WAITING}
    for words in (ANN, "given up", "window_open", "450 busy", "tell them in another way"):
        assert words in warning
    assert fetch(database, "SELECT outcome FROM notice_attempt WHERE notice_id = 1") == [("later",), ("given_up",)]


def test_a_round_sends_and_gives_up_no_more_than_its_share(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is told that there is more, and comes to an end by asking again."""
    monkeypatch.setattr("hub.services.send_notices.SENDS_AT_ONCE", 2)
    sources = Fleet({f"S-{number}": (f"p{number}@example.org",) for number in range(5)}).sources
    queue_notices(database, sources, URL, clock())
    clock.set(FIVE_DAYS)
    with MailServer() as server:
        rounds = [run(database, sources, server, clock) for _ in range(4)]
    assert [(one.sent, len(one.warnings), one.is_more) for one in rounds] == [
        (2, 2, True),
        (2, 2, True),
        (1, 1, False),
        (0, 0, False),
    ]


class CrashError(Exception):
    """Stands for the end of the process."""


class CrashingMailer:
    """Hands a mail over, and does not live to tell."""

    def __init__(self, mailer: SmtpMailer) -> None:
        self._mailer = mailer

    def send(self, mail: Mail) -> Answer:
        """Send, then end."""
        self._mailer.send(mail)
        raise CrashError


def test_a_crash_after_sending_brings_a_double_and_loses_nothing(database: Database, clock: Clock) -> None:
    """The double is the same mail, byte for byte, with the same Message-ID."""
    sources = Fleet({"A": (ANN,)}).sources
    queue_notices(database, sources, URL, clock())
    with MailServer() as server:
        with SmtpMailer(server.settings()) as mailer, pytest.raises(CrashError):
            send_notices(database, CrashingMailer(mailer), clock)
        assert states(database, clock) == {ANN: NoticeState.WAITING}
        clock.at += MINUTE_MS
        assert run(database, sources, server, clock) == Sending(sent=1)
    first, double = server.postbox.messages
    assert first["Message-ID"] == double["Message-ID"]
    assert server.postbox.raw[0] == server.postbox.raw[1]


def test_only_one_program_sends_at_a_time(database: Database, sources: Sources, clock: Clock) -> None:
    """A command beside the running hub does not send the same mail again."""
    queue_notices(database, sources, URL, clock())
    held = sqlite.hold_alone(database.path.parent / "notices.lock")
    assert held is not None
    with open(held, "rb"), MailServer() as server:  # noqa: PTH123 - a descriptor has no path
        assert run(database, sources, server, clock) == Sending(is_elsewhere=True)


def test_a_hub_that_ends_stops_between_two_mails(database: Database, sources: Sources, clock: Clock) -> None:
    """What was not sent waits in the outbox."""
    queue_notices(database, sources, URL, clock())
    ending = iter([False, True])
    with MailServer() as server, SmtpMailer(server.settings()) as mailer:
        assert send_notices(database, mailer, clock, lambda: next(ending)).sent == 1
    assert states(database, clock) == {ANN: NoticeState.SENT, BEA: NoticeState.WAITING}


def test_a_folder_that_cannot_be_used_is_the_stores_trouble(database: Database, clock: Clock) -> None:
    """It comes as the error that the hub waits out."""
    (database.path.parent / "notices.lock").mkdir()
    with SmtpMailer(make_settings(free_port())) as mailer, pytest.raises(StoreUnavailableError):
        send_notices(database, mailer, clock)


def test_a_large_fleet_is_queued_in_pieces(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every person is in the outbox, whatever the pieces; asked again, none is added."""
    monkeypatch.setattr("hub.services.queue_notices.WRITTEN_AT_ONCE", 4)
    sources = Fleet({f"S-{number}": (f"p{number}@example.org",) for number in range(11)}).sources
    assert queue_notices(database, sources, URL, clock()) == 11
    assert queue_notices(database, sources, URL, clock()) == 0
    assert fetch(database, "SELECT count(*), count(DISTINCT recipient) FROM notice") == [(11, 11)]


def test_whoever_lacks_more_than_ten_gets_the_report_of_the_quarter(database: Database, clock: Clock) -> None:
    """Beside the word that the window was missed, and once."""
    fleet = Fleet({f"S-{number:02d}": (ANN,) for number in range(11)})
    clock.set(CLOSES)
    with MailServer() as server:
        assert run(database, fleet.sources, server, clock).sent == 2
        assert run(database, fleet.sources, server, clock).sent == 0
    (report,) = (each for each in server.postbox.messages if "Missing Production Report" in each["Subject"])
    assert str(report["Subject"]) == "Missing Production Report 2023-Q4: 11 systems, October 2023"
    html = report.get_body(("html",))
    assert html is not None
    assert html.get_content().count("<td>S-") == 11


def test_names_are_text_in_every_part(database: Database, clock: Clock) -> None:
    """Markup and line ends in a name are shown, not obeyed."""
    fleet = Fleet({"A": (ANN,)}, names={ANN: "Ä <script>x</script>\r\nBcc: eve@example.org\r\n\r\nHi"})
    with MailServer() as server:
        run(database, fleet.sources, server, clock)
    (message,) = server.postbox.messages
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert message["Bcc"] is None
    assert server.postbox.envelopes[0].rcpt_tos == [ANN]
    assert text.get_content().splitlines()[0] == "Hello Ä <script>x</script> Bcc: eve@example.org Hi,"
    assert "<script>" not in html.get_content()


def test_a_quarter_lacks_what_its_windows_have_closed_on(database: Database, clock: Clock) -> None:
    """While October's window is open nothing of the quarter is missing; a month later October and November are."""
    fleet = Fleet({"A": (ANN,), "B": (BEA,)}, reported={"B"})
    found = []
    for at in ("2023-11-05T23:59:59-05:00", CLOSES, "2023-12-06T00:00:00-05:00", "2024-05-01T00:00:00-04:00"):
        clock.set(at)
        with database.read() as connection:
            report = report_missing(connection, ProductionQuarter(OCTOBER.year, 4), fleet.sources, clock())
        found.append(([str(month) for month in report.months], [len(row.months) for row in report.rows]))
    assert found == [
        ([], []),
        (["2023-10"], [1]),
        (["2023-10", "2023-11"], [2]),
        (["2023-10", "2023-11", "2023-12"], [3]),
    ]


def test_what_is_due_can_be_seen_without_writing(database: Database, sources: Sources, clock: Clock) -> None:
    """A dry run names every mail and keeps none."""
    with database.read() as connection:
        assert [one.share.address for one in find_due(connection, sources, clock())] == [ANN, BEA]
    assert fetch(database, "SELECT count(*) FROM notice") == [(0,)]
