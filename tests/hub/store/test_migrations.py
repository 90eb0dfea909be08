"""Upgrades: a hub of an earlier version finds everything again, whatever its schema was."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from hub.rules.facts import MeterFacts, SystemFacts
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.store import commissionings, descriptors, facts, meter_facts
from hub.store import database as store
from hub.store.database import Database, open_database
from hub.store.descriptors import Described
from hub.store.facts import Recorded
from hub.store.tables import metadata
from protocol import wire
from protocol.identity import hash_block
from protocol.messages import ClockEvent, Gap, GapCause, MeterEvent, PollCause, PollErrors
from tests.hub.making import BOOT_ID, JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

COUNTS = [1000 + 25 * place for place in range(24)]
MISSING = 4
STATED = (
    Gap(0, JULY_AT, JULY_AT + QUARTER_MS, GapCause.METER_NO_REPLY),
    PollErrors(0, JULY_AT, JULY_AT + QUARTER_MS, {PollCause.TIMEOUT: 3}),
    ClockEvent(5, 6, 7, source=2, error_ms=8),
    MeterEvent(0, JULY_AT, "exchange", 0, (JULY_AT, 5), (JULY_AT + 1, (1 << 64) - 1), "A", "B", note="both"),
    MeterEvent(0, JULY_AT, "stale"),
)


def test_a_key_of_some_rows_is_one_on_every_engine() -> None:
    """PostgreSQL would take a key without its condition for one of all rows, and refuse what SQLite stores."""
    partial = [
        index
        for table in metadata.tables.values()
        for index in table.indexes
        if index.unique and index.dialect_options["sqlite"]["where"] is not None
    ]
    assert partial
    assert all(index.dialect_options["postgresql"]["where"] is not None for index in partial)


@pytest.fixture
def device() -> MadeDevice:
    """Return a device that sealed readings, and in block 1 of 7 everything else that the first hub kept."""
    made, meter = MadeDevice(), make_meter()
    made.seal(meter)
    made.seal(*STATED)
    for place in range(0, len(COUNTS), 4):
        made.seal(make_readings(meter, COUNTS[place : place + 4], JULY_AT + place * QUARTER_MS))
    return made


@contextmanager
def earlier_hub(folder: Path, revision: str) -> Iterator[Connection]:
    """Yield a writer to a new hub of an earlier version, which is closed then."""
    earlier = Database(folder)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with earlier.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    earlier.close()


@pytest.fixture
def upgraded(tmp_path: Path, device: MadeDevice) -> Iterator[Database]:
    """Return the database of a hub of schema 0001 that holds all blocks of `device` but one, opened by this hub."""
    with earlier_hub(tmp_path, "0001") as connection:
        run = connection.exec_driver_sql
        run("INSERT INTO device VALUES (?, 'Barn', 0)", (device.id,))
        run("INSERT INTO signing_key VALUES (?, ?, ?, 0)", (device.id, device.key.key_id, device.key.spki))
        run(
            "INSERT INTO stream (id, device, epoch, committed, safe, committed_hash, code, code_seq, started_at)"
            " VALUES (1, ?, ?, ?, ?, ?, 0, -1, 0)",
            (device.id, device.epoch, MISSING - 1, MISSING - 1, hash_block(device.blocks[MISSING - 1])),
        )
        for seq, raw in enumerate(device.blocks):
            if seq != MISSING:
                previous = hash_block(device.blocks[seq - 1]) if seq else bytes(32)
                row = (seq, hash_block(raw), previous, NOW, raw)
                run(
                    "INSERT INTO block (stream_id, seq, sha256, previous, received_at, verdict, bytes)"
                    " VALUES (1, ?, ?, ?, ?, 'ok', ?)",
                    row,
                )
        meter = make_meter()
        descriptors.add_descriptor(connection, Described(device.id, wire.describe(meter), meter, 1, 0, NOW))
        run("INSERT INTO gap VALUES (1, 2, 0, ?, ?, 'meter-no-reply')", (JULY_AT, JULY_AT + QUARTER_MS))
    opened = open_database(tmp_path, create=False)
    yield opened
    opened.close()


@pytest.mark.filterwarnings("ignore:.*expression-based index .?system_version_unit")
def test_the_first_schema_becomes_this_one(upgraded: Database, device: MadeDevice) -> None:
    """A database of the first released hub gets the tables that the queries are written for, and loses no block."""
    with upgraded.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    held = [raw for seq, raw in enumerate(device.blocks) if seq != MISSING]
    assert fetch(upgraded, "SELECT bytes FROM block ORDER BY seq") == [(raw,) for raw in held]
    assert fetch(upgraded, "SELECT begun_at FROM stream") == [(JULY_AT,)]


def test_statements_are_found_again_with_their_boot(upgraded: Database, device: MadeDevice) -> None:
    """What was known by its place is known by its content now, so that it is not doubled when it is sealed again."""
    period = (0, JULY_AT, JULY_AT + QUARTER_MS)
    assert fetch(upgraded, "SELECT * FROM gap") == [(device.id, BOOT_ID, *period, "meter-no-reply", 1, 2)]
    assert fetch(upgraded, "SELECT * FROM poll_error") == [(device.id, BOOT_ID, *period, "timeout", 3, 1, 3)]
    happened = (device.id, BOOT_ID, 0, JULY_AT)
    assert fetch(upgraded, "SELECT * FROM meter_event ORDER BY record") == [
        (*happened, "exchange", 0, "both", JULY_AT, 5, JULY_AT + 1, -1, "A", "B", 1, 5),
        (*happened, "stale", -1, "", None, None, None, None, "", "", 1, 6),
    ]
    assert fetch(upgraded, "SELECT * FROM clock_event") == [(device.id, BOOT_ID, 5, 6, 7, 2, 8, 1, 4)]


@pytest.mark.parametrize("comes", ["block", "state"])
def test_blocks_beyond_a_gap_count_after_the_upgrade(upgraded: Database, device: MadeDevice, comes: str) -> None:
    """The first hub derived them once the gap was filled; this one derives on arrival, and they arrived before it."""
    if comes == "block":
        (receipt,) = accept_blocks(upgraded, device.arrivals(MISSING), TERMS, NOW).receipts
        assert (receipt.committed, receipt.safe) == (len(device.blocks) - 1, len(device.blocks) - 1)
    else:
        answer_state(upgraded, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    beyond = [(count,) for count in COUNTS[12 if comes == "state" else 8 :]]
    assert fetch(upgraded, "SELECT register_wh FROM reading ORDER BY read_at")[-len(beyond) :] == beyond
    assert fetch(upgraded, "SELECT DISTINCT verdict FROM block") == [("ok",)]


def test_dials_that_matched_wait_for_no_other_look(tmp_path: Path) -> None:
    """A look that differed, or one at another meter, does not count for a meter."""
    with earlier_hub(tmp_path, "0036") as connection:
        run = connection.exec_driver_sql
        run("INSERT INTO device VALUES (x'01', 'Barn', 1)")
        run("INSERT INTO system (pts_id, name, capacity_kw_dc, registered_at) VALUES ('A', 'Barn', '7.5', 5)")
        run(
            "INSERT INTO meter (id, system, serial, make, model, registered_at)"
            " VALUES (1, 'A', 'S-1', '', '', 7), (2, 'A', 'S-2', '', '', 7), (3, 'A', 'S-3', '', '', 7)"
        )
        run("INSERT INTO meter_device VALUES (1, x'01', 7), (2, x'01', 7), (3, x'01', 7)")
        run(
            "INSERT INTO commissioning VALUES (1, 1, 8, 5, 7, 5, 9, 5, 'differs', 10, 'ian'),"
            " (2, 2, 8, 5, 7, 5, 9, 5, 'differs', 10, 'ian'), (3, 2, 9, 5, 7, 5, 9, 5, 'matches', 10, 'ian')"
        )
    opened = open_database(tmp_path, create=False)
    with opened.read() as connection:
        assert [one.serial for one in commissionings.list_waiting(connection, 0, 9)] == ["S-1", "S-3"]
    assert fetch(opened, "SELECT dial_matched_at FROM meter ORDER BY id") == [(None,), (9,), (None,)]
    opened.close()


def test_what_was_registered_holds_from_the_beginning(tmp_path: Path) -> None:
    """Systems and meters of an earlier hub have facts; a nameplate a little above a limit stays above it."""
    with earlier_hub(tmp_path, "0005") as connection:
        run = connection.exec_driver_sql
        run("INSERT INTO system VALUES ('A', 'Barn', '7.5', 5), ('B', 'Roof', '10.0001', 6)")
        run(
            "INSERT INTO meter (id, system, serial, make, model, registered_at, read_until)"
            " VALUES (3, 'A', 'S-1', '', '', 7, NULL), (4, 'B', 'S-2', 'CCS', '', 8, 9)"
        )
    opened = open_database(tmp_path, create=False)
    with opened.read() as connection:
        assert facts.list_system_facts(connection, None, facts.BEGINNING) == (
            SystemFacts("A", "Barn", facts.BEGINNING, 7500),
            SystemFacts("B", "Roof", facts.BEGINNING, 10_001),
        )
        assert meter_facts.list_meter_facts(connection, ["A", "B"]) == {
            "A": (MeterFacts(3, "A", "S-1", "", "", is_das=True),),
            "B": (MeterFacts(4, "B", "S-2", "CCS", "", ended_at=9, is_das=True),),
        }
        assert meter_facts.list_meter_versions(connection, 4)[0].recorded == Recorded("", 8)
    opened.close()
