"""What a meter and a system generated in a month: differences of exact register readings, never an estimate.

A month opens with the latest reading at or before its first instant and closes with the latest reading at or before
its end. The closing reading of one month is the opening reading of the next, so months add up to the register exactly,
whatever is missing between.

Every function takes readings in order of time and gives the same answer for all of a meter's readings and for any part
of them that keeps those beside each edge and each step down: so the store need not fetch what decides nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.instants import format_instant
from hub.rules.placing import Placing
from protocol.messages import TimeQuality
from protocol.records import STATUS_DOUBTED, STATUS_GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.rules.periods import ProductionMonth
    from protocol.identity import DeviceId, Epoch

EDGE_HALF_WIDTH_MS = 5_000
"""A reading taken up to this long after a month's edge may stand for the edge: a poll that starts on the edge answers a
little later. Applied to the end of one month and the start of the next alike, so it counts no energy twice."""

EARLIEST_READ_AT = 946_684_800_000
"""2000-01-01 UTC. A reading dated before comes from a clock that was never set: it is kept, but no month can use it."""

READ_AHEAD_MS_MAX = 86_400_000
"""A reading dated further than this beyond its receipt comes from a clock set wrong: kept, but no month can use it."""

ZERO_FLAGGED_MS = 20 * 86_400_000
"""A register that did not move for this long is worth a look; the number stands."""

_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of a meter's register at an instant, and the block it came in.

    `register_id` is one register as one device reads it; `instrument` is the make and model that the meter gives
    itself: readings of one instrument are of one accumulator, whichever device took them. `register_wh` is the exact
    value in Wh, `resolution_wh` its smallest step, `modulus_wh` the energy at which the register wraps (None: not
    stated), `ratio` the CT/VT ratio applied, `received_at` (UTC ms) when the hub took custody of the block,
    `placing` where `read_at` comes from, and `status` the bits that its device gave it.
    """

    register_id: int
    instrument: str
    read_at: int
    register_wh: int
    raw: int
    resolution_wh: int
    modulus_wh: int | None
    ratio: tuple[int, int]
    time_quality: TimeQuality
    device: DeviceId
    epoch: Epoch
    seq: int
    received_at: int
    placing: Placing = Placing.AS_READ
    status: int = STATUS_GOOD


@dataclass(frozen=True, slots=True)
class Break:
    """A place in a register's course, between two instants (UTC ms), that its device leaves to people to judge.

    `text` says what happened. Where `forbids`, the energy in between may not be energy at all.
    """

    from_at: int
    to_at: int
    text: str
    forbids: bool


