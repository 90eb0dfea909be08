"""Blocks that commands want again: a few at a time, so that new blocks are not kept waiting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from edge.custody import RESEND_MAX

if TYPE_CHECKING:
    from edge.custody import Moment, Outgoing
    from protocol.commands import Resend
    from protocol.identity import Epoch

PAUSE_MS = 1000
"""The pause after each `RESEND_MAX` blocks."""


class Custody(Protocol):
    """What a command may ask of custody: `edge.custody.Desk`."""

    @property
    def online(self) -> bool:
        """Whether there is a session with the hub."""
        ...

    def say_hello(self, moment: Moment) -> list[Outgoing]:
        """Return the state under a new nonce."""
        ...

    def resend(self, epoch: Epoch, first: int, last: int) -> list[Outgoing]:
        """Return the blocks that are still held among the first `RESEND_MAX` of these."""
        ...


@dataclass(frozen=True, slots=True)
class _Order:
    """What command `number` still wants: from `next` through `last`, not before `from_ms`."""

    number: int
    wanted: Resend
    next: int
    last: int
    offered: int = 0
    from_ms: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The last blocks of command `number` were offered; `detail` says how many of them there were."""

    number: int
    detail: str


class Resends:
    """The resends that are under way, the oldest first."""

    def __init__(self) -> None:
        self._orders: deque[_Order] = deque()

    def __len__(self) -> int:
        """Return how many are not finished."""
        return len(self._orders)

    @property
    def from_ms(self) -> int | None:
        """From when on there is something to offer; None if nothing is under way."""
        return self._orders[0].from_ms if self._orders else None

    def add(self, number: int, wanted: Resend, head: int) -> None:
        """Take up what command `number` wants of an epoch that ends at block `head`."""
        self._orders.append(_Order(number, wanted, wanted.first, min(wanted.last, head)))

    def step(self, custody: Custody, moment: Moment) -> tuple[list[Outgoing], Finished | None]:
        """Return the next blocks of the oldest resend, and whether they were its last: then `drop` it, once noted."""
        if not self._orders or moment.steady_ms < self._orders[0].from_ms:
            return [], None
        order = self._orders[0]
        blocks = custody.resend(order.wanted.epoch, order.next, order.last)
        offered, after = order.offered + len(blocks), order.next + RESEND_MAX
        if after > order.last:
            asked = order.wanted.last - order.wanted.first + 1
            return blocks, Finished(order.number, f"{offered} of {asked} blocks were held and are offered again")
        self._orders[0] = replace(order, next=after, offered=offered, from_ms=moment.steady_ms + PAUSE_MS)
        return blocks, None

    def drop(self) -> None:
        """Forget the oldest resend."""
        self._orders.popleft()
