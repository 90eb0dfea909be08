"""The edge's durable store: polls not sealed yet, signed blocks, and what the hub has acknowledged.

A poll counts as taken when `Journal.record` has returned: one transaction per cycle, WAL and synchronous=FULL, so
that neither a killed process nor a power cut takes it back. Sealing moves polls into a signed block in one transaction.
The log has one current epoch; earlier ones are archived until the hub holds safely what was in them.
The only importer of sqlite-utils. Not thread-safe: one owner, the agent. Errors: `edge.journal.errors`.
"""

from edge.journal.chain_end import Author, Boot
from edge.journal.commands import (
    CommandBook,
    Configuration,
    StoredCommand,
    Trial,
    read_configuration,
    read_key_statements,
)
from edge.journal.errors import JournalDamagedError, JournalError, JournalFullError, JournalUnavailableError
from edge.journal.log import BLOCK_RECORDS_MAX, Journal
from edge.journal.opening import MARKER_NAME, adopt_journal, open_journal
from edge.journal.reading import Export, ExportedEpoch, read_export
from edge.journal.receipts import Meaning, Taken, take_receipts
from edge.journal.salvage import set_aside
from edge.journal.schema import in_memory
from edge.journal.standing import Standing, is_owned, read_standing
from edge.journal.summary import JournalSummary, MeterSummary, read_journal_summary

__all__ = [
    "BLOCK_RECORDS_MAX",
    "MARKER_NAME",
    "Author",
    "Boot",
    "CommandBook",
    "Configuration",
    "Export",
    "ExportedEpoch",
    "Journal",
    "JournalDamagedError",
    "JournalError",
    "JournalFullError",
    "JournalSummary",
    "JournalUnavailableError",
    "Meaning",
    "MeterSummary",
    "Standing",
    "StoredCommand",
    "Taken",
    "Trial",
    "adopt_journal",
    "in_memory",
    "is_owned",
    "open_journal",
    "read_configuration",
    "read_export",
    "read_journal_summary",
    "read_key_statements",
    "read_standing",
    "set_aside",
    "take_receipts",
]
