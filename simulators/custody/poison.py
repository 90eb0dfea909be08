"""A block that is sealed properly and that no reader accepts: what a faulty future agent might leave in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import cbor, cose
from protocol.blocks import write_block
from protocol.identity import BlockHash, BootId, hash_block
from protocol.messages import Block, ClockEvent

if TYPE_CHECKING:
    from edge.journal import Author, Journal
    from protocol.messages import Instant
    from simulators.custody.card import Card

_CRITICAL_KEY = -1
"""A reader that does not know a negative key must refuse (RFC 9052 clause 3.1 has the same idea with `crit`)."""


def seal_poison(card: Card, journal: Journal, author: Author, now: Instant) -> int:
    """Append such a block to the journal on `card`, and return its seq. It carries no readings."""
    head, head_hash, next_record = card.peek(
        "select head, head_hash, next_record from epoch where epoch = ?", [journal.epoch]
    ).fetchone()
    (boot_id,) = card.peek("select boot_id from boot where boot_count = ?", [journal.boot_count]).fetchone()
    block = Block(
        device=author.device,
        epoch=journal.epoch,
        seq=head + 1,
        first_record=next_record,
        previous=BlockHash(head_hash),
        boot_count=journal.boot_count,
        boot_id=BootId(boot_id),
        frames=(ClockEvent(now.boottime_ms, 0, 0, source=0, error_ms=0),),
        sealed=now,
    )
    raw = cose.sign(cose.Kind.BLOCK, cbor.encode({**write_block(block), _CRITICAL_KEY: 1}), author.key)
    card.peek("begin")
    card.peek(
        "insert into block (epoch, seq, hash, sealed_at, raw) values (?, ?, ?, ?, ?)",
        [journal.epoch, block.seq, hash_block(raw), now.wall_ms, raw],
    )
    card.peek(
        "update epoch set head = ?, head_hash = ?, next_record = ? where epoch = ?",
        [block.seq, hash_block(raw), next_record + 1, journal.epoch],
    )
    card.peek("commit")
    return block.seq
