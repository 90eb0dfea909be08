"""`meter-hub import` and `evidence` as people and scripts use them: files in and out, one sentence for a mistake."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.cli import custody as cli_custody
from hub.errors import HubError, InputError
from hub.keys import ensure_receipt_key
from hub.services.accept_blocks import accept_blocks
from protocol import sequence, verify, wire
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, fetch, made_log, make_meter, make_readings

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

LOG = made_log([1000 * row for row in range(40)])


def run(*arguments: object) -> tuple[int, str]:
    """Run `meter-hub` in this process; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """Return a file of sealed blocks."""
    path = tmp_path / "stick.cbor"
    path.write_bytes(b"".join(LOG.blocks))
    return path


def test_a_stick_goes_in_and_its_receipts_come_out(registered: Database, tmp_path: Path, stick: Path) -> None:
    """Counts are told, the receipts are sealed with the hub's key, and a second time changes nothing."""
    data, receipts = tmp_path / "hub", tmp_path / "receipts.cbor"
    code, told = run("import", stick, "--data", data, "--receipts", receipts, "--safe", "commit")
    assert code == 0
    assert told.splitlines()[0] == (
        "11 blocks: 11 new, 0 already held, 0 set aside, 0 refused, 0 left out; 0 of them damaged"
    )
    assert told.splitlines()[1].endswith("committed through 10, safe through 10")
    (raw,) = sequence.split(receipts.read_bytes())
    assert wire.read_receipt(raw, ensure_receipt_key(data).public).committed == 10
    code, told = run("import", stick, "--data", data, "--json")
    shown = json.loads(told)
    assert (code, shown["new"], shown["held"], shown["receipts"][0]["committed"]) == (0, 0, 11, 10)
    assert fetch(registered, "SELECT count(*) FROM reading") == [(40,)]


def test_receipts_that_cannot_be_written_undo_nothing(registered: Database, tmp_path: Path, stick: Path) -> None:
    """The blocks are in custody, and that is said before the mistake is."""
    done = CliRunner().invoke(app, ["import", str(stick), "--data", str(tmp_path / "hub"), "--receipts", str(tmp_path)])
    assert isinstance(done.exception, InputError)
    assert "11 new" in done.output
    assert fetch(registered, "SELECT count(*) FROM block") == [(11,)]


def test_a_broken_stick_is_taken_as_far_as_it_goes(registered: Database, tmp_path: Path, stick: Path) -> None:
    """What came before the damage is in custody; the sentence and exit code 2 say that there was more."""
    stick.write_bytes(stick.read_bytes()[:-1])
    done = CliRunner().invoke(app, ["import", str(stick), "--data", str(tmp_path / "hub")])
    assert done.exit_code == 2
    assert "10 new" in done.output
    assert "only: " in done.output
    assert "what came before was taken" in done.output
    assert fetch(registered, "SELECT count(*) FROM block") == [(10,)]


def test_reasons_are_told(registered: Database, tmp_path: Path) -> None:
    """A stranger's blocks are refused with what to do; there is a receipt that says so."""
    stranger = MadeDevice(seed=7)
    path = tmp_path / "strange.cbor"
    path.write_bytes(stranger.seal())
    _, told = run("import", path, "--data", tmp_path / "hub")
    assert f"  device {stranger.text} is not registered: run `meter-hub device add` with its key" in told
    assert fetch(registered, "SELECT count(*) FROM block") == [(0,)]


def test_no_receipts_no_file(registered: Database, tmp_path: Path) -> None:
    """Where nothing was taken there is nothing to write."""
    device = MadeDevice()
    path, receipts = tmp_path / "strange.cbor", tmp_path / "receipts.cbor"
    path.write_bytes(device.seal(key=MadeDevice(seed=7).key))
    run("import", path, "--data", tmp_path / "hub", "--receipts", receipts)
    assert fetch(registered, "SELECT count(*) FROM block") == [(0,)]
    assert not receipts.exists()


def test_the_evidence_of_a_month_is_verified_by_anyone(registered: Database, tmp_path: Path) -> None:
    """What `month` shows is named so that `evidence` finds it, and `meter-verify` says that it holds."""
    device, data, out = MadeDevice(), tmp_path / "hub", tmp_path / "july.cbor"
    device.seal(make_meter(), make_readings(make_meter(), [5000, 10_000], JULY_AT, 31 * 86_400_000))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    code, told = run("evidence", "--month", SYSTEM, "2016-07", "--out", out, "--data", data)
    assert code == 0
    assert "WN-1001/1-0:2.8.0@2016-07-01T04:00:00Z = 5000 Wh (count 5000), block 0" in told
    shown = json.loads(run("month", SYSTEM, "2016-07", "--data", data, "--json")[1])
    _, told = run("evidence", "--reading", shown["to"]["name"], "--out", out, "--data", data, "--json", "--full")
    (claim,) = json.loads(told)["claims"]
    assert (claim["name"], claim["register_wh"]) == (shown["to"]["name"], shown["to"]["register_wh"])
    hub_key = tmp_path / "hub.pem"
    hub_key.write_bytes(ensure_receipt_key(data).public.to_pem())
    checked = CliRunner().invoke(verify.app, [str(out), "--hub-key", str(hub_key)])
    assert checked.exit_code == 0
    assert "is borne out by block 0" in checked.output
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "missing.cbor"), "missing.cbor cannot be read"),
        (("evidence", "--out", "x"), "either --reading NAME"),
        (("evidence", "--out", "x", "--reading", "nonsense"), "names no reading"),
        (("evidence", "--out", "x", "--reading", "A/1-0:2.8.0@2016-07-01T04:00:00Z"), "is held here"),
        (("evidence", "--out", "x", "--reading", "A/B@2016-07-01T04:00:00Z", "--device", "?"), "is not a device id"),
        (("evidence", "--out", "x", "--month", "NOPE", "2016-07"), "'NOPE' is not registered"),
        (("evidence", "--out", "x", "--month", "NOPE", "2016-7"), "YYYY-MM"),
    ],
)
def test_a_mistake_is_one_sentence(
    registered: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    """It names the thing; no file is left behind."""
    monkeypatch.chdir(tmp_path)
    before = fetch(registered, "SELECT count(*) FROM block")
    with pytest.raises(HubError) as refused:
        run(*arguments, "--data", tmp_path / "hub")
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert (fetch(registered, "SELECT count(*) FROM block"), (tmp_path / "x").exists()) == (before, False)


def test_a_mistyped_folder_is_not_made(tmp_path: Path, stick: Path) -> None:
    """Neither command makes a hub, or a key for one."""
    for arguments in (
        ("import", stick, "--receipts", tmp_path / "r"),
        ("evidence", "--month", SYSTEM, "2016-07", "--out", tmp_path / "e"),
    ):
        with pytest.raises(HubError, match="holds no hub database"):
            run(*arguments, "--data", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there is a sentence, an oversized file too; a file of that name is replaced."""
    with pytest.raises(InputError, match="cannot be written"):
        cli_custody.write_whole(tmp_path / "missing" / "x", b"1")
    os.mkfifo(tmp_path / "device")
    for name in ("device", "."):
        with pytest.raises(InputError, match="is no ordinary file"):
            cli_custody.write_whole(tmp_path / name, b"1")
    assert not (tmp_path / "device").is_file()
    for content in (b"1", b"2"):
        cli_custody.write_whole(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == b"2"
    monkeypatch.setattr(cli_custody, "FILE_BYTES_MAX", 0)
    with pytest.raises(InputError, match="more than 0 bytes"):
        run("import", tmp_path / "x", "--data", tmp_path)
