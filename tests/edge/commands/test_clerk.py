"""Commands at the device: believed only from the hub, carried out once, answered always with the same word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edge.commands import Clerk, ClerkTerms
from edge.custody import RESEND_MAX, Moment
from protocol import wire
from protocol.commands import (
    AskState,
    Order,
    Repoll,
    Resend,
    RestartAgent,
    ResultStatus,
    RotateSigningKey,
    SetConfig,
    UnknownOrder,
)
from protocol.identity import DeviceId, Epoch
from protocol.messages import Gap, GapCause, TimeQuality
from protocol.topics import Channel
from tests.edge.commands.orders import (
    COMMAND_KEY,
    CONFIG,
    STRANGER_KEY,
    Office,
    events,
    moment,
    order,
    results,
    write_config,
)
from tests.edge.making import AUTHOR, MINUTE_MS, START_MS, failed, good, instant, judged, readings_of

if TYPE_CHECKING:
    from pathlib import Path

ORDERS: list[Order] = [
    AskState(),
    Resend(Epoch(bytes(range(8))), 0, 0),
    Repoll(1),
    SetConfig({"interval_seconds": 300}, 0, 60),
    RestartAgent(),
]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Open an office on an empty journal."""
    return Office(write_config(tmp_path))


def test_state_is_a_hello_and_a_result(office: Office) -> None:
    """The hub gets the hello that it asked for before the result that says so."""
    said = office.hear(order(1, AskState()))
    assert [outgoing.channel for outgoing in said] == [Channel.STATE, Channel.RESULT]
    [result] = results(said)
    assert (result.number, result.status, result.config_version) == (1, ResultStatus.DONE, 0)


@pytest.mark.parametrize("wanted", ORDERS)
def test_a_number_is_carried_out_once(office: Office, wanted: Order) -> None:
    """A command that arrives again, also after a crash, gets the same bytes as an answer and has no further effect."""
    first = [said for said in office.hear(order(7, wanted)) if said.channel is Channel.RESULT]
    assert office.hear(order(7, wanted)) == ([] if office.clerk.restart_wanted else first)
    after = office.crashed()
    assert after.hear(order(7, wanted)) == first
    assert len(events(after.journal)) == (1 if isinstance(wanted, SetConfig | RestartAgent) else 0)
    assert after.custody.hellos == 0
    assert not after.clerk.restart_wanted


def test_an_old_number_and_a_reused_one_are_duplicates(office: Office) -> None:
    """Numbers may have holes; one that was passed over, or that another command had, is never carried out."""
    assert office.result(order(5, AskState())).status is ResultStatus.DONE
    passed = office.result(order(3, RestartAgent()))
    assert (passed.number, passed.status) == (3, ResultStatus.DUPLICATE)
    reused = office.result(order(5, RestartAgent(), identity=b"another!"))
    assert (reused.status, reused.detail) == (ResultStatus.DUPLICATE, "another command had this number")
    assert not office.clerk.restart_wanted
    assert office.result(order(9, AskState())).status is ResultStatus.DONE


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (order(1, RestartAgent(), key=STRANGER_KEY), "not signed by"),
        (order(1, RestartAgent(), device=DeviceId(bytes(10))), "it is for device aaaaaaaaaaaaaaaa"),
        (b"no command", "not a COSE_Sign1"),
        (order(1, RestartAgent())[:-1] + b"?", "not signed by"),
    ],
)
def test_what_is_not_our_hubs_is_ignored(
    office: Office, caplog: pytest.LogCaptureFixture, raw: bytes, words: str
) -> None:
    """A forged, garbled or misdirected command changes nothing, is not answered, and is one sentence in the log."""
    image = office.journal.image()
    assert office.hear(raw) == []
    assert office.journal.image() == image
    assert not office.clerk.restart_wanted
    assert words in caplog.text


