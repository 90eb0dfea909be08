"""Serial lines on a pseudo-terminal, in Modbus's two serial framings."""

from __future__ import annotations

import asyncio
import os
import tty
from typing import TYPE_CHECKING, ClassVar, Self

from simulators.bus.exchange import undisturbed
from simulators.bus.station import Station
from simulators.errors import BusError
from simulators.frames import AsciiRequests, RtuRequests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from simulators.bus.answer import BusMeter
    from simulators.bus.exchange import Disturb, Requests
    from simulators.bus.pace import LinePace
    from simulators.bus.station import MeterClock

_CHUNK = 4096
_UNSENT_MAX = 65_536
"""How many bytes of replies wait for a slow reader; beyond, the line loses them."""


class SerialBus:
    """Meters at the end of a pseudo-terminal, known by the name of `link`."""

    _framing: ClassVar[type[Requests]]

    def __init__(
        self,
        meters: Mapping[int, BusMeter],
        clock: MeterClock,
        link: Path,
        *,
        pace: LinePace | None = None,
        disturb: Disturb = undisturbed,
    ) -> None:
        self.link = link
        self._station = Station(meters, clock, pace, disturb)
        self._requests = self._framing()
        self._unsent = bytearray()
        self._ours = self._theirs = -1
        self._device = ""

    async def start(self) -> None:
        """Open the pseudo-terminal, point the link to it and begin to listen."""
        self._ours, self._theirs = os.openpty()
        # Held open as well: a line outlives the program that reads it, and keeps its raw mode.
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._device = os.ttyname(self._theirs)
        try:
            self._place_link()
        except OSError as error:
            self._close()
            message = f"{self.link} cannot become a link to the line ({error.strerror}); choose a free path"
            raise BusError(message) from error
        self._requests = self._framing()
        asyncio.get_running_loop().add_reader(self._ours, self._receive)

    async def stop(self) -> None:
        """Close the line, as when the adapter is unplugged, and remove the link if it is still this line's."""
        if self._ours < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._ours)
        loop.remove_writer(self._ours)
        self._unsent.clear()
        if self.link.is_symlink() and str(self.link.readlink()) == self._device:
            self.link.unlink()
        self._close()

    async def renumber(self) -> None:
        """Come back under another device name, as a USB adapter does after a disturbance; the link follows."""
        ours, theirs = os.dup(self._ours), os.dup(self._theirs)
        try:
            # Held until the new one is open, so that the kernel does not give its number away again.
            await self.stop()
            await self.start()
        finally:
            os.close(ours)
            os.close(theirs)

    def say(self, octets: bytes) -> None:
        """Put octets on the line that nobody asked for, or that answer: whoever reads the line hears them now."""
        if self._ours < 0:
            return
        if len(self._unsent) < _UNSENT_MAX:
            self._unsent += octets
        self._send()

    def _place_link(self) -> None:
        if self.link.is_symlink():
            self.link.unlink()
        self.link.symlink_to(self._device)

    def _close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1

    def _receive(self) -> None:
        for request in self._requests.feed(os.read(self._ours, _CHUNK)):
            self._station.hear(request, self.say)

    def _send(self) -> None:
        """Write what the terminal takes now; the rest when it takes more."""
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: os.write(self._ours, self._unsent)]
        except BlockingIOError:
            loop.add_writer(self._ours, self._send)
        else:
            loop.remove_writer(self._ours)

    async def __aenter__(self) -> Self:
        """Start, and return the bus."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        await self.stop()


class RtuBus(SerialBus):
    """Meters on one serial line in RTU framing, by unit id; use as an async context manager.

    `link` becomes a symbolic link to the terminal's device, so that its name is known beforehand and stays the same
    over `stop` and `start`. A pseudo-terminal is as fast as memory; `pace` gives it a wire's time. Starting raises
    BusError if something that is no link is in its place.
    """

    _framing = RtuRequests


class AsciiBus(SerialBus):
    """Meters on one serial line in ASCII framing; as `RtuBus` in all else. An ASCII line's `pace` needs no gaps."""

    _framing = AsciiRequests
