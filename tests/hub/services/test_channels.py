"""Alerts on their way to channels: each told once, none lost while nobody answers, and nothing that is muted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hub.alerting.life import Episode, Silence
from hub.alerting.retries import GIVE_UP_MS
from hub.alerting.rules import Code, Severity
from hub.alerting.telling import HEARTBEAT_MS, Way
from hub.counting import NOTIFICATION_RESULTS, Counting
from hub.errors import InputError, UnknownSubjectError
from hub.exchange.mail import Answer, Verdict
from hub.exchange.webhooks import Webhooks, format_secret, sign
from hub.jobs import TellJob
from hub.sealing import Sealer
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_alert import acknowledge_alerts, silence_alerts
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.manage_channels import (
    ChannelWish,
    MadeChannel,
    add_channel,
    end_channel,
    replay_dispatch,
    try_channel,
)
from hub.services.queue_dispatches import TOLD_AT_ONCE, queue_dispatches
from hub.services.read_alerts import read_open
from hub.services.send_dispatches import SENDS_AT_ONCE, Delivery, Doors, send_dispatches
from hub.store import alerts, audit_log, channels, dispatches
from hub.store.notices_outbox import Outcome
from tests.hub.making import NOW, TERMS, fetch, made_log, make_key
from tests.hub.programs import HOST
from tests.hub.receiving import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.exchange.mail import Mail
    from hub.store.database import Database

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
LATER = NOW + DAY_MS + 10 * MINUTE_MS
SEALER = Sealer(make_key(1))
WEBHOOKS = Webhooks((HOST,), timeout_seconds=5)


@dataclass
class Post:
    """Takes mail, or answers what it is told to."""

    answers: list[Answer] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> Answer:
        """Take a mail."""
        answer = self.answers.pop(0) if self.answers else Answer(Verdict.SENT, "250 OK")
        if answer.verdict is Verdict.SENT:
            self.mails.append(mail)
        return answer


@pytest.fixture
def fired(registered: Database) -> Database:
    """Return a hub of which a device is silent (a warning) and that has no backup (critical)."""
    accept_blocks(registered, made_log([5, 9], per_block=2).arrivals(), TERMS, NOW)
    for minutes in (6, 0):
        evaluate_alerts(registered, 0, LATER - minutes * MINUTE_MS)
    return registered


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver of webhooks."""
    with Receiver() as opened:
        yield opened


@pytest.fixture
def post() -> Post:
    """Return a stand-in for the mail server."""
    return Post()


def add(  # noqa: PLR0913 - what a channel is
    database: Database,
    target: str,
    way: Way = Way.WEBHOOK,
    *,
    least: Severity = Severity.WARNING,
    minutes: int = 60,
    heartbeat: bool = False,
) -> MadeChannel:
    """Make a channel."""
    wish = ChannelWish(way, target, least, minutes, heartbeat)
    return add_channel(database, wish, WEBHOOKS, SEALER, actor="olga", now=LATER)


def run(database: Database, at: int, post: Post | None = None) -> Delivery:
    """Queue and deliver as the hub does every few seconds."""
    queue_dispatches(database, at)
    return send_dispatches(database, Doors(post, WEBHOOKS, SEALER, "https://hub.example.org"), lambda: at)


def told(receiver: Receiver) -> list[tuple[list[str], list[str]]]:
    """Return which rules each message said to fire and to be over."""
    data = [json.loads(one.body)["data"] for one in receiver.received]
    return [([one["rule"] for one in each["firing"]], [one["rule"] for one in each["over"]]) for each in data]


def severity(database: Database) -> Severity | None:
    """Return how severe it is that a channel takes nothing, None if none of them does so."""
    with database.read() as connection:
        found = {one.episode.code: one.episode.severity for one in alerts.list_open(connection)}
    return found.get(Code.CHANNEL_FAILING)


def entries(database: Database) -> list[tuple[str, str]]:
    """Return what the audit log says, by whom."""
    with database.read() as connection:
        return [(one.actor, one.action) for one in audit_log.iterate_audit(connection)]


