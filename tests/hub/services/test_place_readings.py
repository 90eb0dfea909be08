"""Readings from before a device's clock was set: kept as signed, and placed by what the same boot knew later."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from hub.rules.periods import parse_month
from hub.services.accept_blocks import accept_blocks
from hub.services.compute_production import compute_month
from hub.services.export_evidence import Issuer, export_evidence, month_readings
from hub.services.open_hub import open_hub
from hub.services.read_events import read_events
from hub.services.read_fleet import read_fleet
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import boot_clocks
from hub.store import database as store
from hub.store.database import Database
from hub.store.readings import count_unconverted
from hub.store.tables import metadata
from protocol import sequence, wire
from protocol.cose import VerifyingKey
from protocol.evidence import read_head
from protocol.identity import BootId
from protocol.messages import ClockEvent, MeterEvent, Readings, TimeQuality
from protocol.records import STATUS_SUSPECT
from protocol.verification import Terms, arrange, verify
from tests.hub.conftest import SYSTEM
from tests.hub.making import (
    BOOT_ID,
    GENERATED,
    NOW,
    QUARTER_MS,
    TERMS,
    MadeDevice,
    fetch,
    make_key,
    make_meter,
    make_readings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.compute_production import SystemMonth

HOUR_MS = 3_600_000
JULY = parse_month("2016-07")
BOOTED_AT = JULY.ends_at - 2 * HOUR_MS
"""When the device booted: two hours before the month's edge, and it learns the time four hours later."""
BEHIND_MS = 9 * HOUR_MS
"""How far the clock is behind then: it goes on where the last shutdown saved it."""
UNSET, SET = 16, 8
QUARTER_WH = 25
RIGHT_OFFSET_MS = BOOTED_AT - 60_000
"""The device boots at boottime 60 s."""


def polled(first: int, count: int, error_ms: int, quality: TimeQuality, boot_id: BootId | None = None) -> Readings:
    """Return the readings of quarters `first`.. after the boot, under a clock that is wrong by `error_ms`."""
    counts = [10_000 + (first + place) * QUARTER_WH for place in range(count)]
    frame = make_readings(make_meter(), counts, BOOTED_AT + first * QUARTER_MS + error_ms)
    return replace(frame, offset_ms=(RIGHT_OFFSET_MS + error_ms,) * count, quality=(quality,) * count, boot_id=boot_id)


def before_the_boot() -> Readings:
    """Return the reading with which July opens, of an earlier boot."""
    frame = make_readings(make_meter(), [5000], JULY.starts_at)
    return replace(frame, boot_id=BootId(b"past"))


def july(database: Database) -> SystemMonth:
    """Return the system's July."""
    with database.read() as connection:
        return compute_month(connection, SYSTEM, JULY)


def findings_of(database: Database, now: int) -> list[str]:
    """Return the codes of what is said of the fleet."""
    with database.read() as connection:
        return [finding.code for finding in read_fleet(connection, now).findings]


def made_device(*, error_ms: int = -BEHIND_MS, learns: bool = True) -> MadeDevice:
    """Return a device that boots with a wrong clock, polls, and perhaps learns the time, one block an hour."""
    device = MadeDevice()
    device.seal(make_meter(), before_the_boot())
    for first in range(0, UNSET, 4):
        device.seal(polled(first, 4, error_ms, TimeQuality.UNKNOWN))
    if learns:
        device.seal(polled(UNSET, SET, 0, TimeQuality.SYNCHRONISED))
    return device


def readings_in(database: Database) -> list[tuple[object, ...]]:
    """Return all stored readings but where they came from."""
    return fetch(
        database,
        "SELECT read_at, boottime_ms, raw, time_quality, poll_status FROM reading ORDER BY boottime_ms, read_at",
    )


def test_energy_lies_in_the_month_in_which_it_was_made(registered: Database) -> None:
    """A device boots offline before the month's edge with a clock nine hours behind: July ends at its edge."""
    device = made_device()
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    month = july(registered)
    (part,) = month.meters
    closing = part.production.closing
    assert closing is not None
    assert (closing.read_at, closing.register_wh) == (JULY.ends_at, 10_000 + 8 * QUARTER_WH)
    assert month.production.production_wh == 5_000 + 8 * QUARTER_WH
    assert month.production.complete
    assert [str(finding.kind) for finding in part.production.findings] == ["time_placed"]
    assert "before the device's clock was set" in part.production.findings[0].text


