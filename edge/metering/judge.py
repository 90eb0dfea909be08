"""What a poll means after all that is remembered of its meter: status bits, events, and whether to look again. Pure.

Raw counts pass through as they were read. The counter decision (`edge.metering.counter`) judges each register; here the
meter around them is judged: whether it is still the same one, configured as before, and alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.counter import CounterLimits, CounterSighting, Decision, ReadingTime, SeenCount, decide
from edge.metering.memory import MeterMemory
from edge.metering.outcome import Failed, PollOutcome
from edge.metering.witness import EnergyStep, hear, is_restarted
from protocol.counts import read_count
from protocol.fields import NAME_MAX
from protocol.messages import MeterEvent, TimeQuality
from protocol.records import STATUS_GOOD, STATUS_STALE, STATUS_SUSPECT, MeterEventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.metering.counter import CounterEvent, CounterVerdict
    from edge.metering.outcome import Beside, Stranger, Taken
    from edge.metering.witness import WitnessVerdict
    from protocol.identity import BootId
    from protocol.messages import Register

POWER_MARGIN = Fraction(5, 4)
"""A site's stated greatest power is exceeded by a quarter: cold modules under broken clouds, a generous nameplate."""
PARTIAL_SHARE = Fraction(1, 10)
"""From which part of the site's greatest power on a power is taken for generation where only one direction is counted:
what inverters draw at night is far less."""

_MS_PER_HOUR = 3_600_000
_MANTISSA_BITS = {32: 23, 64: 52}
_APART = ", "
_BEGINNINGS = (Decision.EXCHANGE, Decision.SCALE_CHANGE)


@dataclass(frozen=True, slots=True)
class MeterTerms:
    """What is known of a meter beforehand.

    `power_w_max` is the greatest power of its site without a margin, None if nobody stated it; `save_interval_ms` how
    long the meter's own saving lags; `falling` the registers that may fall, such as net ones. `is_partial` says that
    its power can flow without a register counting it that is read.
    """

    power_w_max: Fraction | None = None
    save_interval_ms: int = 0
    falling: frozenset[int] = field(default_factory=frozenset)
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judged poll, ready for the journal, and whether the meter should be read again at once."""

    outcome: PollOutcome
    wants_reread: bool = False


def judge(memory: MeterMemory | None, outcome: PollOutcome, terms: MeterTerms, boot: BootId) -> Judgement:
    """Return what a poll in this boot means; None remembers nothing, and the meter begins without an event."""
    known = memory or MeterMemory()
    if isinstance(outcome.result, Failed):
        stranger = outcome.result.stranger
        return Judgement(outcome if stranger is None else _turn_away(known, outcome, stranger))
    return _judge_taken(known, outcome, outcome.result, terms, boot)


def limits_of(
    register: Register, ratio: tuple[int, int], terms: MeterTerms, counts: tuple[Fraction, ...]
) -> CounterLimits:
    """Return what a register can do around these counts of it, in its own counts; `is_monotonic` is left at True.

    A float counts in steps that grow with it, and has no modulus unless its map states one.
    """
    per_ms = None
    if terms.power_w_max is not None:
        per_ms = terms.power_w_max * POWER_MARGIN / _MS_PER_HOUR / _wh_per_count(register, ratio)
    is_float = register.kind == "f"
    return CounterLimits(
        quantum=_float_step(register.width_bits, max(map(abs, counts))) if is_float else Fraction(1),
        modulus=None if is_float and register.rollover_counts == 1 << register.width_bits else register.rollover_counts,
        counts_per_ms_max=per_ms,
        save_interval_ms=terms.save_interval_ms,
    )


def describe_scale(register: Register, ratio: tuple[int, int]) -> str:
    """Return what a count of a register is worth, and where it stands, as parts of which one changes when that does."""
    numerator, denominator = ratio
    return _APART.join(
        (
            f"{register.sign * 10}^{register.scale_exponent} {register.unit}",
            f"ratio {numerator}/{denominator}",
            f"{register.kind}{register.width_bits} {register.word_order}",
            f"at {register.function_code}/{register.address}",
            f"wraps at {register.rollover_counts}",
        )
    )


def _wh_per_count(register: Register, ratio: tuple[int, int]) -> Fraction:
    return Fraction(10) ** register.scale_exponent * Fraction(*ratio)


def _float_step(width_bits: int, magnitude: Fraction) -> Fraction:
    """Return the distance between neighbouring floats of this size: IEEE 754 has 24 or 53 significant bits."""
    return Fraction(2) ** (max(int(magnitude).bit_length() - 1, 0) - _MANTISSA_BITS[width_bits])


def _turn_away(memory: MeterMemory, outcome: PollOutcome, stranger: Stranger) -> PollOutcome:
    """State once that another meter answers in place of the one that is expected, with the readings of both."""
    if memory.stranger == stranger.serial:
        return outcome
    events = tuple(
        MeterEvent(
            meter=outcome.meter,
            at=outcome.read_at,
            kind=MeterEventKind.EXCHANGE,
            register=number,
            before=_pair(memory.registers[number].base) if number in memory.registers else None,
            after=(outcome.read_at, stranger.counts[number]) if number in stranger.counts else None,
            was=stranger.expected,
            now=stranger.serial,
            note="No reading of the other meter is accepted while the configuration names this one.",
        )
        for number in sorted({*memory.registers, *stranger.counts})
    )
    return replace(outcome, events=(*outcome.events, *events), memory=replace(memory, stranger=stranger.serial))


def _judge_taken(memory: MeterMemory, outcome: PollOutcome, taken: Taken, terms: MeterTerms, boot: BootId) -> Judgement:
    is_trusted = outcome.before.quality >= TimeQuality.SYNCHRONISED
    at = ReadingTime(outcome.read_at, outcome.boottime_ms, boot.hex(), is_trusted)
    verdicts = _judge_registers(memory, taken, terms, at)
    heard = _hear(memory, taken, terms, at, verdicts)
    status = STATUS_STALE if heard.memory.is_stale else STATUS_GOOD
    if len(verdicts) < len(taken.counts):
        status |= STATUS_SUSPECT
    for verdict in verdicts.values():
        status |= verdict.status
    events = [_state(outcome, number, verdict.event) for number, verdict in verdicts.items() if verdict.event]
    if not any(verdict.decision is Decision.EXCHANGE for verdict in verdicts.values()):
        events += _compare_descriptors(memory, outcome, taken)
    events += [MeterEvent(outcome.meter, outcome.read_at, kind, note=note) for kind, note in heard.events]
    remembered = MeterMemory(
        registers={**memory.registers, **{number: verdict.memory for number, verdict in verdicts.items()}},
        counts=taken.counts,
        witness=heard.memory,
        firmware=taken.descriptor.firmware,
        configuration=taken.descriptor.note or "",
    )
    judged = replace(
        outcome, result=replace(taken, status=status), events=(*outcome.events, *events), memory=remembered
    )
    return Judgement(judged, any(verdict.wants_reread for verdict in verdicts.values()))


def _judge_registers(
    memory: MeterMemory, taken: Taken, terms: MeterTerms, at: ReadingTime
) -> dict[int, CounterVerdict]:
    """Return the verdict on each register in whose pattern there is a number."""
    has_restarted = is_restarted(memory.witness, taken.beside)
    ratio = taken.descriptor.ratio
    verdicts: dict[int, CounterVerdict] = {}
    for number, raw in taken.counts.items():
        register = taken.descriptor.registers[number]
        magnitude = read_count(raw, register.width_bits, register.kind)
        if magnitude is None:
            continue
        seen = SeenCount(raw, Fraction(register.sign * magnitude), at)
        known = memory.registers.get(number)
        counts = (seen.count,) if known is None else (seen.count, known.base.count)
        limits = replace(limits_of(register, ratio, terms, counts), is_monotonic=number not in terms.falling)
        sighting = CounterSighting(seen, taken.descriptor.serial, describe_scale(register, ratio), has_restarted)
        verdicts[number] = decide(known, sighting, limits)
    return verdicts


def _hear(
    memory: MeterMemory, taken: Taken, terms: MeterTerms, at: ReadingTime, verdicts: Mapping[int, CounterVerdict]
) -> WitnessVerdict:
    """Return what the meter's witnesses say of what its registers did."""
    registers, ratio = taken.descriptor.registers, taken.descriptor.ratio
    worth = {number: _wh_per_count(registers[number], ratio) for number in verdicts}
    steps_wh = [
        limits_of(registers[number], ratio, terms, (verdict.memory.base.count,)).quantum * worth[number]
        for number, verdict in verdicts.items()
    ]
    step = EnergyStep(
        at=at,
        has_moved=any(memory.counts.get(number) != raw for number, raw in taken.counts.items()),
        gained_wh=sum((abs(verdict.gained) * worth[number] for number, verdict in verdicts.items()), Fraction(0)),
        quantum_wh=max(steps_wh, default=Fraction(1)),
        is_partial=terms.is_partial,
    )
    begins_anew = any(verdict.decision in _BEGINNINGS for verdict in verdicts.values())
    # Another meter's witnesses, or those of another scale, say nothing of this one.
    return hear(memory.witness.forgotten() if begins_anew else memory.witness, _believed(taken.beside, terms), step)


