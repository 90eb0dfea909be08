"""Tables that bring systems, meters and historic readings in: all of a file or nothing of it, and told beforehand."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules.bulk_rows import COLUMNS, Layout
from hub.rules.closing import RunKind
from hub.rules.facts import MeterFacts, Programme, ProgrammeName, ReportingMode, SystemFacts
from hub.rules.periods import ProductionMonth
from hub.rules.reported import Origin
from hub.services import import_csv as importing
from hub.services import read_csv
from hub.services.close_month import close_month
from hub.services.import_csv import CsvImport, ImportReport, Watching, import_csv
from hub.services.verify_month import verify_month
from hub.store import facts, ledger, meter_facts, months, registry
from hub.store.facts import BEGINNING
from hub.store.memory import MemoryDatabase, empty_image
from tests.hub.making import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.services.import_rows import RowOutcome

SYSTEMS = "pts_id,name,capacity_kw_dc,town,programme,programme_from_on,factor\n"
METERS = "system,serial,make,model,accuracy_class_percent,seal\n"
READINGS = "system,serial,read_at,register_kwh\n"
TWO_SYSTEMS = SYSTEMS + "A-1,Barn,7.5,Worcester,srec_2,2014-05-01,0.8\nA-2,,10.001,,,,\n"
TWO_METERS = METERS + "A-1,S-1,Itron,C1S,0.5,451\nA-2,S-2,,,,\n"
TWO_READINGS = READINGS + "A-1,S-1,2016-06-30 17:00,1000.5\nA-1,S-1,2016-08-02 09:00,1300\n"


@pytest.fixture
def memory() -> Iterator[MemoryDatabase]:
    """Return an empty hub in memory."""
    opened = MemoryDatabase(empty_image())
    yield opened
    opened.close()


@pytest.fixture
def filled(memory: MemoryDatabase) -> MemoryDatabase:
    """Return a hub with two systems, each with a meter, and two readings of the first."""
    for layout, text in ((Layout.SYSTEMS, TWO_SYSTEMS), (Layout.METERS, TWO_METERS), (Layout.READINGS, TWO_READINGS)):
        assert bring(memory, layout, text).problems == 0
    return memory


def bring(
    database: MemoryDatabase,
    layout: Layout,
    text: str | bytes,
    *,
    dry: bool = False,
    rows: list[RowOutcome] | None = None,
) -> ImportReport:
    """Import a table and return the report; `rows` takes what becomes of each row."""
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    watching = Watching(on_row=(lambda _: None) if rows is None else rows.append)
    return import_csv(database, CsvImport(layout, source, "table.csv", "Ada", is_dry_run=dry), NOW, watching)


def dump(database: MemoryDatabase) -> list[str]:
    """Return all that the database holds."""
    return list(database.raw.iterdump())


def codes(report: ImportReport) -> list[str]:
    """Return where something is wrong, and what."""
    return [f"{one.line} {one.column} {one.code}" for one in report.findings]


def counts(report: ImportReport) -> tuple[int, int, int, int, bool]:
    """Return how many rows were added, completed, left and refused, and whether that is saved."""
    return report.added, report.completed, report.unchanged, report.refused, report.is_saved


def test_systems_come_in_with_their_programmes(memory: MemoryDatabase) -> None:
    """What a row says is known afterwards, by whose word and from which file; the rest is as when one is registered."""
    assert counts(bring(memory, Layout.SYSTEMS, TWO_SYSTEMS)) == (2, 0, 0, 0, True)
    with memory.read() as connection:
        assert facts.list_system_facts(connection, None, BEGINNING) == (
            SystemFacts("A-1", "Barn", BEGINNING, 7500, town="Worcester"),
            SystemFacts("A-2", "A-2", BEGINNING, 10_001),
        )
        programme = Programme("A-1", ProgrammeName.SREC_2, date(2014, 5, 1), factor_percent=80)
        assert facts.list_programmes(connection, ["A-1", "A-2"], date(2020, 1, 1)) == {"A-1": programme}
        (said,) = facts.list_system_versions(connection, "A-1")
        assert (said.recorded.actor, said.recorded.reason) == ("Ada", "import of table.csv")
        assert [one.capacity_kw_dc for one in registry.list_systems(connection)] == ["7.5", "10.001"]


def test_meters_come_in_for_people_to_read(filled: MemoryDatabase) -> None:
    """A meter needs no device; what is said of it is known."""
    with filled.read() as connection:
        found = meter_facts.list_meter_facts(connection, ["A-1", "A-2"])
        assert [one.devices for one in registry.list_meters(connection)] == [(), ()]
    assert found == {
        "A-1": (MeterFacts(1, "A-1", "S-1", "Itron", "C1S", accuracy_class_ppm=5000, seal="451"),),
        "A-2": (MeterFacts(2, "A-2", "S-2", "", ""),),
    }


def test_readings_report_the_month_of_their_window(filled: MemoryDatabase) -> None:
    """A reading of the first days of August reports July, as if it had been reported then."""
    with filled.read() as connection:
        entries = ledger.list_entries(connection, 1)
    assert [(one.accepted.month, one.accepted.register_wh, one.accepted.origin) for one in entries] == [
        (ProductionMonth(2016, 6), 1_000_500, Origin.IMPORTED),
        (ProductionMonth(2016, 7), 1_300_000, Origin.IMPORTED),
    ]
    assert {(one.actor, one.reason) for one in entries} == {("Ada", "import of table.csv")}


@pytest.mark.parametrize(
    ("layout", "text"), [(Layout.SYSTEMS, TWO_SYSTEMS), (Layout.METERS, TWO_METERS), (Layout.READINGS, TWO_READINGS)]
)
def test_the_same_file_again_changes_nothing(filled: MemoryDatabase, layout: Layout, text: str) -> None:
    """Not even in the list of changes."""
    before = dump(filled)
    assert counts(bring(filled, layout, text)) == (0, 0, 2, 0, True)
    assert dump(filled) == before


def test_a_row_says_no_more_than_its_filled_cells(filled: MemoryDatabase) -> None:
    """What is left open says nothing; what was open is filled in; what is known otherwise is refused."""
    assert counts(bring(filled, Layout.SYSTEMS, "pts_id,capacity_kw_dc,town\nA-1,7.5,\n"))[2] == 1
    more = "pts_id,capacity_kw_dc,town,zip_code\nA-1,7.5,,01608\nA-2,10.001,Boston,\n"
    assert counts(bring(filled, Layout.SYSTEMS, more)) == (0, 2, 0, 0, True)
    with filled.read() as connection:
        first, second = facts.list_system_facts(connection, None, BEGINNING)
    assert (first.town, first.zip_code, second.town) == ("Worcester", "01608", "Boston")
    other = "pts_id,name,capacity_kw_dc,reporting_mode\nA-1,Roof,8,manual\n"
    report = bring(filled, Layout.SYSTEMS, other)
    assert codes(report) == ["2  CONTRADICTION"]
    assert "another name, capacity_w_dc, reporting_mode: leave that out, or change it with" in report.findings[0].text


def test_a_programme_of_another_day_is_added(filled: MemoryDatabase) -> None:
    """One that begins on a known day otherwise is a contradiction."""
    later = (
        "pts_id,capacity_kw_dc,programme,programme_from_on,programme_until_on\nA-1,7.5,class_1,2024-05-01,2030-12-31\n"
    )
    assert counts(bring(filled, Layout.SYSTEMS, later)) == (0, 1, 0, 0, True)
    assert counts(bring(filled, Layout.SYSTEMS, later)) == (0, 0, 1, 0, True)
    otherwise = later.replace("2030", "2031")
    assert codes(bring(filled, Layout.SYSTEMS, otherwise)) == ["2 programme CONTRADICTION"]


def test_meters_are_completed_with_make_and_model(filled: MemoryDatabase) -> None:
    """What was left open is filled in, also the make by which it is told from others."""
    more = METERS + "A-2,S-2,GE,I-210,2,\n"
    assert counts(bring(filled, Layout.METERS, more)) == (0, 1, 0, 0, True)
    assert counts(bring(filled, Layout.METERS, more)) == (0, 0, 1, 0, True)
    with filled.read() as connection:
        (meter,) = meter_facts.list_meter_facts(connection, ["A-2"])["A-2"]
    assert (meter.make, meter.model, meter.accuracy_class_ppm) == ("GE", "I-210", 20_000)


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("A-1,S-1,Itron,C1S,0.5,452\n", "2  CONTRADICTION"),
        ("A-1,S-1,Itron,OTHER,0.5,451\n", "2  CONTRADICTION"),
        ("A-9,S-9,,,,\n", "2 system UNKNOWN_SYSTEM"),
        ("A-2,S-1,,,,\n", "2 serial ELSEWHERE"),
        ("A-2,S-1,GE,,,\nA-2,S-1,,,,\n", "3 serial TWICE"),
        ("A-2,X,GE,,,\nA-2,X,GE,,,\n", "3 serial TWICE"),
    ],
)
def test_one_meter_never_counts_twice(filled: MemoryDatabase, rows: str, wrong: str) -> None:
    """Neither in a file nor beside what is known; nothing of the file is kept then."""
    before = dump(filled)
    assert codes(bring(filled, Layout.METERS, METERS + rows)) == [wrong]
    assert dump(filled) == before


def test_two_makers_may_share_a_serial_number(filled: MemoryDatabase) -> None:
    """If they are told apart by their make; without it the meter of a row is not guessed."""
    assert counts(bring(filled, Layout.METERS, METERS + "A-1,S-1,GE,,,\n")) == (1, 0, 0, 0, True)
    assert codes(bring(filled, Layout.METERS, METERS + "A-1,S-1,,,,\n")) == ["2 make AMBIGUOUS"]
    reading = "system,serial,make,read_at,register_kwh\nA-1,S-1,{},2016-09-30 17:00,1400\n"
    assert codes(bring(filled, Layout.READINGS, reading.format(""))) == ["2 make AMBIGUOUS"]
    assert bring(filled, Layout.READINGS, reading.format("GE")).added == 1


def test_a_meter_that_cannot_be_is_refused(filled: MemoryDatabase) -> None:
    """Also where it is only so together with what is known."""
    began = "system,serial,initial_kwh,initial_at\nA-1,S-1,500,2016-05-01 12:00\nA-2,S-2,1,2030-05-01 12:00\n"
    assert codes(bring(filled, Layout.METERS, began)) == ["3  INCONSISTENT"]
    assert bring(filled, Layout.METERS, began.rpartition("A-2")[0]).completed == 1
    again = "system,serial,modulus_kwh\nA-1,S-1,500\n"
    assert codes(bring(filled, Layout.METERS, again)) == ["2  INCONSISTENT"]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("A-9,S-1,2016-09-30 17:00,1400\n", "2 system UNKNOWN_SYSTEM"),
        ("A-1,S-9,2016-09-30 17:00,1400\n", "2 serial UNKNOWN_METER"),
        ("A-1,S-1,2016-09-15 17:00,1400\n", "2 read_at TIMESTAMP_OUTSIDE_WINDOW"),
        ("A-1,S-1,2030-09-30 17:00,1400\n", "2 read_at TIMESTAMP_FUTURE"),
        ("A-1,S-1,2016-09-30 17:00,1299.999\n", "2  REGISTER_DECREASED"),
        ("A-1,S-1,2016-05-31 17:00,1000.501\n", "2  REGISTER_DECREASED"),
        ("A-1,S-1,2016-07-01 17:00,1000.5\n", "2  MONTH_TAKEN"),
        ("A-1,S-1,2016-09-30 17:00,1400\nA-1,S-1,2016-10-02 17:00,1410\n", "3 read_at TWICE"),
        ("A-1,S-1,2016-10-31 17:00,1400\nA-1,S-1,2016-09-30 17:00,1350\n", "3 read_at NOT_IN_ORDER"),
        ("A-1,S-1,2016-09-30 17:00,1400\nA-1,S-1,2016-10-31 17:00,1399\n", "3  REGISTER_DECREASED"),
    ],
)
def test_a_reading_that_cannot_count_is_refused(filled: MemoryDatabase, rows: str, wrong: str) -> None:
    """Each is named, and nothing of the file is kept."""
    before = dump(filled)
    assert codes(bring(filled, Layout.READINGS, READINGS + rows)) == [wrong]
    assert dump(filled) == before


def test_a_slip_upwards_is_told_once(filled: MemoryDatabase) -> None:
    """What follows a refused reading is compared with it, so that one slip is not told of every later month."""
    rows = [f"A-1,S-1,2016-{month:02d}-28 17:00,{kwh}\n" for month, kwh in ((9, 99_000), (10, 1500), (11, 1600))]
    assert codes(bring(filled, Layout.READINGS, READINGS + "".join(rows))) == ["3  REGISTER_DECREASED"]


def test_readings_go_where_the_caller_says(filled: MemoryDatabase) -> None:
    """The month of a reading is a rule that is handed in."""
    source = io.BytesIO((READINGS + "A-1,S-1,2016-09-15 17:00,1400\n").encode())
    wanted = CsvImport(Layout.READINGS, source, "table.csv", "Ada")
    assert import_csv(filled, wanted, NOW, month_at=lambda _: ProductionMonth(2016, 9)).added == 1


def test_a_closed_month_is_amended_by_what_is_imported(filled: MemoryDatabase) -> None:
    """Never changed silently: a run of its own says by which table; a table that says nothing new amends nothing."""
    august = ProductionMonth(2016, 8)
    close_month(filled, august, RunKind.CLOSE, actor="bea", now=NOW)
    assert states(filled, august) == ["missing"]
    late = READINGS + "A-1,S-1,2016-08-31 17:00,1400\n"
    assert bring(filled, Layout.READINGS, late, dry=True).amended == ()
    assert bring(filled, Layout.READINGS, late).amended == (august,)
    assert states(filled, august) == ["missing", "reported"]
    with filled.read() as connection:
        (amended, _) = months.list_runs(connection, august)[-1]
    assert (amended.kind, amended.actor, amended.reason) == ("amend", "Ada", "import of table.csv")
    assert bring(filled, Layout.READINGS, late).amended == ()
    assert verify_month(filled, august).differences == ()


def states(hub: MemoryDatabase, month: ProductionMonth) -> list[str]:
    """Return the states of the first system's month, version by version."""
    with hub.read() as connection:
        rows = months.list_system_months(connection, "A-1", every_version=True)
    return [row.state for row in sorted(rows, key=lambda one: one.version) if row.month == month]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"", "1  EMPTY"),
        ("pts_id,capacity_kw_dc\nA-3,5\n".encode("utf-16"), "1  ENCODING"),
        ("pts_id,name,capacity_kw_dc\nA-3,\u00c6r\u00f8,5\n".encode("latin-1"), "2  ENCODING"),
        (b"pts_id;capacity_kw_dc\nA-3;5\n", "1  SEPARATOR"),
        (b"pts_id,capacity_kw_dc\nA-3,1,200\n", "2  COLUMN_COUNT"),
        (b'pts_id,capacity_kw_dc\nA-3,5\n"A-4,5\n', "3  NOT_CSV"),
        (b'pts_id,capacity_kw_dc\n"A-3"x,5\n', "2  NOT_CSV"),
        (b"pts_id,capacity_kw_dc\nA-3," + b"5" * 70_000 + b"\n", "2  TOO_LONG"),
        (b"pts_id,capacity_kw_dc\rA-3,5\r", "1  NOT_CSV"),
        (b'pts_id,name,capacity_kw_dc\nA-3,"Barn\nroof",5\nA-4,,x\n', "2 name NOT_PRINTABLE"),
    ],
)
def test_what_is_no_table_is_named(memory: MemoryDatabase, text: bytes, wrong: str) -> None:
    """In one sentence with its line, and nothing is kept."""
    before = dump(memory)
    report = bring(memory, Layout.SYSTEMS, text)
    assert codes(report)[0] == wrong
    assert (report.is_saved, dump(memory)) == (False, before)


