"""The words of reminders and reports: a subject, plain text and simple HTML, out of `mail_templates/`.

Each says what to do, until when in the time of Massachusetts, and where. What people named themselves or their systems
is shown as one line of text, never as markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from hub.exchange.mail import one_line
from hub.rules.facts import ReportingMode
from hub.rules.periods import REGULATOR_ZONE, ProductionMonth
from hub.rules.reminders import Occasion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.missing_production import MissingReport
    from hub.rules.reminders import Reminder, Turn
    from hub.rules.reported import AcceptedReading
    from hub.rules.responsibilities import Responsibility, Share

SYSTEMS_SHOWN_MAX = 200
"""How many systems a mail lists; of the others it says how many they are and where they stand."""
_TEMPLATE_NAMES = {
    Occasion.WINDOW_OPEN: "window_open",
    Occasion.FIVE_DAYS_LEFT: "still_missing",
    Occasion.THREE_DAYS_LEFT: "still_missing",
    Occasion.ONE_DAY_LEFT: "still_missing",
    Occasion.SIX_HOURS_LEFT: "still_missing",
    Occasion.WINDOW_MISSED: "window_missed",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a mail says."""

    subject: str
    text: str
    html: str


def write_reminder(reminder: Reminder, pages_url: str, charts: Mapping[str, str] = MappingProxyType({})) -> Words:
    """Return the words of a reminder; `pages_url` is where the hub's pages are, `charts` SVG by system."""
    systems = reminder.share.systems
    content: dict[str, object] = {
        "charts": charts,
        "by_hand": [one for one in systems if one.mode is ReportingMode.MANUAL],
        "by_themselves": [one for one in systems if one.mode is ReportingMode.AUTOMATIC],
    }
    return _write(_TEMPLATE_NAMES[reminder.turn.occasion], reminder.turn, reminder.share, pages_url, content)


def write_report(report: MissingReport, pages_url: str) -> Words:
    """Return the words of a Missing Production Report."""
    content = {"quarter": report.quarter, "missing": report.missing, "rows": report.rows}
    return _write("missing_production", report.turn, report.share, pages_url, content)


def _write(name: str, turn: Turn, share: Share, pages_url: str, content: Mapping[str, object]) -> Words:
    shown = {
        "month": month_name(turn.month),
        "close": wall_time(turn.closes_at - 1),
        "close_short": _short_time(turn.closes_at - 1),
        "reopening": wall_time(turn.reopens_at),
        "reader": one_line(share.name),
        "systems": count_systems(len(share.systems)),
        "pages_url": pages_url,
        "shown_max": SYSTEMS_SHOWN_MAX,
        **content,
    }
    return render_words(name, shown)


def render_words(name: str, shown: Mapping[str, object]) -> Words:
    """Return the words that the templates of this name make of what is shown; the text's first line is the subject."""
    subject, _, text = _TEMPLATES.get_template(f"{name}.txt").render(shown).partition("\n")
    return Words(one_line(subject), text.strip() + "\n", _TEMPLATES.get_template(f"{name}.html").render(shown))


def wall_time(at: int) -> str:
    """Return the instant (UTC ms) as people read it, with weekday and zone: `Sunday, 5 November 2023, 23:59 EST`."""
    local = _local(at)
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def month_name(month: ProductionMonth) -> str:
    """Return the month in words: `July 2016`."""
    return datetime(month.year, month.month, 1, tzinfo=REGULATOR_ZONE).strftime("%B %Y")


def count_systems(number: int) -> str:
    """Return a number of systems: `1 system`, `2 systems`."""
    return f"{number:,} system" if number == 1 else f"{number:,} systems"


def thousandths(number: int) -> str:
    """Return whole Wh or W as kWh or kW, exact: `13,015.5`."""
    whole, rest = divmod(number, 1000)
    decimals = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{whole:,}{decimals}"


def _short_time(at: int) -> str:
    """Return the instant so short that a subject with it needs no second line: `5 Nov, 23:59 EST`."""
    local = _local(at)
    return f"{local.day} {local:%b, %H:%M} {local.tzname()}"


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(REGULATOR_ZONE)


def _system(one: Responsibility) -> str:
    name = one_line(one.name)
    return f"{one.system} {name}".rstrip() + f", {thousandths(one.capacity_w_dc)} kW DC"


def _last(last: AcceptedReading | None) -> str:
    if last is None:
        return "no reading accepted yet"
    return f"last accepted reading {thousandths(last.register_wh)} kWh of {wall_time(last.read_at)}"


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mail_templates"),
    autoescape=select_autoescape(["html"], default_for_string=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters.update(
    count_systems=count_systems,
    last=_last,
    line=one_line,
    month_name=month_name,
    system=_system,
    thousandths=thousandths,
)
