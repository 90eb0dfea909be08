"""Custody by file: what the hub lacks goes out whole, beside a running agent; its word comes back, forward only."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from edge import export
from edge.cli import app
from edge.export import ExportError, read_receipt_file, write_whole
from edge.journal import Journal, JournalError, Meaning, open_journal, read_export, take_receipts
from protocol import sequence, wire
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import Epoch
from protocol.key_statement import seal_key_statement
from protocol.messages import GenesisReason, KeyEvent, Receipt, ReceiptCode
from tests.edge.making import AUTHOR, BOOT, KEY, MINUTE_MS, drawing, good, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HUB = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32))


class Start(Protocol):
    """Opens the test's journal; all are closed at the end."""

    def __call__(self, minute: int = 0) -> Journal:
        """Open it at this minute."""
        ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Open the journal in the test's folder, again and again if need be."""
    draw = drawing()
    (tmp_path / "state").mkdir()
    with ExitStack() as stack:

        def opened(minute: int = 0) -> Journal:
            journal = open_journal(tmp_path / "state" / "journal.db", AUTHOR, BOOT, instant(minute), draw)
            stack.callback(journal.close)
            return journal

        yield opened


def fill(journal: Journal, minutes: range) -> None:
    """Take and seal one reading a minute."""
    for minute in minutes:
        journal.record(instant(minute).wall_ms, [good(0, minute, minute)], MINUTE_MS)
        journal.seal(instant(minute))


def receipt_for(journal: Journal, committed: int, *, safe: int = -1, **changes: object) -> bytes:
    """Return the hub's sealed word on the current epoch."""
    block_hash = journal.hash_of(committed)
    receipt = Receipt(
        device=AUTHOR.device,
        epoch=journal.epoch,
        committed=committed,
        safe=safe,
        committed_hash=b"" if block_hash is None else block_hash[:16],
        selective=(),
        window=16,
        pace_ms=0,
        nonce=b"",
        hub_at=1,
        timeline=b"t" * 8,
    )
    return wire.seal_receipt(replace(receipt, **changes), HUB)  # type: ignore[arg-type]


def commit(journal: Journal, committed: int) -> None:
    """Have the journal take the hub's word."""
    sender = replace(journal.sender(RetryPolicy()), committed=committed)
    journal.acknowledge(sender, receipt_for(journal, committed))


def test_what_the_hub_lacks_is_read_beside_the_agent(tmp_path: Path, start: Start) -> None:
    """Blocks beyond the hub's mark, after the genesis that says whose they are; open polls are counted, not sealed."""
    journal = start()
    fill(journal, range(1, 6))
    commit(journal, 3)
    journal.record(instant(9).wall_ms, [good(0, 9, 9)], MINUTE_MS)
    taken = read_export(tmp_path / "state" / "journal.db", everything=False)
    assert [wire.read_block(raw)[0].seq for raw in taken.blocks] == [0, 4, 5]
    assert taken.blocks[1] == journal.block(4)
    (epoch,) = taken.epochs
    assert (epoch.blocks, epoch.first, epoch.last, epoch.head, epoch.committed, epoch.damaged) == (3, 0, 5, 5, 3, 0)
    assert taken.open_polls == journal.open_polls > 0
    commit(journal, 5)
    assert read_export(tmp_path / "state" / "journal.db", everything=False).blocks == ()
    assert len(read_export(tmp_path / "state" / "journal.db", everything=True).blocks) == 6


def test_the_block_in_which_a_key_handed_over_goes_along(tmp_path: Path, start: Start) -> None:
    """Whoever verifies the part must see how its key came to sign."""
    journal = start()
    fill(journal, range(1, 3))
    new = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32))
    journal.state(KeyEvent(seal_key_statement(AUTHOR.device, KEY, new)))
    handed_over = journal.seal(instant(3))
    journal.author = replace(AUTHOR, key=new)
    fill(journal, range(4, 8))
    assert handed_over is not None
    commit(journal, handed_over + 2)
    taken = read_export(tmp_path / "state" / "journal.db", everything=False)
    seqs = [wire.read_block(raw)[0].seq for raw in taken.blocks]
    assert seqs == [0, handed_over, handed_over + 3, handed_over + 4]


def test_only_the_current_epoch_unless_everything_is_asked_for(tmp_path: Path, start: Start) -> None:
    """A new epoch seals again what the hub lacked of the old; an auditor may have both."""
    journal = start()
    fill(journal, range(1, 4))
    journal.begin_epoch(GenesisReason.OPERATOR, instant(5), lambda size: b"2" * size)
    some = read_export(tmp_path / "state" / "journal.db", everything=False)
    assert {wire.read_block(raw)[0].epoch for raw in some.blocks} == {journal.epoch}
    whole = read_export(tmp_path / "state" / "journal.db", everything=True)
    assert [epoch.first for epoch in whole.epochs] == [0, 0]
    assert len(whole.blocks) == len(some.blocks) + 4


