"""The outbox: every command numbered once, sent until it is answered, one at a time; answers believed when signed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import InputError, StoreUnavailableError, UnknownSubjectError
from hub.services.answer_state import answer_state
from hub.services.back_up import back_up
from hub.services.flush_outbox import GRACE_MS, RESEND_MS, flush_outbox, hand_over
from hub.services.issue_command import WAITING_MAX, CommandRequest, issue_command
from hub.services.register_device import register_device
from hub.services.restore_backup import RestoreRequest, restore_backup
from hub.services.take_result import INTERIM_MAX, take_result
from hub.store import outbox, registry
from hub.store.database import open_database
from hub.store.memory import MemoryDatabase, empty_image
from protocol import cose, wire
from protocol.commands import (
    AskState,
    Command,
    Order,
    Repoll,
    Resend,
    RestartAgent,
    Result,
    ResultStatus,
    RotateSigningKey,
    SetConfig,
)
from protocol.identity import Epoch
from tests.hub.making import NOW, TERMS, MadeDevice, fetch, make_key
from tests.hub.programs import COMMAND_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database
    from hub.store.outbox import CommandRecord

DEVICE = MadeDevice()
TTL_SECONDS = 3600
ORDERS: tuple[Order, ...] = (
    AskState(),
    Resend(Epoch(bytes(8)), 3, 9),
    Repoll(1),
    SetConfig({"interval_seconds": 900}, 0, 600),
    RotateSigningKey(),
    RestartAgent(),
)


def issue(database: Database, order: Order | None = None, now: int = NOW, ttl: int = TTL_SECONDS) -> CommandRecord:
    """Issue a command to the device."""
    request = CommandRequest(DEVICE.text, order or AskState(), "tester", ttl, b"identity")
    return issue_command(database, request, COMMAND_KEY, now)


def greet(database: Database, nonce: bytes = b"one.", *, online: bool = True) -> None:
    """Let the device say hello in a new session, or goodbye in the one it is in."""
    state = DEVICE.state(nonce, online=online, head=-1)
    assert not answer_state(database, DEVICE.id, state, terms=TERMS, now=NOW, retained=False).rejected


def sent(database: Database, now: int = NOW) -> list[Command]:
    """Return what the outbox sends at an instant, as the device reads it."""
    return [wire.read_command(one.raw, COMMAND_KEY.public) for one in flush_outbox(database, now)]


def answer(
    database: Database, number: int, status: ResultStatus = ResultStatus.DONE, *, version: int = 0, at: int = NOW
) -> None:
    """Let the device answer a command."""
    raw = wire.seal_result(Result(DEVICE.id, number, status, "so", version), DEVICE.key)
    assert not take_result(database, DEVICE.id, raw, at).rejected


def record_of(database: Database, number: int) -> CommandRecord:
    """Return what the hub knows of a command."""
    with database.read() as connection:
        found = outbox.find_command(connection, DEVICE.id, number)
    assert found is not None
    return found


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_what_is_issued_is_what_the_device_reads(registered: Database, order: Order) -> None:
    """Order, number, id, time and time to live cross the wire signed; who issued it is kept."""
    record = issue(registered, order)
    greet(registered)
    (command,) = sent(registered)
    assert command == Command(DEVICE.id, record.issued.number, order, NOW, TTL_SECONDS, b"identity")
    with registered.read() as connection:
        (kept,) = outbox.list_commands(connection, DEVICE.id, 10)
    assert (kept.issued.actor, kept.issued.raw, kept.sends, kept.sent_at) == ("tester", record.issued.raw, 1, NOW)


def test_numbers_only_rise_also_through_a_restore(registered: Database, tmp_path: Path) -> None:
    """A number that the lost hub gave after its last backup is never given again, whichever backup is restored."""
    given: list[int] = [issue(registered).issued.number for _ in range(3)]
    done = back_up(registered, tmp_path / "backups", keep=None, now=lambda: NOW, progress=lambda *_: None)
    given += [issue(registered).issued.number for _ in range(5)]
    source = tmp_path / "backups" / done.backup.path.rpartition("/")[2]
    for life in (1, 2):
        data = tmp_path / f"life {life}"
        restore_backup(RestoreRequest(source, data, bytes(8), NOW + life * 60_000), lambda *_: None)
        restored = open_database(data, create=False)
        given += [issue(restored).issued.number for _ in range(3)]
        restored.close()
    assert given == sorted(set(given))


def test_a_device_that_is_not_there_is_sent_nothing(registered: Database) -> None:
    """The command waits for its hello; a device that said goodbye is not there either."""
    issue(registered)
    assert sent(registered) == []
    greet(registered)
    greet(registered, online=False)
    assert sent(registered) == []
    greet(registered, b"two.")
    assert len(sent(registered)) == 1


def test_a_command_is_sent_again_in_a_new_session_and_every_ten_minutes(registered: Database) -> None:
    """Not more often, and also after the hub's clock was set back."""
    issue(registered)
    greet(registered)
    assert [len(sent(registered, NOW + wait)) for wait in (0, RESEND_MS - 1, RESEND_MS, RESEND_MS + 1)] == [1, 0, 1, 0]
    greet(registered, b"two.")
    assert [len(sent(registered, NOW + RESEND_MS + wait)) for wait in (2, 3)] == [1, 0]
    assert len(sent(registered, NOW)) == 1
    assert fetch(registered, "SELECT sends FROM command") == [(4,)]


