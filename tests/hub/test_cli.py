"""`meter-hub` as a person uses it: real processes, one sentence for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hub.keys import KEY_NAME
from protocol.cose import VerifyingKey
from tests.hub.conftest import SYSTEM
from tests.hub.making import MadeDevice, fetch

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

RUN_SECONDS = 60


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `meter-hub` to its end."""
    command = [sys.executable, "-m", "hub", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def test_a_hub_is_set_up_from_the_command_line(tmp_path: Path) -> None:
    """Device, system and meter are registered and listed, for people and for machines."""
    data = ("--data", tmp_path / "hub")
    key = tmp_path / "device.pem"
    key.write_bytes(MadeDevice().pem)
    device = json.loads(run("device", "add", "--key", key, "--name", "Barn", *data, "--json").stdout)["device"]
    assert device == MadeDevice().text
    added = run("system", "add", SYSTEM, "--name", "Barn roof", "--capacity-kw-dc", "7.50", *data, "--json")
    assert json.loads(added.stdout)["capacity_kw_dc"] == "7.5"
    assert run("meter", "add", "--system", SYSTEM, "--device", device, "--serial", "WN-1001", *data).returncode == 0
    (system,) = json.loads(run("system", "list", *data, "--json").stdout)["systems"]
    assert (system["system"], system["meters"]) == (SYSTEM, ["WN-1001"])
    (listed,) = json.loads(run("device", "list", *data, "--json").stdout)["devices"]
    assert (listed["device"], listed["link"]) == (device, "never seen")
    assert "WN-1001" in run("meter", "list", *data).stdout


def test_the_receipt_key_is_made_once_and_guarded(tmp_path: Path) -> None:
    """The public half is printed as PEM; the file is its owner's alone."""
    first, second = run("key", "--data", tmp_path), run("key", "--data", tmp_path, "--json")
    key = VerifyingKey.from_pem(first.stdout.encode())
    assert json.loads(second.stdout) == {"key_id": key.key_id.hex(), "pem": first.stdout}
    assert (tmp_path / KEY_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("month", SYSTEM, "2016-7"), "YYYY-MM"),
        (("month", "NOPE", "2016-07"), "'NOPE' is not registered"),
        (("month", SYSTEM, "2016-07"), "no reading in 2016-07"),
        (("system", "add", "A B", "--capacity-kw-dc", "5"), "'A B' cannot be a PTS id"),
        (("system", "add", SYSTEM, "--capacity-kw-dc", "five"), "'five' is not a capacity"),
        (("system", "add", SYSTEM, "--capacity-kw-dc", "9"), "already registered"),
        (("device", "add", "--key", "/does/not/exist.pem"), "/does/not/exist.pem cannot be read"),
        (("meter", "add", "--system", "NOPE", "--device", MadeDevice().text, "--serial", "1"), "'NOPE'"),
        (("serve", "--broker", "tcp://x"), "mqtt://host:port"),
        (("serve", "--listen", "8080"), "host:port"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    registered: Database, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """The sentence names the thing; nothing half-written stays behind."""
    tables = "SELECT (SELECT count(*) FROM system), (SELECT count(*) FROM device), (SELECT count(*) FROM meter)"
    before = fetch(registered, tables)
    done = run(*arguments, "--data", tmp_path / "hub")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert fetch(registered, tables) == before


def test_a_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    """Looking at a hub that is not there says so and makes none."""
    done = run("system", "list", "--data", tmp_path / "typo")
    assert (done.returncode, "holds no hub database" in done.stderr) == (2, True)
    assert not (tmp_path / "typo").exists()


def test_the_version_is_told() -> None:
    """`--version` names program and version."""
    assert run("--version").stdout.startswith("meter-hub ")
