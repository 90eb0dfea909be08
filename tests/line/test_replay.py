"""The whole line with real processes: what was measured is what is reported, also when programs are killed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.broker import find_mosquitto

RUN_SECONDS = 110
FACTORS = {
    "SIM-PV0001-00001": (Fraction(1), 100),
    "SIM-PV0002-00002": (Fraction(3, 2), 100),
    "SIM-PV0003-00003": (Fraction(4), 1),
    "SIM-PV0004-00004": (Fraction(10), 10),
}
"""Each system's capacity factor and its meter's resolution in Wh."""
FROM, UNTIL = datetime(2016, 7, 28, 7, tzinfo=UTC), datetime(2016, 8, 5, 7, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

Rows = list[tuple[datetime, Fraction]]


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a short series over the end of a month: cut from the measured one where that exists, else made up."""
    path = tmp_path_factory.mktemp("series") / "short.csv"
    measured = os.environ.get("METERLINE_PV_CSV")
    rows = measured_rows(Path(measured)) if measured and Path(measured).exists() else made_up_rows()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["measured_on", "ac_power"])
        writer.writerows(rows)
    return path


def measured_rows(path: Path) -> list[tuple[str, str]]:
    """Return the measured rows between FROM and UNTIL, as printed."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["measured_on"], row["ac_power"]) for row in csv.DictReader(file)]
    return [row for row in rows if FROM <= datetime.fromisoformat(row[0]) < UNTIL]


def made_up_rows() -> list[tuple[str, str]]:
    """Return rows like measured ones: slightly negative at night, four decimals by day."""
    count = (UNTIL - FROM) // QUARTER
    hours = [((n + 28) % 96 - 48) / 4 for n in range(count)]
    powers = ["-2.8601" if abs(hour) > 7 else f"{4300 - 80 * hour * hour + n % 7:.4f}" for n, hour in enumerate(hours)]
    return [((FROM + n * QUARTER).isoformat(), power) for n, power in enumerate(powers)]


def read_rows(path: Path) -> Rows:
    """Return instants and powers, negatives as zero."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (datetime.fromisoformat(row["measured_on"]), max(Fraction(row["ac_power"]), Fraction(0)))
            for row in csv.DictReader(file)
        ]


def register_wh(rows: Rows, at: datetime, factor: Fraction, resolution_wh: int) -> int:
    """Return what a register shows at `at`: all rows' quarter hours before it, floored at its resolution."""
    energy = sum((power * factor / 4 for start, power in rows if start + QUARTER <= at), Fraction(0))
    return energy // resolution_wh * resolution_wh


def run_replay(series: Path, *options: str) -> dict[str, object]:
    """Run the command as a person would, and return its last line; its exit code must be good."""
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "replay", "--pv", str(series), "--json", *options],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def check(result: dict[str, object], series: Path) -> None:
    """Check a result against the file alone: counts, and each month's register readings and their difference."""
    rows = read_rows(series)
    assert result["readings_taken"] == result["readings_stored"] == len(rows) * len(FACTORS)
    assert (result["lost"], result["duplicated"], result["mismatched"]) == (0, 0, 0)
    months = result["months"]
    assert isinstance(months, list)
    assert [(month["system"], month["month"]) for month in months] == [
        (system, month) for system in FACTORS for month in ("2016-07", "2016-08")
    ]
    edge = datetime(2016, 8, 1, tzinfo=ZoneInfo("America/New_York"))
    for month in months:
        factor, resolution_wh = FACTORS[month["system"]]
        instants = (rows[0][0], edge) if month["month"] == "2016-07" else (edge, rows[-1][0])
        opening, closing = (register_wh(rows, at, factor, resolution_wh) for at in instants)
        assert month["resolution_wh"] == resolution_wh
        assert [datetime.fromisoformat(month[side]["read_at"]) for side in ("from", "to")] == list(instants)
        assert [month[side]["register_wh"] for side in ("from", "to")] == [opening, closing]
        assert month["production_wh"] == closing - opening
        assert month["production_wh"] > 0
        assert month["capacity_factor"] == float(factor)


@pytest.mark.parametrize("broker", ["mosquitto", "embedded", "none"])
def test_reported_months_equal_the_integral(series: Path, broker: str) -> None:
    """Nothing is lost or doubled, and production is the integral to the meter's resolution, whatever carries it."""
    if broker == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    result = run_replay(series, "--broker", broker)
    assert result["broker"] == broker
    check(result, series)


@pytest.mark.parametrize("program", ["hub", "edge", "broker"])
def test_a_killed_program_changes_no_number(series: Path, program: str) -> None:
    """SIGKILL in mid-replay and a new start change neither a count nor a month."""
    result = run_replay(series, "--kill", program, "--kill", program)
    assert result["killed"] == [program, program]
    check(result, series)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("measured_on,power\n2016-07-01 00:00:00-07:00,1\n", ("ac_power", "line 1")),
        ("measured_on,ac_power\n2016-07-01 00:00:00-07:00,many\n", ("'many'", "line 2")),
        (
            "measured_on,ac_power\n2016-07-01 00:15:00-07:00,1\n2016-07-01 00:00:00-07:00,1\n",
            ("line 3", "2016-07-01 00:00:00-07:00"),
        ),
    ],
)
def test_a_bad_file_is_one_sentence_and_no_work(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    """A missing column, a non-number, and time going backwards are named with file and line; nothing is started."""
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    work = tmp_path / "work"
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "replay", "--pv", str(path), "--work-dir", str(work)],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert str(path) in sentence
    for word in words:
        assert word in sentence
    assert not work.exists()
