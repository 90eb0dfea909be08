"""Closing a month: what counts, what is estimated later, what changes by amendment; and all of it comes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import InputError, UnknownSubjectError
from hub.rules.closing import RunKind
from hub.rules.reported import Origin
from hub.rules.windows import window_of
from hub.services import close_month as closing
from hub.services.close_month import amend_months, close_month
from hub.services.open_hub import open_hub
from hub.services.verify_month import verify_month
from hub.store import months
from tests.hub.reporting import APR, FEB, JAN, MADE_AT, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    import pathlib

    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database
    from hub.store.months import Result, Run, SystemMonthRow


def run(
    database: Database, month: ProductionMonth, kind: RunKind = RunKind.CLOSE, reason: str = ""
) -> tuple[Run, Result]:
    """Go over a month a minute after its window closed."""
    return close_month(database, month, kind, actor="test", now=window_of(month).closes_at + 60_000, reason=reason)


def kept(database: Database, month: ProductionMonth, system: str = SYSTEM) -> SystemMonthRow:
    """Return what counts of a system's month."""
    with database.read() as connection:
        row = months.find_system_month(connection, system, month)
    assert row is not None
    return row


def test_a_closed_month_has_its_numbers_and_where_they_come_from(database: Database) -> None:
    """Production, state, readings, method, rules and a hash, for every system; what nobody reported is missing."""
    add_system(database)
    add_system(database, OTHER)
    meter = add_meter(database)
    add_meter(database, "PV-2", OTHER)
    entry = enter(database, meter.meter, JAN, 615_500)
    _, result = run(database, JAN)
    assert (result.systems, result.reported, result.missing, result.production_wh) == (2, 1, 1, 615_500)
    row = kept(database, JAN)
    assert (row.state, row.production_wh, row.version) == ("reported", 615_500, 1)
    assert f'"entry":{entry.accepted.id}' in row.basis
    assert '"method":"difference"' in row.basis
    assert '"rules":"2026.11"' in row.basis
    assert kept(database, JAN, OTHER).state == "missing"
    assert verify_month(database, JAN).differences == ()


def test_months_that_were_missed_are_amended_once_a_later_reading_comes(database: Database) -> None:
    """Estimates add up with the month that was read; a quarter that was sent already needs a true-up."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 1_000_000)
    for month in (JAN, FEB, MAR):
        run(database, month)
    assert kept(database, FEB).state == kept(database, MAR).state == "missing"
    enter(database, meter.meter, APR, 1_900_000)
    run(database, APR)
    assert [kept(database, month).production_wh for month in (FEB, MAR, APR)] == [290_000, 310_000, 300_000]
    assert [kept(database, month).state for month in (FEB, MAR, APR)] == ["estimated", "estimated", "reported"]
    assert not kept(database, FEB).is_true_up
    with database.read() as connection:
        kinds = [(str(one.month), one.kind) for one, _ in months.list_runs(connection)]
    assert kinds[-3:] == [("2024-04", "close"), ("2024-02", "amend"), ("2024-03", "amend")]
    for month in (JAN, FEB, MAR, APR):
        assert verify_month(database, month).differences == ()


def test_an_estimate_of_a_quarter_that_was_sent_is_an_item_for_true_up(database: Database) -> None:
    """Nothing that was sent changes silently."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 1_000_000)
    for month in (JAN, FEB, MAR):
        run(database, month)
    last = MAR
    for _ in range(5):
        last = last.next()
    enter(database, meter.meter, last, 2_000_000)
    run(database, last)
    assert kept(database, FEB).is_true_up
    assert kept(database, MAR).is_true_up
    assert not kept(database, last).is_true_up


