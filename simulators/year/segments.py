"""The life of a register as the chain tells it: cut where an event states a break, summed interval by interval."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from protocol.records import MeterEventKind
from simulators.year.causes import BREAKS
from simulators.year.truth import modulus_wh, quantum_wh, value_wh

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from protocol.messages import MeterEvent
    from simulators.year.chain import Reading
    from simulators.year.truth import Witness


@dataclass(frozen=True, slots=True)
class Segment:
    """Good readings between two breaks: what their intervals sum up to, and what the register and the meter counted.

    `measured_wh` is what the meter measured in between, less what it forgot; `unstated_falls` are the readings at which
    the count fell although it may not, and no event states a rollover. `is_true`: the register held what its two ends
    say.
    """

    first: Reading
    last: Reading
    by_intervals_wh: Fraction
    by_register_wh: Fraction
    measured_wh: Fraction
    tolerance_wh: Fraction
    unstated_falls: tuple[Reading, ...]
    is_true: bool


def cut_segments(readings: Sequence[Reading], events: Iterable[MeterEvent], witness: Witness) -> list[Segment]:
    """Return the segments of a meter's good readings, in the order taken."""
    stated = [(event.at, event.kind) for event in events]
    breaks = {at for at, kind in stated if kind in BREAKS}
    rollovers = {at for at, kind in stated if kind == MeterEventKind.ROLLOVER}
    segments: list[list[Reading]] = []
    for reading in readings:
        if not segments or reading.read_at in breaks:
            segments.append([])
        segments[-1].append(reading)
    return [_sum_up(segment, rollovers, witness) for segment in segments]


def _sum_up(readings: Sequence[Reading], rollovers: set[int], witness: Witness) -> Segment:
    total = Fraction(0)
    falls = []
    is_monotonic = witness.is_monotonic(readings[0].true_ms)
    for earlier, later in pairwise(readings):
        step = _energy(later) - _energy(earlier)
        if later.read_at in rollovers:
            step += modulus_wh(later.descriptor)
        elif step < 0 and is_monotonic:
            falls.append(later)
        total += step
    first, last = readings[0], readings[-1]
    return Segment(
        first=first,
        last=last,
        by_intervals_wh=total,
        by_register_wh=witness.counted_wh(last) - witness.counted_wh(first),
        measured_wh=witness.measured_wh(first.true_ms, last.true_ms),
        tolerance_wh=_step_wh(last),
        unstated_falls=tuple(falls),
        is_true=all(witness.was_held(end, half_width_ms=1_000) for end in (first, last)),
    )


def _energy(reading: Reading) -> Fraction:
    value = value_wh(reading.raws[0], reading.descriptor)
    assert value is not None, "a good reading is a number"
    return value


def _step_wh(reading: Reading) -> Fraction:
    """Return the smallest step of the register, Wh; of a float, which has 24 significant bits or more, at its size."""
    quantum = quantum_wh(reading.descriptor)
    if reading.descriptor.registers[0].kind != "f":
        return quantum
    return max(Fraction(2) ** (int(_energy(reading) / quantum).bit_length() - 24) * quantum, Fraction(1))