class FindingKind(StrEnum):
    """What a plausibility check can say of a month."""

    REGISTER_DECREASED = "register_decreased"
    REGISTER_CHANGED = "register_changed"
    RATIO_CHANGED = "ratio_changed"
    ROLLOVER = "rollover"
    ZERO_PRODUCTION = "zero_production"
    TIME_UNVERIFIED = "time_unverified"
    TIME_PLACED = "time_placed"
    READING_DOUBTED = "reading_doubted"
    REGISTER_BREAK = "register_break"
    DEVICE_CONTESTED = "device_contested"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says, in one sentence, and whether it forbids a number."""

    kind: FindingKind
    text: str
    forbids: bool


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


def has_ended(month: ProductionMonth, read_until: int | None) -> bool:
    """Return whether a meter that counts until `read_until` (UTC ms; None: still) has no part in this month any more.

    Citation: `citations.SEVERAL_METERS`.
    """
    return read_until is not None and read_until <= month.starts_at


def list_drops(readings: Sequence[Reading]) -> tuple[tuple[Reading, Reading], ...]:
    """Return the pairs of neighbouring readings between which the register went down, out of readings in order of time.

    Neighbours are readings of one register, and where a register is read for the first time, that reading and the
    latest before it of the same instrument: there one device took over from another. Readings whose time nobody
    verified may stand in a wrong place and are left out.
    Citation: `citations.MONTHLY_PRODUCTION`.
    """
    trusted = [reading for reading in readings if may_count(reading) and is_verified(reading)]
    return tuple((a, b) for a, b in _neighbours(trusted) if b.register_wh < a.register_wh)


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
    return _decreased(opening, closing)


def monthly_production(
    month: ProductionMonth,
    readings: Sequence[Reading],
    power_w_max: int | None = None,
    read_until: int | None = None,
    breaks: Sequence[Break] = (),
) -> MeterProduction:
    """Return what one meter generated in the month, in exact Wh, with the two readings it comes from.

    `readings` are one meter's, in order of time. `power_w_max` (W) bounds what a rollover may explain, `read_until`
    (UTC ms) is when the meter ended, `breaks` are the places that people have to judge. `complete` is true only if both
    readings stand at the month's edges, their times are verified and nothing forbids the number. A month without a
    reading of its own has no number: a gap is never a zero. Citation: `citations.MONTHLY_PRODUCTION`.
    """
    if has_ended(month, read_until):
        return _without_number(month, None, "The meter had ended before this month.")
    usable = [r for r in readings if may_count(r) and (read_until is None or r.read_at <= read_until)]
    closing = _edge_reading(usable, month.ends_at)
    if closing is None:
        return _without_number(month, None, "No reading yet.")
    # What nobody verified counts only while nothing verified is there to take its place.
    trusted = [reading for reading in usable if is_verified(reading)]
    counted = trusted if is_verified(closing) else usable
    before = _edge_reading(usable, month.starts_at)
    first = next((reading for reading in counted if reading.read_at > month.starts_at), None)
    opening = before or first
    if opening is None or opening == closing:
        return _without_number(month, closing, _describe_absence(month, usable, begins=before is None))
    within = [reading for reading in counted if opening.read_at <= reading.read_at <= closing.read_at]
    energy_wh, findings = _measure(opening, closing, within, list_drops(usable), power_w_max)
    broken = [each for each in breaks if each.from_at < closing.read_at and opening.read_at < each.to_at]
    findings += [Finding(FindingKind.REGISTER_BREAK, each.text, each.forbids) for each in broken]
    findings += _doubted_edges(readings, {month.starts_at: opening, month.ends_at: closing})
    if any(each.forbids for each in broken):
        energy_wh = None
    unverified = any(finding.kind is FindingKind.TIME_UNVERIFIED for finding in findings)
    at_edges = stands_at(opening, month.starts_at) and stands_at(closing, month.ends_at)
    return MeterProduction(
        month=month,
        production_wh=energy_wh,
        opening=opening,
        closing=closing,
        complete=at_edges and energy_wh is not None and not unverified,
        basis=_describe(month, opening, closing, begins=before is None),
        findings=tuple(findings),
    )


def system_production(month: ProductionMonth, meters: Sequence[MeterProduction]) -> SystemProduction:
    """Return the sum over a system's meters; one not read by the month's end, or ended before it, has no part.

    No number stands where one of the others has none. Citation: `citations.SEVERAL_METERS`.
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


def may_count(reading: Reading) -> bool:
    """Return whether a reading may decide anything: its device does not doubt it, and its time can be true."""
    return (
        not reading.status & STATUS_DOUBTED
        and EARLIEST_READ_AT <= reading.read_at <= reading.received_at + READ_AHEAD_MS_MAX
    )


def is_verified(reading: Reading) -> bool:
    """Return whether anyone vouched for the reading's clock, then or later in the same boot."""
    return reading.time_quality is not TimeQuality.UNKNOWN or reading.placing is not Placing.AS_READ


def _edge_reading(readings: Sequence[Reading], edge_ms: int) -> Reading | None:
    """Return the reading that stands for a month's edge (UTC ms), a verified one if there is any.

    It is the latest at or before the edge, unless that one is further away than `EDGE_HALF_WIDTH_MS` and the earliest
    after the edge is not.
    """
    trusted = [reading for reading in readings if is_verified(reading)]
    return nearest_to(trusted, edge_ms) or nearest_to(readings, edge_ms)


def nearest_to(readings: Sequence[Reading], edge_ms: int) -> Reading | None:
    """Return which of these readings, in order of time, stands for an edge (UTC ms).

    It is the latest at or before it, unless only the earliest after it stands at it.
    """
    place = bisect_right(readings, edge_ms, key=lambda reading: reading.read_at)
    at_or_before = readings[place - 1] if place else None
    just_after = readings[place] if place < len(readings) else None
    if just_after is None or not stands_at(just_after, edge_ms):
        return at_or_before
    return at_or_before if at_or_before is not None and stands_at(at_or_before, edge_ms) else just_after