def test_what_was_signed_stays_as_it_was_read(registered: Database) -> None:
    """Each reading from before the clock was set is there twice: at its signed instant, and placed, and so marked."""
    accept_blocks(registered, made_device().arrivals(), TERMS, NOW)
    rows = fetch(
        registered,
        "SELECT poll_status, count(*), min(read_at), max(read_at) FROM reading WHERE time_quality = 0"
        " GROUP BY poll_status ORDER BY poll_status",
    )
    last_at = BOOTED_AT + (UNSET - 1) * QUARTER_MS
    assert rows == [
        (0, UNSET, BOOTED_AT - BEHIND_MS, last_at - BEHIND_MS),
        (16, UNSET, BOOTED_AT, last_at),
    ]


@pytest.mark.parametrize(
    "word",
    [
        ClockEvent(10, 0, RIGHT_OFFSET_MS, source=2, error_ms=0),
        polled(UNSET, 1, 0, TimeQuality.HOLDOVER),
        polled(UNSET, 1, 0, TimeQuality.SATELLITE),
    ],
)
def test_any_synchronised_word_of_the_boot_places_its_readings(
    registered: Database, word: ClockEvent | Readings
) -> None:
    """A clock event from NTP alone, holdover after it, or a satellite receiver: each says what the time was."""
    device = made_device(learns=False)
    device.seal(word)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert july(registered).production.production_wh == 5_000 + 8 * QUARTER_WH


@pytest.mark.parametrize(
    "word",
    [
        ClockEvent(10, 0, RIGHT_OFFSET_MS, source=5, error_ms=0),
        polled(UNSET, 1, 0, TimeQuality.SYNCHRONISED, BootId(b"next")),
        polled(UNSET, 1, 0, TimeQuality.INFORMATIVE),
    ],
)
def test_nothing_else_places_a_reading(registered: Database, word: ClockEvent | Readings) -> None:
    """A clock set by an operator, another boot, or a battery clock leaves readings where they were read."""
    device = made_device(learns=False)
    device.seal(word)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT count(*) FROM reading WHERE poll_status & 16") == [(0,)]
    assert not july(registered).production.complete


def test_a_clock_that_was_right_is_believed_later(registered: Database) -> None:
    """Readings of a clock that turns out right stand where they are, without a second row or a finding."""
    device = made_device(error_ms=400)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    month = july(registered)
    (part,) = month.meters
    assert (month.production.complete, part.production.findings) == (True, ())
    assert part.production.closing is not None
    assert (part.production.closing.placing, part.production.closing.read_at) == ("confirmed", JULY.ends_at + 400)
    assert fetch(registered, "SELECT count(*) FROM reading WHERE poll_status & 16") == [(0,)]


def test_a_register_that_fell_before_the_clock_was_set_is_found(registered: Database) -> None:
    """A step down among placed readings is one of the month in which it was."""
    device = MadeDevice()
    fell = replace(polled(0, 2, -BEHIND_MS, TimeQuality.UNKNOWN), registers={0: (9_000, 8_000)})
    device.seal(make_meter(), before_the_boot())
    device.seal(fell)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT read_at FROM register_drop") == []
    device.seal(polled(UNSET, SET, 0, TimeQuality.SYNCHRONISED))
    accept_blocks(registered, device.arrivals(2), TERMS, NOW)
    assert fetch(registered, "SELECT read_at FROM register_drop") == [(BOOTED_AT + QUARTER_MS,)]
    (part,) = july(registered).meters
    assert "register_decreased" in [str(finding.kind) for finding in part.production.findings]


def test_a_placed_reading_is_proved_by_what_was_signed(registered: Database) -> None:
    """The evidence behind a month that a placed reading closes is borne out by the device's own blocks."""
    accept_blocks(registered, made_device().arrivals(), TERMS, NOW)
    issuer = Issuer(make_key(99), b"timeline", NOW)
    with registered.read() as connection:
        evidence = export_evidence(connection, month_readings(connection, SYSTEM, JULY), issuer)
    assert JULY.ends_at - BEHIND_MS in [claim.read_at for claim in evidence.claims]
    first, *messages = sequence.split(evidence.bundle)
    head = read_head(first)
    keys = tuple(VerifyingKey.from_spki(spki) for spki in head.enrolment_keys)
    report = verify(arrange(messages), Terms(hub_key=issuer.key.public, enrolment_keys=keys, claims=head.claims))
    assert sum("is borne out by block" in one.message for one in report.findings) == 2
    assert [one for one in report.findings if one.severity.value == "error" and one.level.value < 3] == []


