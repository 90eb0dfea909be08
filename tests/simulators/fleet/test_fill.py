"""A fleet with years behind it: what it is made of, that the hub took all of it, and that every page has something."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from hub.rules.audit_chain import find_broken
from hub.rules.closing import RunKind
from hub.rules.permissions import Role
from hub.services.open_hub import open_hub
from hub.services.verify_month import verify_month
from hub.store import accounts, audit_log, months
from simulators.errors import SimulatorError
from simulators.fleet.fill import Filled, FleetPlan, fill_fleet
from simulators.fleet.plan import SYSTEMS_MAX, Trouble, plan_systems
from tests.hub.making import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.database import Database

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SYSTEMS, MONTHS = 20, 13


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Filled]:
    """Return a hub's folder with a year of twenty systems, and what is in it."""
    folder = tmp_path_factory.mktemp("fleet") / "hub"
    heard: list[tuple[int, int]] = []
    filled = fill_fleet(FleetPlan(folder, NOW, SYSTEMS, 1), lambda done, every: heard.append((done, every)))
    assert heard == [(done, MONTHS) for done in range(1, MONTHS + 1)]
    return folder, filled


@pytest.fixture
def database(made: tuple[Path, Filled]) -> Iterator[Database]:
    """Return its database."""
    opened = open_hub(made[0], new_timeline=b"timeline", at=0)
    yield opened
    opened.close()


def counted(database: Database, statement: str) -> dict[str, int]:
    """Return what a query counts by name."""
    return {str(name): int(str(number)) for name, number in fetch(database, statement)}


def test_the_plan_is_the_same_for_a_seed_and_draws_every_trouble() -> None:
    """And another for another; no two systems share an id or a meter."""
    planned = plan_systems(26, 1, date(2024, 11, 1))
    assert planned == plan_systems(26, 1, date(2024, 11, 1))
    assert planned != plan_systems(26, 2, date(2024, 11, 1))
    assert {one.trouble for one in planned} == set(Trouble)
    most = plan_systems(SYSTEMS_MAX, 1, date(2024, 11, 1))
    assert len({one.pts_id for one in most}) == len({one.serial for one in most}) == SYSTEMS_MAX
    assert all(one.capacity_kw <= 10 for one in most if not one.is_automatic), "else nobody may report by hand"


def test_the_hub_took_all_of_it(database: Database, made: tuple[Path, Filled]) -> None:
    """Every block is intact and counts, no reading came twice otherwise, and the audit log's chain is whole."""
    assert (made[1].systems, made[1].months) == (SYSTEMS, MONTHS)
    for table in ("block_aside", "underived", "reading_conflict"):
        assert fetch(database, f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - our own names
    readings = int(str(fetch(database, "SELECT count(*) FROM reading")[0][0]))
    assert readings > 12 * 350 * 24
    with database.read() as connection:
        assert find_broken(list(audit_log.iterate_audit(connection))) is None


def test_the_meter_that_was_put_in_counts(database: Database) -> None:
    """Of its system every month is reported, that of the exchange by both meters."""
    (system,) = fetch(database, "SELECT m.system FROM meter_exchange AS e JOIN meter AS m ON m.id = e.old_meter")[0]
    reported = counted(
        database,
        f"SELECT month, max(production_wh) FROM system_month WHERE system = '{system}' GROUP BY 1",  # noqa: S608 - our own
    )
    assert len(reported) == MONTHS - 1
    assert min(reported.values()) > 0


def test_months_are_closed_and_come_out_again(database: Database) -> None:
    """Each that is over, by the ledger alone; what was mistyped was amended, what was forgotten is known as that."""
    with database.read() as connection:
        runs = [run for run, _ in months.list_runs(connection)]
    closed = [run.month for run in runs if run.kind == RunKind.CLOSE]
    assert len(closed) == len(set(closed)) == MONTHS - 1
    assert any(run.kind == RunKind.AMEND for run in runs)
    assert verify_month(database, closed[3]).differences == ()
    states = counted(database, "SELECT state, count(*) FROM system_month GROUP BY 1")
    assert states["reported"] > 12 * (SYSTEMS - 4)
    assert len(states) > 1, "something was not reported"


def test_what_waits_for_somebody_waits(database: Database) -> None:
    """A review, a change, a device that nobody knows and one that was never heard, and alerts."""
    outcomes = counted(database, "SELECT outcome, count(*) FROM submission GROUP BY 1")
    assert (outcomes["review"] > 0, outcomes.get("refused", 0)) == (True, 0)
    with database.read() as connection:
        waiting = audit_log.list_audit(connection, action="request change", limit=10)
    assert len(waiting) == 1
    assert fetch(database, "SELECT count(*) FROM unknown_device") == [(1,)]
    alerts = counted(database, "SELECT code, count(*) FROM alert WHERE ended_at IS NULL GROUP BY 1")
    assert {"device_silent", "backup_stale"} <= set(alerts)
    assert fetch(database, "SELECT count(*) FROM alert_acknowledgement") == [(1,)]
    for table in ("site_audit", "experience", "meter_exchange_decision", "exported_file", "commissioning"):
        assert int(str(fetch(database, f"SELECT count(*) FROM {table}")[0][0])) > 0, table  # noqa: S608 - our own names


def test_there_is_an_account_of_every_role(database: Database, made: tuple[Path, Filled]) -> None:
    """But that of programs; the password is drawn anew each time and kept nowhere."""
    with database.read() as connection:
        roles = Counter(one.relation.role for one in accounts.list_relations(connection))
    assert set(roles) == set(Role) - {Role.SERVICE}
    assert len(made[1].password) == 19
    assert made[1].password.encode() not in (made[0] / "hub.db").read_bytes()


def test_a_folder_with_a_hub_is_left_alone(made: tuple[Path, Filled], tmp_path: Path) -> None:
    """So is a size that cannot be."""
    before = (made[0] / "hub.db").stat().st_mtime_ns
    with pytest.raises(SimulatorError, match="holds a hub already"):
        fill_fleet(FleetPlan(made[0], NOW))
    assert (made[0] / "hub.db").stat().st_mtime_ns == before
    for systems, years in ((0, 1), (SYSTEMS_MAX + 1, 1), (1, 0)):
        with pytest.raises(SimulatorError, match="name such numbers"):
            fill_fleet(FleetPlan(tmp_path / "new", NOW, systems, years))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("now", ["2026-10-15T12:00:00+00:00", "2026-11-03T12:00:00+00:00", "2026-03-01T05:30:00+00:00"])
def test_whatever_day_it_is(tmp_path: Path, now: str) -> None:
    """Between two windows, in one, and at the edge of a month; a few systems are enough to draw most troubles."""
    filled = fill_fleet(FleetPlan(tmp_path / "hub", datetime.fromisoformat(now), 8, 1, seed=7))
    assert filled.months == MONTHS