def _neighbours(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
    of_register: dict[int, Reading] = {}
    of_instrument: dict[str, Reading] = {}
    for reading in readings:
        earlier = of_register.get(reading.register_id) or of_instrument.get(reading.instrument)
        if earlier is not None:
            yield earlier, reading
        of_register[reading.register_id] = of_instrument[reading.instrument] = reading


def _measure(
    opening: Reading,
    closing: Reading,
    within: Sequence[Reading],
    drops: Sequence[tuple[Reading, Reading]],
    power_w_max: int | None,
) -> tuple[int | None, list[Finding]]:
    """Return the energy between the two readings, None where a finding forbids it, and the findings."""
    findings = _compare(opening, closing, within)
    energy_wh = closing.register_wh - opening.register_wh
    for earlier, later in drops:
        if earlier.read_at < opening.read_at or later.read_at > closing.read_at:
            continue
        step = register_difference(earlier, later, power_w_max)
        if isinstance(step, Finding):
            findings.append(step)
        else:
            energy_wh += step - (later.register_wh - earlier.register_wh)
            findings.append(_rollover(later))
    forbidden = any(finding.forbids for finding in findings)
    if energy_wh < 0 and not forbidden:
        findings.append(_decreased(opening, closing))
        forbidden = True
    if not forbidden and energy_wh == 0 and closing.read_at - opening.read_at >= ZERO_FLAGGED_MS:
        text = "The register did not move in this time; ask whether the system was out of service."
        findings.append(Finding(FindingKind.ZERO_PRODUCTION, text, forbids=False))
    return None if forbidden else energy_wh, findings


def _doubted_edges(readings: Sequence[Reading], edges: Mapping[int, Reading]) -> list[Finding]:
    """Say of each edge for which a reading further away stands that the one at the edge is doubted."""
    return [
        Finding(
            FindingKind.READING_DOUBTED,
            f"The reading of {format_instant(doubted.read_at)} cannot stand for the month's edge: its device saw the "
            "register move as it cannot, or go back; see what happened to the meter.",
            forbids=False,
        )
        for edge_ms, standing in edges.items()
        for doubted in [r for r in readings if r.status & STATUS_DOUBTED and stands_at(r, edge_ms)][:1]
        if not stands_at(standing, edge_ms)
    ]


def _compare(opening: Reading, closing: Reading, within: Sequence[Reading]) -> list[Finding]:
    findings: list[Finding] = []
    instruments = sorted({reading.instrument for reading in (opening, *within, closing)})
    if len(instruments) > 1:
        text = (
            f"These readings come from {len(instruments)} meters with one serial number ({', '.join(instruments)}), so "
            "their difference is not energy; register the one that is meant with --make and --model."
        )
        findings.append(Finding(FindingKind.REGISTER_CHANGED, text, forbids=True))
    elif opening.ratio != closing.ratio:
        was, now = (f"{reading.ratio[0]}:{reading.ratio[1]}" for reading in (opening, closing))
        text = f"The transformer ratio changed from {was} to {now} between the two readings; find out since when."
        findings.append(Finding(FindingKind.RATIO_CHANGED, text, forbids=True))
    if not (is_verified(opening) and is_verified(closing)):
        text = "The device's clock was not verified when one of the two readings was taken."
        findings.append(Finding(FindingKind.TIME_UNVERIFIED, text, forbids=False))
    placed = [reading for reading in (opening, closing) if reading.placing is Placing.PLACED]
    return [*findings, *map(_placed, placed)]


def _decreased(opening: Reading, closing: Reading) -> Finding:
    return Finding(
        FindingKind.REGISTER_DECREASED,
        f"The register went down from {opening.register_wh} Wh at {format_instant(opening.read_at)} to "
        f"{closing.register_wh} Wh at {format_instant(closing.read_at)} and no rollover explains it; find out whether "
        "the meter was reset or exchanged.",
        forbids=True,
    )


def _placed(reading: Reading) -> Finding:
    text = (
        f"The reading at {format_instant(reading.read_at)} was taken before the device's clock was set; its time was "
        "worked out when the clock was set later in the same boot."
    )
    return Finding(FindingKind.TIME_PLACED, text, forbids=False)


def _rollover(later: Reading) -> Finding:
    text = (
        f"The register passed its largest value before {format_instant(later.read_at)}; the difference allows for it."
    )
    return Finding(FindingKind.ROLLOVER, text, forbids=False)


def stands_at(reading: Reading, edge_ms: int) -> bool:
    """Return whether a reading was taken so near to an edge (UTC ms) that it is the register at the edge."""
    return abs(reading.read_at - edge_ms) <= EDGE_HALF_WIDTH_MS


def _without_number(month: ProductionMonth, reading: Reading | None, basis: str) -> MeterProduction:
    return MeterProduction(month, None, reading, reading, complete=False, basis=basis, findings=())


def _describe_absence(month: ProductionMonth, readings: Sequence[Reading], *, begins: bool) -> str:
    if begins:
        return "One reading in this month, and none before it."
    if any(month.starts_at < reading.read_at <= month.ends_at for reading in readings):
        return "No reading in this month whose time was verified."
    return "No reading in this month."


def _describe(month: ProductionMonth, opening: Reading, closing: Reading, *, begins: bool) -> str:
    if begins:
        start = "from the meter's first reading inside the month"
    elif stands_at(opening, month.starts_at):
        start = "from the month's first instant"
    else:
        start = "from the last reading before the month"
    end = "to the month's end" if stands_at(closing, month.ends_at) else "to the latest reading before the month's end"
    return f"Measured {start} {end}."
