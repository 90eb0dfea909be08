"""What a receipt means to a device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.messages import ReceiptCode

REFUSALS = frozenset({ReceiptCode.UNKNOWN_KEY, ReceiptCode.UNSUPPORTED_VERSION, ReceiptCode.SUSPENDED})


class OutcomeKind(StrEnum):
    """What a receipt meant.

    FORKED: the hub holds two intact histories of this epoch. ROLLED_BACK: it holds another than ours, or more of it.
    LOST: it lacks blocks that were released here because it had declared them safe.
    """

    APPLIED = "applied"
    STALE = "stale"
    FOREIGN = "foreign"
    FORKED = "forked"
    ROLLED_BACK = "rolled-back"
    LOST = "lost"
    REGRESSED = "regressed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a receipt meant for the device.

    `released_through` is the highest seq that may be released (-1 none); `newly_committed` the seqs that were not
    committed before; `code` what the hub said, `code_seq` about which block (-1 none).
    """

    kind: OutcomeKind
    released_through: int
    newly_committed: range
    code: ReceiptCode
    code_seq: int
