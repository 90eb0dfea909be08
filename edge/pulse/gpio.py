"""GPIO lines through the kernel's character device: the only importer of gpiod (libgpiod, the kernel's own library).

Requires the extra `pulse`. The kernel stamps each edge with its monotonic clock and numbers it, so what happens while
this program is busy is neither late nor, until its buffer is full, lost; a lost edge shows in the numbers.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from edge.bus_errors import NotConnectedError
from edge.pulse.contacts import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import gpiod

    from edge.settings import Bias, Contact

EVENTS_BUFFERED = 1024
_CONSUMER = "meter-edge"


@dataclass(frozen=True, slots=True)
class GpioLines:
    """Which lines of which chip the contacts are wired to. `bias` `pull-up` suits contacts to ground: low is closed."""

    chip: str
    offsets: Mapping[Contact, int]
    bias: Bias


class Gpio:
    """The lines of one meter, open until `close`. `fileno` is readable while there are edges."""

    def __init__(self, request: gpiod.LineRequest, lines: GpioLines) -> None:
        self._request = request
        self._lines = lines
        self._contacts = {offset: contact for contact, offset in lines.offsets.items()}

    def fileno(self) -> int:
        """Return the file descriptor to wait for."""
        return self._request.fd

    def stand(self) -> dict[Contact, bool]:
        """Return which contacts are closed now."""
        from gpiod.line import Value  # noqa: PLC0415 - gpiod is there only where pulses are counted

        return {
            contact: self._request.get_value(offset) is Value.ACTIVE for contact, offset in self._lines.offsets.items()
        }

    def read(self) -> Sequence[Edge]:
        """Return the edges since the last call, in the order they happened; waits if there is none."""
        return [
            Edge(
                contact=self._contacts[event.line_offset],
                is_closed=event.event_type is event.Type.RISING_EDGE,
                at_ns=event.timestamp_ns,
                number=event.line_seqno,
            )
            for event in self._request.read_edge_events(EVENTS_BUFFERED)
        ]

    def close(self) -> None:
        """Let go of the lines."""
        self._request.release()


def open_gpio(lines: GpioLines) -> Gpio:
    """Request the lines for counting; raises NotConnectedError with one sentence if they cannot be had."""
    try:
        import gpiod  # noqa: PLC0415 - see above
        from gpiod.line import Bias as LineBias  # noqa: PLC0415 - loaded only here
        from gpiod.line import Clock  # noqa: PLC0415 - loaded only here
        from gpiod.line import Edge as LineEdge  # noqa: PLC0415 - loaded only here
    except ModuleNotFoundError as error:
        message = "pulses are counted by the library gpiod, which is not installed; pip install 'meterline[edge,pulse]'"
        raise NotConnectedError(message) from error
    bias = {"pull-up": LineBias.PULL_UP, "pull-down": LineBias.PULL_DOWN, "none": LineBias.DISABLED}[lines.bias]
    settings = gpiod.LineSettings(
        direction=gpiod.line.Direction.INPUT,
        edge_detection=LineEdge.BOTH,
        bias=bias,
        # A contact to ground pulls its line low: closed is low there.
        active_low=lines.bias == "pull-up",
        # Debounced here (`contacts`), so that the same rule holds on every chip and in every test.
        debounce_period=timedelta(0),
        event_clock=Clock.MONOTONIC,
    )
    config: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {tuple(lines.offsets.values()): settings}
    try:
        request = gpiod.request_lines(lines.chip, config, consumer=_CONSUMER, event_buffer_size=EVENTS_BUFFERED)
    except (OSError, ValueError) as error:
        raise NotConnectedError(_why_not(lines, error)) from error
    return Gpio(request, lines)


def _why_not(lines: GpioLines, error: OSError | ValueError) -> str:
    """Return one sentence: why the lines cannot be had, and what to do."""
    named = " and ".join(str(offset) for offset in lines.offsets.values())
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOENT, errno.ENODEV, errno.ENOTTY):
        return f"there is no GPIO chip {lines.chip}; correct chip (gpiodetect lists those there are)"
    if code in (errno.EACCES, errno.EPERM):
        return f"GPIO chip {lines.chip} may not be opened by this user; add the user to the group gpio"
    if code == errno.EBUSY:
        return f"line {named} of {lines.chip} is held by another program; stop it, or correct line"
    if code == errno.EINVAL or code is None:
        return f"{lines.chip} has no line {named} to be used as an input; correct line"
    return f"line {named} of {lines.chip} cannot be opened: {error}; check the chip and the overlay"
