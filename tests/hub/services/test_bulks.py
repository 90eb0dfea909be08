"""Acts on many devices: planned for each, done at once or through the outbox, followed, and withdrawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.alerting.life import Episode, Silence
from hub.alerting.rules import Code, Severity
from hub.errors import InputError, UnknownSubjectError
from hub.fleet.bulks import BulkAction, BulkKind, Outcome
from hub.services import start_bulk as service
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.cancel_bulk import cancel_bulk
from hub.services.flush_outbox import GRACE_MS, SENDS_AT_ONCE, flush_outbox, hand_over
from hub.services.issue_command import WAITING_MAX, CommandRequest, issue_command
from hub.services.register_device import register_device
from hub.services.start_bulk import TTL_SECONDS, BulkWish, CommandMeans, StartedBulk, start_bulk
from hub.services.take_result import take_result
from hub.store import alerts, audit_log, bulk_actions, changes, device_tags, outbox
from hub.store.device_list import DeviceFilter
from protocol import wire
from protocol.commands import AskState, Repoll, Resend, RestartAgent, Result, ResultStatus
from tests.hub.making import NOW, TERMS, MadeDevice, fetch, make_meter
from tests.hub.programs import COMMAND_KEY

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.commands import Order

DEVICES = [MadeDevice(seed) for seed in range(1, 5)]
MEANS = CommandMeans(lambda: COMMAND_KEY, lambda: b"identity")
UNTIL = NOW + 86_400_000


@pytest.fixture
def fleet(database: Database) -> Database:
    """Return a hub with four devices, none of which was heard."""
    for place, device in enumerate(DEVICES):
        register_device(database, device.pem, f"Site {place}", NOW)
    return database


def start(  # noqa: PLR0913 - what is done to which devices
    database: Database,
    kind: BulkKind,
    *,
    until: int | None = None,
    tags: tuple[str, ...] = (),
    search: str = "Site",
    number: int | None = None,
    is_dry_run: bool = False,
) -> StartedBulk:
    """Do it to all that match."""
    wish = BulkWish(DeviceFilter(search), BulkAction(kind, until, tags), number)
    return start_bulk(database, wish, MEANS, actor="olga", now=NOW, reason="works", is_dry_run=is_dry_run)


def greet(database: Database, device: MadeDevice, *, head: int = -1) -> None:
    """Let a device say hello."""
    state = device.state(head=head)
    assert not answer_state(database, device.id, state, terms=TERMS, now=NOW, retained=False).rejected


def sent(database: Database, now: int = NOW) -> list[Order]:
    """Return what the outbox sends at an instant."""
    return [wire.read_command(one.raw, COMMAND_KEY.public).order for one in flush_outbox(database, now)]


def answer(database: Database, device: MadeDevice, status: ResultStatus) -> None:
    """Let a device answer its last command."""
    with database.read() as connection:
        number = outbox.last_number(connection, device.id)
    raw = wire.seal_result(Result(device.id, number, status, "so", 0), device.key)
    assert take_result(database, device.id, raw, NOW).kept


def outcomes(database: Database, number: int = 1) -> dict[Outcome, int]:
    """Return what a bulk's commands came to, those that any came to."""
    with database.read() as connection:
        counted = bulk_actions.count_outcomes(connection, number)
    return {outcome: many for outcome, many in counted.items() if many}


def test_a_bulk_is_followed_until_each_has_answered(fleet: Database) -> None:
    """Every outcome is told apart, and each command is found under its own."""
    assert start(fleet, BulkKind.RESTART_AGENT).number == 1
    assert outcomes(fleet) == {Outcome.WAITING: 4}
    for device in DEVICES[:3]:
        greet(fleet, device)
    assert sent(fleet) == [RestartAgent()] * 3
    assert outcomes(fleet) == {Outcome.WAITING: 1, Outcome.SENT: 3}
    answer(fleet, DEVICES[0], ResultStatus.RUNNING)
    assert outcomes(fleet)[Outcome.SENT] == 3
    answer(fleet, DEVICES[0], ResultStatus.DONE)
    answer(fleet, DEVICES[1], ResultStatus.REJECTED)
    assert outcomes(fleet) == {Outcome.WAITING: 1, Outcome.SENT: 1, Outcome.DONE: 1, Outcome.REFUSED: 1}
    sent(fleet, NOW + TTL_SECONDS * 1000 + GRACE_MS)
    assert outcomes(fleet) == {Outcome.DONE: 1, Outcome.REFUSED: 1, Outcome.EXPIRED: 2}
    answer(fleet, DEVICES[2], ResultStatus.EXPIRED)
    assert outcomes(fleet)[Outcome.EXPIRED] == 2
    with fleet.read() as connection:
        expired = bulk_actions.list_commands(connection, 1, Outcome.EXPIRED, None, 9)
        every = bulk_actions.list_commands(connection, 1, None, None, 3)
        rest = bulk_actions.list_commands(connection, 1, None, (every[-1].device, every[-1].number), 3)
    assert {one.name for one in expired} == {"Site 2", "Site 3"}
    assert sorted(one.name for one in (*every, *rest)) == [f"Site {place}" for place in range(4)]


