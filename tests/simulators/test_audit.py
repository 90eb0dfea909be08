"""The audit finds what it is there to find: readings lost, doubled, changed, invented, or still on their way."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.journal import Author, open_journal
from edge.metering.outcome import PollOutcome, Taken
from edge.profiles import load_profile
from protocol.cose import SigningKey
from protocol.identity import BootId, derive_device_id
from protocol.messages import Instant, MeterDescriptor, Register, TimeQuality
from simulators.audit import Audit, audit_line
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from pathlib import Path

SERIAL = "A1"
STEPS = 8
SERIES = MeasuredSeries(starts_at=tuple(n * STEP_MS for n in range(STEPS)), power=(4000,) * STEPS, decimals=0)
METER = SimulatedMeter(load_profile("sunspec.meter-203"), MeasuredSun(SERIES), MeterSetup(unit=1, serial=SERIAL))
REGISTER = Register("1-0:2.8.0", "Wh", 0, 32, "u", 1 << 32, 3, 40108, "big")
DESCRIPTOR = MeterDescriptor(1, "Maker", "Model", SERIAL, "1", (1, 1), "tcp", 1, {0: REGISTER})


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Write a journal of eight true readings, the last two not sealed yet."""
    key = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    start = Instant(0, 0, TimeQuality.SYNCHRONISED)
    path = tmp_path / "journal.db"
    log = open_journal(path, Author(derive_device_id(key.spki), key, "0"), BootId(b"boot"), start, bytes)
    for step in range(STEPS):
        at = Instant(step * STEP_MS, step * STEP_MS, TimeQuality.SYNCHRONISED)
        outcome = PollOutcome(1, at, at, Taken({0: METER.count_at(at.wall_ms)}, DESCRIPTOR))
        log.record(at.wall_ms, [outcome], STEP_MS)
        if step == STEPS - 3:
            log.seal(at)
    log.close()
    return path


def audit(journal: Path, rows: list[tuple[int, int, int]]) -> Audit:
    """Audit a hub that has stored these rows: instant, raw count, Wh."""
    database = journal.with_name("hub.db")
    with closing(sqlite3.connect(database)) as db:
        db.execute("create table register (id integer, serial text)")
        db.execute("create table reading (register_id integer, read_at integer, raw integer, register_wh integer)")
        db.execute("insert into register values (1, ?)", [SERIAL])
        db.executemany("insert into reading values (1, ?, ?, ?)", rows)
        db.commit()
    return audit_line(journal, database, {SERIAL: METER})


def truth() -> list[tuple[int, int, int]]:
    """Return what a hub should have."""
    instants = [step * STEP_MS for step in range(STEPS)]
    return [(at, METER.count_at(at), METER.register_wh_at(at)) for at in instants]


def test_a_line_that_kept_its_promise(journal: Path) -> None:
    """All that was taken is stored once, with the true value."""
    assert audit(journal, truth()) == Audit(STEPS, STEPS, lost=0, duplicated=0, mismatched=0)


def test_open_polls_count_as_taken(journal: Path) -> None:
    """A reading that the edge has taken but not sealed is missed at the hub."""
    assert audit(journal, truth()[:-2]) == Audit(STEPS, STEPS - 2, lost=2, duplicated=0, mismatched=0)


def test_doubled_and_invented_readings(journal: Path) -> None:
    """A row too many is found, whether it repeats a reading or was never taken."""
    rows = truth()
    invented = (rows[-1][0] + STEP_MS, rows[-1][1], rows[-1][2])
    found = audit(journal, [*rows, rows[3], invented])
    assert (found.lost, found.duplicated) == (0, 2)


@pytest.mark.parametrize("column", [1, 2])
def test_a_changed_value(journal: Path, column: int) -> None:
    """A count that was not read, and Wh that the register did not show, are found."""
    rows = truth()
    changed = list(rows[4])
    changed[column] += 1
    rows[4] = (changed[0], changed[1], changed[2])
    assert audit(journal, rows) == Audit(STEPS, STEPS, lost=0, duplicated=0, mismatched=1)


def test_the_journal_is_as_the_audit_reads_it(journal: Path) -> None:
    """Six readings are sealed and two are open, so that the tests above look at both."""
    with closing(sqlite3.connect(journal)) as db:
        counts = [json.loads(text)["0"] for (text,) in db.execute("select counts from poll order by n")]
    assert counts == [METER.count_at(step * STEP_MS) for step in (STEPS - 2, STEPS - 1)]
