"""Cases of reminders: when each is due, who hears of it, and which mails go out.

Windows are written `opens` and `closes` (the first instant after them) in local time with its distance from Greenwich;
systems as a table each, with who answers for it as `duty = "address"`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.facts import ReportingMode
from hub.rules.instants import parse_instant
from hub.rules.missing_production import TOLERATED_SYSTEMS, missing_production, reports_due
from hub.rules.periods import REGULATOR_ZONE, ProductionMonth, parse_month
from hub.rules.quarters import parse_quarter, quarter_of
from hub.rules.reminders import NoticeKey, Occasion, Turn, is_reminded, occasion_times, reminders_due, turn_at
from hub.rules.reported import AcceptedReading, Origin
from hub.rules.responsibilities import Duty, Responsibility, Responsible
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class GivenWindow:
    """A window as a case states it."""

    month: ProductionMonth
    opens_at: int
    closes_at: int


@asks("reminder times")
def ask_times(given: Mapping[str, Any]) -> dict[str, object]:
    """Return when each occasion of a window begins, on the clock on the wall."""
    return {str(occasion): _local(at) for occasion, at in occasion_times(_window(given))}


@asks("reminders")
def ask_reminders(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the occasion that counts, and the mails that are due: address, then systems."""
    turn = _turn(given)
    if turn is None:
        return {"occasion": "none"}
    said = {NoticeKey(one["to"], Occasion(one["occasion"]), turn.month) for one in given.get("said", [])}
    due = reminders_due(turn, [_responsibility(one) for one in given["systems"]], said)
    mails = {one.share.address: " ".join(each.system for each in one.share.systems) for one in due}
    return {"occasion": str(turn.occasion), "until": _local(turn.until_at), "mails": mails}


@asks("who is reminded")
def ask_who(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the occasions of which somebody hears."""
    mode, duty = ReportingMode(given["reports"]), Duty(given["duty"])
    return {"hears": [str(one) for one in Occasion if one is not _REPORT and is_reminded(one, mode, duty)]}


@asks("missing production")
def ask_missing(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the rows of a quarter's report."""
    systems = [_responsibility(one) for one in given["systems"]]
    quarter = parse_quarter(given["quarter"])
    assert {quarter_of(month) for month in quarter.months} == {quarter}
    rows = missing_production(quarter, parse_month(given["through"]), systems)
    return {
        "rows": [
            {
                "system": row.system,
                "reporter": row.reporter,
                "account_holder": row.account_holder,
                "capacity_kw_dc": format(Decimal(row.capacity_w_dc) / 1000, "f"),
                "months": [str(month) for month in row.months],
                "last": "never" if row.last is None else f"{row.last.register_wh} Wh on {_local(row.last.read_at)}",
            }
            for row in rows
        ]
    }


@asks("who is sent the missing production report")
def ask_reports(given: Mapping[str, Any]) -> dict[str, object]:
    """Return to whom the report of a month goes, and how many systems it says lack the month."""
    turn = _turn(given)
    assert turn is not None
    month = str(turn.month)
    systems = [
        _responsibility({"system": f"S-{group}-{place:03d}", "missing": [month] * lacks, **each["who"]})
        for group, each in enumerate(given["systems"])
        for lacks, number in ((1, each["missing"]), (0, each.get("reported", 0)))
        for place in range(100 * lacks, 100 * lacks + number)
    ]
    said = {NoticeKey(to, Occasion.MISSING_PRODUCTION, turn.month) for to in given.get("said", [])}
    due = reports_due(turn, systems, said, given.get("tolerated", TOLERATED_SYSTEMS))
    return {"mails": {one.share.address: one.missing for one in due}}


_REPORT = Occasion.MISSING_PRODUCTION


def _turn(given: Mapping[str, Any]) -> Turn | None:
    window = _window(given)
    reopens_at = parse_instant(given["reopens"])
    following = GivenWindow(window.month.next(), reopens_at, reopens_at + 1)
    return turn_at(window, following, parse_instant(given["at"]))


def _window(given: Mapping[str, Any]) -> GivenWindow:
    return GivenWindow(parse_month(given["month"]), parse_instant(given["opens"]), parse_instant(given["closes"]))


def _responsibility(given: Mapping[str, Any]) -> Responsibility:
    responsible = [
        Responsible(duty, address.partition("@")[0].title(), address)
        for duty in Duty
        for address in given.get(duty.value, "").split()
    ]
    return Responsibility(
        system=given["system"],
        name="",
        capacity_w_dc=int(Decimal(given.get("capacity_kw_dc", "5")) * 1000),
        mode=ReportingMode(given.get("reports", "manual")),
        responsible=tuple(responsible),
        missing=tuple(map(parse_month, given["missing"])),
        last=_reading(given["last"]) if "last" in given else None,
    )


def _reading(given: Mapping[str, Any]) -> AcceptedReading:
    month, read_at = parse_month(given["month"]), parse_instant(given["read"])
    return AcceptedReading(1, 1, month, read_at, given["wh"], Origin.MANUAL)


def _local(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(REGULATOR_ZONE).isoformat()
