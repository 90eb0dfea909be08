"""`meter-hub` as a person uses it: real processes, one sentence for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.cli.terminal import print_table
from hub.keys import KEY_NAME
from hub.services.accept_blocks import accept_blocks
from hub.services.register_system import register_system
from protocol.cose import VerifyingKey
from protocol.messages import MeterEvent
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, fetch, make_meter, make_readings

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
        (("month", SYSTEM[:-1] + "7", "2016-07"), f"did you mean {SYSTEM}?"),
        (("month", SYSTEM, "3000-01"), "3000-01 is not a production month"),
        (("month", SYSTEM, "2016-07"), "no reading in 2016-07"),
        (("system", "add", "A B", "--capacity-kw-dc", "5"), "'A B' cannot be a PTS id"),
        (("system", "add", SYSTEM, "--capacity-kw-dc", "five"), "'five' is not a capacity"),
        (("system", "add", SYSTEM, "--capacity-kw-dc", "9"), "already registered"),
        (("device", "add", "--key", "/does/not/exist.pem"), "/does/not/exist.pem cannot be read"),
        (("meter", "add", "--system", "NOPE", "--device", MadeDevice().text, "--serial", "1"), "'NOPE'"),
        (("meter", "end", "WN-1001", "--system", SYSTEM, "--at", "noon"), "'noon' is not an instant"),
        (("meter", "end", "X", "--system", SYSTEM, "--at", "2016-07-12T16:00:00Z"), "its meters are WN-1001"),
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


def test_a_month_is_told_in_the_time_of_massachusetts(registered: Database, tmp_path: Path) -> None:
    """People see the month's edges as the pages show them; machines get UTC."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [5000, 10_000], JULY_AT, 31 * 86_400_000))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    told = run("month", SYSTEM, "2016-07", "--data", tmp_path / "hub").stdout
    assert told.splitlines() == [
        f"{SYSTEM} 2016-07: 5 kWh (complete)",
        "  meter WN-1001 from 5 kWh at 1 Jul 2016, 00:00 EDT",
        "  meter WN-1001 to 10 kWh at 1 Aug 2016, 00:00 EDT",
        "  Measured from the month's first instant to the month's end.",
    ]
    shown = json.loads(run("month", SYSTEM, "2016-07", "--data", tmp_path / "hub", "--json").stdout)
    assert (shown["production_wh"], shown["to"]["read_at"]) == (5000, "2016-08-01T04:00:00Z")


def test_tables_show_every_cell_whole_and_as_it_is(registered: Database, tmp_path: Path) -> None:
    """What a meter or a person says of itself is neither markup nor obeyed by the terminal, and not cut in a pipe."""
    device = MadeDevice()
    meter = replace(make_meter(serial="[/red]\x1b[31m" + "9" * 50), make="[/red]", model="M" * 60)
    device.seal(meter, make_readings(meter, [5], JULY_AT))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    register_system(registered, "S-1", "Barn [south]", "5", NOW)
    listed = run("meter", "list", "--data", tmp_path / "hub")
    assert listed.returncode == 0
    for cell in ("[/red]\ufffd[31m" + "9" * 50, "[/red] " + "M" * 60, device.text, "WN-1001"):
        assert cell in listed.stdout
    assert "\x1b" not in listed.stdout
    assert "Barn [south]" in run("system", "list", "--data", tmp_path / "hub").stdout


def test_a_narrow_terminal_folds_and_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a table is wider than the terminal its cells go on in the next line."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("Device", "Name"), [("abcdefghijklmnopqrstuvwxyz" * 2, "Barn [south]")])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines()[1:])) <= 40
    assert shown.count("z") == 2
    assert "Barn [south]" in shown


def test_a_meter_ends_from_the_command_line(registered: Database, tmp_path: Path) -> None:
    """The end is told in the time of Massachusetts and listed; machines get UTC."""
    end = ("meter", "end", "WN-1001", "--system", SYSTEM, "--at", "2016-07-12T16:00:00Z", "--data", tmp_path / "hub")
    assert "counts until 12 Jul 2016, 12:00 EDT" in run(*end).stdout
    assert json.loads(run(*end, "--json").stdout)["read_until"] == "2016-07-12T16:00:00Z"
    assert "12 Jul 2016" in run("meter", "list", "--data", tmp_path / "hub").stdout
    assert fetch(registered, "SELECT count(*) FROM meter WHERE read_until IS NOT NULL") == [(1,)]


def test_a_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    """Looking at a hub that is not there says so and makes none."""
    done = run("system", "list", "--data", tmp_path / "typo")
    assert (done.returncode, "holds no hub database" in done.stderr) == (2, True)
    assert not (tmp_path / "typo").exists()


def test_the_version_is_told() -> None:
    """`--version` names program and version."""
    assert run("--version").stdout.startswith("meter-hub ")


def test_what_happened_to_a_meter_is_listed(registered: Database, tmp_path: Path) -> None:
    """People read a sentence and both readings in local time; machines get whole Wh and raw counts."""
    device, at = MadeDevice(), JULY_AT + 2 * 900_000
    event = MeterEvent(0, at, "exchange", 0, (JULY_AT, 5000), (at, 7), "WN-1001", "WN-2002")
    unread = MeterEvent(0, at, "stale")
    device.seal(make_meter(), make_readings(make_meter(), [5000, 10_000], JULY_AT), event, unread)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    told = run("events", SYSTEM, "--data", tmp_path / "hub").stdout
    for words in (
        "Meter WN-1001 was exchanged for WN-2002.",
        "5 kWh at 1 Jul 2016, 00:00 EDT",
        "7 counts at 1 Jul 2016",
    ):
        assert words in told
    shown = json.loads(run("events", SYSTEM, "--limit", "2", "--json", "--data", tmp_path / "hub").stdout)
    assert [each["kind"] for each in shown["events"]] == ["stale", "exchange"]
