"""The words a simulated meter answers with: fixed ones, live ones, and what it says where it has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESSES = 0x10000


class ExceptionCode(IntEnum):
    """Why a meter refuses a request.

    MODBUS Application Protocol Specification V1.1b3, section 7 (https://www.modbus.org/file/secure/modbusprotocolspecification.pdf).
    """

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11


@dataclass(frozen=True, slots=True)
class LiveSpan:
    """Words that depend on the instant: `encode(at_ms)` gives the `count` words from `address`."""

    address: int
    count: int
    encode: Callable[[int], tuple[int, ...]]


@dataclass(slots=True)
class WordImage:
    """All words of one meter that one function code reads.

    `hole` is the word at unlisted addresses, None: reading one is exception 2, as it always is at those `missing`.
    """

    words_max: int
    hole: int | None = None
    fixed: dict[int, int] = field(default_factory=dict)
    live: list[LiveSpan] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)

    def put(self, address: int, words: tuple[int, ...]) -> None:
        """Write fixed `words` from `address`; a later write wins."""
        self.fixed.update(enumerate(words, start=address))

    def put_live(self, span: LiveSpan) -> None:
        """Let `span` answer for its addresses, whatever is fixed there."""
        self.put(span.address, (0,) * span.count)
        self.live.append(span)

    def read(self, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return `count` words from `address` as they stand at `at_ms` (UTC ms), or why not.

        Exception 3 for a count below one or above `words_max`, exception 2 for an address that does not exist: the
        order in which the specification checks them (V1.1b3, section 6.3).
        """
        if not 1 <= count <= self.words_max:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        end = address + count
        if end > ADDRESSES:
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        words: list[int] = []
        for place in range(address, end):
            word = self.fixed.get(place, self.hole)
            if word is None or place in self.missing:
                return ExceptionCode.ILLEGAL_DATA_ADDRESS
            words.append(word)
        for span in self.live:
            if span.address < end and address < span.address + span.count:
                self._overlay(words, address, span, at_ms)
        return tuple(words)

    @staticmethod
    def _overlay(words: list[int], address: int, span: LiveSpan, at_ms: int) -> None:
        for place, word in enumerate(span.encode(at_ms), start=span.address - address):
            if 0 <= place < len(words):
                words[place] = word
