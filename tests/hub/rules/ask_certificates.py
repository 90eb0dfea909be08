"""Cases of certificates: what is sent of months, what the factor makes of it, what is left over."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.certificates import (
    add_systems,
    count_eligible,
    issue_months,
    round_to_kwh,
    send_quarter,
    sending_rule,
    srec_factor,
)
from hub.rules.facts import ProgrammeName
from hub.rules.parameters import Sector
from hub.rules.quarters import parse_quarter
from hub.rules.registry_files import format_mwh
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("rounding")
def ask_rounding(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the MWh that are sent of a month."""
    return {"mwh": format_mwh(round_to_kwh(_wh(given["kwh"])))}


@asks("sending")
def ask_sending(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the MWh that are sent of a quarter's months, and the kWh that stay back."""
    quarter = parse_quarter(given["quarter"])
    sent = send_quarter(quarter, [_wh(kwh) for kwh in given["kwh"]], _wh(given.get("kept_back_kwh", "0")))
    return {
        "rule": str(sending_rule(quarter)),
        "mwh": [format_mwh(kwh) for kwh in sent.months_kwh],
        "stays_back_kwh": _decimal(sent.carried_wh, 1000),
    }


@asks("certificates")
def ask_certificates(given: Mapping[str, Any]) -> dict[str, object]:
    """Return month by month what counts, the certificates and what is left over, in MWh.

    `systems` instead of `kwh` gives the months of several systems of one asset.
    """
    systems = given.get("systems", [given.get("kwh", [])])
    sent = add_systems([[round_to_kwh(_wh(kwh)) for kwh in months] for months in systems])
    percent = int(Decimal(given["factor"]) * 100)
    left_wh = int(Decimal(given.get("left_mwh", "0")) * 1_000_000)
    issued = issue_months([count_eligible(kwh, percent) for kwh in sent], left_wh)
    return {
        "sent_mwh": [format_mwh(kwh) for kwh in sent],
        "eligible_mwh": [_decimal(month.eligible_wh, 1_000_000) for month in issued],
        "certificates": [month.certificates for month in issued],
        "left_mwh": [_decimal(month.remainder_wh, 1_000_000) for month in issued],
    }


@asks("old_certificates")
def ask_old_certificates(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the certificates of one system's quarter by the rule in force then."""
    quarter = parse_quarter(given["quarter"])
    sent = send_quarter(quarter, [_wh(kwh) for kwh in given["kwh"]], 0)
    percent = int(Decimal(given["factor"]) * 100)
    issued = issue_months([count_eligible(kwh, percent) for kwh in sent.months_kwh])
    return {
        "sent_mwh": format_mwh(sum(sent.months_kwh)),
        "certificates": sum(month.certificates for month in issued),
        "left_mwh": _decimal(issued[-1].remainder_wh, 1_000_000),
    }


@asks("factors")
def ask_factor(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the factor of a system."""
    sector = Sector(given["sector"]) if "sector" in given else None
    programme = ProgrammeName(given["programme"])
    return {"factor": _decimal(srec_factor(programme, sector, date.fromisoformat(given["completed"])), 100)}


def _wh(kwh: str) -> int:
    wh = Decimal(kwh) * 1000
    assert wh == int(wh), "a case is exact to the Wh"
    return int(wh)


def _decimal(number: int, divisor: int) -> str:
    """Return an exact decimal without needless zeros."""
    return f"{(Decimal(number) / divisor).normalize():f}"
