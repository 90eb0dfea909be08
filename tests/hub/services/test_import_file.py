"""A file is another way for the same bytes: the same custody, taken once however often, and never beyond its damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError
from hub.services import import_file as module
from hub.services.import_file import BlockFile, Imported, import_file
from protocol.messages import ReceiptCode
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, fetch, made_log, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database

LOG = made_log([1000 * row for row in range(40)])
READINGS = "SELECT count(*) FROM reading"


def take(database: Database, data: bytes) -> Imported:
    """Import these bytes."""
    return import_file(database, BlockFile("stick.cbor", data), TERMS, lambda: NOW)


def test_a_file_is_taken_once_however_often(registered: Database) -> None:
    """Blocks are new the first time and held the second; the receipt says how far custody goes."""
    data = b"".join(LOG.blocks)
    first, second = take(registered, data), take(registered, data)
    assert (first.blocks, first.new, first.held, first.reasons, first.broken) == (11, 11, 0, (), "")
    assert (second.blocks, second.new, second.held) == (11, 0, 11)
    for imported in (first, second):
        (receipt,) = imported.receipts
        assert (receipt.committed, receipt.safe, receipt.code) == (10, 10, ReceiptCode.OK)
    assert fetch(registered, READINGS) == [(40,)]


def test_a_file_is_taken_in_batches(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two transactions others have their turn, and progress is told in bytes."""
    monkeypatch.setattr(module, "BATCH_BLOCKS_MAX", 4)
    data = b"".join(LOG.blocks)
    told: list[int] = []
    imported = import_file(registered, BlockFile("stick.cbor", data), TERMS, lambda: NOW, told.append)
    assert imported.new == 11
    assert told == [len(b"".join(LOG.blocks[:4])), len(b"".join(LOG.blocks[:8])), len(data)]
    assert [receipt.committed for receipt in imported.receipts] == [10]


def test_a_file_that_breaks_off_is_taken_through_its_last_whole_block(registered: Database) -> None:
    """Everything before the damage is in custody, and the sentence says where it ends."""
    whole = b"".join(LOG.blocks[:10])
    imported = take(registered, whole + LOG.blocks[10][:-1])
    assert (imported.blocks, imported.new) == (10, 10)
    assert imported.broken.startswith(f"stick.cbor can be read through its byte {len(whole)} only")
    assert imported.receipts[0].committed == 9


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin with a sealed block"),
        (b"\xff\xd8 a picture", "does not begin with a sealed block"),
        (LOG.state(), "does not begin with a sealed block"),
        (b"\xa1\x00\x01" + LOG.blocks[0], "check it with `meter-verify`"),
        (LOG.blocks[0][:-1], "does not begin with a sealed block"),
    ],
)
def test_a_foreign_file_is_refused_whole(registered: Database, data: bytes, words: str) -> None:
    """A file that does not begin with a block leaves nothing behind."""
    with pytest.raises(InputError, match=words):
        take(registered, data)
    assert fetch(registered, "SELECT count(*) FROM block") == [(0,)]


def test_every_reason_is_given(registered: Database) -> None:
    """Damaged blocks are taken and named, strangers refused, other messages left out, and the rest is not stopped."""
    damaged = bytearray(LOG.blocks[5])
    damaged[-1] ^= 1
    stranger = MadeDevice(seed=7)
    stranger.seal()
    data = b"".join([*LOG.blocks[:5], bytes(damaged), LOG.state(), stranger.blocks[0], *LOG.blocks[6:]])
    imported = take(registered, data)
    assert (imported.blocks, imported.new, imported.damaged, imported.refused, imported.rejected) == (13, 11, 1, 1, 1)
    assert {receipt.code for receipt in imported.receipts} == {ReceiptCode.BAD_SIGNATURE, ReceiptCode.UNKNOWN_KEY}
    said = " ".join(imported.reasons)
    assert f"device {stranger.text} is not registered: run `meter-hub device add`" in said
    assert "block 5 of epoch e1e1e1e1e1e1e1e1" in said
    assert "is bad-signature" in said
    assert "a message in the file is no block" in said
    assert fetch(registered, READINGS) == [(36,)]


def test_a_block_of_an_epoch_nobody_named_is_left_out(registered: Database) -> None:
    """A stranger's bytes under a device's name open no log."""
    device = MadeDevice()
    device.seal(key=MadeDevice(seed=7).key)
    imported = take(registered, device.blocks[0])
    assert (imported.new, imported.rejected) == (0, 1)
    assert "has named: dropped" in imported.reasons[0]
    assert imported.receipts == ()


def test_another_history_is_kept_aside(registered: Database) -> None:
    """A block that contradicts what is held is kept, counted, and its receipt says fork."""
    other = MadeDevice()
    other.seal(make_meter())
    other.seal(make_readings(make_meter(), [7], JULY_AT))
    take(registered, b"".join(LOG.blocks))
    imported = take(registered, other.blocks[1])
    assert (imported.aside, imported.receipts[0].code) == (1, ReceiptCode.FORK)


def test_reasons_are_bounded(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file full of damage does not fill the screen."""
    monkeypatch.setattr(module, "REASONS_MAX", 2)
    damaged = [block[:-1] + bytes([block[-1] ^ 1]) for block in LOG.blocks[1:]]
    imported = take(registered, b"".join([LOG.blocks[0], *damaged]))
    assert (imported.damaged, len(imported.reasons)) == (10, 2)


def test_a_whole_batch_of_strange_messages_is_left_out(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that are no blocks need no transaction."""
    monkeypatch.setattr(module, "BATCH_BLOCKS_MAX", 1)
    imported = take(registered, LOG.blocks[0] + LOG.state())
    assert (imported.new, imported.rejected) == (1, 1)
