"""How long a serial line is busy with one exchange, and the clock by which a simulated line keeps to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

FAST_BAUD = 19_200
"""Above this speed the silence between frames no longer shrinks (Modbus over Serial Line V1.02, clause 2.5.1.1)."""
FAST_GAP_SECONDS = 0.00175
GAP_CHARACTERS = 3.5


@dataclass(frozen=True, slots=True)
class LinePace:
    """The speed of a line and of the meters on it.

    A character is `bits_per_character` bits long, start, parity and stop bits included: 10 for 8N1, 11 for 8E1 and 8N2.
    A meter begins its reply `turnaround_ms` after the silence that ends the request. `gap_seconds` is the silence that
    parts two frames: None takes 3.5 characters, and 1.75 ms above 19200 baud; an ASCII line needs none.
    """

    baud: int = FAST_BAUD
    bits_per_character: int = 10
    turnaround_ms: int = 0
    gap_seconds: float | None = None

    @property
    def silence_seconds(self) -> float:
        """The silence that parts two frames."""
        if self.gap_seconds is not None:
            return self.gap_seconds
        return FAST_GAP_SECONDS if self.baud > FAST_BAUD else self.seconds(1) * GAP_CHARACTERS

    def seconds(self, octets: int) -> float:
        """Return how long so many octets take on the wire."""
        return octets * self.bits_per_character / self.baud


def line_seconds(request_octets: int, reply_octets: int, pace: LinePace) -> float:
    """Return how long one exchange keeps the line from the next: two frames, the meter's delay, two silences.

    It is the physical limit: no master can poll faster than once in this time.
    """
    return pace.seconds(request_octets + reply_octets) + 2 * pace.silence_seconds + pace.turnaround_ms / 1000


class LineClock:
    """When octets on a paced line begin and end, in seconds of the event loop's clock.

    A timer fires late, by a millisecond or so. What the line was late with a reply it allows whoever asks next, so that
    its own lateness neither adds up nor is blamed on the reader; the reader's is.
    """

    def __init__(self, pace: LinePace) -> None:
        self.pace = pace
        self._free_at = -math.inf
        self._late_seconds = 0.0

    def hear(self, octets: int, now: float) -> float:
        """Return when the meters may begin to answer a request of so many octets that is written `now`."""
        begins_at = max(now - self._late_seconds, self._free_at + self.pace.silence_seconds)
        self._late_seconds = 0.0
        self._free_at = begins_at + self.pace.seconds(octets)
        return self._free_at + self.pace.silence_seconds + self.pace.turnaround_ms / 1000

    def said(self, ends_at: float, now: float) -> None:
        """Note that octets which were due to end at `ends_at` have been delivered `now`."""
        self._free_at = max(self._free_at, ends_at)
        self._late_seconds = max(now - ends_at, 0.0)
