"""The machine that a device is: its disk, heat, power, memory and starts, by the numbers that it says of itself.

They are hints and no evidence. Names that nobody here knows are kept and say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY_MS = 86_400_000
STARTS_KEPT = 32
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """That a machine was heard to have started, `number` times since it was heard before; `at` is UTC ms."""

    at: int
    number: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a device said last of its machine, and when (UTC ms).

    `numbers` are whole numbers by name, `boot_count` numbers its boots (0: not said), `starts` are those of the day
    before.
    """

    said_at: int
    numbers: Mapping[str, int]
    boot_count: int = 0
    starts: tuple[Start, ...] = ()

    @property
    def disk_percent(self) -> int | None:
        """How much of its disk is written."""
        return self.numbers.get("disk_used_percent")

    @property
    def disk_errors(self) -> int | None:
        """What went wrong in its file system since that was last checked."""
        return self.numbers.get("disk_errors")

    @property
    def millicelsius(self) -> int | None:
        """How hot its processor is, in thousandths of a degree Celsius."""
        return self.numbers.get("processor_millicelsius")

    @property
    def is_under_voltage(self) -> bool | None:
        """Whether its supply is too low, or was since it started."""
        told = self.numbers.get("under_voltage")
        return None if told is None else bool(told)

    @property
    def memory_free_bytes(self) -> int | None:
        """How much memory a program can still have."""
        return self.numbers.get("memory_free_bytes")

    def starts_at(self, at: int) -> int:
        """Return how often it started within the day before `at`, as far as it was heard."""
        return sum(start.number for start in self.starts if at - start.at < _DAY_MS)


def hear_machine(before: Machine | None, numbers: Mapping[str, int], boot_count: int, at: int) -> Machine:
    """Return what is known of a machine after it spoke at `at` (UTC ms).

    Boots that it counted while it was not heard for a day may lie anywhere in that time: they are no starts of one day.
    A count that went back began anew, and was a start.
    """
    if before is None:
        return Machine(at, numbers, boot_count)
    starts = tuple(start for start in before.starts if at - start.at < _DAY_MS)
    is_counted = before.boot_count and boot_count and boot_count != before.boot_count
    if is_counted and at - before.said_at < _DAY_MS:
        starts = (*starts, Start(at, max(1, boot_count - before.boot_count)))[-STARTS_KEPT:]
    return Machine(at, numbers, boot_count or before.boot_count, starts)


def describe_machine(machine: Machine, at: int) -> dict[str, str]:
    """Return what is known of a machine at `at` (UTC ms) in words, by what it is about; nothing of what is not said."""
    words = {}
    if machine.is_under_voltage is not None:
        words["Supply"] = "too low, now or since it started" if machine.is_under_voltage else "good"
    if machine.disk_percent is not None:
        errors = f", {machine.disk_errors} errors since it was last checked" if machine.disk_errors else ""
        words["Disk"] = f"{machine.disk_percent} % full{errors}"
    if machine.millicelsius is not None:
        words["Processor"] = f"{spell_celsius(machine.millicelsius)} °C"
    if machine.memory_free_bytes is not None:
        words["Memory"] = f"{machine.memory_free_bytes // _MEBIBYTE} MiB free"
    if machine.boot_count:
        number = machine.starts_at(at)
        words["Starts"] = f"{number or 'none'} within a day"
    return words


def spell_celsius(millicelsius: int) -> str:
    """Return a temperature in degrees, rounded to a tenth: `58.4`."""
    tenths = (abs(millicelsius) + 50) // 100
    return f"{'-' if millicelsius < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"
