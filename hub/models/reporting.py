"""Reporting as JSON: the window, systems with and without their reading, submissions and what became of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.acceptance import Outcome, kwh
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.rules.acceptance import Finding
    from hub.rules.windows import ReportingWindow
    from hub.services.correct_reading import Decided
    from hub.services.read_reporting import History, MeterHistory, ReportingLine
    from hub.services.report_devices import DeviceReport
    from hub.services.submit_reading import Answer
    from hub.store.submissions import Submission


STATUSES = {
    Outcome.ACCEPTED: 201,
    Outcome.DUPLICATE: 200,
    Outcome.HELD: 202,
    Outcome.REVIEW: 202,
    Outcome.REFUSED: 422,
}
"""The HTTP status by which a program sees what became of a reading."""


class WindowJson(BaseModel):
    """A reporting window: the month that it is for, and whether it is open now."""

    month: str
    opens_at: str
    closes_at: str
    is_open: bool


class ReportingLineJson(BaseModel):
    """A system to report: serial numbers of meters with and without a reading for the month.

    `waiting` are those of the missing whose reading was sent and waits for staff to decide on it.
    """

    system: str
    name: str
    mode: str
    reported: list[str]
    missing: list[str]
    waiting: list[str]
    manual_refused: str | None


class ReportingJson(BaseModel):
    """A window, and the systems after `after`; `next` begins the next page, None after the last."""

    window: WindowJson
    systems: list[ReportingLineJson]
    next: str | None


class PeriodJson(BaseModel):
    """A month of a meter: its reading, and what it produced by that, None where nothing came before it."""

    month: str
    read_at: str
    register_wh: int
    origin: str
    production_wh: int | None
    kind: str | None


class MeterHistoryJson(BaseModel):
    """A meter with its last periods, the latest first."""

    meter: str
    make: str
    model: str
    periods: list[PeriodJson]


class PeriodExperienceJson(BaseModel):
    """What was said last of a system's month: what service cost, and how long the system stood still."""

    month: str
    service_cost_cents: int
    outage_hours: int
    note: str
    actor: str
    recorded_at: str


class HistoryJson(BaseModel):
    """A system's meters with their last periods, and its operational experience, the latest month first."""

    system: str
    meters: list[MeterHistoryJson]
    experience: list[PeriodExperienceJson]


class ReadingFindingJson(BaseModel):
    """What a check says of a reading, and under which clause."""

    code: str
    severity: str
    clause: str
    text: str


class AnswerJson(BaseModel):
    """What became of a reading; `production_wh` is None where nothing came before it.

    `submission` is None for a preview; the same reading that waits for a decision is answered with the number it has.
    """

    submission: int | None
    outcome: str
    month: str | None
    production_wh: int | None
    accepted: int | None
    findings: list[ReadingFindingJson]


class SubmissionJson(BaseModel):
    """An act of reporting and what became of it."""

    submission: int
    system: str
    meter: str
    month: str | None
    read_at: str
    register_wh: int
    origin: str
    submitted_at: str
    actor: str
    photo: str | None
    reason: str
    outcome: str
    accepted: int | None
    findings: list[ReadingFindingJson]


class DecidedJson(BaseModel):
    """A decision on a submission, the entry that it made, and the months that were amended."""

    submission: int
    approved: bool
    accepted: int | None
    amended: list[str]


class DeviceReportJson(BaseModel):
    """A meter that a device has yet to report: what reports it, or why nothing does."""

    system: str
    meter: str
    month: str
    read_at: str | None
    register_wh: int | None
    why: str
    outcome: str | None


class DeviceReportsJson(BaseModel):
    """The meters that devices have yet to report; `next` begins the next page."""

    meters: list[DeviceReportJson]
    next: str | None = None


class SubmissionsJson(BaseModel):
    """Acts of reporting; `next` begins the next page, None after the last."""

    submissions: list[SubmissionJson]
    next: int | None = None


