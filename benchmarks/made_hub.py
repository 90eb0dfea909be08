"""A hub as it is after years with a fleet of 100,000: every page has what makes it large, and every list its pages.

It is made in a few minutes from the same seed each time, and always the same time of day there (`made_devices.NOW`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.made_devices import DAY_MS, NOW, make_devices
from benchmarks.made_lists import OPEN_DIGIT, make_lists
from benchmarks.made_months import CLOSED_AT, HISTORY, MONTH, make_ledger, system_name
from benchmarks.made_people import OWNER, STAFF, make_people, number_of
from benchmarks.made_site import YEAR_HOURS, make_site
from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.periods import date_at
from hub.rules.quarters import quarter_of
from hub.rules.verification_file import FileKind
from hub.services.close_month import close_month
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter
from hub.store import facts, ledger_tables
from hub.store.database import open_database
from hub.store.dialect import insert_rows
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.store.database import Database

REVIEWED = 500
_COPY_READINGS = """
INSERT INTO accepted_reading (meter_id, month, version, read_at, register_wh, origin, accepted_at, actor, reason)
SELECT meter_id, ?, 1, ?, register_wh + 700000, origin, ?, actor, reason FROM accepted_reading
JOIN meter ON meter.id = meter_id WHERE month = ? AND substr(system, -1) < ?
"""
_COPY_RUN = """
INSERT INTO month_run (month, kind, run_at, actor, reason, rules, ledger_until)
SELECT ?, kind, run_at, actor, reason, rules, ledger_until FROM month_run WHERE month = ? RETURNING number
"""
_COPY_RESULT = """
INSERT INTO month_result (run, systems, reported, partial, estimated, missing, production_wh, sha256)
SELECT ?, systems, reported, partial, estimated, missing, production_wh, sha256 FROM month_result WHERE run = ?
"""
_COPY_MONTHS = """
INSERT INTO system_month
SELECT system, ?, version, ?, state, production_wh, is_true_up, basis, '[]', sha256 FROM system_month
WHERE month = ? AND system <= ?
"""


def make_hub(folder: Path, devices: int, site_hours: int = YEAR_HOURS) -> None:
    """Make a hub with so many systems, meters and devices in `folder`; one device sealed so many hours of its own."""
    make_ledger(folder, devices)
    database = open_database(folder, create=False)
    run, _ = close_month(database, MONTH, RunKind.CLOSE, actor="benchmark", now=CLOSED_AT)
    make_devices(database, devices)
    make_site(database, site_hours)
    make_people(database, devices)
    make_lists(database, folder, devices)
    owned = number_of(devices, OWNER)
    with database.write() as connection:
        _report_open_month(connection)
        _copy_months(connection, run.number, system_name(owned - 1))
        _set_programmes(connection, owned)
        _review(connection)
    _export(database)
    database.close()


def _report_open_month(connection: Connection) -> None:
    """Enter a reading of six systems of ten for the month after the one that is closed."""
    at = NOW - 2 * DAY_MS
    connection.exec_driver_sql(_COPY_READINGS, (str(MONTH.next()), at, at, str(MONTH), str(OPEN_DIGIT)))


def _copy_months(connection: Connection, run: int, last: str) -> None:
    """Give the systems up to one the months before too, each with a run: the same numbers, and nothing found."""
    for month in HISTORY[:-1]:
        number = connection.exec_driver_sql(_COPY_RUN, (str(month), str(MONTH))).scalar_one()
        connection.exec_driver_sql(_COPY_RESULT, (number, run))
        connection.exec_driver_sql(_COPY_MONTHS, (str(month), number, str(MONTH), last))


def _set_programmes(connection: Connection, systems: int) -> None:
    from_on = date_at(HISTORY[0].starts_at)
    programmes = [Programme(system_name(one), ProgrammeName.SREC_2, from_on, None, 80) for one in range(systems)]
    facts.add_programmes(connection, programmes, Recorded(STAFF, NOW, "by letter"))


def _review(connection: Connection) -> None:
    """Decide on the first findings of the month."""
    found = "SELECT system FROM system_month WHERE month = ? AND findings != '[]' ORDER BY system LIMIT ?"
    systems = connection.exec_driver_sql(found, (str(MONTH), REVIEWED)).scalars().all()
    decided = (str(MONTH), "ZERO_PRODUCTION", NOW, STAFF, "explained", "the site was rebuilt", "")
    insert_rows(
        connection, ledger_tables.finding_review, [(place, one, *decided) for place, one in enumerate(systems, 1)]
    )


def _export(database: Database) -> None:
    for layout in (ExportLayout.NEPOOL_GIS, ExportLayout.VERIFICATION):
        export_quarter(database, ExportRequest(quarter_of(MONTH), layout, FileKind.PRELIMINARY, STAFF), NOW)
