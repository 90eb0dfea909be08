"""What goes wrong with a journal."""

from __future__ import annotations


class JournalError(Exception):
    """The journal cannot be opened, or it does not belong to this device."""
