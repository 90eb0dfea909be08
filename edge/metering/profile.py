"""A meter model as data: which words hold what, in which order, scale, sign and modulus, and how a meter is known.

The values here are parsed from one TOML file per register map (`edge/profiles/README.md` explains every key). Addresses
are zero-based, as sent in the Modbus PDU; in a SunSpec map they count from a model's id word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

Order = Literal["big", "little"]
PointType = Literal[
    "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "acc32", "acc64", "m10k", "m10ks", "bcd", "text", "text1"
]
ScaleKind = Literal["power-of-ten", "shark-format", "dent-scalar"]
QuestionFunction = Literal[17, 43]
Transport = Literal["rtu", "tcp", "ascii", "rtu-tcp"]

HOLDING = 3
INPUT = 4
TEXT_TYPES = ("text", "text1")
FLOAT_TYPES = ("f32", "f64")
WORDS_BY_TYPE: dict[str, int] = {
    "u16": 1,
    "i16": 1,
    "u32": 2,
    "i32": 2,
    "acc32": 2,
    "f32": 2,
    "u64": 4,
    "i64": 4,
    "acc64": 4,
    "f64": 4,
}
KIND_BY_TYPE: dict[str, str] = {
    "u16": "u",
    "u32": "u",
    "u64": "u",
    "acc32": "u",
    "acc64": "u",
    "i16": "s",
    "i32": "s",
    "i64": "s",
    "f32": "f",
    "f64": "f",
    "m10k": "m10k",
    "m10ks": "m10ks",
    "bcd": "bcd",
}
"""How `protocol.counts.read_count` reads the raw count of a number type; a text has none."""


@dataclass(frozen=True, slots=True)
class ScaleSource:
    """A word of the meter that holds the scale of other points: `edge.metering.scale` says how to read each kind.

    It is read with the function code of the point that it scales.
    """

    kind: ScaleKind
    address: int


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a meter.

    `scale` times the count gives `unit`; `scale_source`, where present, gives a further power of ten read from the
    meter, at an address that counts like the point's own. `sign` is -1 where the map counts this quantity downwards.
    `modulus` is the magnitude, in counts, at which an energy register wraps (None where the format word says it).
    `not_available` lists raw counts that mean "no value". `byte_order` is that of the octets inside each word.
    `relative_to` is the SunSpec model whose id word the address counts from; None in a map of absolute addresses.
    `role` marks what identifies the meter (`serial`, `firmware`, `make`, `model`) or witnesses that it lives (`uptime`,
    `resets`, `tick`). `function_code` is the one that reads the point, 3 or 4.
    """

    name: str
    quantity: str
    direction: str
    address: int
    type: PointType
    words: int
    word_order: Order
    scale: Decimal
    unit: str
    byte_order: Order = "big"
    function_code: int = HOLDING
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

    A number must be one of `allowed`, which for a float are bit patterns; a text must contain `contains`. The rest is
    as in `Point`.
    """

    address: int
    type: PointType
    words: int
    word_order: Order
    byte_order: Order = "big"
    function_code: int = HOLDING
    allowed: tuple[int, ...] = ()
    contains: str = ""
    relative_to: int | None = None


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """What one answer of the meter about itself must contain.

    `function` 17 is Report Server ID, 43 Read Device Identification, any of whose objects may contain the text.
    """

    function: QuestionFunction
    contains: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Words that this model does not have: it must answer exception 2, which tells it from others that have them."""

    function_code: int
    address: int
    count: int


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
    `barriers` addresses that no request may cross from below. `function_code` reads what names no other. `silence_ms`
    is the pause the meter needs between a reply and the next request. `save_interval_seconds` is how much of its energy
    a meter may forget when its power fails, 0 for none. `is_label_only`: nothing on the wire tells this model from
    others; the installer read the label.
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
    save_interval_seconds: int = 0
    questions: tuple[IdentityQuestion, ...] = ()
    refuses: tuple[Refusal, ...] = ()
    is_label_only: bool = False

    def point(self, name: str) -> Point:
        """Return the point called `name`; raises KeyError naming the points there are."""
        for point in self.points:
            if point.name == name:
                return point
        message = f"profile {self.id} has no point {name!r}; it has {', '.join(p.name for p in self.points)}"
        raise KeyError(message)

    @property
    def tells_serial(self) -> bool:
        """Whether the meter's serial number is on the wire; else it is what the installer read on the label."""
        return any(point.role == "serial" for point in self.points)

    @property
    def energy_points(self) -> tuple[Point, ...]:
        """The cumulative energy registers, in the order of the file."""
        return tuple(point for point in self.points if point.quantity == "active_energy")
