"""Strict reading of one parsed TOML table: every key is taken by name and type, and what is left over is refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from edge.metering.errors import ProfileError

HOUR_SECONDS = 3600


class Table:
    """One table of a document and the words that lead to it, such as `eig_shark_100.toml: point 3`.

    Each `take_*` removes a key and raises ProfileError naming the key, what was found and what was expected.
    """

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, Mapping):
            message = f"{where} must be a table of keys and values, not {content!r}"
            raise ProfileError(message)
        self.where = where
        self._left: dict[str, object] = dict(content)

    def refuse(self, key: str, expected: str) -> NoReturn:
        """Raise ProfileError saying what `key` must be."""
        message = f"{self.where}: {key} {expected}"
        raise ProfileError(message)

    def has(self, key: str) -> bool:
        """Return whether the key is present and not yet taken."""
        return key in self._left

    def holds_text(self, key: str) -> bool:
        """Return whether the key is present with a text, where something else may stand too."""
        return isinstance(self._left.get(key), str)

    def finish(self) -> None:
        """Raise ProfileError if any key was not taken: it is misspelt or from another version of the schema."""
        if self._left:
            names = ", ".join(sorted(self._left))
            message = f"{self.where}: unknown key {names}; remove it or correct its spelling"
            raise ProfileError(message)

    def take_text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default it must be present and not empty."""
        value = self._take(key, default)
        if not isinstance(value, str) or (default is None and not value):
            self.refuse(key, f"must be a text, not {value!r}")
        return value

    def take_choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return a text that is one of `choices`."""
        value = self.take_text(key, default)
        if value not in choices:
            expected = f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
            self.refuse(key, f"must be {expected}, not {value!r}")
        return value

    def take_int(self, key: str, lowest: int, highest: int, default: int | None = None) -> int:
        """Return a whole number from `lowest` to `highest`, both included."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            expected = f"a whole number from {lowest} to {highest}" if lowest < highest else str(lowest)
            self.refuse(key, f"must be {expected}, not {value!r}")
        return value

    def take_bool(self, key: str, default: bool | None = None) -> bool:  # noqa: FBT001 - the default of a yes or no is one
        """Return true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.refuse(key, f"must be true or false, not {value!r}")
        return value

    def take_seconds(self, key: str) -> float:
        """Return a duration above zero and up to an hour, in seconds."""
        value = self._take(key, None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= HOUR_SECONDS:
            self.refuse(key, f"must be seconds above 0 and up to 3600, not {value!r}")
        return float(value)

    def take_decimal(self, key: str, default: str | None = None) -> Decimal:
        """Return the exact number written as a text, so that no binary fraction comes between."""
        text = self._take(key, default)
        try:
            value = Decimal(text if isinstance(text, str) else "NaN")
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            self.refuse(key, f'must be a decimal number in quotes, such as "0.1", not {text!r}')
        return value

    def take_texts(self, key: str) -> tuple[str, ...]:
        """Return a list of at least one text."""
        values = self._take_list(key, None)
        texts = tuple(value for value in values if isinstance(value, str) and value)
        if not texts or len(texts) != len(values):
            self.refuse(key, f"must be a list of at least one text, not {list(values)!r}")
        return texts

    def take_ints(self, key: str, highest: int, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return a list of whole numbers from 0 to `highest`; without a default it must be present and not empty."""
        values = self._take_list(key, default)
        numbers = tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
        inside = all(0 <= number <= highest for number in numbers)
        if len(numbers) != len(values) or not inside or (default is None and not numbers):
            self.refuse(key, f"must be a list of whole numbers from 0 to {highest}, not {list(values)!r}")
        return numbers

    def take_table(self, key: str) -> Table:
        """Return the table under `key`."""
        return Table(self._take(key, None), f"{self.where}: {key}")

    def take_tables(self, key: str) -> tuple[Table, ...]:
        """Return the tables of the list under `key`, told by their name or numbered from 1; none if it is absent."""
        values = self._take_list(key, ())
        return tuple(
            Table(value, f"{self.where}: {key} {_name_of(value) or number}")
            for number, value in enumerate(values, start=1)
        )

    def _take(self, key: str, default: object) -> object:
        if key not in self._left:
            if default is None:
                message = f"{self.where}: {key} is missing; add it"
                raise ProfileError(message)
            return default
        return self._left.pop(key)

    def _take_list(self, key: str, default: tuple[int, ...] | None) -> tuple[object, ...]:
        value = self._take(key, default)
        if not isinstance(value, list | tuple):
            self.refuse(key, f"must be a list, not {value!r}")
        return tuple(value)


def _name_of(content: object) -> str:
    name = content.get("name") if isinstance(content, Mapping) else None
    return name if isinstance(name, str) else ""
