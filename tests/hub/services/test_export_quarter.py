"""Exporting a quarter: the bytes of the file, what is left out of it, and what a final file means."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnknownSubjectError
from hub.rules.closing import RunKind
from hub.rules.exporting import MonthToExport, SentMonth
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.quarters import ProductionQuarter, parse_quarter
from hub.rules.verification_file import FileKind
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter, find_export, name_file
from hub.services.load_quarter import LoadedQuarter
from hub.store import exports, facts
from hub.store.facts import Recorded
from tests.hub.making import fetch
from tests.hub.reporting import APR, FEB, JAN, MADE_AT, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database

Q1 = parse_quarter("2024-Q1")
AT = window_of(APR).opens_at
REQUEST = ExportRequest(Q1, ExportLayout.NEPOOL_GIS, FileKind.PRELIMINARY, "test")
FINAL = replace(REQUEST, kind=FileKind.FINAL)


def join_programme(database: Database, system: str = SYSTEM, from_on: date = date(2020, 1, 1)) -> None:
    """Put a system into SREC II."""
    programme = Programme(system, ProgrammeName.SREC_2, from_on, factor_percent=80)
    with database.write() as connection:
        facts.add_programmes(connection, [programme], Recorded("test", MADE_AT))


def close(database: Database, month: ProductionMonth, kind: RunKind = RunKind.CLOSE, reason: str = "") -> None:
    """Go over a month a minute after its window has closed."""
    close_month(database, month, kind, actor="test", now=window_of(month).closes_at + 60_000, reason=reason)


@pytest.fixture
def reported(database: Database) -> Database:
    """Return a hub in which a system with a unit and a programme was reported for three months, which are closed."""
    add_system(database, gis_asset="NON12345")
    join_programme(database)
    meter = add_meter(database)
    for month, register_wh in ((JAN, 615_500), (FEB, 1_015_000), (MAR, 2_015_499)):
        enter(database, meter.meter, month, register_wh)
        close(database, month)
    return database


def test_a_file_is_kept_as_it_was_made(reported: Database) -> None:
    """The bytes are the registry's; they are kept with their hash, who asked and when, and what each month sent."""
    exported = export_quarter(reported, REQUEST, AT)
    assert exported.content == b"12345,01/2024,0.616\n12345,02/2024,0.4\n12345,03/2024,1\n"
    file = exported.file
    assert (file.number, file.rows, file.length, file.made_at) == (1, 3, len(exported.content), AT)
    assert (str(file.quarter), file.layout, file.kind, file.actor) == ("2024-Q1", "nepool-gis", "preliminary", "test")
    assert file.sha256 == hashlib.sha256(exported.content).hexdigest()
    assert (exported.is_new, exported.estimated, exported.left_out) == (True, 0, ())
    with reported.read() as connection:
        assert exports.content_of(connection, 1) == exported.content
        assert find_export(connection, 1) == file
        assert exports.list_exported_months(connection, 1, [SYSTEM])[0] == SentMonth(
            SYSTEM, JAN, "12345", 616, is_estimated=False
        )
    assert name_file(file) == "nepool-gis-2024-Q1-preliminary.csv"


def test_the_same_file_is_not_kept_twice(reported: Database) -> None:
    """Whoever asks again gets the file that is there; a change makes another one beside it."""
    first = export_quarter(reported, REQUEST, AT)
    again = export_quarter(reported, replace(REQUEST, actor="another"), AT + 1)
    assert (again.file, again.is_new) == (first.file, False)
    enter(reported, 1, MAR, 2_115_499)
    close(reported, MAR, RunKind.AMEND, "misread")
    other = export_quarter(reported, REQUEST, AT + 2)
    assert (other.file.number, other.is_new) == (2, True)
    assert other.content.endswith(b"03/2024,1.1\n")
    assert fetch(reported, "SELECT kwh FROM exported_month WHERE month = '2024-03' ORDER BY file") == [(1000,), (1100,)]


def test_a_final_file_is_made_once(reported: Database) -> None:
    """A month that was amended since needs a true-up, and the refusal names it; the same final file is given again."""
    final = export_quarter(reported, FINAL, AT)
    assert export_quarter(reported, FINAL, AT + 1).file == final.file
    enter(reported, 1, MAR, 2_115_499)
    close(reported, MAR, RunKind.AMEND, "misread")
    with pytest.raises(InputError, match=rf"1 of its months are different now \({SYSTEM} 2024-03\): ask MassCEC"):
        export_quarter(reported, FINAL, AT + 2)
    assert fetch(reported, "SELECT number, kind FROM exported_file") == [(1, "final")]
    assert export_quarter(reported, REQUEST, AT + 3).is_new


