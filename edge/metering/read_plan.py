"""Which requests one poll makes, and in which order, so that the registers and their scale are seen together.

A register and the word that scales it belong in one request. Where the map keeps them too far apart the scale word is
a *witness*: it is read after the energy, every time, and must equal what was read before it. Only a pair of equal
witnesses around an energy reading gives a reading; a scale that was changed in between cannot slip in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.metering.beside import BesidePlan, plan_beside
from edge.metering.decode import take_count
from edge.metering.errors import ProfileError, UnstableError
from edge.metering.words import Extent, WordImage, coalesce, listed_words, place, place_scale

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from edge.metering.profile import MeterProfile, Point
    from edge.metering.words import Span

OBIS_GENERATED = "1-0:2.8.0"
OBIS_CONSUMED = "1-0:1.8.0"
TRIES_MAX = 3
"""How often the energy is read at most until two equal witnesses bracket it."""

Replies = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PlannedRegister:
    """One register of a plan: its point, what it stands for, and where it and its scale word are (absolute)."""

    point: Point
    obis: str
    extent: Extent
    scale: Extent | None


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The requests of one poll. A register's id is its place in `registers`.

    `energy_spans` hold the registers, the scale words that share a request with theirs, and what is read `beside` them
    for nothing; `witness_spans` the other scale words.
    """

    registers: tuple[PlannedRegister, ...]
    energy_spans: tuple[Span, ...]
    witness_spans: tuple[Span, ...]
    beside: BesidePlan


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one poll saw: raw counts by register id, the scale word of each register, the witnesses and all as read."""

    counts: tuple[int, ...]
    scale_words: tuple[int | None, ...]
    witness: Replies
    image: WordImage


def plan_reads(profile: MeterProfile, *, generated: str, consumed: str | None, location: Mapping[int, int]) -> ReadPlan:
    """Return the plan for the energy points called `generated` (register id 0) and `consumed` (1, if chosen).

    `location` says where SunSpec models begin, empty for a map of absolute addresses. Raises ProfileError if a name
    is not an energy point of the profile, or both names are the same.
    """
    chosen = [(generated, OBIS_GENERATED)] + ([(consumed, OBIS_CONSUMED)] if consumed is not None else [])
    if generated == consumed:
        message = f"generated and consumed are both {generated}; choose two different points of {profile.id}"
        raise ProfileError(message)
    registers = tuple(_plan_register(energy_point(profile, name), obis, location) for name, obis in chosen)
    listed = listed_words(profile, location)
    energies = [register.extent for register in registers]
    scales = {register.scale for register in registers if register.scale is not None}
    together = coalesce([*energies, *scales], profile, listed)
    apart = {register.scale for register in registers if not _share(register, together)} - {None}
    kept = [*energies, *(scales - apart)]
    beside = plan_beside(profile, location, kept, listed)
    return ReadPlan(
        registers=registers,
        energy_spans=beside.spans,
        witness_spans=coalesce([scale for scale in apart if scale is not None], profile, listed),
        beside=beside,
    )


def energy_point(profile: MeterProfile, name: str) -> Point:
    """Return the energy point called `name`; raises ProfileError listing the energy points there are."""
    for point in profile.energy_points:
        if point.name == name:
            return point
    names = ", ".join(point.name for point in profile.energy_points)
    message = f"profile {profile.id} has no energy point {name!r}; choose one of {names}"
    raise ProfileError(message)


def _plan_register(point: Point, obis: str, location: Mapping[int, int]) -> PlannedRegister:
    return PlannedRegister(point, obis, place(point, location), place_scale(point, location))


def _share(register: PlannedRegister, spans: tuple[Span, ...]) -> bool:
    """Return whether one of the spans covers both the register and its scale word, or there is no such word."""
    if register.scale is None:
        return True
    first = min(register.extent.address, register.scale.address)
    end = max(register.extent.end, register.scale.end)
    return any(
        span.function_code == register.extent.function_code
        and span.address <= first
        and end <= span.address + span.count
        for span in spans
    )


def read_once(plan: ReadPlan, witness: Replies | None) -> Generator[Span, tuple[int, ...], Sighting]:
    """Yield the spans of one poll in order, take their words, return what was seen. No I/O: the driver does that.

    `witness` is what the last poll's sighting held, None at first contact or after a failure. Raises UnstableError if
    no two equal witnesses bracket an energy reading in `TRIES_MAX` tries, NotAvailableError if a register holds its
    "no value" pattern, DecodeError if it holds what its type cannot.
    """
    if not plan.witness_spans:
        energy = yield from read_spans(plan.energy_spans)
        return _sight(plan, energy, ())
    earlier = witness if witness is not None else (yield from read_spans(plan.witness_spans))
    for _ in range(TRIES_MAX):
        energy = yield from read_spans(plan.energy_spans)
        later = yield from read_spans(plan.witness_spans)
        if later == earlier:
            return _sight(plan, energy, later)
        earlier = later
    message = (
        f"the scale of the registers changed around each of {TRIES_MAX} readings; is someone programming the meter?"
    )
    raise UnstableError(message)


def read_spans(spans: tuple[Span, ...]) -> Generator[Span, tuple[int, ...], Replies]:
    """Yield each span, take its words, and return all of them."""
    replies = []
    for span in spans:
        words = yield span
        replies.append(words)
    return tuple(replies)


def _sight(plan: ReadPlan, energy: Replies, witness: Replies) -> Sighting:
    image = WordImage(plan.energy_spans + plan.witness_spans, energy + witness)
    counts = tuple(take_count(register.point, image.words(register.extent)) for register in plan.registers)
    scale_words = tuple(
        image.words(register.scale)[0] if register.scale is not None else None for register in plan.registers
    )
    return Sighting(counts, scale_words, witness, image)
