"""The monthly statement: the number with its two readings, as it was closed, or as the ledger has it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from hub.errors import UnknownSubjectError
from hub.exchange.statement import statement_name
from hub.exchange.statement_csv import statement_csv
from hub.exchange.statement_pdf import statement_pdf
from hub.rules.closing import MonthState, RunKind
from hub.rules.reported import NumberKind, Origin, ReportState
from hub.services.close_month import close_month
from hub.services.draw_statement import draw_statement
from tests.hub.reporting import APR, FEB, JAN, MAR, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.exchange.statement import Statement
    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database

NOW = MAR.ends_at


def draw(database: Database, month: ProductionMonth = FEB) -> Statement:
    """Return the statement of a month."""
    with database.read() as connection:
        return draw_statement(connection, SYSTEM, month, NOW)


def paper(statement: Statement) -> str:
    """Return the text of the statement's PDF, its lines and pages joined."""
    reader = PdfReader(io.BytesIO(statement_pdf(statement)))
    return " ".join("\n".join(page.extract_text() for page in reader.pages).split())


def table(statement: Statement) -> list[dict[str, str]]:
    """Return the lines of the statement's CSV."""
    return list(csv.DictReader(io.StringIO(statement_csv(statement))))


@pytest.fixture
def reported(database: Database) -> Database:
    """Return a hub in which January and February were read."""
    add_system(database, town="Lowell", zip_code="01850")
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 400_250)
    enter(database, meter.meter, FEB, 950_000, origin=Origin.AUTOMATIC)
    return database


def test_a_closed_month_is_stated_as_it_was_closed(reported: Database) -> None:
    """With its run, its seal and both readings; what is accepted later changes it by amendment only."""
    run, _ = close_month(reported, FEB, RunKind.CLOSE, actor="test", now=NOW)
    stated = draw(reported)
    (meter,) = stated.meters
    assert (stated.production_wh, stated.state, stated.standing) == (549_750, ReportState.REPORTED, MonthState.CLOSED)
    assert (stated.run, stated.version, stated.is_true_up, stated.missing) == (run.number, 1, False, ())
    assert (meter.serial, meter.name, meter.kind, meter.production_wh) == (
        "PV-1",
        "Itron C1S",
        NumberKind.MEASURED,
        549_750,
    )
    assert (meter.opening.register_wh, meter.opening.source) == (400_250, "entered by hand, entry 1")
    assert (meter.closing.register_wh, meter.closing.source) == (950_000, "read by a device, entry 2")
    enter(reported, 1, FEB, 960_000, origin=Origin.ADJUSTED)
    assert draw(reported).production_wh == 549_750
    close_month(reported, FEB, RunKind.AMEND, actor="test", now=NOW, reason="read again")
    amended = draw(reported)
    assert (amended.production_wh, amended.standing, amended.version) == (559_750, MonthState.AMENDED, 2)
    assert amended.meters[0].closing.source == "put in place of another, entry 3"
    assert amended.sha256 != stated.sha256


def test_before_anybody_went_over_it_the_ledger_speaks(reported: Database) -> None:
    """It says that the number may change, and has no run."""
    stated = draw(reported)
    assert (stated.production_wh, stated.run, stated.version, stated.standing) == (549_750, None, None, MonthState.OPEN)
    assert "Nobody has gone over this month yet" in paper(stated)
    first = draw(reported, JAN)
    assert first.meters[0].opening.source == "register at the meter's beginning"


def test_the_months_before_stand_beside(reported: Database) -> None:
    """In their order, those that were gone over, and the month itself last."""
    close_month(reported, JAN, RunKind.CLOSE, actor="test", now=NOW)
    shown = draw(reported).months
    assert [(one.month, one.production_wh) for one in shown] == [(JAN, 400_250), (FEB, 549_750)]


def test_a_month_without_a_reading_says_so(reported: Database) -> None:
    """No number, and the meter that lacks it by its serial number."""
    stated = draw(reported, MAR)
    assert (stated.production_wh, stated.state, stated.missing) == (None, ReportState.MISSING, ("PV-1",))
    text = paper(stated)
    assert "no number" in text
    assert "Meter PV-1 has no reading for this month." in text
    assert [(line["meter"], line["kind"], line["production_wh"]) for line in table(stated)] == [
        ("PV-1", "missing", ""),
        ("", "missing", ""),
    ]


