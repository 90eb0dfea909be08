"""Cases of automated reporting: which journaled reading reports a month, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.automatic import choose_report
from hub.rules.instants import format_instant, parse_instant
from hub.rules.periods import parse_month
from tests.hub.rules.ask_production import make_readings
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("automatic")
def ask_choice(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the reading that reports the month, if one does, and why."""
    choice = choose_report(
        parse_month(given["month"]),
        parse_instant(given["opens"]),
        parse_instant(given["closes"]),
        make_readings({"readings": given["readings"]}),
        now=parse_instant(given["now"]),
    )
    answer: dict[str, object] = {"why": choice.why}
    if choice.reading is not None:
        answer |= {"at": format_instant(choice.reading.read_at), "kwh": str(choice.reading.register_wh // 1000)}
    return answer