def window_json(window: ReportingWindow, *, is_open: bool) -> WindowJson:
    """Return a window."""
    return WindowJson(
        month=str(window.month),
        opens_at=format_instant(window.opens_at),
        closes_at=format_instant(window.closes_at),
        is_open=is_open,
    )


def line_json(line: ReportingLine) -> ReportingLineJson:
    """Return a system to report."""
    return ReportingLineJson(
        system=line.system,
        name=line.name,
        mode=line.mode.value,
        reported=list(line.reported),
        missing=list(line.missing),
        waiting=list(line.waiting),
        manual_refused=line.refusal,
    )


def history_json(system: str, history: History) -> HistoryJson:
    """Return a system's last periods and its operational experience."""
    return HistoryJson(
        system=system,
        meters=[_meter_history_json(one) for one in history.meters],
        experience=[
            PeriodExperienceJson(
                month=str(one.month),
                service_cost_cents=one.service_cost_cents,
                outage_hours=one.outage_hours,
                note=one.note,
                actor=one.actor,
                recorded_at=format_instant(one.recorded_at),
            )
            for one in history.experience
        ],
    )


def _meter_history_json(history: MeterHistory) -> MeterHistoryJson:
    return MeterHistoryJson(
        meter=history.meter.serial,
        make=history.meter.make,
        model=history.meter.model,
        periods=[
            PeriodJson(
                month=str(one.entry.accepted.month),
                read_at=format_instant(one.entry.accepted.read_at),
                register_wh=one.entry.accepted.register_wh,
                origin=one.entry.accepted.origin.value,
                production_wh=None if one.production is None else one.production.production_wh,
                kind=None if one.production is None else one.production.kind.value,
            )
            for one in history.periods
        ],
    )


def answer_json(answer: Answer) -> AnswerJson:
    """Return what became of a reading."""
    judgement = answer.judgement
    return AnswerJson(
        submission=None if answer.submission is None else answer.submission.number,
        outcome=judgement.outcome.value,
        month=None if judgement.month is None else str(judgement.month),
        production_wh=judgement.production_wh,
        accepted=None if answer.entry is None else answer.entry.accepted.id,
        findings=[finding_json(finding) for finding in judgement.findings],
    )


def finding_json(finding: Finding) -> ReadingFindingJson:
    """Return a finding."""
    return ReadingFindingJson(**asdict(finding))


def submission_json(one: Submission) -> SubmissionJson:
    """Return an act of reporting."""
    return SubmissionJson(
        submission=one.number,
        system=one.system,
        meter=one.serial,
        month=None if one.month is None else str(one.month),
        read_at=format_instant(one.read_at),
        register_wh=one.register_wh,
        origin=one.origin.value,
        submitted_at=format_instant(one.submitted_at),
        actor=one.actor,
        photo=one.photo,
        reason=one.reason,
        outcome=one.outcome,
        accepted=one.accepted,
        findings=[ReadingFindingJson(**finding) for finding in json.loads(one.findings)],
    )


def decided_json(decided: Decided) -> DecidedJson:
    """Return a decision."""
    return DecidedJson(
        submission=decided.decision.submission,
        approved=decided.decision.approved,
        accepted=decided.decision.accepted,
        amended=[str(run.month) for run in decided.amended],
    )


def device_report_json(one: DeviceReport) -> DeviceReportJson:
    """Return what a device has yet to report."""
    return DeviceReportJson(
        system=one.system,
        meter=one.serial,
        month=str(one.month),
        read_at=None if one.reading is None else format_instant(one.reading.read_at),
        register_wh=None if one.reading is None else one.reading.register_wh,
        why=one.why,
        outcome=None if one.answer is None else one.answer.judgement.outcome.value,
    )


def tell(answer: Answer) -> list[str]:
    """Return what became of a reading in sentences, for people."""
    judgement = answer.judgement
    told = f"{judgement.outcome}" if judgement.month is None else f"{judgement.outcome} for {judgement.month}"
    if judgement.production_wh is not None:
        told += f": {kwh(judgement.production_wh)} since the reading before"
    return [told, *(f"{finding.code}: {finding.text}" for finding in judgement.findings)]
