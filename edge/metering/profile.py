"""A meter model as data: which words hold what, in which order, scale, sign and modulus, and how a meter is known.

The values here are parsed from one TOML file per register map (`edge/profiles/README.md` explains every key). Addresses
are zero-based, as sent in the Modbus PDU; in a SunSpec map they count from a model's id word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

WordOrder = Literal["big", "little"]
NumberType = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "acc32"]
PointType = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "acc32", "text"]
ScaleKind = Literal["power-of-ten", "shark-format"]
Transport = Literal["rtu", "tcp"]

WORDS_BY_TYPE: dict[str, int] = {
    "u16": 1,
    "i16": 1,
    "u32": 2,
    "i32": 2,
    "acc32": 2,
    "f32": 2,
    "u64": 4,
    "i64": 4,
    "f64": 4,
}


@dataclass(frozen=True, slots=True)
class ScaleSource:
    """A word of the meter that holds the scale of other points: a signed power of ten, or EIG's format word."""

    kind: ScaleKind
    address: int


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a meter.

    `scale` times the count gives `unit`; `scale_source`, where present, gives a further power of ten read from the
    meter, at an address that counts like the point's own. `sign` is -1 where the map counts this quantity downwards.
    `modulus` is the magnitude, in counts, at which an energy register wraps (None where the format word says it).
    `not_available` lists raw patterns that mean "no value". `words` is the length; only text states it. `relative_to`
    is the SunSpec model whose id word the address counts from; None in a map of absolute addresses. `role` marks what
    identifies the meter: `serial`, `firmware`, `make` or `model`.
    """

    name: str
    quantity: str
    direction: str
    address: int
    type: PointType
    words: int
    word_order: WordOrder
    scale: Decimal
    unit: str
    sign: int = 1
    scale_source: ScaleSource | None = None
    modulus: int | None = None
    monotonic: bool = False
    resettable: bool = False
    not_available: tuple[int, ...] = ()
    role: str = ""
    relative_to: int | None = None


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """What must be read at `address` before a meter is believed to be of this model.

    A number must be one of `allowed`; a text must contain `contains`. `relative_to` as in `Point`.
    """

    address: int
    type: PointType
    words: int
    word_order: WordOrder
    allowed: tuple[int, ...] = ()
    contains: str = ""
    relative_to: int | None = None


@dataclass(frozen=True, slots=True)
class SunSpecBase:
    """Where to look for the SunSpec marker, in this order, and the model that addresses count from by default."""

    model: int
    bases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Golden:
    """Words seen on a real meter (or in a vendor's example) and what they mean, exactly as printed by the source.

    `value` is in the point's unit and carries the meter's own sign: the point's `sign` is not applied.
    """

    point: str
    words: tuple[int, ...]
    scale_word: int | None
    value: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class MeterProfile:
    """One register map: transport limits, identity and points, with where each fact was read.

    `words_max` is the longest request, `gap_words_max` how many unlisted words in a row a request may cover,
    `barriers` addresses that no request may cross from below. `silence_ms` is the pause the meter needs between a
    reply and the next request.
    """

    id: str
    vendor: str
    models: tuple[str, ...]
    revision: str
    accuracy_claim: str
    confidence: Literal["H", "M", "L"]
    sources: tuple[str, ...]
    modes: tuple[Transport, ...]
    function_code: int
    words_max: int
    gap_words_max: int
    reply_timeout_seconds: float
    silence_ms: int
    identity: tuple[IdentityCheck, ...]
    points: tuple[Point, ...]
    sunspec: SunSpecBase | None
    goldens: tuple[Golden, ...]
    barriers: tuple[int, ...] = ()

    def point(self, name: str) -> Point:
        """Return the point called `name`; raises KeyError naming the points there are."""
        for point in self.points:
            if point.name == name:
                return point
        message = f"profile {self.id} has no point {name!r}; it has {', '.join(p.name for p in self.points)}"
        raise KeyError(message)

    @property
    def energy_points(self) -> tuple[Point, ...]:
        """The cumulative energy registers, in the order of the file."""
        return tuple(point for point in self.points if point.quantity == "active_energy")
