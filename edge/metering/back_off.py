"""How long to leave alone what failed."""

from __future__ import annotations

from dataclasses import dataclass

_DOUBLINGS_MAX = 30


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to leave something alone after it failed: doubling from `first_seconds` to `max_seconds`."""

    first_seconds: float = 0.5
    max_seconds: float = 30.0

    def delay_seconds(self, failures: int) -> float:
        """Return the pause after so many failures in a row, at least one."""
        return min(self.first_seconds * 2.0 ** min(failures - 1, _DOUBLINGS_MAX), self.max_seconds)
