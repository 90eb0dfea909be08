"""The tables of audits on site: what an auditor read, and which corrections name an audit; as in `hub.store.schema`.

Rows are added and never changed. What was found is kept beside what was read, by which version of the rules.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from hub.store.schema import Whole, metadata

site_audit = Table(
    "site_audit",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False),
    Column("meter_id", Whole, ForeignKey("meter.id"), nullable=False),
    Column("audited_at", Whole, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("auditor", Text, nullable=False),
    Column("register_wh", Whole, nullable=False),
    # The register in kWh, sign for sign as it was typed.
    Column("register_typed", Text, nullable=False),
    # The picture of the meter's display: its SHA-256, as the picture is stored.
    Column("photo", Text),
    Column("note", Text, nullable=False),
    # The accepted reading that it was held against, and what came of it.
    Column("reading", Whole, ForeignKey("accepted_reading.number"), nullable=False),
    Column("reported_wh", Whole, nullable=False),
    Column("audited_wh", Whole, nullable=False),
    Column("between_wh", Whole, nullable=False),
    Column("deviation_ppm", Integer, nullable=False),
    Column("is_within", Integer, nullable=False),
    Column("finding", Text, nullable=False),
    Column("clause", Text, nullable=False),
    Column("rules", Text, nullable=False),
    sqlite_strict=True,
)
Index("site_audit_by_system", site_audit.c.system, site_audit.c.number)
Index("site_audit_by_photo", site_audit.c.photo)

# The audit that a correction follows from.
submission_audit = Table(
    "submission_audit",
    metadata,
    Column("submission", Whole, ForeignKey("submission.number"), primary_key=True),
    Column("audit", Whole, ForeignKey("site_audit.number"), nullable=False, index=True),
    sqlite_strict=True,
)
