"""The start of an agent's log after commands: rotations are finished, trials judged, whenever the power went."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import edge.keys
from edge.author import load_author
from edge.commands import Clerk, ClerkTerms, Log, open_log
from edge.commands.trial import hash_config
from edge.journal import CommandBook, Journal, read_configuration
from edge.keys import HISTORY_NAME, KeyFileError, ensure_signing_key, load_keyring
from protocol import sequence, wire
from protocol.commands import Order, ResultStatus, RotateSigningKey, SetConfig
from protocol.cose import Kind
from protocol.identity import BootId, derive_device_id
from protocol.key_statement import follow_history, read_key_statement
from protocol.messages import CommandEvent, Gap, GapCause, Genesis, GenesisReason, KeyEvent
from tests.edge.commands.orders import BOOT_ID, COMMAND_KEY, CONFIG, moment, order, write_config
from tests.edge.making import drawing, instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import AgentConfig
    from protocol.messages import Block, Instant

draw = drawing()


class PowerCutError(Exception):
    """The power went."""


class StillClock:
    """A clock that stands, in a given boot of the machine."""

    def __init__(self, kernel_boot_id: bytes) -> None:
        self.kernel_boot_id = kernel_boot_id
        self.boot_id = BootId(kernel_boot_id[-4:])

    def now(self) -> Instant:
        """Return one and the same moment."""
        return instant(5)

    async def sleep_until(self, wall_ms: int) -> None:
        """Nobody sleeps here."""
        pytest.fail(f"somebody sleeps until {wall_ms}")


@pytest.fixture
def base(tmp_path: Path) -> AgentConfig:
    """Configure a device that has a key and no log yet."""
    ensure_signing_key(tmp_path / "state" / "signing-key.pem")
    return write_config(tmp_path)


def start(base: AgentConfig, *, minute: int = 1, boot_id: bytes = BOOT_ID) -> Log:
    """Open the log as an agent does."""
    author = load_author(base.key_path, base.journal_path)
    return open_log(base, author, StillClock(boot_id), moment(minute).steady_ms, draw)


def give(base: AgentConfig, wanted: Order, number: int = 1) -> None:
    """Run an agent just long enough to take a command."""
    log = start(base)
    terms = ClerkTerms(base=base, config=log.config, command_key=COMMAND_KEY.public, kernel_boot_id=BOOT_ID)
    clerk = Clerk(log.journal, log.author, terms, lambda: None)
    raw = order(number, wanted, device=log.author.device)
    [said] = clerk.heard(raw, moment(1))
    result, _ = wire.read_result(said.raw)
    assert result.status is ResultStatus.RUNNING
    log.journal.state(Gap(1, 0, 1, GapCause.OPERATOR))
    log.journal.close()


def blocks(journal: Journal) -> list[tuple[Block, bytes]]:
    """Return each block of the current epoch with the id of the key that sealed it."""
    held: list[tuple[Block, bytes]] = []
    while (raw := journal.block(len(held))) is not None:
        block, envelope = wire.read_block(raw)
        held.append((block, envelope.key_id))
    return held


def test_a_rotation_is_stated_by_the_old_key_and_lived_by_the_new_one(base: AgentConfig) -> None:
    """The key event stands alone in a block of the old key; the next block, results and files are the new key's."""
    old = load_author(base.key_path, base.journal_path)
    give(base, RotateSigningKey())
    log = start(base)
    assert log.author.device == old.device == derive_device_id(old.key.spki)
    assert log.author.key.key_id != old.key.key_id
    log.journal.state(Gap(1, 0, 1, GapCause.OPERATOR))
    log.journal.seal(instant(6))
    signed = blocks(log.journal)
    [at] = [n for n, (block, _) in enumerate(signed) if any(isinstance(frame, KeyEvent) for frame in block.frames)]
    assert [type(frame) for frame in signed[at][0].frames] == [KeyEvent, CommandEvent]
    assert {key_id for _, key_id in signed[: at + 1]} == {old.key.key_id}
    assert [key_id for _, key_id in signed[at + 1 :]] == [log.author.key.key_id]
    stored = CommandBook(log.journal.db).find(1)
    assert stored is not None
    result, envelope = wire.read_result(stored.result)
    assert result.status is ResultStatus.DONE
    assert envelope.verified_by(Kind.RESULT, log.author.key.public)
    history = sequence.split((base.state_dir / HISTORY_NAME).read_bytes())
    assert history == log.author.key_history == CommandBook(log.journal.db).key_statements()
    assert follow_history(old.device, history).spki == log.author.key.spki
    assert sorted(path.name for path in base.state_dir.glob("*.pem*")) == ["signing-key.pem"]
    assert (base.key_path.stat().st_mode & 0o777) == 0o600
    log.journal.close()


