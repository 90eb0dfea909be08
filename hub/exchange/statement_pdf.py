"""The monthly statement as PDF, on one or more letter pages; the same statement makes the same bytes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from fpdf import FPDF, FontFace

from hub.charts.bars import Slot, bar_chart
from hub.charts.chart import Words
from hub.charts.svg import draw_svg
from hub.formats import kilowatt_hours, kilowatts, local_time, month_abbreviation, month_name
from hub.rules.closing import is_binding
from hub.rules.reported import NumberKind, ReportState

if TYPE_CHECKING:
    from hub.exchange.statement import StatedMeter, StatedMonth, StatedReading, Statement

_LATIN_1_LAST = 0xFF
_MARGIN_MM = 18
_FONT = "Helvetica"
_INK, _SOFT, _RULE = (28, 35, 38), (90, 101, 105), (226, 223, 213)
_WHITE = (255, 255, 255)
_STATES = {
    ReportState.REPORTED: "reported of every meter",
    ReportState.PARTIAL: "reported in part",
    ReportState.ESTIMATED: "estimated in part, for want of a reading",
    ReportState.MISSING: "not reported",
}
_WORDS = Words(
    "months",
    "Production by month",
    "A bar for each month of the last year.",
    "Filled: reported. Dashed: estimated or in part. No bar: no number. The line across is what a usual year gives.",
)
_TRUE_UP = "Certificates of this month were counted without a reading: they are an item for true-up."
_ABOUT = (
    "Production is the exact difference of two registers of a meter, by calendar month in Massachusetts. The hash at "
    "the foot seals the number and what it is from: whoever draws the month up again gets the same."
)


class _Paper(FPDF):
    """A letter page with a foot that tells which statement it belongs to."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(format="letter")
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_MARGIN_MM + 8)
        self.set_creation_date(datetime.fromtimestamp(statement.drawn_at // 1000, UTC))
        self.set_title(_spelt(f"{statement.name}, {month_name(statement.month)}"))
        self.set_lang("en")
        self._foot = f"{statement.system} · {statement.month} · {statement.sha256}"

    def footer(self) -> None:
        """Write the foot of a page."""
        self.set_y(-_MARGIN_MM)
        self.set_font(_FONT, size=7)
        self.set_text_color(*_SOFT)
        self.cell(0, 4, _spelt(f"{self._foot} · page {self.page_no()}"))


def statement_pdf(statement: Statement) -> bytes:
    """Return the statement as a PDF file with real text.

    It has the fonts that every reader has, which write Western European letters: others become the nearest letter, or
    a question mark. The CSV has them all.
    """
    paper = _Paper(statement)
    paper.add_page()
    _head(paper, statement)
    _chart(paper, statement)
    _meters(paper, statement)
    _remarks(paper, statement)
    return bytes(paper.output())


def _head(paper: _Paper, statement: Statement) -> None:
    _write(paper, "Monthly production statement", size=9, color=_SOFT)
    _write(paper, statement.name, size=20, style="B")
    facts = (
        statement.system,
        statement.place,
        f"{kilowatts(statement.capacity_w_dc)} kW DC",
    )
    _write(paper, " · ".join(fact for fact in facts if fact), size=9, color=_SOFT)
    paper.ln(6)
    _write(paper, month_name(statement.month), size=12)
    number = "no number" if statement.production_wh is None else kilowatt_hours(statement.production_wh)
    _write(paper, number, size=26, style="B")
    _write(paper, f"{_STATES[statement.state].capitalize()}. {_standing(statement)}", size=9, color=_SOFT)
    paper.ln(5)


def _standing(statement: Statement) -> str:
    """Return in a sentence how binding the number is."""
    if statement.run is None:
        return f"Nobody has gone over this month yet: this is what was accepted by {local_time(statement.drawn_at)}."
    by = f"run {statement.run}, version {statement.version}"
    if is_binding(statement.standing):
        return f"The month is {statement.standing}; the number is from {by} and changes by amendment only."
    return f"The month is {statement.standing}; the number is from {by} and may still change."


def _chart(paper: _Paper, statement: Statement) -> None:
    """Draw a bar for each month of the last year as the pages do, with a line at what was to be expected."""
    chart = bar_chart(_WORDS, [_slot(one) for one in statement.months], kilowatt_hours, "Month")
    if chart is None or all(one.production_wh is None for one in statement.months):
        return
    drawing = draw_svg(chart, inked=True, is_told=False).encode()
    told = "; ".join(group.words for group in chart.groups)
    paper.image(BytesIO(drawing), w=paper.epw, title=_WORDS.title, alt_text=_spelt(f"{_WORDS.text} {told}."))
    _write(paper, _WORDS.caption, size=8, color=_SOFT)
    paper.ln(4)


def _slot(one: StatedMonth) -> Slot:
    return Slot(
        month_name(one.month),
        month_abbreviation(one.month),
        one.production_wh,
        whole=one.state is ReportState.REPORTED,
        expected=one.expected_wh,
    )


def _meters(paper: _Paper, statement: Statement) -> None:
    """Write where each meter's number comes from: two registers, and how each came to be."""
    if not statement.meters:
        return
    paper.set_font(_FONT, size=8)
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_RULE)
    paper.set_fill_color(*_WHITE)
    heading = FontFace(color=_SOFT)
    with paper.table(
        col_widths=(22, 30, 30, 18),
        headings_style=heading,
        borders_layout="HORIZONTAL_LINES",
        text_align=("LEFT", "LEFT", "LEFT", "RIGHT"),
        line_height=4,
        padding=1,
    ) as table:
        table.row(("Meter", "From", "To", "Production"))
        for meter in statement.meters:
            table.row([_spelt(cell) for cell in _meter_cells(meter)])
    paper.ln(3)


def _meter_cells(meter: StatedMeter) -> tuple[str, str, str, str]:
    number = "no number" if meter.production_wh is None else kilowatt_hours(meter.production_wh)
    how = "" if meter.kind is NumberKind.MEASURED else f"\n{meter.kind}, {meter.method}"
    return f"{meter.serial}\n{meter.name}", _told(meter.opening), _told(meter.closing), f"{number}{how}"


def _told(reading: StatedReading) -> str:
    return f"{kilowatt_hours(reading.register_wh)}\n{local_time(reading.at)}\n{reading.source}"


def _remarks(paper: _Paper, statement: Statement) -> None:
    for serial in statement.missing:
        _write(paper, f"Meter {serial} has no reading for this month.", size=9)
    for text in statement.findings:
        _write(paper, text, size=9)
    if statement.is_true_up:
        _write(paper, _TRUE_UP, size=9)
    paper.ln(3)
    _write(paper, _ABOUT, size=8, color=_SOFT)


def _write(
    paper: _Paper, text: str, *, size: float, style: Literal["", "B"] = "", color: tuple[int, int, int] = _INK
) -> None:
    paper.set_font(_FONT, style=style, size=size)
    paper.set_text_color(*color)
    paper.multi_cell(0, size * 0.48, _spelt(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _spelt(text: str) -> str:
    """Return a text in the letters that the fonts have."""
    whole = "".join(letter if _is_written(letter) else unicodedata.normalize("NFKD", letter) for letter in text)
    return whole.encode("latin-1", "replace").decode("latin-1")


def _is_written(letter: str) -> bool:
    return ord(letter) <= _LATIN_1_LAST
