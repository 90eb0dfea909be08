"""The edge's only reader of time: wall clock, boottime, and how far the kernel trusts the wall clock.

A Raspberry Pi has no battery clock, so each instant carries all three (`protocol.messages.Instant`). Nothing here
sleeps by wall time: a step of the clock must neither skip an interval edge nor wait for one that has passed.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from pathlib import Path
from typing import Protocol

from protocol.identity import BootId
from protocol.messages import Instant, TimeQuality

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SLEEP_SECONDS_MAX = 30.0
"""A sleeper looks at the clock at least this often, so that a stepped wall clock is noticed within one such span."""

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_ERROR_BOUND_US = 1_000_000


class Clock(Protocol):
    """What the agent needs of time. Tests and simulators bring their own."""

    boot_id: BootId
    kernel_boot_id: bytes

    def now(self) -> Instant:
        """Return this moment."""
        ...

    async def sleep_until(self, wall_ms: int) -> None:
        """Return when the wall clock shows `wall_ms` (UTC ms) or later."""
        ...


class _Timex(ctypes.Structure):
    """The head of the kernel's `struct timex`, adjtimex(2), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class SystemClock:
    """The machine's own clocks. Boot id from the kernel's random boot id (Linux)."""

    def __init__(self) -> None:
        self.kernel_boot_id = bytes.fromhex(_KERNEL_BOOT_ID.read_text().strip().replace("-", ""))
        self.boot_id = BootId(self.kernel_boot_id[:4])
        self._libc = ctypes.CDLL(None, use_errno=True)

    def now(self) -> Instant:
        """Return this moment; the quality is what the kernel says of its synchronisation, adjtimex(2)."""
        return Instant(
            wall_ms=time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000,
            boottime_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
            quality=self._quality(),
        )

    async def sleep_until(self, wall_ms: int) -> None:
        """Return when the wall clock shows `wall_ms` or later, also after the clock was stepped."""
        while True:
            remaining_ms = wall_ms - time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000
            if remaining_ms <= 0:
                return
            await asyncio.sleep(min(remaining_ms / 1000, _SLEEP_SECONDS_MAX))

    def _quality(self) -> TimeQuality:
        timex = _Timex()
        state = int(self._libc.adjtimex(ctypes.byref(timex)))
        if state < 0 or state == _TIME_ERROR or timex.status & _STA_UNSYNC or timex.maxerror >= _ERROR_BOUND_US:
            return TimeQuality.UNKNOWN
        return TimeQuality.SYNCHRONISED
