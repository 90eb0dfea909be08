"""The monthly analysis: which systems' data are erratic, so that somebody asks, the most doubtful first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.acceptance import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.rules.acceptance import Finding

_RANK = {Severity.REJECT: 0, Severity.HOLD: 1, Severity.FLAG: 2, Severity.NOTE: 3}


class ReviewDecision(StrEnum):
    """What staff decide on a finding: the owner is asked, it is explained, it stands corrected, or it was nothing."""

    CONTACTED = "contacted"
    EXPLAINED = "explained"
    CORRECTED = "corrected"
    DISMISSED = "dismissed"


SETTLED = frozenset({ReviewDecision.EXPLAINED, ReviewDecision.CORRECTED, ReviewDecision.DISMISSED})
"""After these nobody needs to look again; whoever was contacted still has to answer."""


@dataclass(frozen=True, slots=True)
class Erratic:
    """A finding of a system's month; `decided` is what staff decided on it last, None if nobody has."""

    system: str
    finding: Finding
    decided: ReviewDecision | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nobody needs to look again."""
        return self.decided in SETTLED


def order_erratic(found: Iterable[Erratic]) -> tuple[Erratic, ...]:
    """Return what was found in the order in which staff should look: unsettled first, then by severity and system.

    Citation: `citations.MONTHLY_ANALYSIS`.
    """
    return tuple(
        sorted(found, key=lambda one: (one.is_settled, _RANK[one.finding.severity], one.system, one.finding.code))
    )
