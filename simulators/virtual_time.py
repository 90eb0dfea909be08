"""The time of a virtual loop, twice: the true one that meters live by, and what the edge's kernel takes it for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.clock import Discipline

if TYPE_CHECKING:
    from collections.abc import Callable

KERNEL_BOOT_ID = bytes(range(16))
_OK, _ERROR = 0, 5
_STA_UNSYNC = 0x0040
_STEERED = Discipline(_OK, 0, error_us=1_000)
_UNSTEERED = Discipline(_ERROR, _STA_UNSYNC, error_us=16_000_000)


@dataclass(frozen=True, slots=True)
class VirtualTime:
    """The true time: `start_ms` (UTC ms) when the running loop's clock shows zero."""

    start_ms: int

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the beginning."""
        return round(asyncio.get_running_loop().time() * 1000)

    @property
    def now_ms(self) -> int:
        """This moment, UTC ms."""
        return self.start_ms + self.elapsed_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Return when it is `at_ms` (UTC ms) or later."""
        await asyncio.sleep(max(at_ms - self.now_ms, 0) / 1000)


def never_wrong(at_ms: int) -> int:
    """Return how far the wall clock is ahead: never at all."""
    del at_ms
    return 0


@dataclass(frozen=True, slots=True)
class VirtualKernel:
    """The clocks of a machine that booted when the time began, for `edge.clock.SystemClock`.

    `ahead_ms` says how far the wall clock is ahead of the true time at an instant of it, both in ms; while it is,
    nothing steers the clock and the kernel says so. Boottime is never wrong.
    """

    time: VirtualTime
    ahead_ms: Callable[[int], int] = never_wrong

    def boot_id(self) -> bytes:
        """Return the 16 bytes that tell this boot."""
        return KERNEL_BOOT_ID

    def wall_ms(self) -> int:
        """Return what the wall clock shows, UTC ms."""
        now_ms = self.time.now_ms
        return now_ms + self.ahead_ms(now_ms)

    def boottime_ms(self) -> int:
        """Return milliseconds since the boot."""
        return self.time.elapsed_ms

    def discipline(self) -> Discipline:
        """Return what adjtimex(2) says of the wall clock."""
        return _UNSTEERED if self.ahead_ms(self.time.now_ms) else _STEERED
