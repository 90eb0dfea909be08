"""Whether what a device reads is what the meter shows: a dial that somebody read, between two readings in custody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DIAL_STEP_WH = 1_000
"""A dial shows whole kWh, and rounds as its maker likes: so much may it be off on either side."""
NEAR_MS = 2 * 3_600_000
"""Readings that stand further away than this from the look at the dial prove nothing about it."""


class Verdict(StrEnum):
    """What a look at the dial came to."""

    MATCHES = "matches"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a register stood at an instant (UTC ms), in Wh."""

    at: int
    register_wh: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict, and in one sentence what it is from and what to do."""

    verdict: Verdict
    text: str


def compare_dial(dial: Stand, before: Stand | None, after: Stand | None) -> Comparison:
    """Hold what somebody read from the dial against the readings next to it in time.

    A register only rises: so the dial has to lie between the two, give or take `DIAL_STEP_WH`. Without a near reading
    on each side there is no verdict yet.
    """
    if before is None or dial.at - before.at > NEAR_MS:
        return Comparison(Verdict.UNDECIDED, "no reading was taken within two hours before: look at the dial again")
    if after is None or after.at - dial.at > NEAR_MS:
        return Comparison(Verdict.UNDECIDED, "no reading was taken within two hours after: wait for the device's next")
    low, high = before.register_wh - DIAL_STEP_WH, after.register_wh + DIAL_STEP_WH
    span = f"the device read {before.register_wh} Wh before and {after.register_wh} Wh after"
    if low <= dial.register_wh <= high:
        return Comparison(Verdict.MATCHES, f"{span}: the dial's {dial.register_wh} Wh fit")
    hint = "check the meter's serial number, its transformer ratio and the register that is read"
    return Comparison(Verdict.DIFFERS, f"{span}: the dial's {dial.register_wh} Wh do not fit; {hint}")
