"""What an audit on site says of what was reported: it has to be within one per cent of what the meter shows.

An auditor reads the register at some other time than the reporter did. What the system may have produced in between
nobody knows, so nothing is held against a report that can be explained by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.acceptance import Code, Finding, Severity, kwh
from hub.rules.local_times import format_local
from hub.rules.periods import month_of
from hub.rules.reported import register_energy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.rules.reported import AcceptedReading, MeterTerms

TOLERANCE_PPM = 10_000
"""One per cent of what the meter's register moved by."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reported reading beside an audited register; all energies are whole Wh.

    `reported_wh` is what was reported of the meter since it began, up to this reading; `audited_wh` what the meter
    gives for the same time by the audited register, as near to the report as it can be. `between_wh` is the most that
    can have been produced between the two. `finding` is None within the tolerance.
    """

    reading: AcceptedReading
    reported_wh: int
    audited_wh: int
    between_wh: int
    finding: Finding | None

    @property
    def deviation_wh(self) -> int:
        """By how much too much was reported; negative where it was too little."""
        return self.reported_wh - self.audited_wh

    @property
    def deviation_ppm(self) -> int:
        """The size of that, in millionths of what the meter gives."""
        return deviation_ppm(self.reported_wh, self.audited_wh)


def deviation_ppm(reported_wh: int, audited_wh: int) -> int:
    """Return by how much a reported production deviates from the audited one, in millionths of that, rounded down.

    Where the meter did not move, anything reported deviates by all of it. Citation: `citations.AUDIT_TOLERANCE`.
    """
    difference = abs(reported_wh - audited_wh)
    if audited_wh == 0:
        return _MILLION if difference else 0
    return difference * _MILLION // audited_wh


def audit_production(reported_wh: int, audited_wh: int) -> Finding | None:
    """Return the finding where a reported production is not within the tolerance of what the meter's register says.

    Citation: `citations.AUDIT_TOLERANCE`.
    """
    if abs(reported_wh - audited_wh) * _MILLION <= TOLERANCE_PPM * audited_wh:
        return None
    hundredths = deviation_ppm(reported_wh, audited_wh) // 100
    apart = f"{hundredths // 100}.{hundredths % 100:02d} % apart"
    text = (
        f"{kwh(reported_wh)} was reported and the meter gives {kwh(audited_wh)}: {apart}, where 1 % is allowed; find "
        "out which is right, and adjust the months concerned"
    )
    return Finding(Code.EXCEEDS_1_PERCENT_OF_REGISTER, Severity.FLAG, "AUDIT_TOLERANCE", text)


def refuse_audit(terms: MeterTerms, audited_at: int, register_wh: int, now: int) -> str | None:
    """Return why a meter cannot have shown `register_wh` at `audited_at` (UTC ms), None if it can.

    Citation: `citations.AUDIT_ON_SITE`.
    """
    if audited_at > now:
        return f"{format_local(audited_at)} has not come yet: record an audit once the meter has been read"
    if terms.initial_at is not None and audited_at < terms.initial_at:
        return (
            f"the meter began at {format_local(terms.initial_at)}: check the time of the audit, and which meter it was"
        )
    if terms.ended_at is not None and audited_at > terms.ended_at:
        return f"the meter ended at {format_local(terms.ended_at)}: check the time of the audit, and which meter it was"
    if terms.modulus_wh is not None and register_wh >= terms.modulus_wh:
        return f"the register starts again at {kwh(terms.modulus_wh)} and cannot show {kwh(register_wh)}: read it again"
    if terms.modulus_wh is None and terms.initial_wh is not None and register_wh < terms.initial_wh:
        return (
            f"{kwh(register_wh)} is less than the {kwh(terms.initial_wh)} that the meter began with: read it again, or "
            "declare at which energy the register starts again"
        )
    return None


def counted_readings(terms: MeterTerms, readings: Sequence[AcceptedReading]) -> tuple[AcceptedReading, ...]:
    """Return the readings, by month, that a meter's production is counted by: not those from before it began.

    Citation: `citations.AUDIT_ON_SITE`.
    """
    if terms.initial_at is None or terms.initial_wh is None:
        return tuple(readings)
    begins = month_of(terms.initial_at).previous()
    return tuple(reading for reading in readings if reading.month > begins)


def audit_register(
    terms: MeterTerms,
    readings: Sequence[AcceptedReading],
    audited_at: int,
    register_wh: int,
    most_between: Callable[[int, int], int],
) -> Comparison | None:
    """Hold an audited register (Wh, read at `audited_at`, UTC ms) against the reported readings around it.

    `readings` are those of `counted_readings`, at least one. `most_between` says how much can have
    been produced between two instants (UTC ms), in Wh. Of the last reading before the audit and the first after it that
    is returned which deviates more. Of a meter whose beginning nobody stated, all that its register shows was reported.
    None where the register went down between two readings and nothing declared explains it.
    Citation: `citations.AUDIT_ON_SITE`.
    """
    reported: list[tuple[AcceptedReading, int]] = []
    total_wh, last_wh = 0, terms.initial_wh or 0
    for reading in readings:
        energy_wh = register_energy(last_wh, reading.register_wh, terms.modulus_wh)
        if energy_wh is None:
            return None
        total_wh, last_wh = total_wh + energy_wh, reading.register_wh
        reported.append((reading, total_wh))
    before = [one for one in reported if one[0].read_at <= audited_at][-1:]
    after = [one for one in reported if one[0].read_at > audited_at][:1]
    comparisons = []
    for reading, reported_wh in (*before, *after):
        shown_wh = max(0, reported_wh + _apart(reading.register_wh, register_wh, terms.modulus_wh))
        between_wh = most_between(min(reading.read_at, audited_at), max(reading.read_at, audited_at))
        # A meter goes up only: before the audit it showed at most what the auditor read, after it at least that.
        most_wh = shown_wh if (reading, reported_wh) in before else shown_wh + between_wh
        audited_wh = min(max(reported_wh, most_wh - between_wh), most_wh)
        finding = audit_production(reported_wh, audited_wh)
        comparisons.append(Comparison(reading, reported_wh, audited_wh, between_wh, finding))
    return max(comparisons, key=lambda one: (one.deviation_ppm, -one.between_wh))


def _apart(reported_wh: int, audited_wh: int, modulus_wh: int | None) -> int:
    """Return by how much the audited register is above the reported one; with a modulus the shorter way round."""
    difference = audited_wh - reported_wh
    if modulus_wh is None:
        return difference
    half = modulus_wh // 2
    return (difference + half) % modulus_wh - half