def test_each_alert_is_told_once_and_that_it_is_over(fired: Database, receiver: Receiver) -> None:
    """Signed with the secret that was shown once; in the database it cannot be read."""
    made = add(fired, receiver.url)
    assert run(fired, LATER) == Delivery(sent=1)
    assert run(fired, LATER + MINUTE_MS) == Delivery()
    (got,) = receiver.received
    with fired.read() as connection:
        secret = SEALER.open(channels.find_secret(connection, 1), "channel 1")
    assert format_secret(secret) == made.secret
    assert (
        got.headers["webhook-signature"]
        == sign(secret, got.headers["webhook-id"], LATER, got.body)["webhook-signature"]
    )
    message = json.loads(got.body)
    assert (message["type"], set(message["data"])) == ("alerts", {"firing", "over", "more"})
    assert set(told(receiver)[0][0]) == {"device_silent", "backup_stale"}
    assert message["data"]["firing"][0]["path"].startswith("/alerts/")
    spoken = LATER + 10 * MINUTE_MS
    accept_blocks(fired, made_log([5, 9, 12, 15], per_block=2).arrivals(), TERMS, spoken)
    for minutes in (0, 5, 6):
        evaluate_alerts(fired, 0, spoken + minutes * MINUTE_MS)
        run(fired, spoken + minutes * MINUTE_MS)
    assert len(receiver.received) == 1, "gathered for an hour"
    assert run(fired, LATER + HOUR_MS) == Delivery(sent=1)
    assert told(receiver)[1] == ([], ["device_silent"])
    assert run(fired, LATER + 2 * HOUR_MS) == Delivery()


def test_what_is_critical_is_told_at_once(fired: Database, receiver: Receiver) -> None:
    """And alone where nothing else is wanted."""
    add(fired, receiver.url, least=Severity.CRITICAL)
    run(fired, LATER)
    assert told(receiver) == [(["backup_stale"], [])]


def test_what_is_answered_or_muted_is_not_told(fired: Database, receiver: Receiver) -> None:
    """Until that ends: it is looked at just before it is told."""
    with fired.read() as connection:
        numbers = {one.kept.episode.code: one.kept.number for one in read_open(connection, LATER)}
    until = LATER + HOUR_MS
    acknowledge_alerts(fired, [numbers[Code.BACKUP_STALE]], until, actor="olga", now=LATER, reason="is running")
    silence = Silence(Code.DEVICE_SILENT, None, until)
    silence_alerts(fired, silence, actor="olga", now=LATER, reason="roof works")
    add(fired, receiver.url)
    assert run(fired, LATER) == Delivery()
    assert run(fired, until) == Delivery(sent=1)
    assert set(told(receiver)[0][0]) == {"device_silent", "backup_stale"}


def test_a_receiver_that_is_down_loses_nothing(fired: Database, receiver: Receiver) -> None:
    """It is tried again under the same id, ever more rarely; another channel does not wait for it."""
    receiver.statuses = [503, 503]
    add(fired, receiver.url)
    with Receiver() as other:
        add(fired, other.url)
        assert run(fired, LATER) == Delivery(sent=1, later=1)
        assert run(fired, LATER + 4_000) == Delivery()
        assert run(fired, LATER + 6_000) == Delivery(later=1)
        assert run(fired, LATER + 4 * MINUTE_MS) == Delivery()
        # A clock that was set back does not silence it.
        assert run(fired, LATER - HOUR_MS) == Delivery(sent=1)
        assert len(other.received) == 1
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    with fired.read() as connection:
        (kept,) = dispatches.list_dispatches(connection, 10, to=1)
        assert dispatches.waiting_since(connection) == {}
    assert [one.outcome for one in kept.attempts] == [Outcome.LATER, Outcome.LATER, Outcome.SENT]


def test_tries_are_counted_by_way_and_outcome(fired: Database, receiver: Receiver) -> None:
    """By webhook or by mail; what was given up counts too. The job tells it to whoever watches the hub."""
    receiver.statuses = [503, 200]
    add(fired, receiver.url)
    counting, at = Counting(), LATER
    job = TellJob(fired, None, WEBHOOKS, SEALER, lambda: at, counting=counting)

    def counted(channel: str, result: str) -> float | None:
        labels = {"channel": channel, "result": result}
        return counting.registry.get_sample_value("meterline_notifications_total", labels)

    assert counted("webhook", "later") == 0
    job.run(lambda: False)
    at += 4 * MINUTE_MS
    job.run(lambda: False)
    assert [counted("webhook", result) for result in NOTIFICATION_RESULTS] == [1, 1, 0, 0]
    try_channel(fired, 1, actor="olga", now=at)
    assert run(fired, at + 2 * GIVE_UP_MS).results[Way.WEBHOOK][Outcome.GIVEN_UP] == 1
    add(fired, "ops@example.org", Way.MAIL)
    assert run(fired, at).results[Way.MAIL] == {Outcome.GIVEN_UP: 0, Outcome.LATER: 1}


