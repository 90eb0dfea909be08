"""How a reading is named where people quote it: `SERIAL/OBIS@INSTANT`.

For example `WN-1001/1-0:2.8.0@2016-08-01T04:00:00Z`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import InputError
from hub.rules.instants import format_instant, parse_instant


@dataclass(frozen=True, slots=True)
class ReadingName:
    """Which register of which meter, and when it was read (UTC ms)."""

    serial: str
    obis: str
    read_at: int

    def __str__(self) -> str:
        """Return the name as people write it."""
        return f"{self.serial}/{self.obis}@{format_instant(self.read_at)}"


def parse_reading_name(text: str) -> ReadingName:
    """Return what a name says; raises InputError if it is none. A serial number may hold slashes and at-signs.

    Citation: this project's own notation; the OBIS code is that of IEC 62056-6-1.
    """
    register, at, instant = text.rpartition("@")
    serial, slash, obis = register.rpartition("/")
    if not (at and slash and serial and obis):
        message = f"{text!r:.120} names no reading: write SERIAL/OBIS@INSTANT, as `meter-hub month --json` shows it"
        raise InputError(message)
    return ReadingName(serial, obis, parse_instant(instant))
