"""The rules against cases a reader of the regulation can follow: one TOML file each, one loader for all."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict

import pytest

from hub.rules import citations
from hub.rules.citations import Citation
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.placing import Placing
from hub.rules.production import Break, Reading, monthly_production, system_production
from protocol.identity import DeviceId, Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


class ReadingCase(TypedDict, total=False):
    """One reading of a case; `received` is when the hub got it, if not at once, `status` what its device says of it."""

    at: Required[str]
    kwh: Required[str]
    quality: int
    placing: str
    device: int
    instrument: str
    received: str
    status: int


class BreakCase(TypedDict):
    """A place in the register's course that people have to judge."""

    after: str
    until: str
    forbids: bool


class MeterCase(TypedDict, total=False):
    """One meter of a case; `until` is when it ended."""

    modulus_kwh: str
    time_quality: int
    until: str
    readings: list[ReadingCase]
    breaks: list[BreakCase]


def _readings(meter: MeterCase) -> Sequence[Reading]:
    modulus = meter.get("modulus_kwh")
    return [
        Reading(
            register_id=reading.get("device", 1),
            instrument=reading.get("instrument", "CCS WattNode"),
            read_at=parse_instant(reading["at"]),
            register_wh=int(Decimal(reading["kwh"]) * 1000),
            raw=0,
            resolution_wh=1,
            modulus_wh=int(Decimal(modulus) * 1000) if modulus else None,
            ratio=(1, 1),
            time_quality=TimeQuality(reading.get("quality", meter.get("time_quality", 2))),
            device=DeviceId(bytes([reading.get("device", 1)])),
            epoch=Epoch(bytes(8)),
            seq=0,
            received_at=parse_instant(reading.get("received", reading["at"])),
            placing=Placing(reading.get("placing", "as_read")),
            status=reading.get("status", 0),
        )
        for reading in meter["readings"]
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_comes_out_as_written(path: Path) -> None:
    """Every case file gives exactly the production, completeness and findings it states."""
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    month = parse_month(case["month"])
    meters = [
        monthly_production(
            month,
            _readings(meter),
            case.get("power_w_max"),
            parse_instant(meter["until"]) if "until" in meter else None,
            [
                Break(parse_instant(each["after"]), parse_instant(each["until"]), "broken", each["forbids"])
                for each in meter.get("breaks", [])
            ],
        )
        for meter in case["meter"]
    ]
    system = system_production(month, meters)
    found = [str(finding.kind) for meter in meters for finding in meter.findings]
    assert system.production_wh == case["expect"].get("production_wh")
    assert system.complete == case["expect"]["complete"]
    assert found == case["expect"].get("findings", [])
    if "basis" in case["expect"]:
        assert [meter.basis for meter in meters] == [case["expect"]["basis"]]


def test_every_clause_has_a_case_and_every_case_a_clause() -> None:
    """A rule without a case, or a case that cites nothing, fails."""
    cited = {tomllib.loads(path.read_text(encoding="utf-8"))["clause"] for path in CASES}
    assert cited == {name for name, value in vars(citations).items() if isinstance(value, Citation)}
