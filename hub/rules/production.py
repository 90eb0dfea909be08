"""What a meter and a system generated in a month: differences of exact register readings, never an estimate.

A month opens with the latest reading at or before its first instant and closes with the latest reading at or before
its end. The closing reading of one month is the opening reading of the next, so months add up to the register exactly,
whatever is missing between.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.instants import format_instant
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.periods import ProductionMonth
    from protocol.identity import Epoch

EDGE_HALF_WIDTH_MS = 5_000
"""A reading taken up to this long after a month's edge may stand for the edge: a poll that starts on the edge answers a
little later. Applied to the end of one month and the start of the next alike, so it counts no energy twice."""

EARLIEST_READ_AT = 946_684_800_000
"""2000-01-01 UTC. A reading dated before comes from a clock that was never set: it is kept, but no month can use it."""

ZERO_FLAGGED_MS = 20 * 86_400_000
"""A register that did not move for this long is worth a look; the number stands."""

_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of a meter's register at an instant, and the block it came in.

    `register_id` tells accumulators apart, `register_wh` is the exact value in Wh, `resolution_wh` its smallest step,
    `modulus_wh` the energy at which the register wraps (None: not stated), `ratio` the CT/VT ratio applied.
    """

    register_id: int
    read_at: int
    register_wh: int
    raw: int
    resolution_wh: int
    modulus_wh: int | None
    ratio: tuple[int, int]
    time_quality: TimeQuality
    epoch: Epoch
    seq: int


class FindingKind(StrEnum):
    """What a plausibility check can say of a month."""

    REGISTER_DECREASED = "register_decreased"
    REGISTER_CHANGED = "register_changed"
    RATIO_CHANGED = "ratio_changed"
    ROLLOVER = "rollover"
    ZERO_PRODUCTION = "zero_production"
    TIME_UNVERIFIED = "time_unverified"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says, in one sentence, and whether it forbids a number."""

    kind: FindingKind
    text: str
    forbids: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The readings that decide one meter's month.

    `before` is the good reading that stands for the month's start, `first` the first good one after it, `closing` the
    one that stands for the month's end (`choose_edge_reading`). `drops` are pairs of neighbouring readings between
    opening and closing where the register went down.
    """

    before: Reading | None
    first: Reading | None
    closing: Reading | None
    drops: tuple[tuple[Reading, Reading], ...] = ()


@dataclass(frozen=True, slots=True)
class MeterProduction:
    """One meter's month. `production_wh` is None where the readings do not allow a number; `findings` say why."""

    month: ProductionMonth
    production_wh: int | None
    opening: Reading | None
    closing: Reading | None
    complete: bool
    basis: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class SystemProduction:
    """The month of a system: the sum over its meters that have begun to be read."""

    month: ProductionMonth
    production_wh: int | None
    resolution_wh: int | None
    complete: bool


def gather_evidence(month: ProductionMonth, readings: Sequence[Reading]) -> Evidence:
    """Return what decides the month, out of one meter's good readings in order of time.

    Citation: `citations.MONTHLY_PRODUCTION`.
    """
    before, closing = _edge_reading(readings, month.starts_at), _edge_reading(readings, month.ends_at)
    first = next((reading for reading in readings if reading.read_at > month.starts_at), None)
    opening = before or first
    if opening is None or closing is None:
        return Evidence(before, first, closing)
    counted = [reading for reading in readings if opening.read_at <= reading.read_at <= closing.read_at]
    drops = ((a, b) for a, b in itertools.pairwise(counted) if b.register_wh < a.register_wh)
    return Evidence(before, first, closing, tuple(drops))


def choose_edge_reading(at_or_before: Reading | None, just_after: Reading | None, edge_ms: int) -> Reading | None:
    """Return the reading that stands for a month's edge (UTC ms).

    It is the latest at or before the edge, unless that one is further away than `EDGE_HALF_WIDTH_MS` and the earliest
    after the edge is not. Citation: `citations.MONTHLY_PRODUCTION`.
    """
    if just_after is None or not _stands_at(just_after, edge_ms):
        return at_or_before
    return at_or_before if at_or_before is not None and _stands_at(at_or_before, edge_ms) else just_after


def register_difference(opening: Reading, closing: Reading, power_w_max: int | None = None) -> int | Finding:
    """Return the energy in Wh between two neighbouring readings of one register, or the finding that forbids it.

    A register that went down is taken to have rolled over only if the register states its modulus and the energy that
    would follow is no more than `power_w_max` (W; None: no limit is known, so no rollover is assumed) could have made
    in the time between. Citation: `citations.MONTHLY_PRODUCTION`.
    """
    difference = closing.register_wh - opening.register_wh
    if difference >= 0:
        return difference
    if closing.modulus_wh is not None and power_w_max is not None:
        wrapped = difference + closing.modulus_wh
        elapsed_ms = closing.read_at - opening.read_at
        if 0 <= wrapped <= power_w_max * elapsed_ms // _MS_PER_HOUR + closing.resolution_wh:
            return wrapped
    return Finding(
        FindingKind.REGISTER_DECREASED,
        f"The register went down from {opening.register_wh} Wh at {format_instant(opening.read_at)} to "
        f"{closing.register_wh} Wh at {format_instant(closing.read_at)} and no rollover explains it; find out whether "
        "the meter was reset or exchanged.",
        forbids=True,
    )