def test_one_is_on_its_way_at_a_time_in_order(registered: Database) -> None:
    """A later number that overtook would make the device refuse the earlier one for ever."""
    numbers = [issue(registered).issued.number for _ in range(3)]
    greet(registered)
    seen = []
    for step in range(3):
        (command,) = sent(registered, NOW + step)
        seen.append(command.number)
        answer(registered, command.number, ResultStatus.RUNNING)
        assert sent(registered, NOW + step) == []
        answer(registered, command.number, ResultStatus.FAILED)
    assert seen == numbers
    assert sent(registered) == []


def test_nothing_is_sent_after_its_time_to_live(registered: Database) -> None:
    """A device without a trustworthy clock could not tell; the hub says in its place what is known."""
    over = NOW + TTL_SECONDS * 1000
    first, second = issue(registered).issued.number, issue(registered).issued.number
    greet(registered)
    assert len(sent(registered)) == 1
    assert [sent(registered, at) for at in (over, over + GRACE_MS - 1)] == [[], []]
    assert record_of(registered, first).closed_at is None
    assert sent(registered, over + GRACE_MS) == []
    for number, words in ((first, "may or may not"), (second, "never sent")):
        record = record_of(registered, number)
        assert record.answer is not None
        assert (record.answer.status, words in record.answer.detail) == (ResultStatus.EXPIRED, True)
        assert record.closed_at == over + GRACE_MS


def test_a_hub_without_a_broker_gives_up_in_time_as_well(registered: Database) -> None:
    """One that nobody answered neither keeps those behind it from a device that asks by POST, nor counts as waiting."""
    first = issue(registered).issued.number
    over = NOW + TTL_SECONDS * 1000 + GRACE_MS
    second = issue(registered, now=over - 1)
    assert hand_over(registered, DEVICE.id, over - 1, again=True) == ()
    assert [one.raw for one in hand_over(registered, DEVICE.id, over, again=True)] == [second.issued.raw]
    assert record_of(registered, first).closed_at == over
    for _ in range(WAITING_MAX - 1):
        issue(registered, now=over)
    for _ in range(WAITING_MAX):
        issue(registered, now=over + TTL_SECONDS * 1000 + GRACE_MS)


def test_the_devices_last_word_stands(registered: Database) -> None:
    """The same again changes nothing, nor does anything after it; it counts before what the hub assumed."""
    number = issue(registered).issued.number
    answer(registered, number, ResultStatus.RUNNING)
    sent(registered, NOW + TTL_SECONDS * 1000 + GRACE_MS)
    answer(registered, number, ResultStatus.DONE, version=7)
    answer(registered, number, ResultStatus.DONE, version=7)
    answer(registered, number, ResultStatus.FAILED)
    record = record_of(registered, number)
    assert [one.status for one in record.answers] == [ResultStatus.RUNNING, ResultStatus.EXPIRED, ResultStatus.DONE]
    assert record.answer is not None
    assert (record.answer.status, record.answer.config_version) == (ResultStatus.DONE, 7)
    with registered.read() as connection:
        assert outbox.last_config_version(connection, DEVICE.id) == 7


def test_a_talkative_device_fills_no_disk(registered: Database) -> None:
    """Of what it says on the way only so much is kept; the last word always is."""
    number = issue(registered).issued.number
    for version in range(50):
        answer(registered, number, ResultStatus.RUNNING, version=version)
    answer(registered, number)
    assert fetch(registered, "SELECT count(*) FROM command_answer") == [(INTERIM_MAX + 1,)]
    assert record_of(registered, number).closed_at == NOW


