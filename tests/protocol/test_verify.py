"""`meter-verify` as people and machines use it: plain words, one verdict, an exit code, one sentence for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from protocol import verify
from protocol.evidence import BundleHead, Claim, write_bundle
from protocol.verify import app, main
from tests.protocol.logs import BOOTED_AT, MIDNIGHT, STEP, Log, key, meter, readings, whole_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOG = whole_log()
HUB = key(9)
CLAIM = Claim(
    device=LOG.device,
    epoch=LOG.epoch,
    seq=3,
    meter=0,
    serial="WN-1",
    register=0,
    obis="1-0:2.8.0",
    read_at=MIDNIGHT + 9 * STEP,
    boottime_ms=MIDNIGHT + 9 * STEP - BOOTED_AT,
    raw=1090,
    value=1090,
    exponent=0,
    unit="Wh",
)
BUNDLE = write_bundle(
    BundleHead((CLAIM,), HUB.spki, (key(1).spki,)), [LOG.blocks[seq] for seq in (0, 3, 4)], [LOG.receipt(4, HUB)]
)


def run(*arguments: object) -> tuple[int, str]:
    """Run the command in this process; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def put(folder: Path, data: bytes | Sequence[bytes], name: str = "log.cbor") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else b"".join(data))
    return path


def test_a_good_file_is_told_in_plain_words(tmp_path: Path) -> None:
    """What was looked at, each level, and the verdict last; exit code 0."""
    code, told = run(put(tmp_path, LOG.blocks))
    assert code == 0
    first, second, *levels, verdict = told.splitlines()
    assert first == "25 blocks, 0 receipts, 96 readings of 1 meter, 2016-07-01T00:00:00Z to 2016-07-01T23:45:00Z"
    assert second.endswith(f"epoch {LOG.epoch.hex()}: blocks 0-24")
    assert levels == ["level 1 (signatures): holds", "level 2 (chain): holds", "level 3 (plausibility): holds"]
    assert verdict == "verified through level 3"


def test_a_machine_gets_one_document(tmp_path: Path) -> None:
    """JSON holds verdict, levels, counts, epochs and findings with their places."""
    code, told = run(put(tmp_path, [LOG.blocks[0], *LOG.blocks[2:]]), "--json", "--level", "2")
    shown = json.loads(told)
    assert (code, shown["verified"], list(shown["levels"])) == (0, True, ["1", "2"])
    assert shown["levels"]["2"] == {"name": "chain", "holds": True}
    assert shown["epochs"][0]["stretches"] == [[0, 0], [2, 24]]
    (finding,) = shown["findings"]
    assert (finding["severity"], finding["level"], finding["seq"]) == ("warning", 2, 2)
    code, told = run(put(tmp_path, [*LOG.blocks[:5], *LOG.blocks[6:]]))
    assert code == 1
    assert "block 5 was not shown intact, though blocks before and after were: the log is not whole" in told


def test_what_does_not_hold_ends_with_code_1(tmp_path: Path) -> None:
    """A register that fell, and damage, are told with the block they are in."""
    log = Log()
    log.seal(meter())
    log.seal(readings([2_000_000, 5]))
    path = put(tmp_path, log.blocks)
    code, told = run(path)
    assert code == 1
    assert told.splitlines()[-2:] == ["level 3 (plausibility): DOES NOT HOLD", "NOT VERIFIED"]
    assert " block 1: meter WN-1: register 1-0:2.8.0 fell from" in told
    assert run(path, "--level", "2")[0] == 0


def test_a_bundle_is_recognised_and_its_claim_checked(tmp_path: Path) -> None:
    """The claim is held against the block; the hub's key out of the bundle is used, and that is said."""
    path = put(tmp_path, BUNDLE)
    code, told = run(path)
    assert code == 0
    assert "is borne out by block 3" in told
    assert "it is the block shown" in told
    assert f"hub key {HUB.key_id.hex()} out of the bundle itself" in told
    hub_key = put(tmp_path, HUB.public.to_pem(), "hub.pem")
    assert "out of the bundle itself" not in run(path, "--hub-key", hub_key)[1]
    bare = write_bundle(BundleHead((CLAIM,), HUB.spki, (key(1).spki,)), LOG.blocks[:5], [])
    told = run(put(tmp_path, bare, "bare"))[1]
    assert "no verified receipt of the hub reaches the block of the claim" in told
    assert "out of the bundle itself" not in told
    other = put(tmp_path, key(8).public.to_pem(), "other.pem")
    assert run(path, "--hub-key", other)[0] == 1
    assert json.loads(run(path, "--json")[1])["hub_key"] == {"key_id": HUB.key_id.hex(), "from_bundle": True}