def test_a_final_file_takes_closed_months_only(database: Database) -> None:
    """A quarter in which a month can still change has a preliminary file and no final one."""
    add_system(database, gis_asset="NON12345")
    join_programme(database)
    enter(database, add_meter(database).meter, JAN, 615_500)
    close(database, JAN, RunKind.PROVISIONAL)
    assert export_quarter(database, REQUEST, AT).content == b"12345,01/2024,0.616\n"
    with pytest.raises(InputError, match="2024-01 and 2024-02 and 2024-03 of 2024-Q1 can still change"):
        export_quarter(database, FINAL, AT)


def test_what_is_not_sent_is_named(reported: Database) -> None:
    """A month that nobody reported, one without a unit, one in no programme: each is left out with its reason."""
    add_system(reported, OTHER)
    join_programme(reported, OTHER, date(2024, 2, 1))
    meter = add_meter(reported, "PV-2", OTHER)
    enter(reported, meter.meter, JAN, 100_000)
    enter(reported, meter.meter, FEB, 200_000)
    for month in (JAN, FEB, MAR):
        close(reported, month, RunKind.AMEND, "a system was registered late")
    left_out = export_quarter(reported, REQUEST, AT).left_out
    assert [(one.system, one.month, one.why.split(":")[0]) for one in left_out] == [
        (OTHER, JAN, "it was in no programme then, so no certificates are due"),
        (OTHER, FEB, "no asset of the registry is known for it"),
        (OTHER, MAR, "it is missing, so it has no number"),
    ]


def test_estimates_count_while_their_quarter_is_not_sent(database: Database) -> None:
    """Months that were missed are in the file once a later reading divides the energy among them, and are counted."""
    add_system(database, gis_asset="NON12345")
    join_programme(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 1_000_000)
    for month in (JAN, FEB, MAR):
        close(database, month)
    enter(database, meter.meter, APR, 1_900_000)
    close(database, APR)
    exported = export_quarter(database, REQUEST, AT)
    assert exported.content == b"12345,01/2024,1\n12345,02/2024,0.29\n12345,03/2024,0.31\n"
    assert exported.estimated == 2


def test_estimates_of_a_sent_quarter_wait_for_a_true_up(database: Database) -> None:
    """An estimate that came after the quarter was sent is not in its file, and is named."""
    add_system(database, gis_asset="NON12345")
    join_programme(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 1_000_000)
    for month in (JAN, FEB, MAR):
        close(database, month)
    july = parse_month("2024-07")
    enter(database, meter.meter, july, 1_900_000)
    close(database, july)
    exported = export_quarter(database, REQUEST, AT)
    assert exported.content == b"12345,01/2024,1\n"
    assert [(one.month, "true-up" in one.why) for one in exported.left_out] == [(FEB, True), (MAR, True)]


def test_nothing_to_send_is_said(database: Database, reported: Database) -> None:
    """A quarter without months, and one of which nothing can be sent, are refused with what to do."""
    with pytest.raises(UnknownSubjectError, match="go over its months first, with `meter-hub months run`"):
        export_quarter(reported, replace(REQUEST, quarter=parse_quarter("2024-Q3")), AT)
    add_system(database, OTHER)
    nothing = LoadedQuarter((made(OTHER, "", JAN, 5_000),), (), (), {})
    with pytest.raises(UnknownSubjectError, match=f"for one, {OTHER} 2024-01: .* register its GIS asset id"):
        export_quarter(database, REQUEST, AT, load=lambda _connection, _quarter: nothing)
    with database.read() as connection, pytest.raises(UnknownSubjectError, match="no file 7 was exported here"):
        find_export(connection, 7)


def made(system: str, asset: str, month: ProductionMonth, production_wh: int) -> MonthToExport:
    """Return a month of SREC II."""
    return MonthToExport(system, asset, ProgrammeName.SREC_2, 80, month, production_wh, is_estimated=False)


@pytest.mark.parametrize(
    ("layout", "line"),
    [
        (ExportLayout.M_RETS, "12345,2A58A68,01/2024,01/01/2024,01/31/2024,0.616"),
        (ExportLayout.NC_RETS, "12345,2A58A68,01/2024,01/01/2024,01/31/2024,0.616"),
        (ExportLayout.MIRECS, "12345,2A58A68,01/2024,01/01/2024,01/31/2024,0.616,"),
    ],
)
def test_other_registries_know_who_reports(reported: Database, layout: ExportLayout, line: str) -> None:
    """Their files carry the reporting id, and are refused without one."""
    request = replace(REQUEST, layout=layout, reporting_id="2A58A68")
    lines = export_quarter(reported, request, AT).content.decode().splitlines()
    assert line in lines
    with pytest.raises(InputError, match="is no reporting id"):
        export_quarter(reported, replace(request, reporting_id=""), AT)