def test_released_and_damaged_blocks_are_left_out(tmp_path: Path, start: Start) -> None:
    """Bytes that are gone cannot be exported, bytes that rotted must not be; the latter are counted."""
    journal = start()
    fill(journal, range(1, 6))
    journal.db.execute("update block set raw = null where seq = 1")
    journal.db.execute("update block set raw = x'00' where seq in (2, 4)")
    commit(journal, 3)
    path = tmp_path / "state" / "journal.db"
    for everything, seqs, damaged in ((False, [0, 5], 1), (True, [0, 3, 5], 2)):
        taken = read_export(path, everything=everything)
        assert [wire.read_block(raw)[0].seq for raw in taken.blocks] == seqs
        assert taken.epochs[0].damaged == damaged


def test_a_receipt_in_a_file_moves_the_marks_forward_only(tmp_path: Path, start: Start) -> None:
    """More is taken, the same is known, less is stale, a contradiction changes nothing; each is said."""
    journal = start()
    fill(journal, range(1, 6))
    other = Epoch(b"another.")
    receipts = {
        receipt_for(journal, 3, safe=2): Meaning.APPLIED,
        receipt_for(journal, 3, safe=2, hub_at=2): Meaning.KNOWN,
        receipt_for(journal, 1): Meaning.STALE,
        receipt_for(journal, 3, safe=1): Meaning.KNOWN,
        receipt_for(journal, 4, timeline=b"u" * 8): Meaning.STALE,
        receipt_for(journal, 4, committed_hash=b"x" * 16): Meaning.CONTRADICTS,
        receipt_for(journal, 4, code=ReceiptCode.FORK): Meaning.CONTRADICTS,
        receipt_for(journal, 4, code=ReceiptCode.UNKNOWN_KEY): Meaning.REFUSED,
        receipt_for(journal, 4, epoch=other): Meaning.FOREIGN,
        b"nonsense": Meaning.FORGED,
        receipt_for(journal, 5, safe=5): Meaning.APPLIED,
    }
    journal.close()
    path = tmp_path / "state" / "journal.db"
    taken = take_receipts(path, list(receipts), HUB.public)
    assert [one.meaning for one in taken] == list(receipts.values())
    assert [(one.committed, one.safe) for one in taken] == [(3, 2)] * 8 + [(-1, -1)] * 2 + [(5, 5)]
    assert take_receipts(path, list(receipts)[:1], KEY.public)[0].meaning is Meaning.FORGED
    sender = start().sender(RetryPolicy())
    assert (sender.committed, sender.safe) == (5, 5)


def test_a_receipt_for_an_archived_epoch_is_taken_too(tmp_path: Path, start: Start) -> None:
    """The hub's word on an old epoch lets go of what it covers."""
    journal = start()
    fill(journal, range(1, 4))
    old = receipt_for(journal, 3, safe=3)
    journal.begin_epoch(GenesisReason.OPERATOR, instant(5), lambda size: b"2" * size)
    journal.close()
    (taken,) = take_receipts(tmp_path / "state" / "journal.db", [old], HUB.public)
    assert (taken.meaning, taken.committed, taken.safe) == (Meaning.APPLIED, 3, 3)


