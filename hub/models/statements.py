"""The monthly statement of a system as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.exchange.statement import StatedMeter, StatedReading, Statement


class StatedReadingJson(BaseModel):
    """A register that a number is counted from or to, in whole Wh, and where it is from in words."""

    at: str
    register_wh: int
    source: str


class StatedMeterJson(BaseModel):
    """A meter's part of the month."""

    meter: str
    production_wh: int | None
    kind: str
    method: str
    opening: StatedReadingJson
    closing: StatedReadingJson


class StatedMonthJson(BaseModel):
    """A month before, and what it came to."""

    month: str
    production_wh: int | None
    state: str


class StatementJson(BaseModel):
    """A system's month; `run` and `version` are null where nobody has gone over it, and the number may change."""

    system: str
    name: str
    month: str
    standing: str
    state: str
    production_wh: int | None
    true_up: bool
    run: int | None
    version: int | None
    sha256: str
    meters: list[StatedMeterJson]
    missing: list[str]
    findings: list[str]
    months: list[StatedMonthJson]


def statement_json(statement: Statement) -> StatementJson:
    """Return a statement as JSON."""
    return StatementJson(
        system=statement.system,
        name=statement.name,
        month=str(statement.month),
        standing=statement.standing.value,
        state=statement.state.value,
        production_wh=statement.production_wh,
        true_up=statement.is_true_up,
        run=statement.run,
        version=statement.version,
        sha256=statement.sha256,
        meters=[_meter(one) for one in statement.meters],
        missing=list(statement.missing),
        findings=list(statement.findings),
        months=[
            StatedMonthJson(month=str(one.month), production_wh=one.production_wh, state=one.state.value)
            for one in statement.months
        ],
    )


def _meter(meter: StatedMeter) -> StatedMeterJson:
    return StatedMeterJson(
        meter=meter.serial,
        production_wh=meter.production_wh,
        kind=meter.kind.value,
        method=meter.method,
        opening=_reading(meter.opening),
        closing=_reading(meter.closing),
    )


def _reading(reading: StatedReading) -> StatedReadingJson:
    return StatedReadingJson(at=format_instant(reading.at), register_wh=reading.register_wh, source=reading.source)
