"""What one poll of one meter gave: raw counts under a descriptor, or the cause why not. Never both, never neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.messages import Instant, MeterDescriptor, MeterEvent


@dataclass(frozen=True, slots=True)
class Taken:
    """Raw counts by register id, read together, and how to understand them."""

    counts: Mapping[int, int]
    descriptor: MeterDescriptor


@dataclass(frozen=True, slots=True)
class Failed:
    """No reading, and why: a `protocol.messages.PollCause` or `exception-N`; `note` is one sentence for people."""

    cause: str
    note: str


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """One poll of the meter with this index: the instants just before and after the request, and what came of it.

    `events` is what happened to the meter, to be stated before the reading that shows it.
    """

    meter: int
    before: Instant
    after: Instant
    result: Taken | Failed
    events: tuple[MeterEvent, ...] = ()

    @property
    def read_at(self) -> int:
        """The middle of the request, UTC ms: the reading's instant, by boottime so that a clock step cannot bend it."""
        return self.before.wall_ms + (self.after.boottime_ms - self.before.boottime_ms) // 2

    @property
    def boottime_ms(self) -> int:
        """The middle of the request, ms since the kernel started."""
        return self.before.boottime_ms + (self.after.boottime_ms - self.before.boottime_ms) // 2

    @property
    def half_width_ms(self) -> int:
        """Half of the request's length in ms, rounded up: how far the instant may be off."""
        return (self.after.boottime_ms - self.before.boottime_ms + 1) // 2
