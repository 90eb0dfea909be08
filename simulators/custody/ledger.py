"""The truth beside the system: what devices committed, where every copy is, and what was destroyed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulators.custody import invariants
from simulators.custody.facts import Fact, ReadingFact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.identity import Epoch
    from simulators.custody.card import Card
    from simulators.custody.facts import Library, ReadingKey


@dataclass(slots=True)
class Ledger:
    """`taken` readings by key, all facts `stated` by a device, and those `destroyed` with their storage.

    `cards` are the devices' memory cards as they are now; `in_hub_only` what lost its last card while the hub held it;
    `backed_up` what the hub's last verified backup shows.
    """

    library: Library
    taken: dict[ReadingKey, int] = field(default_factory=dict)
    stated: set[Fact] = field(default_factory=set)
    destroyed: set[Fact] = field(default_factory=set)
    in_hub_only: set[Fact] = field(default_factory=set)
    backed_up: frozenset[Fact] = frozenset()
    cards: dict[str, Card] = field(default_factory=dict)
    falls: Counter[tuple[str, Epoch]] = field(default_factory=Counter)
    restores: int = 0

    def state(self, facts: Iterable[Fact]) -> None:
        """Take note of facts that a device has durably."""
        for fact in facts:
            self.stated.add(fact)
            if isinstance(fact, ReadingFact):
                self.taken[fact.key] = fact.raw

    def lose_on_card(self, gone: set[Fact], in_hub: set[Fact]) -> None:
        """Take note that a card lost these facts physically, while the hub's blocks hold `in_hub`."""
        last = gone - self.on_cards()
        self.in_hub_only |= last & in_hub
        self.destroyed |= last - in_hub

    def lose_in_hub(self, gone: set[Fact]) -> None:
        """Take note that the hub's database was lost, and with it these facts."""
        self.restores += 1
        self.destroyed |= gone & self.in_hub_only
        self.in_hub_only -= gone
        invariants.nothing_vanishes_by_licence(gone - self.on_cards(), self.destroyed)

    def fall(self, card: str, epoch: Epoch) -> None:
        """Take note that a device with this card believed that the hub holds less of an epoch than before."""
        self.falls[card, epoch] += 1
        invariants.committed_falls_only_after_a_restore(self.falls[card, epoch], self.restores)

    def on_cards(self) -> set[Fact]:
        """Return every fact of which some device holds the bytes now."""
        found: set[Fact] = set()
        for card in self.cards.values():
            found |= self.library.facts_on(card)
        return found
