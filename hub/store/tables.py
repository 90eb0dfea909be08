"""The whole schema: who compares or migrates it imports it from here, so that no table is left out."""

from hub.store import (
    alert_tables,
    audit_tables,
    channel_tables,
    export_tables,
    facts_tables,
    fleet_tables,
    forward_tables,
    ledger_tables,
    notice_tables,
    people_tables,
    schema,
    sign_in_tables,
    stated_tables,
)

MODULES = (
    schema,
    stated_tables,
    facts_tables,
    ledger_tables,
    export_tables,
    notice_tables,
    people_tables,
    forward_tables,
    audit_tables,
    sign_in_tables,
    fleet_tables,
    alert_tables,
    channel_tables,
)
"""Every module that adds tables to `metadata`."""
metadata = schema.metadata
