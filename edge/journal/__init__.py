"""The edge's durable store: polls not sealed yet, signed blocks, and what the hub has acknowledged.

A poll counts as taken when `Journal.record` has returned: one transaction per cycle, WAL and synchronous=FULL, so
that neither a killed process nor a power cut takes it back. Sealing moves polls into a signed block in one transaction.
The only importer of sqlite-utils. Not thread-safe: one owner, the agent.

    JournalError        the journal cannot be opened, or it does not belong to this device
"""

from edge.journal.errors import JournalError
from edge.journal.log import BLOCK_RECORDS_MAX, Author, Journal
from edge.journal.opening import open_journal
from edge.journal.summary import JournalSummary, MeterSummary, read_journal_summary

__all__ = [
    "BLOCK_RECORDS_MAX",
    "Author",
    "Journal",
    "JournalError",
    "JournalSummary",
    "MeterSummary",
    "open_journal",
    "read_journal_summary",
]