def test_a_running_agent_keeps_its_journal_to_itself(tmp_path: Path, start: Start) -> None:
    """Receipts are not taken behind an agent's back, and nothing is done where there is no journal."""
    journal = start()
    path = tmp_path / "state" / "journal.db"
    with pytest.raises(JournalError, match="agent is running"):
        take_receipts(path, [receipt_for(journal, 0)], HUB.public)
    for act in (
        lambda: take_receipts(tmp_path / "none.db", [], HUB.public),
        lambda: read_export(tmp_path / "none.db", everything=True),
    ):
        with pytest.raises(JournalError, match="no journal"):
            act()
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="damaged"):
        read_export(tmp_path / "broken.db", everything=True)
    journal.db.execute("delete from block")
    journal.db.execute("delete from epoch")
    with pytest.raises(JournalError, match="no log yet"):
        read_export(path, everything=True)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """An existing file is replaced in one step; what cannot be written leaves nothing behind."""
    for content in (b"1", b"22"):
        write_whole(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == b"22"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    with pytest.raises(ExportError, match="cannot be written"):
        write_whole(tmp_path / "missing" / "x", b"1")
    os.mkfifo(tmp_path / "device")
    for name in ("device", "."):
        with pytest.raises(ExportError, match="is no ordinary file"):
            write_whole(tmp_path / name, b"1")
    assert not (tmp_path / "device").is_file()


def test_a_file_of_receipts_is_read_as_far_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut is told with the whole ones before it; what holds none is refused."""
    path = tmp_path / "r"
    path.write_bytes(b"\x01\x02\x19")
    held = read_receipt_file(path)
    assert held.receipts == (b"\x01", b"\x02")
    assert held.broken.startswith(f"{path} can be read through its receipt 2 only")
    path.write_bytes(b"")
    for wrong, words in ((path, "holds no receipts"), (tmp_path / "missing", "cannot be read")):
        with pytest.raises(ExportError, match=words):
            read_receipt_file(wrong)
    monkeypatch.setattr(export, "RECEIPTS_BYTES_MAX", -1)
    with pytest.raises(ExportError, match="that is no file of receipts"):
        read_receipt_file(path)


# The commands.


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of a site whose state is in the test's folder."""
    (tmp_path / "hub-key.pem").write_bytes(HUB.public.to_pem())
    path = tmp_path / "edge.toml"
    path.write_text(
        """
[device]
state_dir = "state"
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub-key.pem"
[[bus]]
name = "lan"
kind = "tcp"
host = "127.0.0.1"
[[meter]]
number = 0
name = "barn"
bus = "lan"
profile = "sunspec.meter-203"
generated = "energy_export"
""",
        encoding="utf-8",
    )
    return path


def run(*arguments: object) -> tuple[int, str]:
    """Run `meter-edge` in this process; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_export_says_what_it_wrote(tmp_path: Path, start: Start, config: Path) -> None:
    """The file is a sequence of sealed blocks; what is in it, and what is not sealed yet, is told."""
    journal = start()
    fill(journal, range(1, 4))
    out = tmp_path / "stick.cbor"
    code, told = run("export", out, "--config", config)
    assert (code, sequence.split(out.read_bytes())) == (0, tuple(journal.block(seq) for seq in range(4)))
    assert f"epoch {journal.epoch.hex()}: 4 blocks from 0 to 3; sealed through 3, the hub has -1" in told
    assert f"{out} holds 4 blocks: take it in with `meter-hub import {out}`" in told
    journal.record(instant(9).wall_ms, [good(0, 9, 9)], MINUTE_MS)
    journal.db.execute("update block set raw = x'00' where seq = 2")
    assert "1 damaged ones left out" in run("export", out, "--config", config)[1]
    assert "1 polls are not sealed yet" in run("export", out, "--config", config)[1]
    shown = json.loads(run("export", out, "--config", config, "--all", "--json")[1])
    assert (shown["blocks"], shown["bytes"], shown["epochs"][0]["damaged"]) == (3, out.stat().st_size, 1)


def test_nothing_to_export_is_no_file(tmp_path: Path, start: Start, config: Path) -> None:
    """Where the hub has everything, nothing is written."""
    journal = start()
    commit(journal, 0)
    assert "nothing was written" in run("export", tmp_path / "stick", "--config", config)[1]
    assert json.loads(run("export", tmp_path / "stick", "--config", config, "--json")[1])["file"] is None
    assert not (tmp_path / "stick").exists()


def test_take_receipts_says_what_each_meant(tmp_path: Path, start: Start, config: Path) -> None:
    """Each receipt has its sentence; a file that breaks off ends with exit code 2."""
    journal = start()
    fill(journal, range(1, 4))
    receipts = [receipt_for(journal, 3, safe=3), receipt_for(journal, 0, epoch=Epoch(b"another.")), b"\x01"]
    journal.close()
    path = tmp_path / "receipts.cbor"
    path.write_bytes(b"".join(receipts))
    code, told = run("take-receipts", path, "--config", config)
    assert code == 0
    first, second, third = told.splitlines()
    assert first.startswith("receipt 1: taken; epoch ")
    assert first.endswith("is committed through 3, safe through 3")
    assert second == "receipt 2: is of another device, or of a log that is not in this journal"
    assert third == "receipt 3: was not signed by our hub"
    path.write_bytes(receipts[0] + receipts[1][:-1])
    code, told = run("take-receipts", path, "--config", config, "--json")
    assert code == 2
    assert json.loads(told.splitlines()[0])["receipts"][0]["meaning"] == "known"
    assert "what came before was taken" in told