def test_of_a_channel_that_does_not_answer_the_rest_waits(fired: Database, receiver: Receiver) -> None:
    """One try a round, and in order."""
    receiver.statuses = [500]
    add(fired, receiver.url)
    try_channel(fired, 1, actor="olga", now=LATER)
    assert run(fired, LATER) == Delivery(later=1)
    assert run(fired, LATER + 10_000) == Delivery(sent=2)
    assert [json.loads(one.body)["type"] for one in receiver.received] == ["test", "test", "alerts"]


def test_many_messages_that_nobody_takes_hold_up_no_other_channel(fired: Database, receiver: Receiver) -> None:
    """Only one of them is tried, what is behind them goes out in the same round, and no further round is asked for."""
    receiver.statuses = [500]
    add(fired, receiver.url)
    with Receiver() as other:
        add(fired, other.url)
        for number in (1,) * SENDS_AT_ONCE + (2,):
            try_channel(fired, number, actor="olga", now=LATER)
        doors = Doors(None, WEBHOOKS, SEALER)
        assert send_dispatches(fired, doors, lambda: LATER) == Delivery(sent=1, later=1)
        assert (len(receiver.received), len(other.received)) == (1, 1)


def test_more_than_a_round_takes_is_left_to_the_next_one(fired: Database, receiver: Receiver) -> None:
    """And the round says that there is more."""
    add(fired, receiver.url)
    for _ in range(SENDS_AT_ONCE + 1):
        try_channel(fired, 1, actor="olga", now=LATER)
    doors = Doors(None, WEBHOOKS, SEALER)
    assert send_dispatches(fired, doors, lambda: LATER) == Delivery(sent=SENDS_AT_ONCE, is_more=True)
    assert send_dispatches(fired, doors, lambda: LATER) == Delivery(sent=1)


def test_a_channel_that_takes_nothing_for_days_is_switched_off(fired: Database, receiver: Receiver) -> None:
    """An alert says so, a test switches it on again, and what was given up is delivered once more if one asks."""
    receiver.statuses = [500] * 20
    add(fired, receiver.url)
    assert run(fired, LATER) == Delivery(later=1)
    evaluate_alerts(fired, 0, LATER + HOUR_MS + 1)
    assert severity(fired) is Severity.WARNING
    late = LATER + GIVE_UP_MS
    delivery = run(fired, late)
    assert "message 1 (alerts) to channel 1 was given up: of no use after" in delivery.warnings[0]
    assert entries(fired)[-1] == ("hub", "switch channel off")
    evaluate_alerts(fired, 0, late)
    assert severity(fired) is Severity.CRITICAL
    assert run(fired, late + MINUTE_MS) == Delivery(), "it is told nothing"
    receiver.statuses = []
    try_channel(fired, 1, actor="olga", now=late)
    assert replay_dispatch(fired, 1, actor="olga", now=late) > 1
    assert run(fired, late + 2 * MINUTE_MS).sent >= 2
    ids = [one.headers["webhook-id"] for one in receiver.received]
    assert ids[0] in ids[1:]
    evaluate_alerts(fired, 0, late + 10 * MINUTE_MS)
    assert severity(fired) is None


def test_a_receiver_that_is_gone_is_not_tried_again(fired: Database, receiver: Receiver) -> None:
    """410 is its word for that."""
    receiver.statuses = [410]
    add(fired, receiver.url)
    assert run(fired, LATER).warnings == ("message 1 (alerts) to channel 1 was refused: HTTP 410",)
    with fired.read() as connection:
        (held,) = channels.list_channels(connection)
    assert held.failed_at == LATER
    assert run(fired, LATER + DAY_MS) == Delivery()
    assert len(receiver.received) == 1


def test_a_sign_of_life_names_the_head_of_the_audit_log(database: Database, receiver: Receiver) -> None:
    """Every hour, and one that came too late is not sent afterwards nor held against the channel."""
    add(database, receiver.url, heartbeat=True)
    with database.read() as connection:
        (head,) = audit_log.list_audit(connection, limit=1)
    assert run(database, LATER) == Delivery(sent=1)
    assert json.loads(receiver.received[0].body)["data"] == {
        "audit_entries": head.number,
        "audit_head": head.sha256,
    }
    assert run(database, LATER + HEARTBEAT_MS - 1) == Delivery()
    receiver.statuses = [500]
    assert run(database, LATER + HEARTBEAT_MS) == Delivery(later=1)
    delivery = run(database, LATER + 2 * HEARTBEAT_MS)
    assert (delivery.sent, len(delivery.warnings)) == (1, 1)
    with database.read() as connection:
        assert channels.list_channels(connection)[0].failed_at is None


