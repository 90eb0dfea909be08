"""Cases of the monthly analysis: in which order staff look at what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.acceptance import Code, Finding, Severity
from hub.rules.analysis import Erratic, ReviewDecision, order_erratic
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("analysis")
def ask_order(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the systems in the order in which staff look at them."""
    found = [
        Erratic(
            one["system"],
            Finding(Code(one["code"]), Severity(one["severity"]), "EXPECTED_PRODUCTION", "found"),
            ReviewDecision(one["decided"]) if "decided" in one else None,
        )
        for one in given["found"]
    ]
    return {"order": [f"{one.system} {one.finding.code}" for one in order_erratic(found)]}
