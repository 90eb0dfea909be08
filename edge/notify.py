"""What the agent tells the service manager that started it: sd_notify(3), one datagram a message.

The watchdog is fed by one thing only: a cycle that the journal has committed, good readings and failed polls alike. A
loop that is stuck, a bus that never returns and a disk that takes nothing all starve it. How long it must be patient
follows from the interval, so the agent says so itself and the unit only has to switch the watchdog on.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def watchdog_ms(spacing_ms: int) -> int:
    """Return how long the watchdog waits for the next committed cycle where cycles are due every `spacing_ms`.

    A clock that was set costs at most a spacing and its grace of half a spacing (`edge.metering.schedule`), and a cycle
    that takes longer than one more spacing is stuck.
    """
    return spacing_ms * 5 // 2


class ServiceManager:
    """The service manager, as the variables of its environment name it; without them nothing is told to anybody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        mine = environment.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        self._is_watched = mine and environment.get("WATCHDOG_USEC", "0") != "0"
        self._patience_ms = 0

    def ready(self, said: str, spacing_ms: int) -> None:
        """Tell that the journal is open and cycles follow, the first at most `spacing_ms` from now."""
        self._patience_ms = 0
        self._send("READY=1", f"STATUS={said}", *self._patience(spacing_ms))

    def committed(self, said: str, spacing_ms: int) -> None:
        """Tell that the journal has committed a cycle, which alone feeds the watchdog; the next is `spacing_ms` off."""
        self._send("WATCHDOG=1", f"STATUS={said}", *self._patience(spacing_ms))

    def expect(self, said: str, spacing_ms: int) -> None:
        """Tell that cycles are due in another rhythm from now on; nothing is said while it is the known one."""
        if patience := self._patience(spacing_ms):
            self._send(f"STATUS={said}", *patience)

    def stopping(self) -> None:
        """Tell that the agent ends by its own will."""
        self._send("STOPPING=1", "STATUS=sealing what is open")

    def _patience(self, spacing_ms: int) -> tuple[str, ...]:
        patience_ms = watchdog_ms(spacing_ms)
        if not self._is_watched or patience_ms == self._patience_ms:
            return ()
        self._patience_ms = patience_ms
        return (f"WATCHDOG_USEC={patience_ms * 1000}",)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A manager that cannot be told is no reason to stop reading meters; if it wants to know, it will end us.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)