def test_pages_hear_of_each_step(fleet: Database) -> None:
    """When a command is sent, answered, handed over by POST, withdrawn or given up; commands of no bulk tell nobody."""
    request = CommandRequest(DEVICES[3].text, AskState(), "olga", 60, b"identity")
    issue_command(fleet, request, COMMAND_KEY, NOW)
    start(fleet, BulkKind.STATE)

    def told() -> bool:
        with fleet.write() as connection:
            _, changed = changes.changes_after(connection, seen[-1])
            seen.append(changes.latest_change(connection))
        return changes.bulk(1) in changed

    seen = [0]
    told()
    for device in DEVICES:
        greet(fleet, device)
    assert not told()
    assert (len(sent(fleet)), told()) == (4, True)
    answer(fleet, DEVICES[0], ResultStatus.DONE)
    assert told()
    hand_over(fleet, DEVICES[1].id, NOW, again=True)
    assert told()
    cancel_bulk(fleet, 1, actor="olga", now=NOW, reason="enough")
    assert told()
    sent(fleet, NOW + 60_000 + GRACE_MS)
    assert not told()
    sent(fleet, NOW + TTL_SECONDS * 1000 + GRACE_MS)
    assert told()


def test_what_was_not_sent_is_withdrawn(fleet: Database) -> None:
    """And is never sent after that, nor given up as expired; what was sent goes on; it is an entry of the log."""
    start(fleet, BulkKind.STATE)
    greet(fleet, DEVICES[0])
    assert len(sent(fleet)) == 1
    assert cancel_bulk(fleet, 1, actor="olga", now=NOW + 1, reason="too much") == 3
    for device in DEVICES[1:]:
        greet(fleet, device)
    assert sent(fleet, NOW + 2) == []
    answer(fleet, DEVICES[0], ResultStatus.DONE)
    sent(fleet, NOW + TTL_SECONDS * 1000 + GRACE_MS)
    assert outcomes(fleet) == {Outcome.DONE: 1, Outcome.WITHDRAWN: 3}
    with fleet.read() as connection:
        (entry,) = audit_log.list_audit(connection, action="cancel bulk")
        (command,) = outbox.list_commands(connection, DEVICES[1].id, 5)
        kept = bulk_actions.find_bulk(connection, 1)
    assert (json.loads(entry.after), entry.reason) == ({"bulk": 1, "withdrawn": 3}, "too much")
    assert (command.withdrawn_at, command.answer, command.issued.bulk) == (NOW + 1, None, 1)
    assert kept is not None
    assert kept.cancelled is not None
    assert (kept.cancelled.actor, kept.cancelled.reason) == ("olga", "too much")
    with pytest.raises(InputError, match="nothing of bulk 1 waits to be sent"):
        cancel_bulk(fleet, 1, actor="olga", now=NOW, reason="again")
    with pytest.raises(UnknownSubjectError, match="there is no bulk 9"):
        cancel_bulk(fleet, 9, actor="olga", now=NOW, reason="x")


def test_the_outbox_sets_the_pace(fleet: Database) -> None:
    """A bulk of more than goes out at once takes as many rounds as it needs, and none is sent twice."""
    devices = [MadeDevice(seed) for seed in range(20, 20 + SENDS_AT_ONCE + 3)]
    for device in devices:
        register_device(fleet, device.pem, "Many", NOW)
        greet(fleet, device)
    start(fleet, BulkKind.STATE, search="Many", number=len(devices))
    assert [len(sent(fleet, NOW + step)) for step in range(3)] == [SENDS_AT_ONCE, 3, 0]


def test_a_resend_asks_for_what_the_hub_lacks(fleet: Database) -> None:
    """From behind the last block that it holds without a gap; of who lacks nothing, or never said, nothing is asked."""
    behind, complete = DEVICES[0], DEVICES[1]
    for device in (behind, complete):
        device.seal(make_meter())
    accept_blocks(fleet, [*behind.arrivals(), *complete.arrivals()], TERMS, NOW)
    greet(fleet, behind, head=4)
    greet(fleet, complete, head=0)
    done = start(fleet, BulkKind.RESEND)
    assert [device.id for device in done.changed] == [behind.id]
    assert [one.why for one in done.left] == [
        "the hub lacks none of its blocks",
        "it has not said yet which blocks it has",
        "it has not said yet which blocks it has",
    ]
    assert sent(fleet) == [Resend(behind.epoch, 1, 4)]


