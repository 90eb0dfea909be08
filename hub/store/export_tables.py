"""The tables of what was given out for a quarter, see `hub.store.exports`; as in `hub.store.schema`.

Rows are added and never changed: a later file stands beside the earlier one.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

exported_file = Table(
    "exported_file",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("quarter", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    # Lines of the file, without its header.
    Column("rows", Whole, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
Index("exported_file_by_quarter", exported_file.c.quarter, exported_file.c.layout, exported_file.c.kind)
# There is one final file of a quarter for each registry.
Index(
    "exported_file_final",
    exported_file.c.quarter,
    exported_file.c.layout,
    unique=True,
    sqlite_where=exported_file.c.kind == "final",
    postgresql_where=exported_file.c.kind == "final",
)

# What of a system's month is in a file: whole kWh, which are thousandths of a MWh.
exported_month = Table(
    "exported_month",
    metadata,
    Column("file", Whole, ForeignKey("exported_file.number"), primary_key=True),
    Column("system", Text, ForeignKey("system.pts_id"), primary_key=True),
    Column("month", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("kwh", Whole, nullable=False),
    Column("is_estimated", Integer, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("exported_month_by_system", exported_month.c.system, exported_month.c.month)
