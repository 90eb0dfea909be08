"""The edge's only reader of time: wall clock, boottime, and how far the kernel trusts the wall clock.

A Raspberry Pi has no battery clock, so each instant carries all three (`protocol.messages.Instant`). Nothing here
sleeps by wall time: a step of the clock must neither skip an interval edge nor wait for one that has passed.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge.metering.schedule import STEP_MS
from protocol.identity import BootId
from protocol.messages import Instant, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOLDOVER_MS_MAX = 7 * 24 * 3_600_000
"""How long after the kernel was last synchronised its clock is still taken for good: 7 days."""
INSTANCE_LENGTH = 8

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SLEEP_SECONDS_MAX = 30.0
"""A sleeper looks at the clock at least this often, so that a stepped wall clock is noticed within one such span.

That is soon enough: an edge that a step passed over is polled until half an interval after it. A timerfd(2) that a
step cancels would tell at once, but Python 3.11 has none, and it would need system calls of our own for half a minute.
"""

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_ERROR_BOUND_US = 1_000_000


def read_instance(root: Path = Path("/")) -> bytes:
    """Return 8 bytes that tell this hardware from another with the same memory card image; none if nothing tells.

    They are the beginning of SHA-256 over the board's serial number and the cards' CID registers (SD Physical Layer
    Simplified Specification, clause 5.2), or over machine-id(5) where there are neither.
    """
    sources = [root / "proc/device-tree/serial-number", *sorted((root / "sys/block").glob("mmcblk*/device/cid"))]
    found = [source.read_bytes() for source in sources if source.is_file()]
    machine = root / "etc/machine-id"
    if not found and machine.is_file():
        found = [machine.read_bytes()]
    return hashlib.sha256(b"\n".join(found)).digest()[:INSTANCE_LENGTH] if any(found) else b""


class Clock(Protocol):
    """What the agent needs of time. Tests and simulators bring their own."""

    boot_id: BootId
    kernel_boot_id: bytes

    def now(self) -> Instant:
        """Return this moment."""
        ...

    async def sleep_until(self, wall_ms: int) -> None:
        """Return when the wall clock shows `wall_ms` (UTC ms) or later, or was set back: then the plan is another."""
        ...


@dataclass(frozen=True, slots=True)
class Discipline:
    """What adjtimex(2) says of the wall clock: its return value, the status bits, and the largest error in us."""

    state: int
    status: int
    error_us: int

    @property
    def is_synchronised(self) -> bool:
        """Whether something steers the clock and its error is below a second."""
        is_steered = 0 <= self.state != _TIME_ERROR and not self.status & _STA_UNSYNC
        return is_steered and self.error_us < _ERROR_BOUND_US


class Kernel(Protocol):
    """The system calls of a clock: `LinuxKernel`, or a test's own."""

    def boot_id(self) -> bytes:
        """Return the 16 bytes that are random for each boot."""
        ...

    def wall_ms(self) -> int:
        """Return CLOCK_REALTIME, UTC ms."""
        ...

    def boottime_ms(self) -> int:
        """Return CLOCK_BOOTTIME, ms since the kernel started."""
        ...

    def discipline(self) -> Discipline:
        """Return what adjtimex(2) says, changing nothing."""
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


class LinuxKernel:
    """The kernel that this program runs on."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def boot_id(self) -> bytes:
        """Return the kernel's random boot id, see random(4)."""
        return bytes.fromhex(_KERNEL_BOOT_ID.read_text().strip().replace("-", ""))

    def wall_ms(self) -> int:
        """Return CLOCK_REALTIME, clock_gettime(2)."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000

    def boottime_ms(self) -> int:
        """Return CLOCK_BOOTTIME, clock_gettime(2): it goes on while the machine is suspended."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def discipline(self) -> Discipline:
        """Return what adjtimex(2) says with no mode set."""
        timex = _Timex()
        state = int(self._libc.adjtimex(ctypes.byref(timex)))
        return Discipline(state, timex.status, timex.maxerror)


class SystemClock:
    """The machine's own clocks. Boot id from the kernel's random boot id (Linux)."""

    def __init__(self, kernel: Kernel | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._kernel = kernel or LinuxKernel()
        self._sleep = sleep
        self.kernel_boot_id = self._kernel.boot_id()
        self.boot_id = BootId(self.kernel_boot_id[:4])
        self._synchronised: Instant | None = None

    def now(self) -> Instant:
        """Return this moment and how good its wall clock is.

        Synchronised is what the kernel says is so. But it adds 500 us to its error bound in each second without a
        correction (MAXFREQ, kernel/time/ntp.c): the bound passes a second after half an hour without a time server,
        long before the clock is wrong by as much. Hence holdover: this object saw the clock synchronised less than 7
        days ago, and nobody has set it since. All else is unknown, also after a restart in holdover.
        """
        wall_ms, boottime_ms = self._kernel.wall_ms(), self._kernel.boottime_ms()
        if self._kernel.discipline().is_synchronised:
            self._synchronised = Instant(wall_ms, boottime_ms, TimeQuality.SYNCHRONISED)
            return self._synchronised
        if self._synchronised is not None and not _is_held(self._synchronised, wall_ms, boottime_ms):
            self._synchronised = None
        quality = TimeQuality.UNKNOWN if self._synchronised is None else TimeQuality.HOLDOVER
        return Instant(wall_ms, boottime_ms, quality)

    async def sleep_until(self, wall_ms: int) -> None:
        """Return when the wall clock shows `wall_ms` or later, or within half a minute of being set back."""
        offset_ms = self._offset_ms()
        while offset_ms - self._offset_ms() < STEP_MS:
            remaining_ms = wall_ms - self._kernel.wall_ms()
            if remaining_ms <= 0:
                return
            await self._sleep(min(remaining_ms / 1000, _SLEEP_SECONDS_MAX))

    def _offset_ms(self) -> int:
        return self._kernel.wall_ms() - self._kernel.boottime_ms()


def _is_held(synchronised: Instant, wall_ms: int, boottime_ms: int) -> bool:
    """Return whether a clock that was synchronised then is still good: not too old, and not set since."""
    elapsed_ms = boottime_ms - synchronised.boottime_ms
    step_ms = wall_ms - synchronised.wall_ms - elapsed_ms
    return elapsed_ms < HOLDOVER_MS_MAX and abs(step_ms) < STEP_MS