def test_what_is_closed_changes_by_amendment_only(database: Database) -> None:
    """A correction gives a new version of each month that it touches, and the old ones stay to be seen."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 600_000)
    enter(database, meter.meter, FEB, 900_000)
    run(database, JAN)
    run(database, FEB)
    enter(database, meter.meter, JAN, 500_000, origin=Origin.ADJUSTED, reason="misread")
    with pytest.raises(InputError, match="2024-01 is closed already"):
        run(database, JAN)
    with pytest.raises(InputError, match="needs its reason"):
        run(database, JAN, RunKind.AMEND)
    made = amend_months(database, SYSTEM, [JAN, FEB, MAR], actor="test", now=MADE_AT + 10**11, reason="misread")
    assert [str(one.month) for one in made] == ["2024-01", "2024-02"]
    assert [kept(database, month).production_wh for month in (JAN, FEB)] == [500_000, 400_000]
    with database.read() as connection:
        every = months.list_system_months(connection, SYSTEM, every_version=True)
    assert [(str(row.month), row.version, row.production_wh) for row in every] == [
        ("2024-02", 2, 400_000),
        ("2024-02", 1, 300_000),
        ("2024-01", 2, 500_000),
        ("2024-01", 1, 600_000),
    ]
    assert amend_months(database, SYSTEM, [JAN, FEB], actor="test", now=MADE_AT + 10**11, reason="again") == ()
    assert verify_month(database, JAN).differences == ()


def test_a_month_is_not_closed_before_its_window(database: Database) -> None:
    """Until then it can be looked at, as often as one likes."""
    add_system(database)
    early = window_of(JAN).closes_at - 1
    with pytest.raises(InputError, match="can be reported until 2024-02-06T05:00:00Z"):
        close_month(database, JAN, RunKind.CLOSE, actor="test", now=early)
    for version in (1, 2):
        close_month(database, JAN, RunKind.PROVISIONAL, actor="test", now=early)
        assert kept(database, JAN).version == version


def test_a_run_that_was_broken_off_counts_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what it stored nor the month's state: the next run is as if it had never been."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 600_000)
    with monkeypatch.context() as broken:
        broken.setattr(closing, "_sum_up", lambda _rows: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(database, JAN)
    with database.read() as connection:
        assert months.find_system_month(connection, SYSTEM, JAN) is None
        assert months.list_system_months(connection, SYSTEM) == ()
        assert months.list_runs(connection) == ()
    run(database, JAN)
    assert (kept(database, JAN).production_wh, kept(database, JAN).version) == (600_000, 2)
    assert verify_month(database, JAN).runs == 1


def test_two_closings_beside_each_other_are_one(database: Database) -> None:
    """The later to end finds the month closed, and counts nothing."""
    add_system(database)
    going = closing._Going(database, actor="slow", now=window_of(JAN).closes_at)
    slow = going.begin(JAN, RunKind.CLOSE, "")
    run(database, JAN)
    with pytest.raises(InputError, match="closed already"):
        going.end(slow)


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        ("UPDATE system_month SET production_wh = production_wh + 1", "the ledger gives 600000 Wh"),
        ("UPDATE system_month SET basis = replace(basis, 'difference', 'guess')", "the ledger gives 600000 Wh"),
        ("UPDATE accepted_reading SET register_wh = 1", "600000 Wh was kept by run 1, and the ledger gives 1 Wh"),
        ("DELETE FROM system_month", "sealed over 1 systems, and 0 are kept"),
        ("UPDATE month_result SET sha256 = 'x'", "sealed over 1 systems, and 1 are kept"),
    ],
)
def test_whatever_is_changed_behind_the_ledger_is_found(database: Database, tampering: str, says: str) -> None:
    """Verification draws everything up again; it believes nothing that was kept."""
    add_system(database)
    meter = add_meter(database)
    enter(database, meter.meter, JAN, 600_000)
    run(database, JAN)
    with database.write() as connection:
        connection.exec_driver_sql(tampering)
    assert says in " ".join(verify_month(database, JAN).differences)


def test_a_month_nobody_went_over_cannot_be_verified(database: Database) -> None:
    """One sentence says what to do."""
    with pytest.raises(UnknownSubjectError, match="nobody went over 2024-01 yet"):
        verify_month(database, JAN)


course = st.lists(st.tuples(st.sampled_from([True, True, False]), st.integers(0, 900_000)), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses=st.lists(course, min_size=1, max_size=3))
def test_closed_months_add_up_whatever_was_missed(
    tmp_path_factory: pytest.TempPathFactory, courses: list[list[tuple[bool, int]]]
) -> None:
    """Month by month, with a system of several meters: the numbers of whole months sum to what the registers moved."""
    folder: pathlib.Path = tmp_path_factory.mktemp("hub")
    database = open_hub(folder, new_timeline=b"timeline", at=MADE_AT)
    add_system(database)
    meters = [add_meter(database, f"PV-{place}").meter for place in range(len(courses))]
    shown = dict.fromkeys(meters, 0)
    month = JAN
    for place in range(max(map(len, courses)) + 1):
        for meter, steps in zip(meters, courses, strict=True):
            is_read, energy_wh = steps[place] if place < len(steps) else (True, 0)
            shown[meter] += energy_wh
            # In the last month everything is read, so that every month has its number in the end.
            if is_read or place == max(map(len, courses)):
                enter(database, meter, month, shown[meter])
        run(database, month)
        month = month.next()
    with database.read() as connection:
        rows = months.list_system_months(connection, SYSTEM)
    assert sum(row.production_wh or 0 for row in rows) == sum(shown.values())
    assert all(row.production_wh is not None for row in rows)
    for row in rows:
        assert verify_month(database, row.month).differences == ()
    database.close()
