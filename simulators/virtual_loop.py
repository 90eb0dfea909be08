"""An event loop whose time jumps: when nothing is ready, it is at once the instant of the next timer.

Sockets and pseudo-terminals between parts of one process work as ever, and a time-out of an hour costs nothing. Two
things could make a jump wrong, because what is under way would come too late:

- *Octets in the kernel.* The loop asks by poll(2), not epoll(7): a terminal then finishes delivering what was written
  to it before it answers (`n_tty_poll` in drivers/tty/n_tty.c). A loopback socket delivers while it is written to,
  except when the kernel is too busy; hence the loop yields and asks again before it jumps.
- *Threads.* While one that the loop started works, time stands still. A thread of another origin is not known.

What is outside this process must not be waited for with a time-out: it is never fast enough.
"""

from __future__ import annotations

import asyncio
import math
import os
import selectors
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from simulators.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

PATIENCE_SECONDS = 30.0
"""How long, in real time, the loop waits for a thread or for octets when no timer is left to jump to."""

_TOLERANCE_SECONDS = 1e-9
"""By how much a timer is due before its instant, as asyncio has it; after half a year a float no longer tells."""

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")
_Ready = list[tuple[selectors.SelectorKey, int]]


class _JumpingSelector(selectors.PollSelector):
    """Asks the kernel without waiting; where it would wait for a time, it calls `jump` instead."""

    def __init__(self, jump: Callable[[float], bool], nudge: Callable[[], None]) -> None:
        super().__init__()
        self._jump = jump
        self._nudge = nudge

    def select(self, timeout: float | None = None) -> _Ready:
        """Return what is ready, or nothing after `timeout` seconds of virtual time."""
        ready = super().select(0)
        if timeout is not None and timeout <= 0:
            self._nudge()
            return ready
        if ready:
            return ready
        os.sched_yield()
        ready = super().select(0)
        if ready or (timeout is not None and self._jump(timeout)):
            return ready
        ready = super().select(PATIENCE_SECONDS)
        if not ready:
            message = (
                f"nothing came within {PATIENCE_SECONDS:g} s of real time and no timer is left; who is waited for?"
            )
            raise SimulatorError(message)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that begins at 0 s and lives as fast as it can; `run_virtually` runs a coroutine on a new one."""

    def __init__(self) -> None:
        self._elapsed_seconds = 0.0
        self._threads = 0
        super().__init__(_JumpingSelector(self._jump, self._nudge))

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._elapsed_seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """Run `func` in a thread; time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._forget_thread)
        return future

    def _forget_thread(self, future: asyncio.Future[T]) -> None:
        del future
        self._threads -= 1

    def _jump(self, seconds: float) -> bool:
        """Let so many seconds be over, unless a thread works; return whether it was done."""
        if self._threads:
            return False
        # A hair further: after some months a float no longer tells a timer's instant from the loop's tolerance.
        self._elapsed_seconds = math.nextafter(self._elapsed_seconds + seconds, math.inf)
        return True

    def _nudge(self) -> None:
        """Let a hair be over where a float cannot hold more: there a timer for this very instant would never be due."""
        if self._elapsed_seconds + _TOLERANCE_SECONDS == self._elapsed_seconds and not self._threads:
            self._elapsed_seconds = math.nextafter(self._elapsed_seconds, math.inf)


def run_virtually(main: Coroutine[None, None, T]) -> T:
    """Run `main` to its end on a new virtual loop and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