def test_without_a_command_key_no_command_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A device that was given no command key rejects every command in its log and answers none."""
    base = write_config(tmp_path, CONFIG.replace('command_key = "command.pem"\n', ""))
    assert base.command_key is None
    office = Office(base)
    terms = ClerkTerms(base=base, config=base, command_key=None, kernel_boot_id=b"")
    clerk = Clerk(office.journal, AUTHOR, terms, lambda: None)
    assert clerk.heard(order(1, RestartAgent()), moment(1)) == []
    assert "no command_key" in caplog.text


def test_a_command_expires_by_a_clock_that_is_trusted(office: Office) -> None:
    """A command older than its time to live is answered so and uses up its number; a doubtful clock judges nothing."""
    late = Moment(0, replace(instant(0), wall_ms=START_MS + 60_001))
    [result] = results(office.clerk.heard(order(1, RestartAgent(), ttl_seconds=60), late))
    assert result.status is ResultStatus.EXPIRED
    assert "60 s to live" in result.detail
    doubtful = Moment(0, replace(late.now, quality=TimeQuality.INFORMATIVE))
    [result] = results(office.clerk.heard(order(1, RestartAgent(), ttl_seconds=60), doubtful))
    assert result.status is ResultStatus.EXPIRED
    assert not office.clerk.restart_wanted
    [result] = results(office.clerk.heard(order(2, RestartAgent(), ttl_seconds=60), doubtful))
    assert result.status is ResultStatus.DONE
    assert office.clerk.restart_wanted


def test_a_repoll_is_journaled_in_one_commit_with_its_result(office: Office) -> None:
    """The extra reading, its statement and the command's result come together; the schedule knows nothing of it."""
    office.journal.record(START_MS, [good(1, 0, 100), good(2, 0, 200)], 15 * MINUTE_MS)
    assert office.result(order(1, Repoll(1))).status is ResultStatus.RUNNING
    assert office.notified == 1
    wanted = office.clerk.next_repoll()
    assert wanted is not None
    assert wanted.meter == 1
    office.clerk.repolled(wanted, good(1, 5, 105))
    assert office.clerk.next_repoll() is None
    assert [result.status for result in office.due()] == [ResultStatus.DONE]
    assert office.due() == []
    assert office.journal.last_edges() == {1: START_MS, 2: START_MS}
    assert office.journal.latest()[1].registers == {0: 105}
    office.journal.record(START_MS + 15 * MINUTE_MS, [good(1, 15, 110), good(2, 15, 210)], 15 * MINUTE_MS)
    [event] = events(office.journal)
    assert (event.number, event.operation, event.outcome, event.note) == (1, "repoll", "done", "meter 1")
    blocks = [judged(raw) for seq in range(5) if (raw := office.journal.block(seq)) is not None]
    assert [(meter, count) for _, meter, _, _, count in readings_of(blocks)] == [
        (1, 100),
        (1, 105),
        (1, 110),
        (2, 200),
        (2, 210),
    ]
    assert not any(isinstance(frame, Gap) for block in blocks for frame in block.frames)


def test_a_repoll_before_the_first_cycle_leaves_the_schedule_untouched(office: Office) -> None:
    """An extra reading of a meter that was never polled does not make the agent believe that an edge was."""
    office.hear(order(1, Repoll(2)))
    wanted = office.clerk.next_repoll()
    assert wanted is not None
    office.clerk.repolled(wanted, good(2, 5, 7))
    assert office.journal.last_edges() == {}
    assert office.journal.open_polls == 1


def test_a_repoll_that_fails_says_why(office: Office) -> None:
    """A meter that does not answer gives a failed command and a failed poll in the chain."""
    office.hear(order(1, Repoll(1)))
    wanted = office.clerk.next_repoll()
    assert wanted is not None
    office.clerk.repolled(wanted, failed(1, 5))
    [result] = office.due()
    assert (result.status, result.detail) == (ResultStatus.FAILED, "no reply")
    [event] = events(office.journal)
    assert event.outcome == "failed"


