"""How a system stands towards the window of a month: reported, on its way, at risk, or missing; and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.facts import ReportingMode
from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.windows import ReportingWindow

LAST_DAYS_MS = 3 * 86_400_000
"""So near to its end a window without an entry by hand is at risk."""


class Standing(StrEnum):
    """How a system stands, what wants a person first."""

    MISSING = "missing"
    AT_RISK = "at risk"
    HELD = "held"
    WAITING = "waiting"
    READY = "ready"
    ACCEPTED = "accepted"
    NOT_DUE = "not due"


@dataclass(frozen=True, slots=True)
class Reader:
    """The device that reads a meter: what people call it, and when it was last heard (UTC ms; None: never).

    Unheard for longer than `silent_ms` it cannot be counted on to report by itself.
    """

    name: str
    heard_at: int | None
    silent_ms: int


@dataclass(frozen=True, slots=True)
class Unreported:
    """A meter in service without a reading for the month; `reader` is None where no device reads it.

    `is_held` tells that a reading of it waits for a photo or for somebody's decision.
    """

    serial: str
    reader: Reader | None
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A standing, and why in one sentence; the sentence names instants, not spans, so that it stays true."""

    standing: Standing
    reason: str


def judge_standing(
    mode: ReportingMode, meters: int, unreported: Sequence[Unreported], window: ReportingWindow, at: int
) -> Judged:
    """Return how a system of so many meters in service stands at `at` (UTC ms) towards a window."""
    if not meters:
        return Judged(Standing.NOT_DUE, "No meter of it was in service in this month.")
    if not unreported:
        return Judged(Standing.ACCEPTED, "")
    names = ", ".join(one.serial for one in unreported)
    if at >= window.closes_at:
        return Judged(Standing.MISSING, f"The window has closed without a reading of {names}.")
    if any(one.is_held for one in unreported):
        held = ", ".join(one.serial for one in unreported if one.is_held)
        return Judged(Standing.HELD, f"A reading of {held} waits for a photo or a decision.")
    if mode is ReportingMode.AUTOMATIC:
        return _judge_devices(unreported, at)
    is_late = window.closes_at - at <= LAST_DAYS_MS
    return Judged(
        Standing.AT_RISK if is_late else Standing.WAITING, f"Nobody has entered a reading of {names} by hand yet."
    )


def _judge_devices(unreported: Sequence[Unreported], at: int) -> Judged:
    """Judge what devices report: at risk by the first meter whose device cannot be counted on."""
    for one in unreported:
        reader = one.reader
        if reader is None:
            return Judged(Standing.AT_RISK, f"No device reads {one.serial}, and it is set to be reported by devices.")
        if reader.heard_at is None:
            return Judged(Standing.AT_RISK, f"Device {reader.name}, which reads {one.serial}, was never heard.")
        if at - reader.heard_at > reader.silent_ms:
            since = format_local(reader.heard_at)
            return Judged(Standing.AT_RISK, f"Device {reader.name}, which reads {one.serial}, is silent since {since}.")
    names = ", ".join(one.serial for one in unreported)
    return Judged(Standing.READY, f"Heard: {names} report by themselves as soon as a reading qualifies.")
