"""One section of the configuration file, read strictly: every complaint names the file, the section's line and the key.

ConfigError         one sentence: what is wrong, where, and what to do
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, NoReturn, TypeVar

from protocol.fields import NAME_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Choice = TypeVar("Choice", bound=str)

DAY_SECONDS = 86_400
PORT_MAX = 65_535
DECIMALS_MAX = 6


class ConfigError(Exception):
    """The configuration cannot be used."""


class Section:
    """One table of the file; remembers which of its keys were asked for, to refuse the others."""

    def __init__(self, where: str, table: Mapping[str, object]) -> None:
        self._where = where
        self._table = table
        self._known: list[str] = []

    def refuse(self, key: str, complaint: str, cause: Exception | None = None) -> NoReturn:
        """Raise ConfigError: the value of `key` cannot be used, for the reason and with the remedy in `complaint`."""
        message = f"{self._where}: {key} = {self._table.get(key)!r} {complaint}"
        raise ConfigError(message) from cause

    def has(self, key: str) -> bool:
        """Return whether the optional `key` is given."""
        self._known.append(key)
        return key in self._table

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text under `key`; without a `default` it must be given."""
        self._known.append(key)
        value = self._table.get(key, default)
        if value is None:
            message = f'{self._where}: {key} is missing; add {key} = "..."'
            raise ConfigError(message)
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be text in quotes")
        return value

    def label(self, key: str) -> str:
        """Return the text under `key`, which must be given and fit what a meter's descriptor says of it."""
        text = self.text(key)
        if len(text) > NAME_MAX or not text.isprintable():
            self.refuse(key, f"must be at most {NAME_MAX} printable characters")
        return text

    def choice(self, key: str, default: Choice | None, choices: Sequence[Choice]) -> Choice:
        """Return the text under `key`, one of `choices`; without a `default` it must be given."""
        text = self.text(key, default)
        chosen = next((one for one in choices if one == text), None)
        if chosen is None:
            self.refuse(key, f"must be one of {', '.join(choices)}")
        return chosen

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """Return the whole number under `key`, between `low` and `high`; with no `default` it must be given."""
        self._known.append(key)
        value = self._table.get(key, default)
        if value is None:
            message = f"{self._where}: {key} is missing; add a whole number from {low} to {high}"
            raise ConfigError(message)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, f"must be a whole number from {low} to {high}")
        return value

    def seconds(self, key: str) -> float | None:
        """Return the positive number of seconds under `key`, None if it is not given."""
        self._known.append(key)
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= DAY_SECONDS:
            self.refuse(key, "must be a number of seconds above 0")
        return float(value)

    def decimal(self, key: str, low: Decimal, high: Decimal) -> Decimal:
        """Return the number written as text under `key`, exactly, from `low` to `high`; it must be given."""
        text = self.text(key)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        exponent = number.as_tuple().exponent
        if not (isinstance(exponent, int) and exponent >= -DECIMALS_MAX and low <= number <= high):
            self.refuse(key, f'must be a number in quotes from {low} to {high}, such as "1.8"')
        return number

    def kilo(self, key: str, high: int) -> int | None:
        """Return a thousand times the number under `key`, whole and from 1 to `high`; None if it is not given.

        The number stands bare or in quotes; what its decimal digits say is taken exactly.
        """
        self._known.append(key)
        value = self._table.get(key)
        if value is None:
            return None
        try:
            thousandfold = Fraction(str(value)) * 1000
        except (ValueError, ZeroDivisionError) as error:
            self.refuse(key, "must be a number", error)
        if thousandfold.denominator != 1 or not 1 <= thousandfold <= high:
            self.refuse(key, f"must be above 0 and at most {high // 1000}, with three decimals at most")
        return int(thousandfold)

    def flag(self, key: str) -> bool:
        """Return whether `key` is given as true."""
        self._known.append(key)
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def finish(self) -> None:
        """Refuse every key that was not asked for: a misspelt setting must not be silently ignored."""
        for key in self._table:
            if key not in self._known:
                message = f"{self._where}: unknown key {key!r}; known keys here: {', '.join(sorted(set(self._known)))}"
                raise ConfigError(message)