def test_a_repoll_outlives_a_crash_and_happens_once(office: Office) -> None:
    """Whenever the agent dies, the reading and the result are both there or the poll is made by the next agent."""
    office.journal.record(START_MS, [good(1, 0, 100)], 15 * MINUTE_MS)
    office.hear(order(1, Repoll(1)))
    middle = office.crashed()
    assert middle.notified == 1
    wanted = middle.clerk.next_repoll()
    assert wanted is not None
    middle.clerk.repolled(wanted, good(1, 5, 105))
    after = middle.crashed()
    assert after.clerk.next_repoll() is None
    assert after.journal.latest()[1].registers == {0: 105}
    [stored] = after.due()
    assert stored.status is ResultStatus.DONE


def test_a_repoll_whose_result_cannot_be_written_leaves_no_reading(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that fails between the reading and the result keeps neither; the poll is tried again."""
    office.hear(order(1, Repoll(1)))
    wanted = office.clerk.next_repoll()
    assert wanted is not None
    with monkeypatch.context() as broken:
        broken.setattr(office.clerk._ledger.book, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            office.clerk.repolled(wanted, good(1, 5, 105))
    assert office.journal.open_polls == 0
    assert office.journal.latest() == {}
    assert office.clerk.next_repoll() == wanted
    office.clerk.repolled(wanted, good(1, 6, 106))
    office.journal.record(START_MS + 15 * MINUTE_MS, [good(1, 15, 110)], 15 * MINUTE_MS)
    seq = office.journal.seal(instant(16))
    assert seq is not None
    block = judged(office.journal.block(seq) or b"")
    assert [count for *_, count in readings_of([block])] == [106, 110]


def test_what_is_not_here_is_rejected(office: Office) -> None:
    """An unknown meter, an unknown epoch and a queue that is full are rejections with their reason."""
    assert office.result(order(1, Repoll(3))).detail == "there is no meter 3 here"
    unknown = office.result(order(2, Resend(Epoch(b"no epoch"), 0, 1)))
    assert (unknown.status, unknown.detail) == (ResultStatus.REJECTED, f"this log has no epoch {b'no epoch'.hex()}")
    for number in range(3, 35):
        assert office.result(order(number, Repoll(1))).status is ResultStatus.RUNNING
    assert office.result(order(35, Repoll(1))).status is ResultStatus.REJECTED
    assert events(office.journal) == []


def test_an_order_of_a_newer_hub_is_rejected_and_holds_up_no_other(office: Office) -> None:
    """An operation that this agent does not know is answered under its number, and the next command is carried out."""
    unknown = office.result(order(1, UnknownOrder("recalibrate", {1: 5})))
    assert (unknown.status, unknown.detail) == (ResultStatus.REJECTED, "this agent does not know how to recalibrate")
    assert office.result(order(2, Repoll(1))).status is ResultStatus.RUNNING


def test_a_resend_goes_block_by_block_and_says_how_many(office: Office) -> None:
    """Blocks are offered again some at a time with a pause between, never beyond the epoch's end; then the count."""
    for minute in range(2 * RESEND_MAX):
        office.journal.state(Gap(1, 0, 1, GapCause.OPERATOR))
        office.journal.seal(instant(minute))
    head = 2 * RESEND_MAX
    epoch = office.journal.epoch
    assert office.result(order(1, Resend(epoch, 1, 10**9))).status is ResultStatus.RUNNING
    assert office.clerk.next_wakeup(moment(1).steady_ms) == moment(1).steady_ms
    said = office.clerk.due(moment(1))
    assert [outgoing.raw for outgoing in said] == [b"%d" % seq for seq in range(2, RESEND_MAX + 1, 2)]
    assert office.clerk.next_wakeup(moment(1).steady_ms) == moment(1).steady_ms + 1000
    assert office.clerk.due(moment(1)) == []
    said = office.clerk.due(moment(2))
    assert office.custody.asked == [(1, head), (1 + RESEND_MAX, head)]
    [result] = results(said)
    assert result.status is ResultStatus.DONE
    assert result.detail == f"{RESEND_MAX} of {10**9} blocks were held and are offered again"
    assert office.clerk.next_wakeup(moment(2).steady_ms) is None


def test_a_resend_whose_result_cannot_be_written_is_not_forgotten(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that fails when the last blocks are offered leaves the command to be finished as soon as it works."""
    office.hear(order(1, Resend(office.journal.epoch, 0, 0)))
    with monkeypatch.context() as broken:
        broken.setattr(office.clerk._ledger.book, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            office.due()
    [result] = office.due()
    assert (result.number, result.status) == (1, ResultStatus.DONE)


def test_a_resend_waits_for_a_session_and_begins_anew_after_a_crash(office: Office) -> None:
    """Without a session nothing is offered or lost; a new agent goes through all of it again."""
    office.custody.online = False
    office.hear(order(1, Resend(office.journal.epoch, 0, 0)))
    assert office.custody.asked == []
    assert office.clerk.next_wakeup(0) is None
    after = office.crashed()
    statuses = [result.status for result in after.due()]
    assert after.custody.asked == [(0, 0)]
    assert statuses == [ResultStatus.RUNNING, ResultStatus.DONE]


def test_a_restart_is_durable_before_it_is_said(office: Office) -> None:
    """The result and the statement in the chain are there before the agent ends; a new one says the result again."""
    assert office.result(order(1, RestartAgent())).status is ResultStatus.DONE
    assert office.clerk.restart_wanted
    assert office.notified == 1
    after = office.crashed()
    assert not after.clerk.restart_wanted
    assert [result.status for result in after.due()] == [ResultStatus.DONE]
    [event] = events(after.journal)
    assert (event.operation, event.outcome) == ("restart-agent", "done")


def test_nothing_is_begun_on_the_eve_of_a_restart(office: Office) -> None:
    """A command that arrives while the agent is about to end is left for the next one, to whom it is sent again."""
    office.hear(order(1, RestartAgent()))
    assert office.hear(order(2, AskState())) == []
    assert office.book.last_number() == 1
    assert office.crashed().result(order(2, AskState())).number == 2


def test_a_rotation_is_left_to_the_start(office: Office) -> None:
    """A rotation is taken durably and the agent ends for it; too many of them are refused."""
    assert office.result(order(1, RotateSigningKey())).status is ResultStatus.RUNNING
    assert office.clerk.restart_wanted
    [stored] = office.book.running()
    assert wire.read_command(stored.raw, COMMAND_KEY.public).order == RotateSigningKey()
    tired = Office(office.base, author=replace(AUTHOR, key_history=(b"",) * 64))
    assert "64 times" in tired.result(order(1, RotateSigningKey())).detail


@pytest.mark.parametrize(
    "damage", ["update command set raw = x'd28443a10127'", "update command set status = 'runninh'"]
)
def test_a_command_that_the_medium_damaged_holds_nothing_up(office: Office, damage: str) -> None:
    """An agent starts on a journal in which a command cannot be read any more, and takes the next one."""
    office.hear(order(1, Repoll(1)))
    office.journal.db.execute(damage)
    after = office.crashed()
    assert after.clerk.next_repoll() is None
    assert after.result(order(1, Repoll(1))).status in {ResultStatus.FAILED, ResultStatus.DUPLICATE}
    assert after.result(order(2, AskState())).status is ResultStatus.DONE


def test_old_results_are_forgotten_but_not_their_numbers(office: Office) -> None:
    """The journal keeps the newest results; an older number is known to be old and nothing more."""
    for number in range(205):
        office.hear(order(number, AskState()))
    assert office.book.find(4) is None
    again = office.result(order(4, AskState()))
    assert (again.status, again.detail) == (ResultStatus.DUPLICATE, "what came of it is not known any more")
    assert office.result(order(5, AskState())).status is ResultStatus.DONE
