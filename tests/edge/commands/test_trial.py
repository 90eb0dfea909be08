"""A configuration on trial: in force at once, kept when the hub is heard under it, else taken back by itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from edge.commands.trial import hash_config
from protocol import cbor
from protocol.commands import AskState, ResultStatus, SetConfig
from tests.edge.commands.orders import BOOT_ID, Office, events, moment, order, write_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Open an office on an empty journal."""
    return Office(write_config(tmp_path))


def change(number: int, patch: Mapping[str, int], expected_version: int, revert_seconds: int = 120) -> bytes:
    """Return a command that changes the configuration."""
    return order(number, SetConfig(patch, expected_version, revert_seconds))


def test_a_change_is_tried_by_the_next_agent_and_kept_when_the_hub_is_heard(office: Office) -> None:
    """The agent ends for it; what the hub says to the next one confirms it, and the chain tells of both steps."""
    tried = office.result(change(1, {"interval_seconds": 300, "retention_days": 30}, 0))
    assert (tried.status, tried.config_version) == (ResultStatus.RUNNING, 1)
    assert office.clerk.restart_wanted
    assert office.clerk.config_version == 0
    office.clerk.hub_heard(moment(1))
    after = office.crashed()
    assert after.clerk.config_version == 1
    assert after.clerk.on_trial
    assert after.book.configuration().changes == {"interval_seconds": 300, "retention_days": 30}
    after.clerk.hub_heard(moment(2))
    assert not after.clerk.on_trial
    done = after.due()[-1]
    assert (done.number, done.status, done.config_version) == (1, ResultStatus.DONE, 1)
    after.clerk.watch(moment(100))
    assert not after.clerk.restart_wanted
    accepted, kept = events(after.journal)
    assert (accepted.outcome, kept.outcome) == ("accepted", "done")
    assert accepted.note == "interval_seconds = 300, retention_days = 30"
    in_force = hash_config(after.base.text, {"interval_seconds": 300, "retention_days": 30})
    assert accepted.config_hash == kept.config_hash == in_force


def test_silence_takes_a_change_back(office: Office) -> None:
    """Not a moment before its time runs out, by the steady clock and across agents, the trial ends where it began."""
    office.hear(change(1, {"keep_alive_seconds": 1200}, 0, revert_seconds=120), minute=1)
    after = office.crashed().crashed()
    after.clerk.watch(moment(2))
    assert not after.clerk.restart_wanted
    after.clerk.watch(moment(3))
    assert after.clerk.restart_wanted
    assert after.notified == 1
    last = after.crashed()
    assert last.clerk.config_version == 0
    [failed] = last.due()
    assert (failed.status, failed.detail) == (ResultStatus.FAILED, "reverted: the hub was not heard in time")
    assert failed.config_version == 0
    assert [event.outcome for event in events(last.journal)] == ["accepted", "reverted"]
    assert events(last.journal)[1].config_hash == hash_config(last.base.text, {})


def test_a_version_number_never_names_two_configurations(office: Office) -> None:
    """After a reverted change the version before is in force again, and the next change gets a number of its own."""
    office.hear(change(1, {"keep_alive_seconds": 1200}, 0))
    tried = office.crashed()
    tried.clerk.watch(moment(60))
    after = tried.crashed()
    assert after.result(change(2, {"keep_alive_seconds": 600}, 1)).detail == "version 0 is in force, not 1"
    assert after.result(change(3, {"keep_alive_seconds": 600}, 0)).config_version == 2


def test_changes_add_up(office: Office) -> None:
    """A change is made upon what is in force, not upon the file."""
    office.hear(change(1, {"keep_alive_seconds": 1200, "seal_seconds": 1800}, 0))
    second = office.crashed()
    second.hear(change(2, {"seal_seconds": 900}, 1))
    assert second.book.configuration().changes == {"keep_alive_seconds": 1200, "seal_seconds": 900}
    assert second.clerk.restart_wanted


def test_a_fresh_command_is_the_hubs_word(office: Office) -> None:
    """A command under the new configuration confirms it; one that was heard before it does not."""
    office.hear(order(1, AskState()))
    office.hear(change(2, {"seal_seconds": 900}, 0))
    after = office.crashed()
    after.hear(order(1, AskState()))
    assert after.clerk.on_trial
    after.hear(order(3, AskState()))
    assert not after.clerk.on_trial


def test_wrong_versions_and_values_are_rejected(office: Office) -> None:
    """A change upon another version, of something else, against a rule of the file, or for no time changes nothing."""
    refused = [
        office.result(change(1, {"interval_seconds": 300}, 1)),
        office.result(change(2, {"interval_seconds": 7}, 0)),
        office.result(change(3, {"seal_seconds": 1000}, 0)),
        office.result(change(4, {"meters": 3}, 0)),
        office.result(change(5, {"interval_seconds": 300}, 0, revert_seconds=0)),
        office.result(change(6, {"x" * 64: 1, **{f"{n:064}": 1 for n in range(20)}}, 0)),
    ]
    assert {result.status for result in refused} == {ResultStatus.REJECTED}
    assert [
        word in result.detail
        for word, result in zip(
            ("version 0", "must divide an hour", "multiple", "'meters'", "no time", "cannot be changed"),
            refused,
            strict=True,
        )
    ] == [True] * 6
    assert not office.clerk.restart_wanted
    assert office.crashed().clerk.config_version == 0
    assert events(office.journal) == []


def test_a_configuration_is_called_by_the_file_and_the_changes() -> None:
    """Anyone who has the file and the changes can recompute the hash in the chain."""
    expected = hashlib.sha256(cbor.encode([hashlib.sha256(b"a = 1").digest(), {"a": 2}])).digest()[:8]
    assert hash_config("a = 1", {"a": 2}) == expected


def test_a_trial_belongs_to_its_boot(office: Office) -> None:
    """The agent goes on with a trial in the same boot of the machine."""
    office.hear(change(1, {"seal_seconds": 900}, 0))
    trial = office.crashed().book.configuration().trial
    assert trial is not None
    assert trial.boot_id == BOOT_ID
