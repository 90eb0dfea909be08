"""The tables of what people said of systems and meters, see `hub.store.facts`; as in `hub.store.schema`.

Rows are added and never changed: later facts are later rows, and the rows of a system or meter are its history.
"""

from __future__ import annotations

from string import ascii_letters
from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, literal_column

from hub.store.schema import Whole, metadata

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def _ledger(name: str, *content: SchemaItem) -> Table:
    """Return a table whose rows are numbered as they come, and say who had them recorded when (UTC ms)."""
    number = Column("number", Whole, primary_key=True, autoincrement=True)
    who = (Column("recorded_at", Whole, nullable=False), Column("actor", Text, nullable=False))
    return Table(name, metadata, number, *content, *who, sqlite_strict=True, sqlite_with_rowid=True)


system_version = _ledger(
    "system_version",
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False),
    # Dates are ISO 8601 texts, which order as they follow one another.
    Column("effective_on", Text, nullable=False),
    Column("technology", Text, nullable=False),
    Column("capacity_w_dc", Whole, nullable=False),
    Column("capacity_w_ac", Whole),
    Column("in_service_on", Text),
    Column("annual_wh_estimated", Whole),
    Column("gis_asset", Text, nullable=False),
    Column("reporting_mode", Text, nullable=False),
    Column("is_funded", Integer, nullable=False),
    Column("latitude_microdegrees", Integer),
    Column("longitude_microdegrees", Integer),
    Column("tilt_degrees", Integer),
    Column("azimuth_degrees", Integer),
    Column("zip_code", Text, nullable=False),
    Column("town", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
UNIT = literal_column(f"ltrim(trim({system_version.c.gis_asset.name}), '{ascii_letters}')", Text)
"""The digits of an asset's id (`hub.rules.registry_files.unit_digits`): written out, so that its index is known."""
Index("system_version_unit", UNIT, system_version.c.system)
Index("system_version_effective", system_version.c.system, system_version.c.effective_on, system_version.c.number)

# From which day on the raised limit of manual reporting holds, by the operator's word; None: it does not.
manual_limit_day = _ledger(
    "manual_limit_day",
    Column("raised_on", Text),
    Column("reason", Text, nullable=False),
)

system_programme = _ledger(
    "system_programme",
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False),
    Column("programme", Text, nullable=False),
    Column("from_on", Text, nullable=False),
    Column("until_on", Text),
    Column("factor_percent", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
Index("system_programme_from", system_programme.c.system, system_programme.c.from_on, system_programme.c.number)

meter_version = _ledger(
    "meter_version",
    Column("meter", Whole, ForeignKey("meter.id"), nullable=False),
    Column("accuracy_class_ppm", Integer),
    Column("ansi_standard", Text, nullable=False),
    Column("ct_ratio", Text, nullable=False),
    Column("ct_class_ppm", Integer),
    Column("tested_on", Text),
    Column("seal", Text, nullable=False),
    Column("initial_wh", Whole),
    Column("initial_at", Whole),
    Column("final_wh", Whole),
    Column("ended_at", Whole),
    Column("modulus_wh", Whole),
    Column("is_revenue_grade", Integer, nullable=False),
    Column("is_das", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
Index("meter_version_newest", meter_version.c.meter, meter_version.c.number)

meter_exchange = Table(
    "meter_exchange",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False, index=True),
    Column("old_meter", Whole, ForeignKey("meter.id"), nullable=False),
    Column("new_serial", Text, nullable=False),
    Column("new_make", Text, nullable=False),
    Column("new_model", Text, nullable=False),
    Column("at", Whole, nullable=False),
    Column("final_wh", Whole, nullable=False),
    Column("initial_wh", Whole, nullable=False),
    # The SHA-256 of what proves it, in hexadecimal.
    Column("evidence", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

meter_exchange_decision = Table(
    "meter_exchange_decision",
    metadata,
    Column("exchange", Whole, ForeignKey("meter_exchange.number"), primary_key=True),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Whole, nullable=False),
    Column("approved", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    # The meter that came into service by it; none where it was refused.
    Column("new_meter", Whole, ForeignKey("meter.id")),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
