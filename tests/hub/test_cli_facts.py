"""`meter-hub system`, `meter` and `import-csv` as people use them to say what they know, and to look at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import HubError
from tests.hub.conftest import SYSTEM
from tests.hub.making import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from hub.store.database import Database

EVIDENCE = "ab" * 32


@pytest.fixture
def folder(registered: Database, tmp_path: Path) -> Path:
    """Return the folder of a hub with a system, a device and its meter WN-1001."""
    assert registered.path.is_relative_to(tmp_path)
    return tmp_path / "hub"


def run(folder: Path, *arguments: object) -> Result:
    """Run a command on the hub in `folder`; a sentence for people comes as an exception here."""
    return CliRunner().invoke(app, [*map(str, arguments), "--data", str(folder)])


def told(folder: Path, *arguments: object) -> dict[str, Any]:
    """Run a command that must succeed and return what it tells machines."""
    done = run(folder, *arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_system_is_registered_with_all_that_is_known(tmp_path: Path) -> None:
    """Every option arrives, and `show` tells it to people and machines."""
    details = (
        "--capacity-kw-ac", "6", "--technology", "pv", "--in-service-on", "2014-05-01", "--annual-kwh", "9000",
        "--gis-asset", "NON12345", "--reporting-mode", "manual", "--funded", "yes", "--latitude", "42.262593",
        "--longitude", "-71.802293", "--tilt", "30", "--azimuth", "180", "--zip", "01608", "--town", "Worcester",
        "--programme", "srec_2", "--programme-from", "2014-05-01", "--programme-until", "2024-04-30", "--factor", "0.8",
        "--actor", "Ada",
    )  # fmt: skip
    folder = tmp_path / "new"
    assert run(folder, "system", "add", SYSTEM, "--capacity-kw-dc", "7.5", *details).exit_code == 0
    shown = told(folder, "system", "show", SYSTEM, "--on", "2020-01-01")
    known = shown["facts"]
    assert {name: known[name] for name in known if name not in {"version", "recorded"}} == {
        "system": SYSTEM, "name": SYSTEM, "effective_on": "1970-01-01", "capacity_w_dc": 7500, "capacity_w_ac": 6000,
        "technology": "pv", "in_service_on": "2014-05-01", "annual_wh_estimated": 9_000_000, "gis_asset": "NON12345",
        "reporting_mode": "manual", "is_funded": True, "latitude_microdegrees": 42_262_593,
        "longitude_microdegrees": -71_802_293, "tilt_degrees": 30, "azimuth_degrees": 180, "zip_code": "01608",
        "town": "Worcester",
    }  # fmt: skip
    people = run(folder, "system", "show", SYSTEM, "--on", "2020-01-01").stdout
    assert "programme: srec_2 from 2014-05-01 to 2024-04-30, factor 0.80" in people
    assert "programme: none" in run(folder, "system", "show", SYSTEM, "--on", "2024-05-01").stdout
    assert "Ada" in people


def test_a_system_is_amended_from_a_day_on(folder: Path) -> None:
    """People are told what holds then, whether that is new, and from when on something else does."""
    grown = ("system", "amend", SYSTEM, "--from", "2018-03-01", "--reason", "grew", "--capacity-kw-dc", "9.2")
    assert "capacity_w_dc: 9200" in run(folder, *grown).stdout
    assert "nothing was changed" in run(folder, *grown).stdout
    moved = ("system", "amend", SYSTEM, "--from", "2016-01-01", "--reason", "never said", "--town", "Worcester")
    assert "from 2018-03-01 on other facts hold" in run(folder, *moved).stdout
    forgotten = told(folder, *moved[:-2], "--forget", "town")
    assert (forgotten["town"], forgotten["capacity_w_dc"]) == ("", 7500)
    programme = told(folder, "system", "programme", SYSTEM, "class_1", "--from", "2024-05-01")
    assert (programme["programme"], programme["until_on"], programme["factor_percent"]) == ("class_1", None, 100)


def test_a_meter_is_described_and_exchanged_by_two(folder: Path) -> None:
    """What is asked for by one waits until another approves it."""
    described = told(
        folder, "meter", "describe", "WN-1001", "--system", SYSTEM, "--accuracy", "0.5", "--ansi", "C12.20-2010",
        "--ct-ratio", "200:5", "--ct-class", "0.3", "--tested-on", "2014-04-01", "--seal", "7", "--initial-kwh", "3",
        "--initial-at", "2014-05-01 12:00", "--modulus-kwh", "100000", "--revenue-grade", "yes", "--das", "yes",
    )  # fmt: skip
    assert (described["accuracy_class_ppm"], described["initial_at"]) == (5000, "2014-05-01T16:00:00Z")
    assert "ct_ratio: 200:5" in run(folder, "meter", "show", "WN-1001", "--system", SYSTEM).stdout
    asked = told(
        folder, "meter", "exchange", "WN-1001", "--system", SYSTEM, "--at", "2016-07-12 12:00", "--final-kwh", "5000",
        "--new-serial", "WN-2002", "--initial-kwh", "0.012", "--evidence", EVIDENCE, "--actor", "Ada",
    )  # fmt: skip
    assert (asked["number"], asked["decision"], asked["initial_wh"]) == (1, None, 12)
    assert "waits for a decision" in run(folder, "meter", "exchanges", "--waiting").stdout
    own = run(folder, "meter", "approve-exchange", 1, "--actor", "Ada")
    assert isinstance(own.exception, HubError)
    assert "somebody else must decide" in str(own.exception)
    assert "approved by Bob" in run(folder, "meter", "approve-exchange", 1, "--actor", "Bob").stdout
    assert told(folder, "meter", "exchanges", "--waiting") == {"exchanges": [], "next": None}
    (listed,) = told(folder, "meter", "exchanges", "--system", SYSTEM)["exchanges"]
    assert listed["decision"]["decided_by"] == "Bob"
    assert told(folder, "meter", "show", "WN-1001", "--system", SYSTEM)["final_wh"] == 5_000_000


def test_an_exchange_is_refused_with_a_reason(folder: Path) -> None:
    """And the meter goes on."""
    run(
        folder, "meter", "exchange", "WN-1001", "--system", SYSTEM, "--at", "2016-07-12 12:00", "--final-kwh", "5",
        "--new-serial", "WN-2002", "--initial-kwh", "0", "--evidence", EVIDENCE, "--actor", "Ada",
    )  # fmt: skip
    refused = run(folder, "meter", "approve-exchange", 1, "--refuse", "--reason", "blurred", "--actor", "Bob")
    assert "refused by Bob" in refused.stdout
    assert told(folder, "meter", "show", "WN-1001", "--system", SYSTEM)["ended_at"] is None


def test_a_table_is_tried_and_then_imported(folder: Path, tmp_path: Path) -> None:
    """A dry run tells what would come in; a wrong row is told with its line, and nothing comes in."""
    file, report = tmp_path / "systems.csv", tmp_path / "report.csv"
    heading = run(folder.parent, "csv-layout", "systems")
    assert heading.exit_code != 0
    file.write_text("pts_id,capacity_kw_dc\nA-1,5\nA-2,7,5\nA-3,1e3\n")
    dry = run(folder, "import-csv", "systems", file, "--dry-run", "--report", report)
    assert dry.exit_code == 2
    assert dry.stdout.splitlines()[0] == "3 rows: 1 would be added, 0 would be completed, 0 unchanged, 2 refused"
    assert "write thousands without commas" in dry.stdout
    assert [line.split(",")[:5] for line in report.read_text().splitlines()] == [
        ["line", "subject", "outcome", "column", "code"],
        ["2", "A-1", "added", "", ""],
        ["3", "", "refused", "", "COLUMN_COUNT"],
        ["4", "A-3", "refused", "capacity_kw_dc", "SCIENTIFIC"],
    ]
    real = run(folder, "import-csv", "systems", file, "--json")
    assert (real.exit_code, json.loads(real.stdout)["is_saved"]) == (2, False)
    file.write_text("pts_id,capacity_kw_dc\nA-1,5\n")
    assert "import it without --dry-run" in run(folder, "import-csv", "systems", file, "--dry-run").stdout
    done = told(folder, "import-csv", "systems", file, "--actor", "Ada")
    assert (done["added"], done["is_saved"], done["findings"]) == (1, True, [])
    assert run(folder, "import-csv", "systems", file).stdout.startswith("1 row: 0 added")


def test_a_report_holds_no_formula_of_the_file_it_is_about(folder: Path, tmp_path: Path) -> None:
    """Whoever opens it in a spreadsheet runs nothing that a stranger wrote."""
    file, report = tmp_path / "meters.csv", tmp_path / "report.csv"
    file.write_text('system,serial\n"=HYPERLINK(1)",5\n@SUM(A1),6\n')
    assert run(folder, "import-csv", "meters", file, "--dry-run", "--report", report).exit_code == 2
    assert [line.split(",")[1][:2] for line in report.read_text().splitlines()[1:]] == ["'=", "'@"]


def test_the_columns_of_a_table_are_told() -> None:
    """So that nobody must guess what a heading may hold."""
    assert CliRunner().invoke(app, ["csv-layout", "readings"]).stdout == "system,serial,make,read_at,register_kwh\n"
    told_json = json.loads(CliRunner().invoke(app, ["csv-layout", "meters", "--json"]).stdout)
    assert (told_json["layout"], told_json["columns"][0]) == ("meters", "system")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("system", "add", "A-1", "--capacity-kw-dc", "5", "--latitude", "42"), "longitude is empty"),
        (("system", "add", "A-1", "--capacity-kw-dc", "5", "--programme", "x"), "programme: 'x' is none of the words"),
        (("system", "amend", SYSTEM, "--from", "7/1/2016", "--reason", "x"), "YYYY-MM-DD"),
        (("system", "amend", SYSTEM, "--from", "2016-07-01", "--reason", ""), "say why"),
        (("system", "programme", SYSTEM, "", "--from", "2016-07-01"), "programme_from_on is said, but not"),
        (("system", "programme", SYSTEM, "", "--from", ""), "name the programme"),
        (("system", "show", "NOPE"), "'NOPE' is not registered"),
        (("meter", "describe", "WN-1001", "--system", SYSTEM, "--accuracy", "2%"), "accuracy_class_percent: '2%'"),
        (("meter", "show", "X", "--system", SYSTEM), "its meters are WN-1001"),
        (("meter", "approve-exchange", "7", "--actor", "Bob"), "no exchange 7"),
        (("import-csv", "systems", "/does/not/exist.csv"), "/does/not/exist.csv cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(folder: Path, registered: Database, arguments: tuple[str, ...], words: str) -> None:
    """It names the thing, and nothing changes."""
    counts = "SELECT (SELECT count(*) FROM system_version), (SELECT count(*) FROM meter_version)"
    before = fetch(registered, counts)
    done = run(folder, *arguments)
    assert isinstance(done.exception, HubError)
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    assert fetch(registered, counts) == before
