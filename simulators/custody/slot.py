"""The slot that a device's card is in, watched: what it lost, what it let go of, what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.identity import hash_block
from simulators.custody import invariants
from simulators.custody.card import Card

if TYPE_CHECKING:
    import random

    from protocol.identity import BlockHash
    from simulators.custody.facts import Fact
    from simulators.custody.ledger import Ledger


class CardSlot:
    """Holds one card at a time, the `number`th, and keeps the ledger's account of it."""

    def __init__(self, name: str, ledger: Ledger, image: bytes | None) -> None:
        self.card: Card
        self.number = 0
        self._name = name
        self._ledger = ledger
        self._released: set[BlockHash] = set()
        self._rotten: set[BlockHash] = set()
        self._put_in(image)
        self._begin_watch()

    def replace(self, image: bytes | None, in_hub: set[Fact]) -> None:
        """Lose the card, and put in one with this image, or an empty one; the hub holds `in_hub`."""
        before = self._facts()
        self.number += 1
        self._put_in(image)
        self._ledger.lose_on_card(before - self._facts(), in_hub)
        self._begin_watch()

    def cut_power(self) -> None:
        """Keep of the card only what it holds durably, and take note of all that."""
        self._put_in(self.card.image())
        self.note()
        self.watch()

    def rot(self, chance: random.Random, in_hub: set[Fact]) -> None:
        """Flip one bit of one stored block; the hub holds `in_hub`."""
        before = self._facts()
        held = self.card.peek(
            "select epoch, seq, hash, raw from block where raw is not null order by epoch, seq"
        ).fetchall()
        epoch, seq, identity, raw = held[chance.randrange(len(held))]
        place = chance.randrange(len(raw))
        rotten = raw[:place] + bytes([raw[place] ^ 1 << chance.randrange(8)]) + raw[place + 1 :]
        self._rotten.add(identity)
        self.card.peek("update block set raw = ? where epoch = ? and seq = ?", [rotten, epoch, seq])
        self.card.commit()
        self._ledger.lose_on_card(before - self._facts(), in_hub)

    def note(self) -> None:
        """Take note of everything that the card holds: the device has it durably."""
        self._ledger.state(self._facts())

    def watch(self) -> None:
        """Look at what was let go since the last look; what was rotten was gone before."""
        released = self._find_released()
        let_go = released - self._released - self._rotten
        self._released = released
        facts = {fact for identity in let_go for fact in self._ledger.library.facts_of_hash(identity)}
        invariants.only_what_is_backed_up_is_released(facts, self._ledger.backed_up)

    def is_all_sealed(self) -> bool:
        """Return whether nothing is open in the journal."""
        open_rows = self.card.peek("select exists (select 1 from poll) or exists (select 1 from statement)")
        return not open_rows.fetchone()[0]

    def _put_in(self, image: bytes | None) -> None:
        self.card = self._ledger.cards[self._name] = Card.insert(image)

    def _begin_watch(self) -> None:
        has_blocks = self.card.peek("select exists (select 1 from sqlite_master where name = 'block')").fetchone()[0]
        self._released = self._find_released() if has_blocks else set()
        self._rotten = self._find_rotten() if has_blocks else set()

    def _facts(self) -> set[Fact]:
        return self._ledger.library.facts_on(self.card)

    def _find_released(self) -> set[BlockHash]:
        """Return the blocks of which only the hash is left."""
        return {identity for (identity,) in self.card.peek("select hash from block where raw is null")}

    def _find_rotten(self) -> set[BlockHash]:
        held = self.card.peek("select hash, raw from block where raw is not null")
        return {identity for identity, raw in held if hash_block(raw) != identity}