def test_what_is_not_the_devices_own_word_is_dropped(registered: Database) -> None:
    """Forged, of another device, of a command nobody issued, or no result at all: a sentence, and nothing is kept."""
    number = issue(registered).issued.number
    stranger = MadeDevice(seed=2)
    result = Result(DEVICE.id, number, ResultStatus.DONE, "", 0)
    signed = wire.seal_result(result, DEVICE.key)
    dropped = {
        "is not signed by it": wire.seal_result(result, make_key(3)),
        "not signed by it: dropped": cose.sign(cose.Kind.STATE, wire.encode_result(result), DEVICE.key),
        "came on the topic of": wire.seal_result(replace(result, device=stranger.id), DEVICE.key),
        "never issued": wire.seal_result(replace(result, number=number + 1), DEVICE.key),
        "are no result": b"\xd2\x84 not a message",
        "no result": signed[:-1],
    }
    for words, raw in dropped.items():
        taken = take_result(registered, DEVICE.id, raw, NOW)
        assert (words in taken.rejected, taken.kept) == (True, False), taken
    # A device that is not registered has no key that could be believed.
    own = wire.seal_result(replace(result, device=stranger.id), stranger.key)
    assert "not signed by it" in take_result(registered, stranger.id, own, NOW).rejected
    assert fetch(registered, "SELECT count(*) FROM command_answer") == [(0,)]
    assert take_result(registered, DEVICE.id, signed, NOW).kept


def test_a_mistake_is_named_and_nothing_is_kept(registered: Database) -> None:
    """Nobody's device, an order that the wire has no words for, no time to begin, a name that is none."""
    request = CommandRequest(DEVICE.text, AskState(), "tester", TTL_SECONDS, b"identity")
    too_much = SetConfig({f"setting_{number}": 1 for number in range(99)}, 0, 600)
    mistakes: list[tuple[CommandRequest, type[Exception]]] = [
        (replace(request, device=MadeDevice(seed=2).text), UnknownSubjectError),
        (replace(request, device="nobody"), InputError),
        (replace(request, order=too_much), InputError),
        (replace(request, ttl_seconds=0), InputError),
        (replace(request, actor="a\nb"), InputError),
    ]
    for mistaken, error in mistakes:
        with pytest.raises(error):
            issue_command(registered, mistaken, COMMAND_KEY, NOW)
    assert fetch(registered, "SELECT count(*) FROM command") == [(0,)]


def test_the_outbox_is_bounded(registered: Database) -> None:
    """One more than may wait is refused, until one of them is answered."""
    numbers = [issue(registered).issued.number for _ in range(WAITING_MAX)]
    with pytest.raises(InputError, match="wait already"):
        issue(registered)
    answer(registered, numbers[0])
    issue(registered)


def test_a_database_that_refuses_sends_nothing(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be kept as sent is not handed out, and comes as soon as it can be kept."""
    issue(registered)
    greet(registered)
    message = "the disk is full"

    def refuse(*_: object) -> None:
        raise StoreUnavailableError(message)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "mark_sent", refuse)
        with pytest.raises(StoreUnavailableError):
            flush_outbox(registered, NOW)
    assert len(sent(registered)) == 1


@dataclass
class Executor:
    """As much of a device as this needs: a number above the last one is carried out, any other is answered again."""

    done: list[int] = field(default_factory=list)
    results: dict[int, bytes] = field(default_factory=dict)

    def hear(self, raw: bytes) -> bytes:
        """Return the answer to a command."""
        number = wire.read_command(raw, COMMAND_KEY.public).number
        if number > max(self.done, default=-1):
            self.done.append(number)
            self.results[number] = wire.seal_result(Result(DEVICE.id, number, ResultStatus.DONE, "", 0), DEVICE.key)
        fallback = wire.seal_result(Result(DEVICE.id, number, ResultStatus.DUPLICATE, "", 0), DEVICE.key)
        return self.results.get(number, fallback)


STEPS = st.lists(
    st.sampled_from(["issue", "session", "minutes", "lose command", "lose result", "repeat command", "repeat result"]),
    max_size=30,
)


@settings(max_examples=40)
@given(STEPS)
def test_every_command_takes_effect_once_and_in_order_whatever_is_lost(steps: list[str]) -> None:
    """Over a network that loses and repeats commands and results, and a device that comes and goes."""
    database = MemoryDatabase(empty_image())
    with database.write() as connection:
        registry.start_timeline(connection, b"timeline", NOW)
    register_device(database, DEVICE.pem, "", NOW)
    executor, issued, now, sessions = Executor(), [], NOW, 0
    for step in [*steps, *["session"] * (len(steps) + 1)]:
        match step:
            case "issue":
                issued.append(issue(database, now=now, ttl=86_400 * 300).issued.number)
            case "session":
                sessions += 1
                greet(database, sessions.to_bytes(4, "big"))
            case _:
                now += 240_000
        for place, outbound in enumerate(flush_outbox(database, now)):
            if step == "lose command" and place == 0:
                continue
            for _ in range(2 if step == "repeat command" else 1):
                raw = executor.hear(outbound.raw)
            for _ in range({"lose result": 0, "repeat result": 2}.get(step, 1)):
                assert not take_result(database, DEVICE.id, raw, now).rejected
    assert executor.done == issued
    for number in issued:
        found = record_of(database, number).answer
        assert found is not None
        assert found.status is ResultStatus.DONE
    database.close()
