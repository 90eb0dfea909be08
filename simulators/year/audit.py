"""The judgement of a lived year: every invariant over every meter, and the numbers that a result states."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from protocol.verification import Terms, arrange, verify
from simulators.year import invariants
from simulators.year.chain import Failures
from simulators.year.evidence import SiteEvidence
from simulators.year.truth import quantum_wh

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.year.evidence import MeterEvidence
    from simulators.year.invariants import Breach
    from simulators.year.world import LivedYear


@dataclass(frozen=True, slots=True)
class MeterResult:
    """What came of one meter: energy in Wh, summed over its segments, by the intervals and by the register itself."""

    meter: str
    profile: str
    readings: int
    segments: int
    wh_by_intervals: Fraction
    wh_by_registers: Fraction
    quantum_wh: Fraction

    def as_json(self) -> dict[str, object]:
        """Return it for machines; energies are exact decimals in text where they are no whole numbers."""
        return {
            "meter": self.meter,
            "profile": self.profile,
            "readings": self.readings,
            "segments": self.segments,
            "wh_by_intervals": _plain(self.wh_by_intervals),
            "wh_by_registers": _plain(self.wh_by_registers),
            "quantum_wh": _plain(self.quantum_wh),
        }


@dataclass(slots=True)
class Audit:
    """What a lived year came to; it is whole if there is no breach."""

    seed: int
    days: int
    polls: int = 0
    readings: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    poll_errors: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    blocks: int = 0
    events: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    meters: list[MeterResult] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return the audit for machines."""
        return {
            "seed": self.seed,
            "days": self.days,
            "polls": self.polls,
            "readings": self.readings,
            "marked": dict(sorted(self.marked.items())),
            "poll_errors": dict(sorted(self.poll_errors.items())),
            "gaps": self.gaps,
            "blocks": self.blocks,
            "events": dict(sorted(self.events.items())),
            "faults": dict(sorted(self.faults.items())),
            "meters": [meter.as_json() for meter in self.meters],
            "mismatches": len(self.breaches),
        }


def audit_year(year: LivedYear, *, days: int, on_meter: Callable[[], None] = lambda: None) -> Audit:
    """Return the judgement of a year by its chain alone, beside the truth; `on_meter` is called after each meter."""
    site = SiteEvidence(year)
    audit = Audit(year.plan.seed, days)
    audit.blocks = len(year.export.blocks)
    audit.faults.update(str(fault.kind) for fault in year.plan.faults.faults)
    audit.faults.update(f"agent {outage.kind}" for outage in year.plan.outages)
    audit.breaches += invariants.the_chain_verifies(site, verify(arrange(year.export.blocks), Terms()))
    audit.breaches += invariants.steps_of_the_clock_are_stated(site)
    audit.events["clock"] = len(site.log.clock_events)
    for meter in site.meters:
        for invariant in invariants.BY_METER:
            audit.breaches += invariant(meter)
        _count(audit, meter)
        on_meter()
    return audit


def _count(audit: Audit, meter: MeterEvidence) -> None:
    failures = [poll for poll in meter.log.polls if isinstance(poll, Failures)]
    audit.readings += len(meter.log.readings)
    for failure in failures:
        audit.poll_errors.update(failure.counts)
    audit.polls += len(meter.log.readings) + sum(failure.total for failure in failures)
    audit.gaps += len(meter.log.gaps)
    audit.events.update(str(event.kind) for event in meter.log.events)
    for slot in meter.slots:
        audit.marked.update(slot.reasons - slot.causes)
    last = meter.log.readings[-1].descriptor
    audit.meters.append(
        MeterResult(
            meter=meter.meter.name,
            profile=meter.meter.profile,
            readings=len(meter.log.readings),
            segments=len(meter.segments),
            wh_by_intervals=sum((segment.by_intervals_wh for segment in meter.segments), Fraction(0)),
            wh_by_registers=sum((segment.by_register_wh for segment in meter.segments), Fraction(0)),
            quantum_wh=quantum_wh(last),
        )
    )


def _plain(energy: Fraction) -> int | str:
    return energy.numerator if energy.denominator == 1 else str(energy)
