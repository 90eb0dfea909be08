"""An independent look at what arrived: the edge's log against the hub's SQL against the meters' own truth.

Reads both databases with plain SQL and shares no code with what it audits but the wire's decoder.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import wire
from protocol.messages import MeterDescriptor, Readings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from protocol.messages import Frame
    from simulators.meter import SimulatedMeter

GENERATED = 0
"""The register id under which the edge records production."""


@dataclass(frozen=True, slots=True)
class AuditedReading:
    """One reading as the audit compares it: which meter, when (UTC ms), and the register's raw count."""

    serial: str
    read_at: int
    count: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What the comparison found; a line that keeps its promise has zeros in the last three."""

    readings_taken: int
    readings_stored: int
    lost: int
    duplicated: int
    mismatched: int


def audit_line(journal: Path, hub_database: Path, meters: Mapping[str, SimulatedMeter]) -> Audit:
    """Compare what the edge took, what the hub stored, and what the meters showed; `meters` by serial number.

    `lost` are readings taken and not stored; `duplicated` is how many were taken or stored more than once for one meter
    and instant, or stored but never taken; `mismatched` are stored readings whose Wh are not what the meter's register
    showed at that instant.
    """
    taken = _read_taken(journal)
    stored = _read_stored(hub_database)
    distinct = {(serial, read_at) for serial, read_at, _, _ in stored}
    known = {(reading.serial, reading.read_at): reading.count for reading in taken}
    lost = sum(1 for key in known if key not in distinct)
    never_taken = sum(1 for key in distinct if key not in known)
    mismatched = sum(
        1
        for serial, read_at, count, register_wh in stored
        if register_wh != meters[serial].register_wh_at(read_at) or known.get((serial, read_at)) != count
    )
    return Audit(
        readings_taken=len(taken),
        readings_stored=len(stored),
        lost=lost,
        duplicated=(len(taken) - len(known)) + (len(stored) - len(distinct)) + never_taken,
        mismatched=mismatched,
    )


def count_stored(hub_database: Path) -> int:
    """Return how many readings the hub has stored."""
    with closing(sqlite3.connect(f"file:{hub_database}?mode=ro", uri=True)) as db:
        return int(db.execute("select count(*) from reading").fetchone()[0])


def _read_taken(journal: Path) -> list[AuditedReading]:
    """Return every reading in the edge's log: in sealed blocks, and still open."""
    taken: list[AuditedReading] = []
    serials: dict[bytes, str] = {}
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        frames = [wire.decode_frame(frame) for (frame,) in db.execute("select frame from descriptor")]
        held = db.execute("select raw from block where raw is not null order by epoch, seq")
        frames += [frame for (raw,) in held for frame in _frames(raw)]
        still_open = db.execute("select descriptor, read_at, counts from poll where counts is not null").fetchall()
    for frame in frames:
        if isinstance(frame, MeterDescriptor):
            serials[wire.describe(frame)] = frame.serial
        elif isinstance(frame, Readings):
            counts = frame.registers[GENERATED]
            taken.extend(map(AuditedReading, [serials[frame.descriptor]] * len(counts), frame.read_at, counts))
    for descriptor, read_at, counts in still_open:
        taken.append(AuditedReading(serials[descriptor], read_at, json.loads(counts)[str(GENERATED)]))
    # A new epoch seals again what an earlier one holds.
    return list(dict.fromkeys(taken))


def _frames(raw: bytes) -> tuple[Frame, ...]:
    return wire.read_block(raw)[0].frames


def _read_stored(hub_database: Path) -> list[tuple[str, int, int, int]]:
    with closing(sqlite3.connect(f"file:{hub_database}?mode=ro", uri=True)) as db:
        return db.execute(
            "select register.serial, reading.read_at, reading.raw, reading.register_wh"
            " from reading join register on register.id = reading.register_id"
        ).fetchall()
