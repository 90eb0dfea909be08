"""A memory card: the database under the edge's journal, in memory, that can lose power between any two statements."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from _typeshed import SupportsLenAndGetItem

    Parameters = SupportsLenAndGetItem[Any] | Mapping[str, Any]
    """What sqlite3 takes; `Any` is its word, not ours."""


class PowerCutError(Exception):
    """The device lost power, or its program was killed, at this statement."""


class Card(sqlite3.Connection):
    """A connection to a database in memory; what it has committed is what survives."""

    _statements_left: int | None = None

    @classmethod
    def insert(cls, image: bytes | None) -> Self:
        """Return a card with this image, or an empty one."""
        card = sqlite3.connect(":memory:", factory=cls)
        if image is not None:
            card.deserialize(image)
        return card

    def cut_power_after(self, statements: int) -> None:
        """Raise PowerCutError instead of the statement after so many more."""
        self._statements_left = statements

    def execute(self, sql: str, parameters: Parameters = (), /) -> sqlite3.Cursor:
        """Run one statement, if there is still power for it."""
        if self._statements_left is not None:
            if self._statements_left == 0:
                raise PowerCutError
            self._statements_left -= 1
        return super().execute(sql, parameters)

    def peek(self, sql: str, parameters: Parameters = (), /) -> sqlite3.Cursor:
        """Run one statement from outside the device, which needs no power of its."""
        return super().execute(sql, parameters)

    def image(self) -> bytes:
        """Return what survives a power cut now."""
        self._statements_left = None
        if self.in_transaction:
            self.rollback()
        return self.serialize()