def test_the_verification_file_shows_the_readings(reported: Database) -> None:
    """It has every month with a number, also of systems without a unit, with register, reading and programme."""
    add_system(reported, OTHER)
    enter(reported, add_meter(reported, "PV-2", OTHER).meter, JAN, 100_000)
    add_meter(reported, "PV-3", OTHER, initial_at=MAR.starts_at, initial_wh=5_000)
    close(reported, JAN, RunKind.AMEND, "a system was registered late")
    exported = export_quarter(reported, replace(REQUEST, layout=ExportLayout.VERIFICATION), AT)
    assert name_file(exported.file) == "IndvSystemsProductionPreliminary 2024 Q1.csv"
    january, *_, other = csv.DictReader(io.StringIO(exported.content.decode()))
    assert january == {
        "SystemID": SYSTEM,
        "SREC_AgreementSigned": "",
        "SREC_OptinStartDate1": "",
        "SREC_EffectiveDate1": "01/01/2020",
        "dateinservice": "12/01/2023",
        "EnergyProduced": "615.5",
        "PeriodEndDate": "01/31/2024",
        "SREC_EligibleProduction": "615.5",
        "InitialMeterValue": "0",
        "MeterValue": "615.5",
        "MeterDate": "2024-01-31 12:00-05:00",
        "DateTimeReported": "2024-02-01 00:00-05:00",
        "SysOwnerFirstName": "",
        "SysOwnerLastName": "",
        "SREC Program": "2",
    }
    assert (other["SystemID"], other["EnergyProduced"], other["SREC_EligibleProduction"]) == (OTHER, "100", "0")
    assert exported.file.rows == 4


def test_several_meters_have_no_one_register(database: Database) -> None:
    """A system's registers are not added up: the line of several meters has the energy and no register."""
    add_system(database)
    for serial, register_wh in (("PV-1", 120_000), ("PV-2", 15_000)):
        enter(database, add_meter(database, serial).meter, JAN, register_wh)
    close(database, JAN)
    exported = export_quarter(database, replace(REQUEST, layout=ExportLayout.VERIFICATION), AT)
    (line,) = csv.DictReader(io.StringIO(exported.content.decode()))
    assert (line["EnergyProduced"], line["MeterValue"], line["InitialMeterValue"]) == ("135", "", "")


def test_an_old_quarter_sends_what_earlier_ones_kept_back(database: Database) -> None:
    """Until 2017 only whole MWh were sent, and what was left counted with the next quarter's first month."""
    add_system(database, gis_asset="NON12345")
    join_programme(database, from_on=date(2014, 1, 1))
    months = [parse_month(text) for text in ("2017-03", "2017-04", "2017-05", "2017-06")]
    meter = add_meter(database, initial_at=months[0].starts_at)
    for month, register_wh in zip(months, (1_775_000, 2_000_000, 2_600_000, 3_200_000), strict=True):
        enter(database, meter.meter, month, register_wh)
        close_month(database, month, RunKind.CLOSE, actor="test", now=AT)
    exported = export_quarter(database, replace(REQUEST, quarter=parse_quarter("2017-Q2")), AT)
    assert exported.content == b"12345,04/2017,1\n12345,05/2017,0\n12345,06/2017,1\n"


def test_a_loader_decides_where_months_come_from(database: Database) -> None:
    """Whatever loads the months, systems of one unit share a line."""
    add_system(database)
    add_system(database, OTHER)
    months = (made(SYSTEM, "NON9", JAN, 400_500), made(OTHER, "9", JAN, 300_500))
    asked: list[ProductionQuarter] = []

    def load(connection: Connection, quarter: ProductionQuarter) -> LoadedQuarter:
        assert not connection.closed
        asked.append(quarter)
        return LoadedQuarter(months, (), (), {})

    exported = export_quarter(database, FINAL, AT, load=load)
    assert (exported.content, exported.file.rows, asked) == (b"9,01/2024,0.702\n", 1, [Q1])
    assert fetch(database, "SELECT system, unit, kwh FROM exported_month ORDER BY system") == [
        (SYSTEM, "9", 401),
        (OTHER, "9", 301),
    ]