def _believed(beside: Beside, terms: MeterTerms) -> Beside:
    """Leave out a power that may have flowed in the direction that no register counts which is read."""
    if not terms.is_partial or beside.power_w is None:
        return beside
    is_generation = terms.power_w_max is not None and beside.power_w >= terms.power_w_max * PARTIAL_SHARE
    return beside if is_generation else replace(beside, power_w=None)


def _compare_descriptors(memory: MeterMemory, outcome: PollOutcome, taken: Taken) -> list[MeterEvent]:
    """State for each register that the meter's firmware or configuration is another than at the poll before."""
    changes = (
        (MeterEventKind.FIRMWARE_CHANGE, memory.firmware, taken.descriptor.firmware),
        (MeterEventKind.CONFIGURATION_CHANGE, memory.configuration, taken.descriptor.note or ""),
    )
    return [
        _state_change(
            MeterEvent(
                meter=outcome.meter,
                at=outcome.read_at,
                kind=kind,
                register=number,
                before=_pair(memory.registers[number].base),
                after=(outcome.read_at, raw),
            ),
            was,
            now,
        )
        for kind, was, now in changes
        if was and now and was != now
        for number, raw in taken.counts.items()
        if number in memory.registers
    ]


def _state(outcome: PollOutcome, number: int, event: CounterEvent) -> MeterEvent:
    stated = MeterEvent(
        meter=outcome.meter,
        at=outcome.read_at,
        kind=event.kind,
        register=number,
        before=_pair(event.before),
        after=_pair(event.after),
    )
    return _state_change(stated, event.was, event.now)


def _state_change(event: MeterEvent, was: str, now: str) -> MeterEvent:
    """Return the event with those parts of two texts in which they differ, as far as a statement holds them."""
    old, new = was.split(_APART), now.split(_APART)
    return replace(
        event,
        was=_APART.join(part for part in old if part not in new)[:NAME_MAX],
        now=_APART.join(part for part in new if part not in old)[:NAME_MAX],
    )


def _pair(seen: SeenCount) -> tuple[int, int]:
    return seen.at.read_at, seen.raw