def test_a_digest_by_mail_is_grouped_by_rule(fired: Database, post: Post) -> None:
    """With what to do where; the same message tried again is known for the same."""
    add(fired, "alerts@example.org", Way.MAIL)
    post.answers = [Answer(Verdict.LATER, "451 later")]
    assert run(fired, LATER, post) == Delivery(later=1)
    assert run(fired, LATER + 10_000, post) == Delivery(sent=1)
    (mail,) = post.mails
    assert (mail.address, mail.subject[:14]) == ("alerts@example.org", "2 alerts fire:")
    for words in (
        "A device is silent (device_silent)",
        "  - warning: Barn was last heard",
        "https://hub.example.org/al",
    ):
        assert words in mail.text
    assert '<a href="https://hub.example.org/alerts/' in mail.html
    assert mail.key == fetch(fired, "SELECT event FROM dispatch")[0][0]


def test_without_a_mail_server_mail_waits(fired: Database) -> None:
    """And says what it waits for."""
    add(fired, "alerts@example.org", Way.MAIL)
    assert run(fired, LATER) == Delivery(later=1)
    with fired.read() as connection:
        (kept,) = dispatches.list_dispatches(connection, 10)
    assert "start it with --smtp" in kept.attempts[0].answer


def test_a_secret_of_another_key_is_a_reason_and_no_crash(fired: Database, receiver: Receiver) -> None:
    """A restored database without the key it had."""
    add(fired, receiver.url)
    queue_dispatches(fired, LATER)
    doors = Doors(None, WEBHOOKS, Sealer(make_key(2)))
    assert send_dispatches(fired, doors, lambda: LATER) == Delivery(later=1)
    assert "restore the key it had" in str(fetch(fired, "SELECT answer FROM dispatch_attempt")[0][0])


def test_many_alerts_are_one_message(database: Database, receiver: Receiver) -> None:
    """It names the first of them, and says how many there are more; all count as told."""
    with database.write() as connection:
        for number in range(TOLD_AT_ONCE + 20):
            episode = Episode(Code.BACKLOG, f"d{number}", Severity.WARNING, "x", 1, 1, 1)
            alerts.add_episodes(connection, [episode])
    add(database, receiver.url)
    assert run(database, LATER) == Delivery(sent=1)
    data = json.loads(receiver.received[0].body)["data"]
    assert (len(data["firing"]), data["more"]) == (TOLD_AT_ONCE, 20)
    assert run(database, LATER + 2 * HOUR_MS) == Delivery()


def test_channels_are_made_once_and_end_with_a_reason(database: Database, receiver: Receiver) -> None:
    """Every act is an entry of the audit log; what is refused is none."""
    made = add(database, receiver.url)
    again = add(database, receiver.url)
    assert (again.channel.number, again.secret) == (made.channel.number, "")
    assert add(database, receiver.url, heartbeat=True).channel.number == 2
    for way, target, minutes, named in (
        (Way.MAIL, "nobody", 0, "not a mail address"),
        (Way.WEBHOOK, "http://example.org/", 0, "unprotected"),
        (Way.MAIL, "a@example.org", -1, "digest_minutes"),
    ):
        with pytest.raises(InputError, match=named):
            add(database, target, way, minutes=minutes)
    number = try_channel(database, 1, actor="olga", now=LATER)
    with pytest.raises(InputError, match="still waits"):
        replay_dispatch(database, number, actor="olga", now=LATER)
    with pytest.raises(InputError, match="say why"):
        end_channel(database, 1, actor="olga", now=LATER, reason=" ")
    end_channel(database, 1, actor="olga", now=LATER, reason="moved")
    assert run(database, LATER) == Delivery(sent=1), "the sign of life of the other one"
    for act in (try_channel, replay_dispatch):
        with pytest.raises(UnknownSubjectError, match="there is no"):
            act(database, 1, actor="olga", now=LATER)
    with pytest.raises(UnknownSubjectError, match="there is no message 99"):
        replay_dispatch(database, 99, actor="olga", now=LATER)
    assert [action for _, action in entries(database)] == ["add channel", "add channel", "test channel", "end channel"]