def test_several_files_make_one_log(tmp_path: Path) -> None:
    """Parts in several files are put together; a part without genesis needs the device's key."""
    first, second = put(tmp_path, LOG.blocks[:9], "a"), put(tmp_path, LOG.blocks[9:], "b")
    assert run(second, first)[0] == 0
    assert run(second)[0] == 1
    device_key = put(tmp_path, key(1).public.to_pem(), "device.pem")
    assert run(second, "--device-key", device_key)[0] == 0


def test_a_file_that_breaks_off_is_never_verified(tmp_path: Path) -> None:
    """What came before the cut is judged; the cut itself fails."""
    code, told = run(put(tmp_path, b"".join(LOG.blocks)[:-5]))
    assert code == 1
    assert "can be read through its item 24 only" in told
    assert told.splitlines()[-1] == "NOT VERIFIED: the file is not whole"
    assert json.loads(run(tmp_path / "log.cbor", "--json")[1])["verified"] is False


def test_many_findings_are_cut_short_for_people(tmp_path: Path) -> None:
    """A terminal shows the first hundred; nothing in them can drive it."""
    log = Log()
    log.seal(meter("\x1b[31m"))
    for row in range(150):
        log.seal(readings([1000 * (1000 - row)], row, of=meter("\x1b[31m")))
    _, told = run(put(tmp_path, log.blocks))
    assert "and 49 findings more: --json shows all" in told
    assert "\x1b" not in told
    assert "\ufffd[31m" in told


def test_a_log_without_readings_has_no_span(tmp_path: Path) -> None:
    """Where nothing intact can be read, nothing is said of it."""
    code, told = run(put(tmp_path, Log().seal()))
    assert (code, told.splitlines()[0]) == (0, "1 block, 0 receipts, 0 readings of 0 meters")
    code, told = run(put(tmp_path, LOG.blocks[5]))
    assert code == 1
    assert "no intact block" in told
    assert "level 2 (chain): no fault in what is intact" in told


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no sealed blocks"),
        (b"\xff\xd8\xff\xe0 a picture", "holds no sealed blocks"),
        (b"plain text", "holds no sealed blocks"),
        (b"\x01\x02", "neither a file of sealed blocks nor an evidence bundle"),
        (BUNDLE.replace(b"mrc1-evidence", b"mrc2-evidence"), "neither a file"),
        (LOG.receipt(1, HUB), "no sealed block in 1 items"),
    ],
)
def test_what_is_none_of_ours_is_one_sentence(
    tmp_path: Path, data: bytes, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foreign file ends with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["meter-verify", str(put(tmp_path, data))])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert words in told.err
    assert len(told.err.splitlines()) == 1


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a file too large and a key that is none each get their sentence."""
    path = put(tmp_path, LOG.blocks)
    with pytest.raises(verify.NotReadableError, match="cannot be read: No such file"):
        run(tmp_path / "missing")
    with pytest.raises(verify.NotReadableError, match="cannot be read: Is a directory"):
        run(tmp_path)
    with pytest.raises(verify.NotReadableError, match="is no public key"):
        run(path, "--hub-key", path)
    monkeypatch.setattr(verify, "FILE_BYTES_MAX", 100)
    with pytest.raises(verify.NotReadableError, match="more than 100 bytes"):
        run(path)
    with pytest.raises(verify.NotReadableError, match="more than 100 bytes"):
        run("/dev/zero")


def test_the_command_runs_by_itself(tmp_path: Path) -> None:
    """As a process of its own it verifies and tells its version, with nothing of edge or hub imported."""
    program = (
        "import sys; from protocol.verify import main; sys.argv = ['meter-verify', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n"
        "    assert not {'edge', 'hub', 'sqlalchemy', 'paho'} & set(sys.modules)"
    )
    for arguments, words in (
        (["--version"], "meter-verify "),
        ([put(tmp_path, LOG.blocks)], "verified through level 3"),
    ):
        command = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert words in done.stdout
    assert "meter-verify " in run("--version")[1]


def test_progress_is_shown_to_a_terminal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file has a progress bar where somebody looks; the result is the same."""
    monkeypatch.setattr(verify, "PROGRESS_BLOCKS_MIN", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(put(tmp_path, LOG.blocks))[0] == 0
