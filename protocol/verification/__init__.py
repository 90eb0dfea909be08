"""Verification of a file of sealed blocks with nothing but its bytes: no database, no network, no trust in a carrier.

Three levels (`Level`): signatures, chain, plausibility. Pure and deterministic: the same bytes give the same report. It
raises nothing for bytes, however bad they are; what is wrong with them is a finding.
"""

from protocol.verification.report import Counts, EpochShown, Finding, Level, Place, Report, Severity
from protocol.verification.shelf import Shelf, arrange
from protocol.verification.verifying import Terms, verify

__all__ = [
    "Counts",
    "EpochShown",
    "Finding",
    "Level",
    "Place",
    "Report",
    "Severity",
    "Shelf",
    "Terms",
    "arrange",
    "verify",
]
