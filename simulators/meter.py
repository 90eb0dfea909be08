"""A meter of a given model under a given sun: its words at an instant, and the truth about its production register."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError
from simulators.families import family_of
from simulators.image import ExceptionCode, LiveSpan, WordImage
from simulators.scale import RegisterScale, find_scale
from simulators.sunspec import NamePlate, put_sunspec
from simulators.words import encode_float, encode_integer, encode_text, is_float, saturate

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.metering.profile import IdentityCheck, MeterProfile, Point
    from simulators.sunshine import Sun

READ_HOLDING = 3
READ_INPUT = 4
_UNIT_FACTORS = {"W": 1, "kW": 1_000, "MW": 1_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSetup:
    """How one simulated meter is installed.

    `generated` names the production register's point (None: the profile's first that counts one direction only).
    `initial_wh` is what the register shows, in Wh, when the sun's energy is zero. `scale_word` is what the register's
    scale source holds: a power of ten, or EIG's format word; None takes the family's. `sunspec_base` is one of the
    profile's bases.
    """

    unit: int
    serial: str
    firmware: str | None = None
    generated: str | None = None
    initial_wh: int = 0
    scale_word: int | None = None
    sunspec_base: int | None = None


class SimulatedMeter:
    """A meter that measures `sun` and answers as `profile` says, and as the vendor says of unlisted addresses.

    Raises MeterSetupError if the set-up asks for what the profile cannot express: an unknown point, a production
    register finer than a watt-hour, a serial number that does not fit, a register below zero.
    """

    def __init__(self, profile: MeterProfile, sun: Sun, setup: MeterSetup) -> None:
        if setup.initial_wh < 0:
            message = f"a register cannot show {setup.initial_wh} Wh; give an initial_wh of zero or more"
            raise MeterSetupError(message)
        self.profile = profile
        self.sun = sun
        self.setup = setup
        self.unit = setup.unit
        self.serial = setup.serial
        self._family = family_of(profile)
        self.generated = self._find_generated()
        self._flow = self._find_flow()
        self._scale = self._scale_of(self.generated)
        self._image = WordImage(words_max=profile.words_max, hole=self._family.hole)
        self._model_starts = self._put_sunspec()
        self._image.fixed.update(self._family.words or {})
        for point in (*self._family.points, *profile.points):
            self._put_point(point)
        for check in profile.identity:
            self._satisfy(check)

    @property
    def resolution_wh(self) -> int:
        """How many Wh one count of the production register is."""
        return self._scale.wh_per_count

    def lifetime_wh_at(self, at_ms: int) -> int:
        """Return what was measured by `at_ms` (UTC ms) since the meter was new, Wh, whole; it never wraps."""
        return self.setup.initial_wh + self.sun.wh_floor(at_ms, 1)

    def count_at(self, at_ms: int) -> int:
        """Return the magnitude the production register shows at `at_ms` (UTC ms), in counts, after any rollover."""
        return self._scale.count(self.lifetime_wh_at(at_ms))

    def register_wh_at(self, at_ms: int) -> int:
        """Return the production register at `at_ms` (UTC ms) in Wh: whole counts, after any rollover."""
        return self.count_at(at_ms) * self.resolution_wh

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return `count` words from `address` as they stand at `at_ms` (UTC ms), or the exception the meter answers.

        Functions 3 and 4 give the same words; any other is exception 1.
        """
        if function_code not in (READ_HOLDING, READ_INPUT):
            return ExceptionCode.ILLEGAL_FUNCTION
        return self._image.read(address, count, at_ms)

    def report(self) -> bytes | None:
        """Return what function 17 (report server id) answers after its byte count; None if the meter lacks it."""
        return self._family.report

    def _find_generated(self) -> Point:
        points = [point for point in self.profile.energy_points if not is_float(point.type)]
        if self.setup.generated is None and points:
            return min(points, key=_is_balance)
        for point in points:
            if point.name == self.setup.generated:
                return point
        known = ", ".join(point.name for point in points) or "another profile"
        message = f"profile {self.profile.id} has no whole-number energy point {self.setup.generated}; choose {known}"
        raise MeterSetupError(message)

    def _find_flow(self) -> Point:
        """Return the one-way register that the production runs through, also where a net register is read."""
        if not _is_balance(self.generated):
            return self.generated
        return min(self.profile.energy_points, key=_is_balance)

    def _scale_of(self, point: Point) -> RegisterScale:
        return find_scale(point, self._scale_word(point))

    def _scale_word(self, point: Point) -> int:
        if point.quantity == "active_power":
            return self._family.power_exponent
        return self._family.scale_word if self.setup.scale_word is None else self.setup.scale_word

    def _put_sunspec(self) -> dict[int, int]:
        sunspec = self.profile.sunspec
        if sunspec is None:
            return {}
        base = sunspec.bases[0] if self.setup.sunspec_base is None else self.setup.sunspec_base
        plate = NamePlate(self._family.make, self._family.model, self._firmware, self.serial)
        return put_sunspec(self._image, base, self.unit, plate)

    @property
    def _firmware(self) -> str:
        return self._family.firmware if self.setup.firmware is None else self.setup.firmware

    def _address(self, address: int, relative_to: int | None) -> int:
        if relative_to is None:
            return address
        if relative_to not in self._model_starts:
            message = f"profile {self.profile.id} counts from SunSpec model {relative_to}, which no simulated meter has"
            raise MeterSetupError(message)
        return self._model_starts[relative_to] + address

    def _put_point(self, point: Point) -> None:
        address = self._address(point.address, point.relative_to)
        if point.scale_source is not None:
            word = self._scale_word(point) % 0x10000
            self._image.put(self._address(point.scale_source.address, point.relative_to), (word,))
        if point.quantity == "active_energy":
            self._put_live(address, self._energy_encoder(point))
        elif point.quantity == "active_power":
            self._put_live(address, self._power_encoder(point))
        elif point.role:
            self._image.put(address, self._name_plate_words(point))
        else:
            for place in range(address, address + point.words):
                self._image.fixed.setdefault(place, 0)

    def _put_live(self, address: int, encode: Callable[[int], tuple[int, ...]]) -> None:
        self._image.put_live(LiveSpan(address, len(encode(0)), encode))

    def _energy_encoder(self, point: Point) -> Callable[[int], tuple[int, ...]]:
        """Return the encoder of an energy register: it grows, or it stays at zero for the other direction."""
        sign = self._energy_sign(point)
        if is_float(point.type):
            per_unit = Fraction(1, 1000) if point.unit == "kWh" else Fraction(1)
            return lambda at_ms: encode_float(
                sign * self.lifetime_wh_at(at_ms) * per_unit, point.type, point.word_order
            )
        scale = self._scale_of(point)
        encode_integer(sign * (scale.modulus - 1), point.type, point.word_order)
        return lambda at_ms: encode_integer(
            sign * scale.count(self.lifetime_wh_at(at_ms)), point.type, point.word_order
        )

    def _energy_sign(self, point: Point) -> int:
        """Return the sign in front of the production in this register's raw count; 0 where none of it is counted.

        A net register of every map here is the sum of the two directions as they stand, signs included (so in a dump of
        a Shark 100 at a photovoltaic plant), a total the sum of their magnitudes.
        """
        if point.direction == "total":
            return 1
        return self._flow.sign if point.direction in ("net", self._flow.direction) else 0

    def _power_encoder(self, point: Point) -> Callable[[int], tuple[int, ...]]:
        """Return the encoder of a power: negative where the production register counts downwards."""
        exponent = self._scale_word(point) if point.scale_source is not None else 0
        watts = Fraction(point.scale) * _UNIT_FACTORS[point.unit] * Fraction(10) ** exponent
        counts_per_watt = Fraction(watts.denominator, watts.numerator)

        def counts(at_ms: int) -> Fraction:
            return self._flow.sign * self.sun.power_w(at_ms) * counts_per_watt

        if is_float(point.type):
            return lambda at_ms: encode_float(counts(at_ms), point.type, point.word_order)
        return lambda at_ms: encode_integer(saturate(int(counts(at_ms)), point.type), point.type, point.word_order)

    def _name_plate_words(self, point: Point) -> tuple[int, ...]:
        values = {
            "serial": self.serial,
            "firmware": self._firmware,
            "make": self._family.make,
            "model": self._family.model,
        }
        value = values[point.role]
        if point.type == "text":
            return encode_text(value, point.words)
        if not value.isdecimal():
            message = f"the {point.role} of {self.profile.id} is a number on the wire, not {value!r}; give digits only"
            raise MeterSetupError(message)
        return encode_integer(int(value), point.type, point.word_order)

    def _satisfy(self, check: IdentityCheck) -> None:
        """Write what an identity check wants to see, unless the image already says so."""
        address = self._address(check.address, check.relative_to)
        present = tuple(self._image.fixed.get(place, 0) for place in range(address, address + check.words))
        if check.type == "text":
            text = b"".join(word.to_bytes(2, "big") for word in present)
            if check.contains.encode("ascii") not in text:
                fitting = self._family.model if check.contains in self._family.model else check.contains
                self._image.put(address, encode_text(fitting, check.words))
            return
        accepted = [encode_integer(value, check.type, check.word_order) for value in check.allowed]
        if present not in accepted:
            self._image.put(address, accepted[0])


def _is_balance(point: Point) -> bool:
    """Tell whether a register counts both directions of flow rather than one."""
    return point.direction in ("net", "total")