def test_an_estimate_is_marked_on_paper(reported: Database) -> None:
    """March was not read and April was: what falls on March is an estimate, whose method is named."""
    enter(reported, 1, APR, 2_150_000)
    close_month(reported, MAR, RunKind.CLOSE, actor="test", now=APR.ends_at)
    stated = draw(reported, MAR)
    assert (stated.state, stated.meters[0].kind) == (ReportState.ESTIMATED, NumberKind.ESTIMATED)
    text = paper(stated)
    assert f"estimated, {stated.meters[0].method}" in text
    assert "Estimated in part, for want of a reading." in text


def test_the_paper_has_every_number_as_text(reported: Database) -> None:
    """So that it can be searched, read aloud and copied; and the foot names the seal."""
    close_month(reported, FEB, RunKind.CLOSE, actor="test", now=NOW)
    stated = draw(reported)
    text = paper(stated)
    for words in (
        *("Roof 1", SYSTEM, "Lowell 01850", "7.5 kW DC", "February 2024", "549.75 kWh"),
        *("Reported of every meter.", "The month is closed", "400.25 kWh", "950 kWh", "read by a device, entry 2"),
        *(stated.sha256, "page 1"),
    ):
        assert words in text, (words, text)


def test_the_paper_draws_the_year_as_the_pages_do(reported: Database, caplog: pytest.LogCaptureFixture) -> None:
    """With the axis in words and a line at what a usual year gives, told again for who cannot see it."""
    for month in (JAN, FEB):
        close_month(reported, month, RunKind.CLOSE, actor="test", now=NOW)
    stated = draw(reported)
    assert [one.expected_wh for one in stated.months] == [765_018, 715_662]
    text = paper(stated)
    assert all(words in text for words in ("800 kWh", "400 kWh", "Jan", "Feb", "The line across is what a usual year"))
    root: Any = PdfReader(io.BytesIO(statement_pdf(stated))).trailer["/Root"]
    told = root["/StructTreeRoot"]["/K"][0]["/K"][0].get_object()["/Alt"].replace("\u00a0", " ")
    assert "January 2024: 400.25 kWh, 765.018 kWh expected; February 2024: 549.75 kWh" in told
    assert caplog.records == []
    without = replace(stated, months=tuple(replace(one, production_wh=None) for one in stated.months))
    assert "The line across" not in paper(without)


def test_findings_stand_on_the_paper(reported: Database) -> None:
    """What speaks against a number is told beside it."""
    close_month(reported, FEB, RunKind.CLOSE, actor="test", now=NOW)
    stated = replace(draw(reported), findings=("This is far above what is expected.",), is_true_up=True)
    text = paper(stated)
    assert "This is far above what is expected." in text
    assert "an item for true-up" in text


def test_the_same_statement_makes_the_same_bytes(reported: Database) -> None:
    """So that two copies can be compared."""
    assert statement_pdf(draw(reported)) == statement_pdf(draw(reported))


def test_a_name_in_other_letters_does_not_keep_it_from_being_printed(reported: Database) -> None:
    """The nearest letter stands on the paper, and the table has it as it is."""
    stated = replace(draw(reported), name="Łódź Größe \u201cRoof\u201d \u592a")
    assert "Größe" in paper(stated)
    assert paper(replace(stated, name="Zażółć")).count("Zaz") == 1


def test_many_meters_go_on_over_the_page(reported: Database) -> None:
    """Nothing is cut off, and each page says whose it is."""
    stated = draw(reported)
    many = tuple(replace(stated.meters[0], serial=f"PV-{number:03d}") for number in range(60))
    reader = PdfReader(io.BytesIO(statement_pdf(replace(stated, meters=many))))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 2
    assert all(SYSTEM in text for text in texts)
    assert all(any(f"PV-{number:03d}" in text for text in texts) for number in range(60))


def test_no_cell_of_the_table_is_a_formula(reported: Database) -> None:
    """A serial number that begins like one is kept from being computed."""
    stated = draw(reported)
    evil = replace(stated, meters=(replace(stated.meters[0], serial="=1+1"),))
    assert table(evil)[0]["meter"] == "'=1+1"
    last = table(stated)[-1]
    assert (last["production_wh"], last["kind"], last["sha256"]) == ("549750", "reported", stated.sha256)


def test_a_system_without_a_meter_has_nothing_to_state(database: Database) -> None:
    """Nor has one that is not registered."""
    add_system(database)
    with pytest.raises(UnknownSubjectError, match="no meter in service in 2024-02"):
        draw(database)
    with database.read() as connection, pytest.raises(UnknownSubjectError, match="not registered"):
        draw_statement(connection, "SLF-ZZ9999-00009", FEB, NOW)


def test_its_file_is_named_after_it(reported: Database) -> None:
    """So that a folder of them is in order."""
    assert statement_name(draw(reported), "pdf") == f"statement_{SYSTEM}_2024-02.pdf"
