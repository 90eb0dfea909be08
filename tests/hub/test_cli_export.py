"""`meter-hub export` as a person uses it: a file out, the same file again, one sentence for every mistake."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import InputError
from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.open_hub import open_hub
from hub.store import facts
from hub.store.facts import Recorded
from tests.hub.reporting import FEB, JAN, MADE_AT, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"12345,01/2024,0.616\n12345,02/2024,0.4\n12345,03/2024,1\n"


def run(*arguments: object) -> str:
    """Run `meter-hub export` and return what it prints; raises what it refuses with."""
    done = CliRunner().invoke(app, ["export", *map(str, arguments)], catch_exceptions=False)
    return done.output


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the folder of a hub that closed the first quarter of 2024, with one system that has no unit."""
    folder = tmp_path / "hub"
    database = open_hub(folder, new_timeline=b"timeline", at=MADE_AT)
    add_system(database, gis_asset="NON12345")
    add_system(database, OTHER)
    programme = Programme(SYSTEM, ProgrammeName.SREC_2, date(2020, 1, 1), factor_percent=80)
    with database.write() as connection:
        facts.add_programmes(connection, [programme], Recorded("test", MADE_AT))
    meter = add_meter(database)
    for month, register_wh in ((JAN, 615_500), (FEB, 1_015_000), (MAR, 2_015_499)):
        enter(database, meter.meter, month, register_wh)
        close_month(database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)
    database.close()
    return folder


def test_a_quarter_is_written_out_listed_and_written_again(data: Path, tmp_path: Path) -> None:
    """The file is the registry's to the byte, both times; the list and JSON say what it is."""
    first, second = tmp_path / "q1.csv", tmp_path / "again.csv"
    said = json.loads(run("quarter", "2024-Q1", "--kind", "final", "--out", first, "--data", data, "--json"))
    assert first.read_bytes() == CONTENT
    assert (said["export"], said["kind"], said["rows"], said["new"], said["bytes"]) == (1, "final", 3, True, 54)
    assert "same as before" in run("quarter", "2024-Q1", "--kind", "final", "--out", second, "--data", data)
    (listed,) = json.loads(run("list", "--data", data, "--json", "--quarter", "2024-Q1"))["exports"]
    assert listed["sha256"] == said["sha256"]
    assert "nepool-gis" in run("list", "--data", data)
    second.unlink()
    assert "file 1, nepool-gis, final, of 2024-Q1" in run("get", 1, "--out", second, "--data", data)
    assert json.loads(run("get", 1, "--out", second, "--data", data, "--json"))["export"] == 1
    assert second.read_bytes() == CONTENT


def test_what_is_left_out_is_told(data: Path, tmp_path: Path) -> None:
    """A person sees beside the file which months are not in it, and why."""
    database = open_hub(data, new_timeline=b"timeline", at=MADE_AT)
    enter(database, add_meter(database, "PV-2", OTHER).meter, JAN, 100_000)
    close_month(database, JAN, RunKind.AMEND, actor="test", now=window_of(JAN).closes_at, reason="late")
    database.close()
    told = run("quarter", "2024-Q1", "--out", tmp_path / "q1.csv", "--data", data)
    assert "file 1, nepool-gis, preliminary, of 2024-Q1, made: 3 lines, no months estimated" in told
    assert f"left out {OTHER} 2024-01: it was in no programme then" in told


def test_the_dates_of_a_quarter_are_shown(data: Path) -> None:
    """When it is sent, when its certificates come and until when they are traded."""
    told = run("calendar", "2024-Q1", "--data", data)
    assert "is sent 2024-07-10, created as certificates 2024-07-15 and traded until 2024-09-15" in told
    assert json.loads(run("calendar", "2024-Q3", "--data", data, "--json"))["created_on"] == "2025-01-15"


def test_certificates_of_a_system_are_shown(data: Path) -> None:
    """What a month sends, what of it counts, whole certificates and the rest."""
    shown = json.loads(run("certificates", SYSTEM, "--data", data, "--json"))
    assert (shown["unit"], shown["systems"], shown["certificates"]) == ("12345", [SYSTEM], 1)
    assert shown["remainder_wh"] == 612_800
    assert [month["certificates"] for month in shown["months"]] == [0, 0, 1]
    table = run("certificates", SYSTEM, "--data", data)
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["2024-01", "2024-02", "2024-03"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("quarter", "2024", "--out", "x"), "'2024' is not a production quarter"),
        (
            ("quarter", "2024-Q2", "--kind", "final", "--out", "x"),
            "2024-04 and 2024-05 and 2024-06 of 2024-Q2",
        ),
        (("quarter", "2024-Q1", "--layout", "m-rets", "--out", "x"), "'' is no reporting id"),
        (("quarter", "2024-Q1", "--out", "/dev/null"), "is no ordinary file"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(data: Path, arguments: tuple[str, ...], words: str) -> None:
    """The sentence names the thing and what to do."""
    with pytest.raises(InputError, match=words):
        run(*arguments, "--data", data)
