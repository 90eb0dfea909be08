"""The tables of what is reported: accepted readings, submissions, decisions on them, months; as in `hub.store.schema`.

All of it is a ledger: rows are added and never changed. A correction is a row that names the one it replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, literal_column

from hub.store.schema import Whole, metadata

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def _ledger(name: str, *parts: SchemaItem) -> Table:
    number = Column("number", Whole, primary_key=True, autoincrement=True)
    return Table(name, metadata, number, *parts, sqlite_strict=True, sqlite_with_rowid=True)


# The one reading of a meter that counts for a month: of several versions the last.
accepted_reading = _ledger(
    "accepted_reading",
    Column("meter_id", Whole, ForeignKey("meter.id"), nullable=False),
    Column("month", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("read_at", Whole, nullable=False),
    Column("register_wh", Whole, nullable=False),
    Column("origin", Text, nullable=False),
    Column("accepted_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    # The name of the reading in custody (`hub.rules.reading_names`), where a device took it.
    Column("reading", Text),
    Column("replaces", Whole, ForeignKey("accepted_reading.number")),
    Column("reason", Text, nullable=False),
    UniqueConstraint("meter_id", "month", "version", name="accepted_reading_once"),
)

# Every act of reporting, whatever came of it.
submission = _ledger(
    "submission",
    Column("system", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("meter_id", Whole, ForeignKey("meter.id")),
    Column("month", Text),
    Column("read_at", Whole, nullable=False),
    Column("register_wh", Whole, nullable=False),
    Column("origin", Text, nullable=False),
    Column("submitted_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    # The picture of the meter's display that came with it: its SHA-256, as the picture is stored.
    Column("photo", Text),
    # Why a reading that counts is to be replaced; empty for the first report of a month.
    Column("reason", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("accepted", Whole, ForeignKey("accepted_reading.number")),
)
Index("submission_by_meter", submission.c.meter_id, submission.c.month)
Index("submission_by_outcome", submission.c.outcome, submission.c.number)

# What staff decided on a submission that was held for them.
submission_decision = _ledger(
    "submission_decision",
    Column("submission", Whole, ForeignKey("submission.number"), nullable=False, unique=True),
    Column("decided_at", Whole, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("approved", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("accepted", Whole, ForeignKey("accepted_reading.number")),
)

# What a reporter says of the month beside the reading: what service cost, and when the system stood still.
experience = _ledger(
    "experience",
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False),
    Column("month", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("service_cost_cents", Whole, nullable=False),
    Column("outage_hours", Integer, nullable=False),
    Column("note", Text, nullable=False),
)
Index("experience_by_system", experience.c.system, experience.c.month)

# One closing of a month over all systems, or of some systems' months again.
month_run = _ledger(
    "month_run",
    Column("month", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("run_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rules", Text, nullable=False),
    # The last accepted reading that it saw: whoever computes it again takes the ledger up to there.
    Column("ledger_until", Whole, nullable=False),
)

# What a run ended with: without this row it did not end, and nothing it wrote counts.
month_result = _ledger(
    "month_result",
    Column("run", Whole, ForeignKey("month_run.number"), nullable=False, unique=True),
    Column("systems", Whole, nullable=False),
    Column("reported", Whole, nullable=False),
    Column("partial", Whole, nullable=False),
    Column("estimated", Whole, nullable=False),
    Column("missing", Whole, nullable=False),
    Column("production_wh", Whole, nullable=False),
    Column("sha256", Text, nullable=False),
)

# A system's month as a run found it: of several versions the last. `basis` is what it comes from, in canonical JSON;
# `sha256` is over all that it says, so that whoever computes it again knows whether it is the same.
system_month = Table(
    "system_month",
    metadata,
    Column("system", Text, ForeignKey("system.pts_id"), primary_key=True),
    Column("month", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("run", Whole, ForeignKey("month_run.number"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("production_wh", Whole),
    Column("is_true_up", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("system_month_by_month", system_month.c.month, system_month.c.system)
Index("system_month_by_state", system_month.c.month, system_month.c.state, system_month.c.system)
IS_FOUND = system_month.c.findings != literal_column("'[]'")
"""That something was found of a system's month: written out, so that its index is known to hold it."""
Index(
    "system_month_found",
    system_month.c.month,
    system_month.c.system,
    sqlite_where=IS_FOUND,
    postgresql_where=IS_FOUND,
)

# What staff decided on a finding of a month.
finding_review = _ledger(
    "finding_review",
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False),
    Column("month", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("decided_at", Whole, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)
Index("finding_review_by_month", finding_review.c.month, finding_review.c.system)
