"""Meters whose registers are known at every instant, and the polls of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.metering.outcome import Failed, PollOutcome, Taken
from protocol import wire
from protocol.messages import MeterDescriptor, PollCause, Register
from simulators.custody.facts import Accumulators

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from protocol.identity import DescriptorId
    from protocol.messages import Instant

OBIS = {0: "1-0:2.8.0", 1: "1-0:1.8.0"}
_FAILING_SHARE = 0.04
_SLOW_SHARE = 0.02


def _register(obis: str, address: int) -> Register:
    return Register(
        obis=obis,
        unit="Wh",
        scale_exponent=0,
        width_bits=32,
        kind="u",
        rollover_counts=2**32,
        function_code=4,
        address=address,
        word_order="big",
    )


@dataclass(slots=True)
class SteadyMeter:
    """A meter with two registers that only grow, at their own rates (counts per hour)."""

    descriptor: MeterDescriptor
    rates: tuple[int, int]

    @classmethod
    def make(cls, index: int) -> SteadyMeter:
        """Return meter number `index`."""
        descriptor = MeterDescriptor(
            meter=index,
            make="Simulated",
            model="Steady",
            serial=f"S-{index}",
            firmware="1",
            ratio=(1, 1),
            bus="rtu",
            unit_id=index,
            registers={rid: _register(obis, 2 * rid) for rid, obis in OBIS.items()},
        )
        return cls(descriptor, (5_000 + 700 * index, 130 + index))

    def update_firmware(self) -> None:
        """Change what the meter says of itself: from now on another descriptor is in force."""
        self.descriptor = replace(self.descriptor, firmware=str(int(self.descriptor.firmware) + 1))

    def poll(self, at: Instant, true_ms: int, chance: random.Random) -> PollOutcome:
        """Return what a poll gives that begins at `at`, as its device's clock has it, and truly at `true_ms`."""
        took_ms = 2_500 if chance.random() < _SLOW_SHARE else chance.randrange(8, 60)
        after = replace(at, wall_ms=at.wall_ms + took_ms, boottime_ms=at.boottime_ms + took_ms)
        index = self.descriptor.meter
        if chance.random() < _FAILING_SHARE:
            cause = chance.choice((PollCause.TIMEOUT, PollCause.BAD_REPLY))
            return PollOutcome(index, at, after, Failed(cause, "the simulated meter kept silent"))
        counts = {rid: 1_000 + true_ms * rate // 3_600_000 % 2**31 for rid, rate in enumerate(self.rates)}
        return PollOutcome(index, at, after, Taken(counts, self.descriptor))


def describe_all(meters: Sequence[SteadyMeter], revisions: int) -> dict[DescriptorId, Accumulators]:
    """Return whom each descriptor describes that the meters will ever have in `revisions` firmware versions."""
    return {
        wire.describe(replace(meter.descriptor, firmware=str(revision))): Accumulators(meter.descriptor.serial, OBIS)
        for meter in meters
        for revision in range(1, revisions + 1)
    }