def test_every_meter_that_a_device_reads_is_polled(fleet: Database) -> None:
    """One command a meter; a device that has described none is left."""
    device = DEVICES[0]
    device.seal(make_meter())
    accept_blocks(fleet, device.arrivals(), TERMS, NOW)
    greet(fleet, device)
    done = start(fleet, BulkKind.REPOLL)
    assert ([one.id for one in done.changed], len(done.left)) == ([device.id], 3)
    assert sent(fleet) == [Repoll(make_meter().meter)]


def test_a_device_with_too_many_commands_is_left(fleet: Database) -> None:
    """As a single command to it would be refused."""
    for _ in range(WAITING_MAX):
        request = CommandRequest(DEVICES[0].text, AskState(), "olga", 60, b"identity")
        issue_command(fleet, request, COMMAND_KEY, NOW)
    done = start(fleet, BulkKind.STATE)
    assert [(one.device.name, one.why) for one in done.left] == [("Site 0", "100 commands to it wait already")]


def test_alerts_are_silenced_and_looked_after_device_by_device(fleet: Database) -> None:
    """Only those that fire are looked after; a silence is of whatever a device may have."""
    with fleet.write() as connection:
        for code, fired_at in ((Code.DEVICE_SILENT, NOW), (Code.BAD_SIGNATURE, NOW), (Code.BACKLOG, None)):
            episode = Episode(code, DEVICES[0].text, Severity.WARNING, "so", NOW, NOW, fired_at)
            alerts.add_episodes(connection, [episode])
    done = start(fleet, BulkKind.ACKNOWLEDGE, until=UNTIL)
    assert ([one.name for one in done.changed], {one.why for one in done.left}) == (
        ["Site 0"],
        {"no alert of it fires now"},
    )
    with fleet.read() as connection:
        assert alerts.acknowledged_until(connection) == {1: UNTIL, 2: UNTIL}
    start(fleet, BulkKind.SILENCE, until=UNTIL)
    with fleet.read() as connection:
        silences = {one.silence for one in alerts.list_silences(connection, NOW)}
    assert silences == {Silence(None, device.text, UNTIL) for device in DEVICES}
    with pytest.raises(InputError, match="no alert of it fires now"):
        start(fleet, BulkKind.ACKNOWLEDGE, until=UNTIL)
    with pytest.raises(InputError, match="in the future and within 92 days"):
        start(fleet, BulkKind.SILENCE, until=NOW)


def test_tags_are_one_entry_of_the_log(fleet: Database) -> None:
    """With the filter, the tags and every id; a device that has them already is left."""
    start(fleet, BulkKind.TAG, tags=("lte",), search="Site 1")
    done = start(fleet, BulkKind.TAG, tags=("lte",))
    assert [one.why for one in done.left] == ["it is tagged so already"]
    with fleet.read() as connection:
        entries = audit_log.list_audit(connection, action="tag devices")
        tags = device_tags.tags_of(connection, [device.id for device in DEVICES])
    assert (len(entries), set(tags.values())) == (2, {("lte",)})
    assert json.loads(entries[0].after) == {
        "bulk": 2,
        "filter": {"search": "Site"},
        "until": None,
        "tags": ["lte"],
        "devices": [DEVICES[place].text for place in (0, 2, 3)],
    }
    start(fleet, BulkKind.UNTAG, tags=("lte",))
    with fleet.read() as connection:
        assert device_tags.tags_of(connection, [device.id for device in DEVICES]) == {}


def test_what_is_refused_leaves_nothing(fleet: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a dry run: no act, no command, no entry."""
    with fleet.read() as connection:
        before = audit_log.list_audit(connection, limit=1)
    assert start(fleet, BulkKind.STATE, is_dry_run=True).number is None
    for told, asked in (
        ("no device matches", {"search": "nowhere"}),
        ("4 devices match, that is not 5", {"number": 5}),
    ):
        with pytest.raises(InputError, match=told):
            start(fleet, BulkKind.STATE, **asked)
    with pytest.raises(InputError, match="name their number"):
        start(fleet, BulkKind.RETIRE)
    with pytest.raises(InputError, match="only a maintained or decommissioned"):
        start(fleet, BulkKind.RESUME)
    monkeypatch.setattr(service, "DEVICES_MAX", 3)
    with pytest.raises(InputError, match="more than 3 devices match"):
        start(fleet, BulkKind.STATE)
    with fleet.read() as connection:
        assert (audit_log.list_audit(connection, limit=1), bulk_actions.list_bulks(connection, None, 5)) == (before, ())
    assert fetch(fleet, "SELECT count(*) FROM command") == [(0,)]