def test_a_second_rotation_leads_on_from_the_first(base: AgentConfig) -> None:
    """The device stays itself through any number of rotations; the history leads from key to key."""
    device = load_author(base.key_path, base.journal_path).device
    for number in (1, 2, 3):
        give(base, RotateSigningKey(), number)
    log = start(base)
    assert log.author.device == device
    statements = [read_key_statement(raw) for raw in log.author.key_history]
    assert [statement.new_spki for statement in statements[:-1]] == [statement.old_spki for statement in statements[1:]]
    assert len(statements) == 3
    log.journal.close()


def test_a_log_that_begins_after_a_rotation_carries_the_history(base: AgentConfig) -> None:
    """When the journal is lost, the files beside it say who signs, and the new genesis proves it."""
    give(base, RotateSigningKey())
    before = start(base)
    before.journal.close()
    for path in base.state_dir.glob("journal.db*"):
        path.unlink()
    after = start(base)
    assert after.author.key.key_id == before.author.key.key_id
    genesis = blocks(after.journal)[0][0].frames[0]
    assert isinstance(genesis, Genesis)
    assert (genesis.reason, genesis.key_history) == (GenesisReason.DATABASE_LOST, before.author.key_history)
    after.journal.close()


def cut_power(patch: pytest.MonkeyPatch, when: int) -> Callable[[], int]:
    """Let the power go before or after the `when`-th step on the way; returns how many steps were made."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == when:
            raise PowerCutError

    def wrap(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def stepping(*arguments: object, **named: object) -> object:
            step()
            answer = original(*arguments, **named)
            step()
            return answer

        patch.setattr(owner, name, stepping)

    wrap(os, "open")
    wrap(os, "fsync")
    wrap(Path, "rename")
    wrap(Journal, "seal")
    wrap(Journal, "state")
    wrap(CommandBook, "add_key_statement")
    wrap(CommandBook, "finish")
    wrap(CommandBook, "revert_configuration")
    return lambda: steps


def test_a_rotation_survives_a_power_cut_at_every_step(tmp_path: Path) -> None:
    """Wherever the power goes, the next start ends up with one rotation, one key in force, and files that agree."""
    when = 0
    while True:
        when += 1
        folder = tmp_path / str(when)
        ensure_signing_key(folder / "state" / "signing-key.pem")
        base = write_config(folder)
        old = load_author(base.key_path, base.journal_path)
        give(base, RotateSigningKey())
        with pytest.MonkeyPatch.context() as patch:
            steps = cut_power(patch, when)
            try:
                start(base).journal.close()
            except PowerCutError:
                pass
            else:
                assert when > steps()
                break
        log = start(base)
        assert log.author.device == old.device
        assert len(log.author.key_history) == 1
        assert load_keyring(base.key_path).key.spki == log.author.key.spki != old.key.spki
        events = [frame for block, _ in blocks(log.journal) for frame in block.frames if isinstance(frame, KeyEvent)]
        assert [event.statement for event in events] == list(log.author.key_history)
        stored = CommandBook(log.journal.db).find(1)
        assert stored is not None
        assert stored.status is ResultStatus.DONE
        assert not (base.state_dir / "signing-key.next.pem").exists()
        log.journal.close()
    assert when > 20


def test_a_trial_survives_a_power_cut_at_every_step(tmp_path: Path) -> None:
    """A trial whose time ran out is reverted once, with its result and its statement, wherever the power goes."""
    when = 0
    while True:
        when += 1
        folder = tmp_path / str(when)
        ensure_signing_key(folder / "state" / "signing-key.pem")
        base = write_config(folder)
        give(base, SetConfig({"interval_seconds": 300}, 0, 60))
        with pytest.MonkeyPatch.context() as patch:
            steps = cut_power(patch, when)
            try:
                start(base, minute=2).journal.close()
            except PowerCutError:
                pass
            else:
                assert when > steps()
                break
        log = start(base, minute=2)
        assert log.config.interval_seconds == 900
        log.journal.seal(instant(6))
        events = [frame for block, _ in blocks(log.journal) for frame in block.frames]
        outcomes = [event.outcome for event in events if isinstance(event, CommandEvent)]
        assert outcomes == ["accepted", "reverted"]
        log.journal.close()
    assert when > 4


def test_a_trial_goes_on_in_the_same_boot_and_ends_with_it(base: AgentConfig) -> None:
    """An agent that starts again goes on with the trial; a machine that was started anew goes back at once."""
    give(base, SetConfig({"interval_seconds": 300}, 0, 60))
    tried = start(base, minute=1)
    assert tried.config.interval_seconds == 300
    tried.journal.close()
    assert read_configuration(base.journal_path).trial is not None
    back = start(base, minute=1, boot_id=b"kernel boot id 1")
    assert back.config == base
    stored = CommandBook(back.journal.db).find(1)
    assert stored is not None
    assert "started anew" in wire.read_result(stored.result)[0].detail
    back.journal.close()
    assert read_configuration(base.journal_path).version == 0


def test_a_file_that_does_not_bear_the_changes_any_more_counts_alone(base: AgentConfig) -> None:
    """When somebody edits the file so that the hub's changes break a rule, they are dropped, and the chain says so."""
    give(base, SetConfig({"seal_seconds": 900}, 0, 60))
    edited = write_config(base.path.parent, CONFIG.replace("interval_seconds = 900", "interval_seconds = 600"))
    log = start(edited)
    assert log.config == edited
    assert CommandBook(log.journal.db).configuration().version == 0
    log.journal.seal(instant(6))
    events = [frame for block, _ in blocks(log.journal) for frame in block.frames if isinstance(frame, CommandEvent)]
    assert events[-1].outcome == "reverted"
    assert events[-1].config_hash == hash_config(edited.text, {})
    log.journal.close()


