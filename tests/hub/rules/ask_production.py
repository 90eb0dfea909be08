"""Cases of months measured by a device: what monthly production makes of a register's readings."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Required, TypedDict

from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.placing import Placing
from hub.rules.production import Break, Reading, monthly_production, system_production
from protocol.identity import DeviceId, Epoch
from protocol.messages import TimeQuality
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


def make_readings(meter: MeterCase) -> Sequence[Reading]:
    """Return the readings of a meter as a case writes them."""
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


@asks("production")
def ask_production(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what the month of a system comes to, and what is found on the way; leaves out what there is none of."""
    month = parse_month(given["month"])
    meters = [
        monthly_production(
            month,
            make_readings(meter),
            given.get("power_w_max"),
            parse_instant(meter["until"]) if "until" in meter else None,
            [
                Break(parse_instant(each["after"]), parse_instant(each["until"]), "broken", each["forbids"])
                for each in meter.get("breaks", [])
            ],
        )
        for meter in given["meter"]
    ]
    system = system_production(month, meters)
    answer: dict[str, object] = {"complete": system.complete}
    if system.production_wh is not None:
        answer["production_wh"] = system.production_wh
    findings = [str(finding.kind) for meter in meters for finding in meter.findings]
    if findings:
        answer["findings"] = findings
    if given.get("tell_basis"):
        (answer["basis"],) = (meter.basis for meter in meters)
    return answer
