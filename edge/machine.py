"""What the machine under the agent says of itself: its disk and its errors, its heat, its power, its memory.

Asked when a state is said to the hub and never at a poll. What a machine cannot tell is left out, so that nobody takes
a zero for an answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZONES = "sys/class/thermal/thermal_zone*/temp"
_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
"""The Raspberry Pi's firmware, in hexadecimal digits: bit 0 under-voltage now, bit 16 at some time since it started."""
_UNDER_VOLTAGE = 1 << 0 | 1 << 16
_MONITORS = "sys/class/hwmon/hwmon*"
_MONITOR_NAME = "rpi_volt"
_ALARM = "in0_lcrit_alarm"
_BLOCK_DEVICES = "sys/dev/block"
_FILE_SYSTEMS = "sys/fs/ext4"
_ERRORS = "errors_count"
"""Since the last fsck(8), as the kernel keeps them in the file system itself: what a card does that wears out."""
_MEMORY = "proc/meminfo"
_MEMORY_NAME = "MemAvailable:"
_MILLICELSIUS_MAX = 200_000
"""What is hotter, or below zero as far, is a sensor that is not there."""


def read_machine(folder: Path, root: Path = Path("/")) -> dict[str, int]:
    """Return what can be told of the machine whose journal is in `folder`, as whole numbers by name.

    `disk_used_percent` of the journal's file system, rounded up, and `disk_errors`, what went wrong in it since it was
    last checked (of ext4 alone); `processor_millicelsius` of its hottest zone, in
    thousandths of a degree; `under_voltage`, 1 where its supply is or was too low since it started; and
    `memory_free_bytes`.
    """
    told = {
        "disk_used_percent": _disk_used_percent(folder),
        "disk_errors": _disk_errors(folder, root),
        "processor_millicelsius": _hottest_millicelsius(root),
        "under_voltage": _under_voltage(root),
        "memory_free_bytes": _memory_free_bytes(root),
    }
    return {name: number for name, number in told.items() if number is not None}


def _disk_used_percent(folder: Path) -> int | None:
    """Return how much of what this user may write is written, as df(1) says it."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    used = status.f_blocks - status.f_bfree
    whole = used + status.f_bavail
    return -(-100 * used // whole) if whole else None


def _disk_errors(folder: Path, root: Path) -> int | None:
    try:
        device = folder.stat().st_dev
    except OSError:
        return None
    numbers = root / _BLOCK_DEVICES / f"{os.major(device)}:{os.minor(device)}"
    # A link to the device, under the name that its file system has too: mmcblk0p2.
    return _read_number(root / _FILE_SYSTEMS / numbers.resolve().name / _ERRORS)


def _hottest_millicelsius(root: Path) -> int | None:
    found = (_read_number(path) for path in root.glob(_ZONES))
    return max((one for one in found if one is not None and abs(one) < _MILLICELSIUS_MAX), default=None)


def _under_voltage(root: Path) -> int | None:
    told = [number for number in _voltage_words(root) if number is not None]
    return int(any(told)) if told else None


def _voltage_words(root: Path) -> Iterator[int | None]:
    """Yield what each of who watches the supply says of it: 0 is well."""
    bits = _read_number(root / _THROTTLED, 16)
    yield None if bits is None else bits & _UNDER_VOLTAGE
    for monitor in root.glob(_MONITORS):
        if _read_text(monitor / "name") == _MONITOR_NAME:
            yield _read_number(monitor / _ALARM)


def _memory_free_bytes(root: Path) -> int | None:
    for line in _read_text(root / _MEMORY).splitlines():
        name, *words = line.split()
        if name == _MEMORY_NAME and words and words[0].isdecimal():
            return int(words[0]) * 1024
    return None


def _read_number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_read_text(path), base)
    except ValueError:
        return None


def _read_text(path: Path) -> str:
    """Return what a file of the kernel says; empty where it is not there, or its driver does not answer now."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
