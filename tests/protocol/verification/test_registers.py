"""A register that only counts up: what its device doubts decides nothing, and what it states explains a fall."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.messages import Frame, MeterEvent, MeterEventKind, Readings
from protocol.records import STATUS_HELD, STATUS_LATE, STATUS_STALE, STATUS_SUSPECT
from protocol.verification import Finding, Level, Report, Severity, Terms, arrange, verify
from tests.protocol.logs import MIDNIGHT, STEP, Log, meter, readings

FELL_AT = MIDNIGHT + STEP
RESET = MeterEvent(0, FELL_AT, MeterEventKind.RESET, 0, (MIDNIGHT, 2_000_000), (FELL_AT, 5))


def check(*frames: Frame) -> Report:
    """Verify a log of one meter, each frame in a block of its own."""
    log = Log()
    log.seal(meter())
    for frame in frames:
        log.seal(frame)
    return verify(arrange(log.blocks), Terms())


def seen(report: Report, severity: Severity) -> list[Finding]:
    """Return what was found of level 3 that is as severe as this."""
    return [one for one in report.findings if one.level is Level.PLAUSIBILITY and one.severity is severity]


def marked(*rows: tuple[int, int]) -> Readings:
    """Return readings of these counts, each with its status."""
    frame = readings([count for count, _ in rows])
    return replace(frame, status=tuple(status for _, status in rows))


@pytest.mark.parametrize("status", [STATUS_SUSPECT, STATUS_HELD, STATUS_HELD | STATUS_LATE])
@pytest.mark.parametrize("odd", [5, 90_000_000])
def test_what_its_device_doubts_is_compared_with_nothing(odd: int, status: int) -> None:
    """A reading below or far above the others is told of, and neither it nor the next one is a fault."""
    report = check(marked((2_000_000, 0), (odd, status), (2_000_100, 0)))
    assert report.verified
    (finding,) = report.findings
    assert finding.message == "the device doubts 1 of the readings of meter 0: they decide nothing"


@pytest.mark.parametrize("status", [STATUS_LATE, STATUS_STALE])
def test_no_other_mark_excuses_a_fall(status: int) -> None:
    """A late reading, or one of a meter that stands still, may not fall; nor may one after doubted ones."""
    for rows in (((2_000_000, 0), (5, status)), ((2_000_000, 0), (7, STATUS_SUSPECT), (5, status))):
        assert len(seen(check(marked(*rows)), Severity.ERROR)) == 1


@pytest.mark.parametrize("kind", ["rollover", "reset", "exchange", "scale-change", "confirmed"])
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_fall_that_the_device_states_is_worth_a_look(kind: str, *, comes_first: bool) -> None:
    """Whatever the device made of it, it is a warning that says so, whether the statement precedes the reading."""
    event, rows = replace(RESET, kind=kind), readings([2_000_000, 5, 6])
    report = check(event, rows) if comes_first else check(rows, event)
    assert report.verified
    (finding,) = seen(report, Severity.WARNING)
    assert finding.message.startswith("meter WN-1: register 1-0:2.8.0 fell from 2000000 Wh")
    assert finding.message.endswith(f"the device states it: {kind}")
    assert finding.place is not None
    assert finding.place.seq == (2 if comes_first else 1)


@pytest.mark.parametrize(
    "other",
    [
        replace(RESET, meter=1),
        replace(RESET, register=1),
        replace(RESET, register=None),
        replace(RESET, at=FELL_AT + STEP),
        replace(RESET, kind="suspect"),
        replace(RESET, kind="firmware-change"),
    ],
)
def test_what_is_stated_of_something_else_explains_nothing(other: MeterEvent) -> None:
    """Another meter, register or poll, or an event after which no register falls."""
    assert not check(readings([2_000_000, 5, 6]), other).verified


def test_one_statement_explains_one_fall() -> None:
    """The next fall needs a word of its own."""
    report = check(RESET, readings([2_000_000, 5, 4]))
    assert [len(seen(report, severity)) for severity in (Severity.WARNING, Severity.ERROR)] == [1, 1]
