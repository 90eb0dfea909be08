"""How long to wait for a meter's reply, learned from its replies.

A meter that answers in 30 ms and now does not is worth no whole time-out of its profile. What is learned is the meter's
own delay, without the time that the octets take on the wire, so that a short request does not make a long one fail.
"""

from __future__ import annotations

from dataclasses import dataclass

DELAYS = 4.0
"""The wait is so many times the worst delay of late."""
SMOOTHING = 8.0
"""The worst delay fades by this part of the difference with each faster reply."""
LIMIT_SECONDS_MIN = 0.5
"""Below this nothing is gained, and the scheduling of a busy machine would be taken for a silent meter."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What is known of one meter's delay; `worst_seconds` is None of a meter that has not answered of late."""

    worst_seconds: float | None = None

    def after_reply(self, delay_seconds: float) -> Patience:
        """Return what is known after a reply that took so long: a slower one counts in full, a faster one in part."""
        worst = self.worst_seconds
        if worst is None or delay_seconds >= worst:
            return Patience(max(delay_seconds, 0.0))
        return Patience(worst - (worst - max(delay_seconds, 0.0)) / SMOOTHING)

    def limit_seconds(self, full_seconds: float, transfer_seconds: float) -> float:
        """Return how long to wait for octets that take `transfer_seconds`, never longer than `full_seconds`."""
        if self.worst_seconds is None:
            return full_seconds
        return min(full_seconds, transfer_seconds + max(DELAYS * self.worst_seconds, LIMIT_SECONDS_MIN))