def test_lines_are_counted_as_an_editor_counts_them(memory: MemoryDatabase) -> None:
    """A byte order mark, other line ends, blank lines and quoted line breaks move nothing."""
    text = b'\xef\xbb\xbfpts_id,name,capacity_kw_dc\r\nA-3,"Barn, new",5\r\n\r\n,,\r\nA-4,"x\r\ny",5\r\nA-5,,five\r\n'
    report = bring(memory, Layout.SYSTEMS, text)
    assert codes(report) == ["5 name NOT_PRINTABLE", "7 capacity_kw_dc NOT_A_NUMBER"]
    assert (report.rows, report.added) == (3, 1)


@pytest.mark.parametrize(("bound", "value"), [("LINES_MAX", 2), ("BYTES_MAX", len(TWO_SYSTEMS) - 1)])
def test_a_file_beyond_the_bounds_is_refused(
    memory: MemoryDatabase, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    """Where the bound lies, and not before: the first rows are told, and nothing is kept."""
    monkeypatch.setattr(read_csv, bound, value)
    report = bring(memory, Layout.SYSTEMS, TWO_SYSTEMS)
    assert codes(report) == ["3  TOO_LARGE"]
    assert (report.added, report.is_saved) == (1, False)
    monkeypatch.setattr(read_csv, bound, value + 1)
    assert bring(memory, Layout.SYSTEMS, TWO_SYSTEMS).is_saved


def test_a_report_holds_the_first_findings_and_counts_all(
    memory: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However bad a file is, its report stays small."""
    monkeypatch.setattr(importing, "FINDINGS_MAX", 3)
    report = bring(memory, Layout.SYSTEMS, "pts_id,capacity_kw_dc\n" + ",x\n" * 4)
    assert (len(report.findings), report.problems, report.refused) == (3, 8, 4)


def test_a_progress_is_told_every_byte(memory: MemoryDatabase) -> None:
    """So that a bar ends where the file does."""
    told: list[int] = []
    wanted = CsvImport(Layout.SYSTEMS, io.BytesIO(TWO_SYSTEMS.encode()), "table.csv", "Ada")
    import_csv(memory, wanted, NOW, Watching(on_bytes=told.append))
    assert sum(told) == len(TWO_SYSTEMS.encode())


_GOOD = {
    Layout.SYSTEMS: {
        "pts_id": ("A-1", "A-2", "A-3", "A-4", "A-5"),
        "capacity_kw_dc": ("7.5", "10.001"),
        "town": ("", "", "Worcester"),
        "programme": ("", "srec_2"),
        "programme_from_on": ("", "2014-05-01"),
    },
    Layout.METERS: {
        "system": ("A-1", "A-2"),
        "serial": ("S-1", "S-2", "S-3", "S-4"),
        "make": ("", "Itron", "GE"),
        "seal": ("", "451"),
        "modulus_kwh": ("", "", "100000"),
    },
    Layout.READINGS: {
        "system": ("A-1", "A-2"),
        "serial": ("S-1", "S-2"),
        "read_at": tuple(f"2016-{month:02d}-28 17:00" for month in range(4, 13)),
        "register_kwh": ("900", "1000.5", "1200", "1300", "1400"),
    },
}
_TRAPS = (" x", "=A1", "1,000", "1.2E+05", "7/31/2016", "#REF!", "nonsense")


@st.composite
def tables(draw: st.DrawFn) -> tuple[Layout, str]:
    """Return a table that may be right, contradict itself or what is known, or have met a spreadsheet."""
    layout = draw(st.sampled_from(list(Layout)))
    columns = draw(st.permutations(list(_GOOD[layout])))
    cells = st.fixed_dictionaries({name: st.sampled_from(_GOOD[layout][name]) for name in columns})
    rows = draw(st.lists(cells, max_size=7))
    if draw(st.booleans()) and layout is Layout.READINGS:
        rows.sort(key=lambda row: row["read_at"])
    if rows and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(rows) - 1))
        rows[place][draw(st.sampled_from(columns))] = draw(st.sampled_from(_TRAPS))
    quoted = ('","'.join(row[name] for name in columns) for row in rows)
    return layout, ",".join(columns) + "\n" + "".join(f'"{row}"\n' for row in quoted)


@settings(deadline=None, max_examples=150)
@given(table=tables(), at_once=st.sampled_from((1, 2, 500)))
def test_a_dry_run_tells_what_a_real_one_does(table: tuple[Layout, str], at_once: int) -> None:
    """Row by row the same report; with anything wrong nothing changes; and what came in comes in once."""
    layout, text = table
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(importing, "NAMES_AT_ONCE", at_once)
        database = MemoryDatabase(_filled_image())
        before = dump(database)
        dry_rows: list[RowOutcome] = []
        real_rows: list[RowOutcome] = []
        dry = bring(database, layout, text, dry=True, rows=dry_rows)
        assert dump(database) == before
        real = bring(database, layout, text, rows=real_rows)
        assert (replace(real, is_saved=False), real_rows) == (dry, dry_rows)
        assert real.is_saved == (real.problems == 0)
        after = dump(database)
        if real.problems or real.added + real.completed == 0:
            assert after == before
        if real.is_saved:
            again = bring(database, layout, text)
            assert (again.unchanged, again.problems) == (real.rows, 0)
            assert dump(database) == after
        database.close()


def _filled_image() -> bytes:
    database = MemoryDatabase(empty_image())
    for layout, text in ((Layout.SYSTEMS, TWO_SYSTEMS), (Layout.METERS, TWO_METERS), (Layout.READINGS, TWO_READINGS)):
        bring(database, layout, text)
    image = database.image()
    database.close()
    return image


def test_every_column_of_every_layout_arrives(memory: MemoryDatabase) -> None:
    """No column is read and dropped."""
    cells = {
        "pts_id": "A-1", "name": "Barn", "capacity_kw_dc": "7.5", "capacity_kw_ac": "6", "technology": "wind",
        "in_service_on": "2014-05-01", "annual_kwh_estimated": "9000", "gis_asset": "NON1", "reporting_mode": "manual",
        "is_funded": "yes", "latitude": "42.26", "longitude": "-71.8", "tilt_degrees": "30", "azimuth_degrees": "180",
        "zip_code": "01608", "town": "Worcester", "programme": "srec_1", "programme_from_on": "2014-05-01",
        "programme_until_on": "2024-04-30", "factor": "0.9",
    }  # fmt: skip
    assert tuple(cells) == COLUMNS[Layout.SYSTEMS]
    bring(memory, Layout.SYSTEMS, ",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    meter = {
        "system": "A-1", "serial": "S-1", "make": "GE", "model": "I-210", "accuracy_class_percent": "2",
        "ansi_standard": "C12.1", "ct_ratio": "200:5", "ct_class_percent": "0.6", "tested_on": "2014-04-01",
        "seal": "7", "initial_kwh": "3", "initial_at": "2014-05-01T16:00:00Z", "modulus_kwh": "100000",
        "is_revenue_grade": "no", "is_das": "yes",
    }  # fmt: skip
    assert tuple(meter) == COLUMNS[Layout.METERS]
    bring(memory, Layout.METERS, ",".join(meter) + "\n" + ",".join(meter.values()) + "\n")
    with memory.read() as connection:
        known = facts.find_system_facts(connection, "A-1", BEGINNING)
        programme = facts.find_programme(connection, "A-1", date(2020, 1, 1))
        (described,) = meter_facts.list_meter_facts(connection, ["A-1"])["A-1"]
    assert known is not None
    plain = SystemFacts("A-1", "Barn", BEGINNING, 7500)
    assert [name for name in SystemFacts.__slots__ if getattr(known, name) == getattr(plain, name)] == [
        "system", "name", "effective_on", "capacity_w_dc",
    ]  # fmt: skip
    assert (known.reporting_mode, known.longitude_microdegrees) == (ReportingMode.MANUAL, -71_800_000)
    assert programme == Programme("A-1", ProgrammeName.SREC_1, date(2014, 5, 1), date(2024, 4, 30), 90)
    bare = MeterFacts(1, "A-1", "S-1", "", "")
    assert [name for name in MeterFacts.__slots__ if getattr(described, name) == getattr(bare, name)] == [
        "meter", "system", "serial", "final_wh", "ended_at",
    ]  # fmt: skip
