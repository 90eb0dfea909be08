"""How a register came to hold what it holds: a life in pieces, each of which counts the sun from a value of its own.

Between two pieces stands what happened to the register: a reset, an exchange, a loss of power, other transformers.
Exact: all energy is a fraction of a watt-hour, and rounded down only where it is shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.errors import SimulatorError
from simulators.faults.kinds import FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulators.faults.plan import Fault
    from simulators.sunshine import Sun

MINUTE_MS = 60_000
_FULL_RATE = 100


@dataclass(frozen=True, slots=True)
class LifePiece:
    """From `from_ms` (UTC ms) on, and from `shown_wh` at that instant, energy counts with `rate_percent`.

    `begun_by` is the fault that ended the piece before, None for the first. `sun_wh` is the sun's energy at the
    beginning, exact. `is_off`: the meter has no power, whatever its rate was and will be.
    """

    from_ms: int
    begun_by: FaultKind | None
    serial: str
    shown_wh: Fraction
    sun_wh: Fraction
    rate_percent: int = _FULL_RATE
    is_off: bool = False

    def shown_at(self, sun: Sun, at_ms: int) -> Fraction:
        """Return what the register counts at an instant (UTC ms) of this piece, exact Wh, before any rollover."""
        if self.is_off:
            return self.shown_wh
        return self.shown_wh + (sun.energy_at(at_ms) - self.sun_wh) * self.rate_percent / _FULL_RATE


def next_serial(serial: str) -> str:
    """Return the serial number after this one, of the same length: the last digits count up."""
    digits = re.search(r"\d+$", serial)
    if digits is None:
        message = f"the serial number {serial!r} has no number at its end; an exchanged meter needs one"
        raise SimulatorError(message)
    width = len(digits[0])
    return serial[: digits.start()] + f"{(int(digits[0]) + 1) % 10**width:0{width}d}"


def live_through(faults: Iterable[Fault], first: LifePiece, sun: Sun, rollover_wh: int) -> tuple[LifePiece, ...]:
    """Return the pieces of a register's life that begins with `first` and meets `faults` in order.

    A register that is to roll over at `rollover_wh` begins so that it does at the fault's instant; that must be the
    first of the faults. Raises SimulatorError if it is not.
    """
    pieces = [first]
    for fault in faults:
        if fault.kind is FaultKind.ROLLOVER:
            if len(pieces) > 1:
                message = f"the register of {fault.target} cannot roll over after another fault; plan it before"
                raise SimulatorError(message)
            pieces[0] = replace(first, shown_wh=rollover_wh + first.sun_wh - sun.energy_at(fault.from_ms))
        else:
            pieces += _next_pieces(pieces[-1], fault, sun)
    return tuple(pieces)


def _next_pieces(last: LifePiece, fault: Fault, sun: Sun) -> Sequence[LifePiece]:
    now = replace(
        last,
        from_ms=fault.from_ms,
        begun_by=fault.kind,
        shown_wh=last.shown_at(sun, fault.from_ms),
        sun_wh=sun.energy_at(fault.from_ms),
        is_off=False,
    )
    match fault.kind:
        case FaultKind.RESET:
            return (replace(now, shown_wh=Fraction(fault.amount)),)
        case FaultKind.EXCHANGE:
            return (replace(now, shown_wh=Fraction(fault.amount), serial=next_serial(last.serial)),)
        case FaultKind.CT_CHANGE:
            return (replace(now, rate_percent=fault.amount),)
        case FaultKind.ROLLBACK:
            saved_ms = max(fault.from_ms // (fault.amount * MINUTE_MS) * fault.amount * MINUTE_MS, last.from_ms)
            saved_wh = last.shown_at(sun, saved_ms)
            off = replace(now, shown_wh=saved_wh, is_off=True)
            back = replace(off, from_ms=fault.until_ms, sun_wh=sun.energy_at(fault.until_ms), is_off=False)
            return (off, back)
    message = f"a fault {fault.kind} does nothing to a register's life"
    raise SimulatorError(message)


class LivedSun:
    """What a meter counted instead of what the sun gave: a `Sun` that follows the pieces of a life."""

    def __init__(self, sun: Sun, pieces: Sequence[LifePiece]) -> None:
        self._sun = sun
        self._pieces = tuple(pieces)
        self._starts = [piece.from_ms for piece in pieces]

    def piece_at(self, at_ms: int) -> LifePiece:
        """Return the piece of life that an instant (UTC ms) falls in; before the first, that one."""
        return self._pieces[max(bisect_right(self._starts, at_ms) - 1, 0)]

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power that the meter shows at `at_ms` (UTC ms), exact watts."""
        piece = self.piece_at(at_ms)
        return self._sun.power_w(at_ms) * (0 if piece.is_off else piece.rate_percent) / _FULL_RATE

    def energy_at(self, at_ms: int) -> Fraction:
        """Return what the register counts at `at_ms` (UTC ms), exact Wh, before any rollover."""
        return self.piece_at(at_ms).shown_at(self._sun, at_ms)

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return `energy_at` rounded down to a whole multiple of `resolution_wh` (Wh)."""
        energy = self.energy_at(at_ms)
        return energy.numerator // (energy.denominator * resolution_wh) * resolution_wh
