"""What becomes of a reading that is reported: accepted, held for evidence, or refused; and why, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.local_times import format_local
from hub.rules.plausibility import expected_band, expected_wh, is_in_band, is_standstill, physical_limit_wh
from hub.rules.reported import Origin, register_energy

if TYPE_CHECKING:
    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import AcceptedReading, Bound, MeterTerms
    from hub.rules.windows import ReportingRefusal, ReportingWindow


class Code(StrEnum):
    """What a check says of a reported reading."""

    WINDOW_CLOSED = "WINDOW_CLOSED"
    UNKNOWN_SYSTEM = "UNKNOWN_SYSTEM"
    UNKNOWN_METER = "UNKNOWN_METER"
    NOT_AUTHORISED = "NOT_AUTHORISED"
    TIMESTAMP_FUTURE = "TIMESTAMP_FUTURE"
    TIMESTAMP_NOT_AFTER_PREVIOUS = "TIMESTAMP_NOT_AFTER_PREVIOUS"
    TIMESTAMP_OUTSIDE_WINDOW = "TIMESTAMP_OUTSIDE_WINDOW"
    REGISTER_DECREASED = "REGISTER_DECREASED"
    ABOVE_PHYSICAL_LIMIT = "ABOVE_PHYSICAL_LIMIT"
    ABOVE_EXPECTED = "ABOVE_EXPECTED"
    BELOW_EXPECTED = "BELOW_EXPECTED"
    ZERO_PRODUCTION = "ZERO_PRODUCTION"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    MANUAL_NOT_ALLOWED = "MANUAL_NOT_ALLOWED"
    EXCEEDS_1_PERCENT_OF_REGISTER = "EXCEEDS_1_PERCENT_OF_REGISTER"


class Severity(StrEnum):
    """What a finding does: REJECT refuses the reading, HOLD wants evidence, FLAG lets it pass and asks, NOTE tells."""

    REJECT = "reject"
    HOLD = "hold"
    FLAG = "flag"
    NOTE = "note"


class Outcome(StrEnum):
    """What became of a submission.

    HELD asks the reporter to look again and send it with a picture; REVIEW is held with a picture, for staff to decide.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    HELD = "held"
    REVIEW = "review"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says: how bad it is, under which clause (a name in `citations`), and what to do."""

    code: Code
    severity: Severity
    clause: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A register in Wh, read and submitted at instants (UTC ms); `has_photo` if a picture of the meter is with it."""

    read_at: int
    register_wh: int
    submitted_at: int
    origin: Origin
    has_photo: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known when a reading is judged.

    `closed` says when the next window opens where none is open; `manual` why the system may not be reported by hand.
    `opening` is what the meter's month is counted from, None for its very first reading; `counting` what counts for the
    month already. `clear_sky_wh` is the most that the sky allowed since then, None where it is not known. `was_held` is
    whether the meter's reading for this window was held before. Of a system with several meters nobody knows how much
    falls on one, so only `is_only_meter` can be too low.
    """

    system: SystemFacts
    terms: MeterTerms
    window: ReportingWindow | None
    closed: ReportingRefusal | None = None
    manual: ReportingRefusal | None = None
    opening: Bound | None = None
    counting: AcceptedReading | None = None
    clear_sky_wh: int | None = None
    was_held: bool = False
    is_only_meter: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a reading, what it adds up to since the one before (None: it is the first), and all findings."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    month: ProductionMonth | None
    production_wh: int | None


def judge_reading(attempt: Attempt, known: Circumstances) -> Judgement:
    """Return what becomes of a reported reading of a known meter by somebody who may report it.

    What is refused by its time or its order is looked at no further. A reading of a device is evidence in itself: what
    would be held of a person's is flagged. Citation: `citations.READING_VALIDATION`.
    """
    month = None if known.window is None else known.window.month
    finding = _refuse_time(attempt, known) or _refuse_place(attempt, known)
    if finding is not None:
        outcome = Outcome.DUPLICATE if finding.code is Code.DUPLICATE else Outcome.REFUSED
        return Judgement(outcome, (finding,), month, None)
    if known.opening is None:
        return Judgement(Outcome.ACCEPTED, (), month, None)
    energy_wh = register_energy(known.opening.register_wh, attempt.register_wh, known.terms.modulus_wh)
    if energy_wh is None:
        return Judgement(Outcome.REFUSED, (_decreased(attempt, known.opening),), month, None)
    findings = tuple(
        judge_production(
            known.system,
            energy_wh,
            known.opening.at,
            attempt.read_at,
            clear_sky_wh=known.clear_sky_wh,
            is_of_device=attempt.origin is Origin.AUTOMATIC,
            is_all=known.is_only_meter,
        )
    )
    return Judgement(_conclude(attempt, known, findings), findings, month, energy_wh)


def judge_production(  # noqa: PLR0913 - a system, an energy, its span, and who vouches for it
    system: SystemFacts,
    energy_wh: int,
    from_at: int,
    until_at: int,
    *,
    clear_sky_wh: int | None = None,
    is_of_device: bool = False,
    is_all: bool = True,
) -> list[Finding]:
    """Return what speaks against a system having produced `energy_wh` between two instants (UTC ms).

    It is all that the system produced, unless `is_all` is false.     Citation: `citations.READING_VALIDATION`.
    """
    limit_wh = physical_limit_wh(system, from_at, until_at)
    if clear_sky_wh is not None:
        limit_wh = min(limit_wh, clear_sky_wh)
    if energy_wh > limit_wh:
        text = (
            f"{kwh(energy_wh)} since {format_local(from_at)} is more than the {kwh(limit_wh)} that this system can "
            "have produced in that time: read the meter again, every digit, and check that it is this system's meter"
        )
        return [Finding(Code.ABOVE_PHYSICAL_LIMIT, Severity.REJECT, "PHYSICAL_LIMIT", text)]
    if is_standstill(energy_wh, from_at, until_at):
        text = (
            f"Nothing was produced since {format_local(from_at)}: note the outage under operational experience, or "
            "have the system looked at"
        )
        return [Finding(Code.ZERO_PRODUCTION, Severity.FLAG, "EXPECTED_PRODUCTION", text)]
    expected = expected_wh(system, from_at, until_at)
    if is_in_band(energy_wh, expected) or (energy_wh < expected and not is_all):
        return []
    code = Code.ABOVE_EXPECTED if energy_wh > expected else Code.BELOW_EXPECTED
    least, most = map(kwh, expected_band(system, from_at, until_at))
    text = (
        f"{kwh(energy_wh)} since {format_local(from_at)} is outside of what is expected of this system in that time, "
        f"{least} to {most}: read the meter again, and if it is right send the reading with a photo of its display"
    )
    return [Finding(code, Severity.FLAG if is_of_device else Severity.HOLD, "EXPECTED_PRODUCTION", text)]


def refuse_stranger(system: str, serial: str, *, is_system_known: bool, is_meter_known: bool) -> Finding | None:
    """Return why nothing can be reported of a meter that is not registered, None if it is.

    Citation: `citations.SEVERAL_METERS`.
    """
    if not is_system_known:
        text = f"{system!r:.60} is no registered system: check its PTS id, or ask for its registration"
        return Finding(Code.UNKNOWN_SYSTEM, Severity.REJECT, "SEVERAL_METERS", text)
    if not is_meter_known:
        text = f"{serial!r:.60} is no meter of system {system}: choose one of its meters, or report a meter exchange"
        return Finding(Code.UNKNOWN_METER, Severity.REJECT, "SEVERAL_METERS", text)
    return None


def refuse_unauthorised(system: str, why: str) -> Finding:
    """Return the finding that somebody may not report for a system. Citation: `citations.REPORTER_ONLY`."""
    text = (
        f"You may not report for {system}: {why}; only its production reporter does, and a change of reporter can be "
        "requested"
    )
    return Finding(Code.NOT_AUTHORISED, Severity.REJECT, "REPORTER_ONLY", text)


def kwh(energy_wh: int) -> str:
    """Return an energy as sentences give it: kWh with up to three decimals."""
    sign, size = ("-" if energy_wh < 0 else ""), abs(energy_wh)
    return f"{sign}{size // 1000:,}.{size % 1000:03d}".rstrip("0").rstrip(".") + " kWh"


def _refuse_time(attempt: Attempt, known: Circumstances) -> Finding | None:
    if known.window is None:
        assert known.closed is not None, "where no window is open, somebody says when the next one is"
        return Finding(Code.WINDOW_CLOSED, Severity.REJECT, known.closed.clause, known.closed.text)
    if known.manual is not None and attempt.origin is Origin.MANUAL:
        return Finding(Code.MANUAL_NOT_ALLOWED, Severity.REJECT, known.manual.clause, known.manual.text)
    if attempt.read_at > attempt.submitted_at:
        text = f"The reading is dated {format_local(attempt.read_at)}, which has not come: give the time it was read"
        return Finding(Code.TIMESTAMP_FUTURE, Severity.REJECT, "READING_TIME", text)
    if not known.window.opens_at <= attempt.read_at < known.window.closes_at:
        text = (
            f"The reading is of {format_local(attempt.read_at)}, and {known.window.month} is reported by a reading "
            f"taken from {format_local(known.window.opens_at)} on: read the meter now and report what it shows"
        )
        return Finding(Code.TIMESTAMP_OUTSIDE_WINDOW, Severity.REJECT, "READING_MONTH", text)
    return None


def _refuse_place(attempt: Attempt, known: Circumstances) -> Finding | None:
    """Return what speaks against a reading's place among the meter's others."""
    held = known.counting
    if held is not None:
        if (held.read_at, held.register_wh) == (attempt.read_at, attempt.register_wh):
            text = f"This reading counts for {held.month} already: nothing is left to do"
            return Finding(Code.DUPLICATE, Severity.NOTE, "ONE_READING", text)
        text = (
            f"{held.month} is reported already, with {kwh(held.register_wh)} of {format_local(held.read_at)}: if that "
            "is wrong, request a correction"
        )
        return Finding(Code.CONFLICT, Severity.REJECT, "ONE_READING", text)
    if known.opening is not None and attempt.read_at <= known.opening.at:
        text = (
            f"The reading is of {format_local(attempt.read_at)}, and the one before is of "
            f"{format_local(known.opening.at)}: give the time this one was taken"
        )
        return Finding(Code.TIMESTAMP_NOT_AFTER_PREVIOUS, Severity.REJECT, "READING_ORDER", text)
    return None


def _decreased(attempt: Attempt, opening: Bound) -> Finding:
    text = (
        f"{kwh(attempt.register_wh)} is less than the {kwh(opening.register_wh)} of {format_local(opening.at)}: a "
        "register does not go back; read it again, or report that the meter was exchanged or passed its largest value"
    )
    return Finding(Code.REGISTER_DECREASED, Severity.REJECT, "READING_ORDER", text)


def _conclude(attempt: Attempt, known: Circumstances, findings: tuple[Finding, ...]) -> Outcome:
    severities = {finding.severity for finding in findings}
    if Severity.REJECT in severities:
        return Outcome.REFUSED
    if Severity.HOLD in severities:
        return Outcome.REVIEW if known.was_held and attempt.has_photo else Outcome.HELD
    return Outcome.ACCEPTED
