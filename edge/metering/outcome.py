"""What one poll of one meter gave: raw counts under a descriptor, or the cause why not. Never both, never neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.records import STATUS_GOOD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from edge.metering.memory import MeterMemory
    from protocol.messages import Instant, MeterDescriptor, MeterEvent


@dataclass(frozen=True, slots=True)
class Beside:
    """What was read of a meter beside its energy, as far as its map has it and there was room for it.

    `power_w` is the active power, in W and without a sign. `witnesses` are numbers by role: `uptime` and `tick` move
    while the meter lives, `resets` counts its resets. `sum_gap` is by how many counts a total differs from its parts.
    """

    power_w: Fraction | None = None
    witnesses: Mapping[str, int] = field(default_factory=dict)
    sum_gap: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Raw counts by register id, read together, and how to understand them.

    `status` are the `STATUS_*` bits that the judgement of the reading gives it.
    """

    counts: Mapping[int, int]
    descriptor: MeterDescriptor
    status: int = STATUS_GOOD
    beside: Beside = field(default_factory=Beside)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A meter that answers in place of the one with the `expected` serial number, and what its registers show."""

    expected: str
    serial: str
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Failed:
    """No reading, and why: a `protocol.messages.PollCause` or `exception-N`; `note` is one sentence for people."""

    cause: str
    note: str
    stranger: Stranger | None = None


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """One poll of the meter with this index: the instants just before and after the request, and what came of it.

    `events` is what happened to the meter, to be stated before the reading that shows it; `memory` what a judged poll
    (`edge.metering.judge`) leaves to be remembered of its meter, None leaves that as it was.
    """

    meter: int
    before: Instant
    after: Instant
    result: Taken | Failed
    events: tuple[MeterEvent, ...] = ()
    memory: MeterMemory | None = None

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
