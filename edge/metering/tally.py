"""What happened on a bus, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusTally:
    """What became of the requests on one bus since the program started.

    A request has a reply (of which `refusals` are exceptions), or it timed out, was answered by a frame with a wrong
    check sum, by something else that is no answer (`strangers`), or the connection was lost. `openings` counts how
    often the port or connection was opened, `shut` how often it could not be, `busy` how often no request was sent
    because the wire was never silent. `delay_ms` is the sum, `delay_ms_max` the largest of the times to a whole reply.
    """

    requests: int = 0
    replies: int = 0
    refusals: int = 0
    timeouts: int = 0
    check_sums: int = 0
    strangers: int = 0
    lost: int = 0
    openings: int = 0
    shut: int = 0
    busy: int = 0
    delay_ms: int = 0
    delay_ms_max: int = 0

    @property
    def quality_permille(self) -> int | None:
        """Replies in a thousand requests, rounded down; None before the first request."""
        return self.replies * 1000 // self.requests if self.requests else None

    @property
    def delay_ms_mean(self) -> int | None:
        """The mean time to a whole reply in ms; None before the first."""
        return self.delay_ms // self.replies if self.replies else None