def test_changes_that_the_medium_damaged_are_dropped(base: AgentConfig) -> None:
    """An agent starts with what the file says where the journal cannot be read any more, and the chain says so."""
    give(base, SetConfig({"interval_seconds": 300}, 0, 600))
    log = start(base)
    log.journal.db.execute("update configuration set changes = '{\"interval_seconds\"'")
    log.journal.close()
    log = start(base)
    assert (log.config.interval_seconds, CommandBook(log.journal.db).configuration().version) == (900, 0)
    while log.journal.seal(instant(9)) is not None:
        pass
    stated = [frame for block, _ in blocks(log.journal) for frame in block.frames if isinstance(frame, CommandEvent)]
    assert stated[-1].outcome == "reverted"
    log.journal.close()


def test_a_rotation_without_room_for_the_new_key_fails_and_nothing_changes(
    base: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that cannot be written is no reason to stop: the old one signs on, and the hub hears why."""
    give(base, RotateSigningKey())
    old = load_author(base.key_path, base.journal_path)

    def fail(path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as full:
        full.setattr(edge.keys, "_write_durably", fail)
        log = start(base)
    assert log.author.key.key_id == old.key.key_id
    stored = CommandBook(log.journal.db).find(1)
    assert stored is not None
    result, _ = wire.read_result(stored.result)
    assert result.status is ResultStatus.FAILED
    assert "No space left" in result.detail
    log.journal.close()


def test_files_that_do_not_belong_together_are_named(base: AgentConfig) -> None:
    """A key that is gone, a history that is damaged, or one of another device: one sentence each, nothing changed."""
    give(base, RotateSigningKey())
    start(base).journal.close()
    history = base.state_dir / HISTORY_NAME
    good, key = history.read_bytes(), base.key_path.read_bytes()
    history.write_bytes(good[:-1])
    assert load_author(base.key_path, base.journal_path).key_history == sequence.split(good)
    with pytest.raises(KeyFileError, match=r"key-history\.cbor cannot be read"):
        load_keyring(base.key_path)
    history.write_bytes(good + good)
    with pytest.raises(KeyFileError, match="cannot be followed"):
        load_author(base.key_path, base.journal_path)
    other = base.state_dir / "other"
    ensure_signing_key(other / "signing-key.pem")
    base.key_path.write_bytes((other / "signing-key.pem").read_bytes())
    history.write_bytes(good)
    with pytest.raises(KeyFileError, match="put it back there"):
        load_author(base.key_path, base.journal_path)
    base.key_path.write_bytes(key)
    history.unlink()
    start(base).journal.close()
    assert history.read_bytes() == good
