"""What a meter model does beyond its register map: how it treats unlisted addresses, its name plate, its extra words.

Only what the vendors' texts or dumps of real meters say: the words of CCS's WattNode from its register lists
(https://ctlsys.com/support/modbus_message_examples/), the behaviour of EIG's Shark 100 from its manual
(https://www.manualslib.com/manual/1330038/Electro-Industries-Shark-100.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from edge.metering.profile import Point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.metering.profile import MeterProfile, PointType


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Traits of a meter model.

    `hole` is the word at unlisted addresses, None for exception 2. `scale_word` is what the production register's scale
    source holds unless told otherwise, None for what its kind usually is. `power_exponent` is the power of ten in the
    power's own scale word. `report` is the answer to function 17 after its byte count. `points` and `words` exist on
    the meter besides the profile's.
    """

    make: str
    model: str
    firmware: str
    hole: int | None = None
    scale_word: int | None = None
    power_exponent: int = 0
    report: bytes | None = None
    points: tuple[Point, ...] = ()
    words: Mapping[int, int] | None = None


def family_of(profile: MeterProfile) -> Family:
    """Return the traits of the meters that `profile` describes; a map without known traits gets plain ones."""
    return _FAMILIES.get(profile.id, Family(make=profile.vendor, model=profile.models[0], firmware="1"))


def _wattnode_energy(address: int, kind: PointType, direction: str) -> Point:
    return Point(
        name=f"energy {direction} at {address}",
        quantity="active_energy",
        direction=direction,
        address=address,
        type=kind,
        words=2,
        word_order="little",
        scale=Decimal("0.1") if kind == "i32" else Decimal(1),
        unit="kWh",
        modulus=1_000_000_000 if kind == "i32" else 100_000_000,
    )


def _wattnode_power(address: int, kind: PointType, words: int) -> Point:
    return Point(
        name=f"power at {address}",
        quantity="active_power",
        direction="none",
        address=address,
        type=kind,
        words=words,
        word_order="little",
        scale=Decimal(1),
        unit="W",
    )


# Every energy exists as float and as integer, resettable and not; a profile should read the ones that are not.
_WATTNODE_POINTS = (
    *(_wattnode_energy(address, "f32", "net") for address in (1000, 1004)),
    *(_wattnode_energy(address, "f32", "import") for address in (1002, 1006)),
    *(_wattnode_energy(address, "f32", "export") for address in (1112, 1114)),
    *(_wattnode_energy(address, "i32", "net") for address in (1200, 1204)),
    *(_wattnode_energy(address, "i32", "import") for address in (1202, 1206)),
    _wattnode_power(1008, "f32", 2),
    _wattnode_power(1208, "i16", 1),
)

# Power by phase (not simulated), volts to neutral and between phases in 0.1 V, 60.0 Hz; CtAmps; model 201 is 3Y-208.
_WATTNODE_WORDS = (
    dict.fromkeys(range(1209, 1212), 0)
    | dict.fromkeys(range(1212, 1216), 1200)
    | dict.fromkeys(range(1216, 1220), 2078)
    | {1220: 600, 1602: 200, 1709: 0, 1710: 0}
)

_FAMILIES: dict[str, Family] = {
    "ccs.wattnode-modbus": Family(
        make="Continental Control Systems LLC",
        model="201",
        firmware="22",
        report=b"\x02\xffContinental Control Systems LLC, WattNode MODBUS, WNC-3Y-208-MB",
        points=_WATTNODE_POINTS,
        words=_WATTNODE_WORDS,
    ),
    "sunspec.meter-203": Family(make="Elkor", model="W2-M1-mA-DL", firmware="1.0", power_exponent=1),
    # 0x3332: energy in kilowatt-hours with 2 decimals and 8 digits, which is 10 Wh a count.
    "eig.shark-100": Family(make="EIG", model="Shark 100", firmware="0042", hole=0, scale_word=0x3332),
}