def test_a_drop_of_readings_that_were_placed_is_forgotten(registered: Database) -> None:
    """Where a battery clock years ahead saw the register go down, nothing did: it did so where the readings belong."""
    device = MadeDevice()
    ahead = polled(0, 2, 10 * HOUR_MS, TimeQuality.INFORMATIVE)
    device.seal(make_meter(), replace(ahead, registers={0: (9_000, 8_000)}))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT read_at FROM register_drop") == [(ahead.read_at[1],)]
    device.seal(polled(UNSET, SET, 0, TimeQuality.SYNCHRONISED))
    accept_blocks(registered, device.arrivals(1), TERMS, NOW)
    assert fetch(registered, "SELECT read_at FROM register_drop") == [(BOOTED_AT + QUARTER_MS,)]


@pytest.mark.parametrize("days", [0, 40])
def test_what_happened_before_the_clock_was_set_happened_in_its_month(registered: Database, days: int) -> None:
    """A jump is stated at the instants of its readings, however wrong these are, and is placed as they are."""
    error_ms = -BEHIND_MS - days * 24 * HOUR_MS
    device = MadeDevice()
    device.seal(make_meter(), before_the_boot())
    frame = polled(0, 8, error_ms, TimeQuality.UNKNOWN)
    before, after = ((frame.read_at[row], frame.registers[0][row]) for row in (2, 4))
    device.seal(frame, MeterEvent(0, frame.read_at[7], "confirmed", 0, before, after))
    device.seal(polled(UNSET, SET, 0, TimeQuality.SYNCHRONISED))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        (view,) = read_events(connection, SYSTEM, 5)
    instants = [view.stated.at, *[one.read_at for one in (view.stated.before, view.stated.after) if one]]
    assert instants == [BOOTED_AT + row * QUARTER_MS for row in (7, 2, 4)]
    (part,) = july(registered).meters
    assert part.production.production_wh is None
    assert "register_break" in [str(finding.kind) for finding in part.production.findings]


def test_a_reading_that_was_placed_is_not_misdated(registered: Database) -> None:
    """One of a battery clock years ahead carries a true time once its boot knows it: nobody need set the clock."""
    ahead_ms = 5 * 366 * 24 * HOUR_MS
    device = made_device(learns=False)
    device.seal(polled(UNSET, 4, ahead_ms, TimeQuality.INFORMATIVE))
    at = JULY.ends_at + 24 * HOUR_MS
    accept_blocks(registered, device.arrivals(), TERMS, at)
    assert findings_of(registered, at) == ["reading_misdated"]
    device.seal(polled(UNSET + 4, 4, 0, TimeQuality.SYNCHRONISED))
    accept_blocks(registered, device.arrivals(6), TERMS, at)
    assert findings_of(registered, at) == []


def test_a_reading_without_energy_is_counted_once(registered: Database) -> None:
    """It stands there twice, as read and placed, and is one reading that could not be turned into Wh."""
    device, meter = MadeDevice(), make_meter(register=replace(GENERATED, unit="varh"))
    frames = polled(0, UNSET, -BEHIND_MS, TimeQuality.UNKNOWN), polled(UNSET, SET, 0, TimeQuality.SYNCHRONISED)
    device.seal(meter, *[replace(frame, descriptor=wire.describe(meter)) for frame in frames])
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT count(*) FROM reading") == [(2 * UNSET + SET,)]
    with registered.read() as connection:
        (odd,) = count_unconverted(connection)
    assert odd.readings == UNSET + SET


def test_readings_to_be_placed_are_found_without_the_others(registered: Database) -> None:
    """However many readings a register has, a new boot costs a look at the doubtful ones of that boot."""
    asked: list[tuple[str, Sequence[object]]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        asked.append((statement, parameters))

    with registered.read() as connection:
        event.listen(connection, "before_cursor_execute", hear)
        for span in (None, (JULY.starts_at, JULY.ends_at)):
            boot_clocks.place_readings(connection, (MadeDevice().id, BOOT_ID), RIGHT_OFFSET_MS, span)
        event.remove(connection, "before_cursor_execute", hear)
        plans = [
            [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))]
            for statement, parameters in asked
        ]
    assert len(plans) == 2
    assert all("reading USING INDEX reading_doubtful (boot_id=?" in plan[0] for plan in plans)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), cuts=st.sets(st.integers(1, 5)), repeated=st.booleans())
