"""The rules against cases a reader of the regulation can follow: one TOML file each, one loader for all."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest

from hub.rules import citations
from hub.rules.citations import Citation
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.production import Reading, gather_evidence, monthly_production, system_production
from protocol.identity import Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


class ReadingCase(TypedDict):
    """One reading of a case."""

    at: str
    kwh: str


class MeterCase(TypedDict, total=False):
    """One meter of a case."""

    modulus_kwh: str
    time_quality: int
    readings: list[ReadingCase]


def _readings(number: int, meter: MeterCase) -> Sequence[Reading]:
    modulus = meter.get("modulus_kwh")
    return [
        Reading(
            register_id=number,
            read_at=parse_instant(reading["at"]),
            register_wh=int(Decimal(reading["kwh"]) * 1000),
            raw=0,
            resolution_wh=1,
            modulus_wh=int(Decimal(modulus) * 1000) if modulus else None,
            ratio=(1, 1),
            time_quality=TimeQuality(meter.get("time_quality", 2)),
            epoch=Epoch(bytes(8)),
            seq=0,
        )
        for reading in meter["readings"]
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_comes_out_as_written(path: Path) -> None:
    """Every case file gives exactly the production, completeness and findings it states."""
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    month = parse_month(case["month"])
    meters = [
        monthly_production(month, gather_evidence(month, _readings(number, meter)), case.get("power_w_max"))
        for number, meter in enumerate(case["meter"])
    ]
    system = system_production(month, meters)
    found = [str(finding.kind) for meter in meters for finding in meter.findings]
    assert system.production_wh == case["expect"].get("production_wh")
    assert system.complete == case["expect"]["complete"]
    assert found == case["expect"].get("findings", [])


def test_every_clause_has_a_case_and_every_case_a_clause() -> None:
    """A rule without a case, or a case that cites nothing, fails."""
    cited = {tomllib.loads(path.read_text(encoding="utf-8"))["clause"] for path in CASES}
    assert cited == {name for name, value in vars(citations).items() if isinstance(value, Citation)}
