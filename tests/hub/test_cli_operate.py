"""`meter-hub backup`, `restore` and `command` as a person uses them: real processes beside a running hub."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hub.keys import COMMAND_KEY_NAME, ensure_command_key, ensure_receipt_key
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.flush_outbox import flush_outbox
from hub.services.take_result import take_result
from protocol import wire
from protocol.commands import Resend, Result, ResultStatus, SetConfig
from protocol.cose import VerifyingKey
from tests.hub.making import EPOCH, NOW, TERMS, MadeDevice, fetch, made_log
from tests.hub.test_cli import run
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database


def test_a_hub_is_backed_up_while_it_serves_and_lives_on_elsewhere(registered: Database, tmp_path: Path) -> None:
    """The page says when the last verified backup was; the restored hub answers with what it held."""
    data = tmp_path / "hub"
    ensure_receipt_key(data)
    accept_blocks(registered, made_log([100, 200]).arrivals(), TERMS, NOW)
    with closing(Served(data)) as served:
        assert "No verified backup yet: devices keep every block" in served.get("")
        done = run("backup", "--data", data, "--to", tmp_path / "backups", "--keep", "3", "--json")
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        assert (made["blocks"], made["readings"], made["streams"], made["removed"]) == (2, 2, 1, [])
        shown = served.get("")
        assert "Last verified backup" in shown
        assert made["verified_at"] in shown
    told = run("backup", "--data", data, "--to", tmp_path / "backups").stdout
    assert "holds 2 blocks of 1 stream and 2 readings, read back and found whole" in told
    newest = max((tmp_path / "backups").glob("backup-2*"))
    (tmp_path / "room").mkdir()
    drilled = run("drill", "--from", newest, "--in", tmp_path / "room", "--data", data)
    assert drilled.stdout == f"{newest} could be restored: 2 blocks and 2 readings; the copy is gone again\n"
    as_json = run("drill", "--from", newest, "--in", tmp_path / "room", "--data", data, "--json")
    assert (json.loads(as_json.stdout)["blocks"], list((tmp_path / "room").iterdir())) == (2, [])
    restored = run("restore", "--from", newest, "--data", tmp_path / "new", "--json")
    assert (restored.returncode, json.loads(restored.stdout)["blocks"]) == (0, 2), restored.stderr
    (listed,) = json.loads(run("device", "list", "--data", tmp_path / "new", "--json").stdout)["devices"]
    assert (listed["name"], listed["committed"], listed["safe"]) == ("Barn", 1, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "--to", "/dev/null/backups", "--data", "HUB"), "cannot be used"),
        (("backup", "--to", "HUB/backups", "--data", "HUB"), "own folder"),
        (("backup", "--to", "backups", "--data", "/does/not/exist"), "holds no hub database"),
        (("restore", "--from", "HUB", "--data", "new"), "is no backup"),
        (("drill", "--from", "HUB", "--in", "new", "--data", "HUB"), "is no backup"),
        (("command", "state", "nobody", "--data", "HUB"), "is not a device id"),
        (("command", "state", MadeDevice(seed=2).text, "--data", "HUB"), "is not registered"),
        (("command", "set-config", MadeDevice().text, "interval=x", "--data", "HUB"), "NAME=VALUE"),
        (("command", "set-config", MadeDevice().text, "a=1", "a=2", "--data", "HUB"), "write each once"),
        (("command", "set-config", MadeDevice().text, f"a={'9' * 5000}", "--data", "HUB"), "whole number"),
        (("command", "resend", MadeDevice().text, "--first", "9", "--last", "3", "--data", "HUB"), "has not said"),
        (
            ("command", "resend", MadeDevice().text, "--first", "9", "--last", "3", "--epoch", "e1", "--data", "HUB"),
            "16",
        ),
    ],
)
@pytest.mark.usefixtures("registered")
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """The sentence names the thing; nothing half-written stays behind."""
    done = run(*(argument.replace("HUB", str(tmp_path / "hub")) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "hub" / "backups").exists()


def test_the_command_key_is_another_than_that_of_receipts(tmp_path: Path) -> None:
    """Printed as PEM, made once, its owner's alone."""
    first = run("key", "--command", "--data", tmp_path).stdout
    assert VerifyingKey.from_pem(first.encode()).key_id == ensure_command_key(tmp_path).key_id
    assert json.loads(run("key", "--command", "--data", tmp_path, "--json").stdout)["pem"] == first
    assert run("key", "--data", tmp_path).stdout != first
    assert (tmp_path / COMMAND_KEY_NAME).stat().st_mode & 0o777 == 0o600


def test_a_command_is_issued_and_its_outcome_told(registered: Database, tmp_path: Path) -> None:
    """Signed by the command key, kept with who issued it, and listed with what the device answered."""
    data, device = tmp_path / "hub", made_log([])
    issued = run(
        "command", "set-config", device.text, "interval_seconds=900", "--actor", "Ann", "--data", data, "--json"
    )
    number = json.loads(issued.stdout)["number"]
    answer_state(registered, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    (sent,) = flush_outbox(registered, NOW)
    command = wire.read_command(sent.raw, ensure_command_key(data).public)
    assert (command.number, command.order) == (number, SetConfig({"interval_seconds": 900}, 0, 900))
    assert "not answered yet" in run("command", "list", device.text, "--data", data).stdout
    result = Result(device.id, number, ResultStatus.REJECTED, "version 4 is in force, not 0", 4)
    assert take_result(registered, device.id, wire.seal_result(result, device.key), NOW).kept
    (listed,) = json.loads(run("command", "list", device.text, "--data", data, "--json").stdout)["commands"]
    assert (listed["actor"], listed["status"], listed["detail"]) == ("Ann", "rejected", result.detail)
    again = run("command", "set-config", device.text, "interval_seconds=900", "--data", data, "--json")
    assert "upon version 4" in json.loads(again.stdout)["arguments"]


def test_blocks_are_asked_for_again_in_the_epoch_the_device_is_in(registered: Database, tmp_path: Path) -> None:
    """The epoch need not be named; waiting in vain ends with exit code 1, and the command stays in the outbox."""
    data, device = tmp_path / "hub", made_log([])
    answer_state(registered, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    asked = run("command", "resend", device.text, "--first", "3", "--last", "9", "--wait", "0.3", "--data", data)
    assert (asked.returncode, "resend: not sent yet" in asked.stdout) == (1, True)
    ((raw,),) = fetch(registered, "SELECT bytes FROM command")
    assert isinstance(raw, bytes)
    command = wire.read_command(raw, ensure_command_key(data).public)
    assert command.order == Resend(EPOCH, 3, 9)
    assert "resend epoch" in run("command", "list", device.text, "--data", data).stdout