def monthly_production(month: ProductionMonth, evidence: Evidence, power_w_max: int | None = None) -> MeterProduction:
    """Return what one meter generated in the month, in exact Wh, with the two readings it comes from.

    `power_w_max` (W) bounds what a rollover may explain. `complete` is true only if both readings stand at the month's
    edges, their times are verified and nothing forbids the number. Citation: `citations.MONTHLY_PRODUCTION`.
    """
    opening = evidence.before or evidence.first
    closing = evidence.closing
    if opening is None or closing is None:
        return MeterProduction(month, None, None, None, complete=False, basis="No reading yet.", findings=())
    findings = _compare(opening, closing)
    energy_wh = closing.register_wh - opening.register_wh
    for earlier, later in evidence.drops:
        step = register_difference(earlier, later, power_w_max)
        if isinstance(step, Finding):
            findings.append(step)
        else:
            energy_wh += step - (later.register_wh - earlier.register_wh)
            findings.append(_rollover(later))
    forbidden = any(finding.forbids for finding in findings)
    if not forbidden and energy_wh == 0 and closing.read_at - opening.read_at >= ZERO_FLAGGED_MS:
        text = "The register did not move in this time; ask whether the system was out of service."
        findings.append(Finding(FindingKind.ZERO_PRODUCTION, text, forbids=False))
    unverified = any(finding.kind is FindingKind.TIME_UNVERIFIED for finding in findings)
    at_edges = _stands_at(opening, month.starts_at) and _stands_at(closing, month.ends_at)
    return MeterProduction(
        month=month,
        production_wh=None if forbidden else energy_wh,
        opening=opening,
        closing=closing,
        complete=at_edges and not forbidden and not unverified,
        basis=_describe(month, evidence, opening, closing),
        findings=tuple(findings),
    )


def system_production(month: ProductionMonth, meters: Sequence[MeterProduction]) -> SystemProduction:
    """Return the sum over a system's meters; a meter not read by the month's end has not begun and is left out.

    No number stands where one meter's readings forbid theirs. Citation: `citations.SEVERAL_METERS`.
    """
    begun = [meter for meter in meters if meter.closing is not None]
    parts = [meter.production_wh for meter in begun if meter.production_wh is not None]
    whole = bool(begun) and len(parts) == len(begun)
    return SystemProduction(
        month=month,
        production_wh=sum(parts) if whole else None,
        resolution_wh=max((meter.closing.resolution_wh for meter in begun if meter.closing), default=None),
        complete=whole and all(meter.complete for meter in begun),
    )


def _edge_reading(readings: Sequence[Reading], edge_ms: int) -> Reading | None:
    at_or_before = [reading for reading in readings if reading.read_at <= edge_ms]
    after = [reading for reading in readings if reading.read_at > edge_ms]
    return choose_edge_reading(at_or_before[-1] if at_or_before else None, after[0] if after else None, edge_ms)


def _compare(opening: Reading, closing: Reading) -> list[Finding]:
    findings: list[Finding] = []
    if opening.register_id != closing.register_id:
        text = "The two readings come from different registers, so their difference is not energy; record the exchange."
        findings.append(Finding(FindingKind.REGISTER_CHANGED, text, forbids=True))
    elif opening.ratio != closing.ratio:
        text = f"The transformer ratio changed from {opening.ratio} to {closing.ratio} between the two readings."
        findings.append(Finding(FindingKind.RATIO_CHANGED, text, forbids=True))
    if TimeQuality.UNKNOWN in {opening.time_quality, closing.time_quality}:
        text = "The device's clock was not verified when one of the two readings was taken."
        findings.append(Finding(FindingKind.TIME_UNVERIFIED, text, forbids=False))
    return findings


def _rollover(later: Reading) -> Finding:
    text = (
        f"The register passed its largest value before {format_instant(later.read_at)}; the difference allows for it."
    )
    return Finding(FindingKind.ROLLOVER, text, forbids=False)


def _stands_at(reading: Reading, edge_ms: int) -> bool:
    return abs(reading.read_at - edge_ms) <= EDGE_HALF_WIDTH_MS


def _describe(month: ProductionMonth, evidence: Evidence, opening: Reading, closing: Reading) -> str:
    if evidence.before is None:
        start = "from the meter's first reading inside the month"
    elif _stands_at(opening, month.starts_at):
        start = "from the month's first instant"
    else:
        start = "from the last reading before the month"
    end = "to the month's end" if _stands_at(closing, month.ends_at) else "to the latest reading before the month's end"
    return f"Measured {start} {end}."
