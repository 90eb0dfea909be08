"""Whether a register's new count follows from the one before: the counter decision, one pure function.

A count is never altered here. What comes out is a decision, the status bits of the reading, at most one thing to state
of the register, and what to remember. Only a rollover resolves itself; a register that moved as its site cannot move it
is doubted until it returns, or until its new level was seen often enough, and then a new segment begins whose energy
before is for a person to judge. The reasons for each row are in `docs/decisions/edge.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from protocol.records import STATUS_GOOD, STATUS_HELD, STATUS_SUSPECT, MeterEventKind

SIGHTINGS_TO_CONFIRM = 4
"""How many consistent sightings make a doubted level the new base; the re-read is one of them."""
REFRESH_MS = 60_000
"""How old a count may be that a meter shows: many show it anew only now and then, and then all of it at once."""
_BLIND_GROWTH = Fraction(1, 2)
"""Without a limit by power and time: the part of the modulus beyond which a rise is no growth."""
_BLIND_ROLLOVER = Fraction(1, 10)
"""Without a limit by power and time: the part of the modulus that a rollover may have gone ahead at most."""
_SMALL = Fraction(1, 10)
"""Without a limit by power and time: the part of the earlier count that a register shows at most after a reset."""


class Decision(StrEnum):
    """The rows of the decision table."""

    BEGIN = "begin"
    ACCEPT = "accept"
    ROLLOVER = "rollover"
    HOLD = "hold"
    DOUBT = "doubt"
    RESET = "reset"
    CONFIRM = "confirm"
    EXCHANGE = "exchange"
    SCALE_CHANGE = "scale-change"


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """When a reading was taken: UTC ms, ms since the boot called `boot`, and if the wall clock could be trusted."""

    read_at: int
    boottime_ms: int
    boot: str
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class SeenCount:
    """A register as it was read: the raw pattern, the number in it counted in the direction of growth, and when."""

    raw: int
    count: Fraction
    at: ReadingTime


@dataclass(frozen=True, slots=True)
class CounterSighting:
    """One sighting of a register.

    `serial` is the meter's serial number, empty where it was not read; `scale` says in any one way what a count is
    worth. `is_restarted` says that a witness in the meter (its uptime, its count of resets) tells of a restart or
    reset since the sighting before.
    """

    seen: SeenCount
    serial: str = ""
    scale: str = ""
    is_restarted: bool = False


@dataclass(frozen=True, slots=True)
class CounterLimits:
    """What a register can do.

    `quantum` is the smallest step, in counts; `modulus` the magnitude at which the register wraps, None where it does
    not. `counts_per_ms_max` is the site's greatest power with its margin, None where nobody stated it.
    `save_interval_ms` is how long the meter's own saving lags behind. A register that is not monotonic may fall.
    """

    quantum: Fraction
    modulus: int | None = None
    counts_per_ms_max: Fraction | None = None
    save_interval_ms: int = 0
    is_monotonic: bool = True


@dataclass(frozen=True, slots=True)
class Doubt:
    """A level that cannot follow from the base: its first and its newest sighting, and how many there were."""

    first: SeenCount
    newest: SeenCount
    sightings: int = 1


@dataclass(frozen=True, slots=True)
class CounterMemory:
    """What is remembered of a register: its base, which is the reading accepted last, and what is against a newer one.

    `is_held` while the register is below its base by a small roll-back, `doubt` while it is elsewhere;
    `is_restarted` if a witness told of a restart since the base.
    """

    base: SeenCount
    serial: str = ""
    scale: str = ""
    is_held: bool = False
    doubt: Doubt | None = None
    is_restarted: bool = False


@dataclass(frozen=True, slots=True)
class CounterEvent:
    """What is to be stated of a register, once: the readings on both sides, and what changed where it is a text."""

    kind: MeterEventKind
    before: SeenCount
    after: SeenCount
    was: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class CounterVerdict:
    """What a sighting means.

    `gained` is the energy, in counts, that this sighting adds to what was accepted before. It leaves out what lies
    between the two readings of a reset, confirmed, exchange or scale-change event: there a segment ends and another
    begins. `wants_reread` asks for another look at once.
    """

    decision: Decision
    memory: CounterMemory
    gained: Fraction = Fraction(0)
    event: CounterEvent | None = None
    wants_reread: bool = False

    @property
    def status(self) -> int:
        """The status bits that the decision gives the reading."""
        return _STATUS.get(self.decision, STATUS_GOOD)


_STATUS = {Decision.HOLD: STATUS_HELD, Decision.DOUBT: STATUS_SUSPECT}


def elapsed_ms(earlier: ReadingTime, later: ReadingTime) -> int | None:
    """Return the time between two readings: by boottime within a boot, else by trusted wall clocks; None if unknown."""
    if earlier.boot == later.boot:
        return later.boottime_ms - earlier.boottime_ms
    if not (earlier.is_trusted and later.is_trusted) or later.read_at < earlier.read_at:
        return None
    return later.read_at - earlier.read_at


def decide(memory: CounterMemory | None, sighting: CounterSighting, limits: CounterLimits) -> CounterVerdict:
    """Return what a sighting means after what is remembered; None remembers nothing, and the register begins here."""
    seen = sighting.seen
    fresh = CounterMemory(seen, sighting.serial, sighting.scale)
    if memory is None:
        return CounterVerdict(Decision.BEGIN, fresh)
    if memory.serial and sighting.serial and memory.serial != sighting.serial:
        event = CounterEvent(MeterEventKind.EXCHANGE, memory.base, seen, memory.serial, sighting.serial)
        return CounterVerdict(Decision.EXCHANGE, fresh, event=event)
    known = replace(
        memory,
        serial=sighting.serial or memory.serial,
        is_restarted=memory.is_restarted or sighting.is_restarted,
    )
    if known.scale != sighting.scale:
        event = CounterEvent(MeterEventKind.SCALE_CHANGE, known.base, seen, known.scale, sighting.scale)
        return CounterVerdict(Decision.SCALE_CHANGE, replace(fresh, serial=known.serial), event=event)
    if known.doubt is not None and _stands(known, known.doubt, seen, limits):
        doubt = replace(known.doubt, newest=seen, sightings=known.doubt.sightings + 1)
        return _weigh_doubt(known, doubt, limits)
    return _follow_base(known, seen, limits)


def _follow_base(memory: CounterMemory, seen: SeenCount, limits: CounterLimits) -> CounterVerdict:
    """Judge a sighting by the base alone."""
    base = memory.base
    fall = base.count - seen.count
    if _is_rise(base, seen, limits) and not _is_blind_zero(base, seen, limits):
        return CounterVerdict(Decision.ACCEPT, _rebase(memory, seen), -fall)
    if _is_rollback(base, seen, limits):
        event = None if memory.is_held else CounterEvent(MeterEventKind.ROLLBACK, base, seen)
        return CounterVerdict(Decision.HOLD, replace(memory, is_held=True, doubt=None), event=event)
    # A register that shows zero may only be starting: that is no rollover until it was seen to stay or to grow.
    if seen.count and (ahead := _rolled_over(memory, seen, limits)) is not None:
        event = CounterEvent(MeterEventKind.ROLLOVER, base, seen)
        return CounterVerdict(Decision.ROLLOVER, _rebase(memory, seen), ahead, event)
    event = CounterEvent(MeterEventKind.SUSPECT, base, seen) if memory.doubt is None else None
    doubting = replace(memory, doubt=Doubt(seen, seen), is_held=False)
    return CounterVerdict(Decision.DOUBT, doubting, event=event, wants_reread=True)


def _weigh_doubt(memory: CounterMemory, doubt: Doubt, limits: CounterLimits) -> CounterVerdict:
    """Judge a doubted level that was seen again."""
    base, first, newest = memory.base, doubt.first, doubt.newest
    is_confirmed = doubt.sightings >= SIGHTINGS_TO_CONFIRM
    ahead = _rolled_over(memory, first, limits)
    if ahead is not None and (is_confirmed or newest.count):
        event = CounterEvent(MeterEventKind.ROLLOVER, base, newest)
        gained = ahead + newest.count - first.count
        return CounterVerdict(Decision.ROLLOVER, _rebase(memory, newest), gained, event)
    if not is_confirmed:
        return CounterVerdict(Decision.DOUBT, replace(memory, doubt=doubt))
    is_reset = limits.is_monotonic and memory.is_restarted and _is_small(base, first, limits)
    decision, kind = (
        (Decision.RESET, MeterEventKind.RESET) if is_reset else (Decision.CONFIRM, MeterEventKind.CONFIRMED)
    )
    event = CounterEvent(kind, base, first)
    return CounterVerdict(decision, _rebase(memory, newest), newest.count - first.count, event)


def _rebase(memory: CounterMemory, seen: SeenCount) -> CounterMemory:
    return CounterMemory(seen, memory.serial, memory.scale)


def _stands(memory: CounterMemory, doubt: Doubt, seen: SeenCount, limits: CounterLimits) -> bool:
    """Return whether a sighting goes on from the doubted level instead of returning to the base.

    A level that was doubted is not believed because time passed and made the jump possible: what follows from both
    belongs to the nearer.
    """
    if not _is_rise(doubt.newest, seen, limits):
        return False
    base = memory.base
    is_nearer_base = abs(seen.count - base.count) < abs(seen.count - doubt.newest.count)
    return not (is_nearer_base and (_is_rise(base, seen, limits) or _is_rollback(base, seen, limits)))


def _rise_max(earlier: SeenCount, later: SeenCount, limits: CounterLimits) -> Fraction | None:
    """Return by how many counts the site can move the register in between; None where power or time are unknown.

    What is shown at the earlier time may be as old as a meter's slowest refresh.
    """
    elapsed = elapsed_ms(earlier.at, later.at)
    if limits.counts_per_ms_max is None or elapsed is None:
        return None
    return limits.counts_per_ms_max * (elapsed + REFRESH_MS) + limits.quantum


def _is_rise(earlier: SeenCount, later: SeenCount, limits: CounterLimits) -> bool:
    """Return whether the register can have moved so without wrapping; one that is not monotonic also downwards."""
    rise = later.count - earlier.count
    if not limits.is_monotonic:
        rise = abs(rise)
    rise_max = _rise_max(earlier, later, limits)
    if rise_max is None and limits.is_monotonic and limits.modulus is not None:
        rise_max = limits.modulus * _BLIND_GROWTH
    return rise >= 0 and (rise_max is None or rise <= rise_max)


def _is_blind_zero(base: SeenCount, seen: SeenCount, limits: CounterLimits) -> bool:
    """Return whether a register that may fall fell to zero with no limit to judge it by."""
    is_fall = seen.count == 0 and abs(base.count) > limits.quantum
    return is_fall and not limits.is_monotonic and _rise_max(base, seen, limits) is None


def _is_rollback(base: SeenCount, seen: SeenCount, limits: CounterLimits) -> bool:
    """Return whether the register fell no further than by rounding, or by what its meter had not saved."""
    unsaved = (limits.counts_per_ms_max or 0) * limits.save_interval_ms
    return limits.is_monotonic and 0 < base.count - seen.count <= max(limits.quantum, unsaved)


def _rolled_over(memory: CounterMemory, seen: SeenCount, limits: CounterLimits) -> Fraction | None:
    """Return how far the register went over its modulus since the base, None if that is not what happened."""
    if not limits.is_monotonic or limits.modulus is None or seen.count >= memory.base.count:
        return None
    ahead = limits.modulus + seen.count - memory.base.count
    rise_max = _rise_max(memory.base, seen, limits)
    if rise_max is None:
        # Near its end a register may as well have been reset: a witness of that decides.
        ahead_max = Fraction(0) if memory.is_restarted else limits.modulus * _BLIND_ROLLOVER
    else:
        ahead_max = min(rise_max, limits.modulus * _BLIND_GROWTH)
    return ahead if 0 <= ahead <= ahead_max else None


def _is_small(base: SeenCount, first: SeenCount, limits: CounterLimits) -> bool:
    """Return whether a register shows no more than it can have counted from zero since the base."""
    rise_max = _rise_max(base, first, limits)
    small = base.count * _SMALL if rise_max is None else rise_max
    return 0 <= first.count <= small and first.count < base.count
