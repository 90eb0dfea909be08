"""A meter of a given model under a given sun: its words at an instant, and the truth about its production register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError
from simulators.families import family_of
from simulators.image import ExceptionCode, LiveSpan, WordImage
from simulators.points import energy_encoder, power_encoder, witness_encoder
from simulators.scale import DEFAULT_SCALE_WORDS, RegisterScale, find_scale, read_scale
from simulators.sunspec import NamePlate, put_sunspec
from simulators.words import encode_integer, encode_pattern, encode_text, fit_text, is_float, is_text, show_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.metering.profile import IdentityCheck, MeterProfile, Point
    from simulators.sunshine import Sun

READ_HOLDING = 3
READ_INPUT = 4
REPORT_SERVER_ID = 17
READ_DEVICE_IDENTIFICATION = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSetup:
    """How one simulated meter is installed.

    `generated` names the production register's point (None: the profile's first that counts one direction only, and no
    float if there is a whole number).
    `initial_wh` is what the register shows, in Wh, when the sun's energy is zero. `scale_word` is what the register's
    scale source holds; None takes the family's. `sunspec_base` is one of the
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

    A profile that reads everything with one function code is of a meter that answers 3 and 4 alike; if it uses both,
    each has words of its own. Raises MeterSetupError if the set-up asks for what the profile cannot express: an unknown
    point, a serial number that does not fit, a register below zero.
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
        self._images = self._make_images()
        self._model_starts = self._put_sunspec()
        self._images[profile.function_code].fixed.update(self._family.words or {})
        for point in (*self._family.points, *profile.points):
            self._put_point(point)
        for check in profile.identity:
            self._satisfy(check)
        for refusal in profile.refuses:
            missing = range(refusal.address, refusal.address + refusal.count)
            self._images[refusal.function_code].missing.update(missing)

    @property
    def resolution_wh(self) -> int:
        """How many Wh one count of the production register is; of a float, its coarsest step, before it wraps."""
        return self._scale.step_wh_max

    def resolution_wh_at(self, at_ms: int) -> int:
        """Return the step of the production register at `at_ms` (UTC ms) in Wh, rounded up: a float's grows with it."""
        return self._scale.step_wh(self.lifetime_wh_at(at_ms))

    @property
    def rollover_wh(self) -> int:
        """At how many Wh the production register starts again at zero."""
        return int(self._scale.modulus * self._scale.wh_per_count)

    @property
    def live_extents(self) -> tuple[tuple[int, int], ...]:
        """Address and number of words of each value that follows the sun."""
        spans = (span for image in self._images.values() for span in image.live)
        return tuple(dict.fromkeys((span.address, span.count) for span in spans))

    def lifetime_wh_at(self, at_ms: int) -> int:
        """Return what was measured by `at_ms` (UTC ms) since the meter was new, Wh, whole; it never wraps."""
        return self.setup.initial_wh + self.sun.wh_floor(at_ms, 1)

    def count_at(self, at_ms: int) -> int:
        """Return the magnitude of the production register at `at_ms` (UTC ms) in whole counts, after any rollover."""
        return int(self._scale.count(self.lifetime_wh_at(at_ms)))

    def register_wh_at(self, at_ms: int) -> int:
        """Return what the production register shows at `at_ms` (UTC ms) in Wh, rounded down, after any rollover.

        An integer register is never ahead of what was measured; a float may be, by half of `resolution_wh_at`. A net
        register is negative where production is what the profile counts downwards.
        """
        sign = self.generated.sign * self._energy_sign(self.generated)
        return self._scale.shown_wh(self.lifetime_wh_at(at_ms), sign)

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return `count` words from `address` as they stand at `at_ms` (UTC ms), or the exception the meter answers.

        Any function but 3 and 4 is exception 1.
        """
        if function_code not in self._images:
            return ExceptionCode.ILLEGAL_FUNCTION
        return self._images[function_code].read(address, count, at_ms)

    def report(self) -> bytes | None:
        """Return what function 17 (report server id) answers after its byte count; None if the meter lacks it."""
        asked = self._texts_asked_by(REPORT_SERVER_ID)
        return self._family.report or (b"\x01\xff" + asked if asked else None)

    def identification(self) -> dict[int, bytes] | None:
        """Return the basic objects that function 43 (read device identification) answers; None if the meter lacks it.

        Object 0 is the vendor's name, 1 the product code, 2 the revision (MODBUS Application Protocol Specification
        V1.1b3, section 6.21).
        """
        asked = self._texts_asked_by(READ_DEVICE_IDENTIFICATION)
        if not asked:
            return None
        return {0: self._family.make.encode("ascii", "ignore"), 1: asked, 2: self._firmware.encode("ascii", "ignore")}

    def _texts_asked_by(self, function: int) -> bytes:
        """Return all that the profile wants to see in the answer to an identity question."""
        texts = [question.contains for question in self.profile.questions if question.function == function]
        return " ".join(texts).encode("ascii")

    def _find_generated(self) -> Point:
        points = self.profile.energy_points
        if self.setup.generated is None:
            return min(points, key=lambda point: (_is_balance(point), is_float(point.type)))
        for point in points:
            if point.name == self.setup.generated:
                return point
        known = ", ".join(point.name for point in points)
        message = f"profile {self.profile.id} has no energy point {self.setup.generated}; choose {known}"
        raise MeterSetupError(message)

    def _find_flow(self) -> Point:
        """Return the one-way register that the production runs through, also where a net register is read."""
        if not _is_balance(self.generated):
            return self.generated
        return min(self.profile.energy_points, key=_is_balance)

    def _scale_of(self, point: Point) -> RegisterScale:
        return find_scale(point, self._scale_word(point))

    def _scale_word(self, point: Point) -> int:
        """Return what scales a point: one word for all the energy, and for what shares it; another for the power."""
        source = point.scale_source
        if source is None:
            return 0
        if point.quantity == "active_power" and source != self.generated.scale_source:
            return self._family.power_exponent or DEFAULT_SCALE_WORDS[source.kind]
        word = self._family.scale_word if self.setup.scale_word is None else self.setup.scale_word
        return DEFAULT_SCALE_WORDS[source.kind] if word is None else word

    def _make_images(self) -> dict[int, WordImage]:
        """Return the words by function code: of one image, unless the profile tells the two codes apart."""
        codes = {point.function_code for point in self.profile.points}
        codes |= {check.function_code for check in self.profile.identity}
        hole = self._family.hole
        if hole is None and self.profile.gap_words_max and self.profile.sunspec is None:
            # A request may cover what the profile does not list: such a meter answers there, with nothing of interest.
            hole = 0
        holding, other = (WordImage(words_max=self.profile.words_max, hole=hole) for _ in (READ_HOLDING, READ_INPUT))
        return {READ_HOLDING: holding, READ_INPUT: other if len(codes) > 1 else holding}

    def _put_sunspec(self) -> dict[int, int]:
        sunspec = self.profile.sunspec
        if sunspec is None:
            return {}
        base = sunspec.bases[0] if self.setup.sunspec_base is None else self.setup.sunspec_base
        plate = NamePlate(self._family.make[:32], self._family.model[:32], self._firmware, self.serial)
        return put_sunspec(self._images[self.profile.function_code], base, self.unit, plate, sunspec.model)

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
        image, address = self._images[point.function_code], self._address(point.address, point.relative_to)
        if point.scale_source is not None:
            word = self._scale_word(point) % 0x10000
            image.put(self._address(point.scale_source.address, point.relative_to), (word,))
        encode = self._encoder_of(point)
        if encode is not None:
            image.put_live(LiveSpan(address, point.words, encode))
        elif point.role:
            image.put(address, self._name_plate_words(point))
        else:
            for place in range(address, address + point.words):
                image.fixed.setdefault(place, 0)

    def _encoder_of(self, point: Point) -> Callable[[int], tuple[int, ...]] | None:
        """Return what encodes a point that depends on the instant, None for one that does not."""
        if point.quantity == "active_energy":
            return energy_encoder(point, self._scale_of(point), self._energy_sign(point), self.lifetime_wh_at)
        if point.quantity == "active_power":
            source = point.scale_source
            exponent = read_scale(source.kind, self._scale_word(point))[0] if source is not None else 0
            return power_encoder(point, exponent, self._flow.sign, self.sun.power_w)
        return witness_encoder(point) if point.quantity == "witness" else None

    def _energy_sign(self, point: Point) -> int:
        """Return the sign in front of the production in this register's raw count; 0 where none of it is counted.

        A net register of every map here is the sum of the two directions as they stand, signs included (so in a dump of
        a Shark 100 at a photovoltaic plant), a total the sum of their magnitudes.
        """
        if point.direction == "total":
            return 1
        return self._flow.sign if point.direction in ("net", self._flow.direction) else 0

    def _name_plate_words(self, point: Point) -> tuple[int, ...]:
        values = {
            "serial": self.serial,
            "firmware": self._firmware,
            "make": self._family.make,
            "model": self._family.model,
        }
        value = values[point.role]
        if point.role != "serial":
            # Of these a meter shows what its words can: only a serial number must come out whole.
            value = fit_text(value, point) if is_text(point.type) else value if value.isdecimal() else "1"
        if is_text(point.type):
            return encode_text(value, point)
        if not value.isdecimal():
            message = f"the {point.role} of {self.profile.id} is a number on the wire, not {value!r}; give digits only"
            raise MeterSetupError(message)
        return encode_integer(int(value), point)

    def _satisfy(self, check: IdentityCheck) -> None:
        """Write what an identity check wants to see, unless the image already says so."""
        image, address = self._images[check.function_code], self._address(check.address, check.relative_to)
        present = tuple(image.fixed.get(place, 0) for place in range(address, address + check.words))
        if is_text(check.type):
            if check.contains not in show_text(present, check):
                fitting = self._family.model if check.contains in self._family.model else check.contains
                image.put(address, encode_text(fitting, check))
            return
        accepted = [encode_pattern(value, check) for value in check.allowed]
        if present not in accepted:
            image.put(address, accepted[0])


def _is_balance(point: Point) -> bool:
    """Tell whether a register counts both directions of flow rather than one."""
    return point.direction in ("net", "total")