def test_the_order_of_arrival_moves_no_reading(
    tmp_path_factory: pytest.TempPathFactory, order: Sequence[int], cuts: set[int], *, repeated: bool
) -> None:
    """In whatever order and batches blocks come, and come again, the same readings are stored, each once."""
    straight = _stored(tmp_path_factory.mktemp("straight"), [list(range(6))])
    ends = [0, *sorted(cuts), 6]
    batches = [list(order[start:end]) for start, end in itertools.pairwise(ends)]
    assert _stored(tmp_path_factory.mktemp("order"), batches * (1 + repeated)) == straight


def _stored(folder: Path, batches: Sequence[Sequence[int]]) -> list[tuple[object, ...]]:
    device = made_device()
    database = open_hub(folder / "hub", new_timeline=b"timeline", at=NOW)
    try:
        register_device(database, device.pem, "", NOW)
        register_system(database, SYSTEM, "", "7.5", NOW)
        register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
        # The genesis and the descriptor first: a stranger's log is not begun.
        accept_blocks(database, device.arrivals(0), TERMS, NOW)
        for batch in batches:
            accept_blocks(database, device.arrivals(*batch), TERMS, NOW)
        assert july(database).production.production_wh == 5_000 + 8 * QUARTER_WH
        return readings_in(database)
    finally:
        database.close()


def names_in(database: Database) -> set[object]:
    """Return the names of the tables and indices of a database."""
    return {name for (name,) in fetch(database, "SELECT name FROM sqlite_master")}


def columns_of(database: Database) -> set[tuple[object, ...]]:
    """Return the columns of a database, each after the name of its table."""
    query = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    return {tuple(row) for row in fetch(database, query)}


def upgraded(folder: Path, database: Database) -> Database:
    """Return a hub's database as an upgrade finds it again that knew nothing of boots' clocks or doubted readings."""
    earlier = Database(folder)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with earlier.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    known, columns = names_in(earlier), columns_of(earlier)
    earlier.close()
    later = [table.name for table in reversed(metadata.sorted_tables) if table.name not in known]
    indices = fetch(database, "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    added = [
        (table, column) for table, column in columns_of(database) if table in known and (table, column) not in columns
    ]
    with database.write() as connection:
        for statement in (
            "DELETE FROM reading WHERE poll_status & 16",
            "DELETE FROM register_drop",
            *(f"DROP INDEX {name}" for name, table in indices if table in known and name not in known),
            *(f"ALTER TABLE {table} DROP COLUMN {column}" for table, column in added),
            *(f"DROP TABLE {name}" for name in later),
            "UPDATE alembic_version SET version_num = '0003'",
        ):
            connection.exec_driver_sql(statement)
    database.close()
    return open_hub(folder / "hub", new_timeline=b"timeline", at=NOW)


def test_a_hub_of_an_earlier_version_places_what_it_holds(tmp_path: Path) -> None:
    """Upgraded, a database without boots' clocks has the same rows as one that had them from the beginning."""
    straight = _stored(tmp_path, [list(range(6))])
    database = upgraded(tmp_path, open_hub(tmp_path / "hub", new_timeline=b"timeline", at=NOW))
    try:
        assert readings_in(database) == straight
        assert fetch(database, "SELECT boot_id, offset_ms FROM boot_clock ORDER BY offset_ms DESC") == [
            (BOOT_ID, RIGHT_OFFSET_MS),
            (b"past", JULY.starts_at - QUARTER_MS),
        ]
    finally:
        database.close()


def test_an_upgrade_finds_where_registers_went_down(tmp_path: Path, registered: Database) -> None:
    """Among placed readings whose boot is known by a clock event alone, and beside doubted ones, as if taken now."""
    device = MadeDevice()
    device.seal(make_meter(), before_the_boot(), ClockEvent(10, 0, RIGHT_OFFSET_MS, source=2, error_ms=0))
    fell = polled(0, 6, -BEHIND_MS, TimeQuality.UNKNOWN)
    device.seal(
        replace(fell, registers={0: (9_000, 8_000, 10, 8_100, 8_050, 8_200)}, status=(0, 0, STATUS_SUSPECT, 0, 0, 0))
    )
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    derived = ("SELECT * FROM register_drop ORDER BY read_at", "SELECT * FROM boot_clock ORDER BY boot_id")
    straight = [readings_in(registered), *[fetch(registered, table) for table in derived]]
    assert fetch(registered, "SELECT read_at FROM register_drop") == [
        (BOOTED_AT + QUARTER_MS,),
        (BOOTED_AT + 4 * QUARTER_MS,),
    ]
    database = upgraded(tmp_path, registered)
    try:
        assert [readings_in(database), *[fetch(database, table) for table in derived]] == straight
    finally:
        database.close()
