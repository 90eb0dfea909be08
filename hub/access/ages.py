"""How long a session lasts, and whether it takes a second factor: by what somebody may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.permissions import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.rules.permissions import Relation

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_STAFF = frozenset({Role.OPERATOR, Role.AUDITOR, Role.SECURITY_ADMIN})


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """How long a session lasts without being used, and at the most."""

    idle_ms: int
    absolute_ms: int


FOR_STAFF = SessionTerms(30 * _MINUTE_MS, 12 * _HOUR_MS)
FOR_OTHERS = SessionTerms(12 * _HOUR_MS, 30 * 24 * _HOUR_MS)


def is_staff(relations: Iterable[Relation], now: int) -> bool:
    """Return whether somebody is staff at `now` (UTC ms): then sessions are short and a second factor is a must."""
    return any(
        one.role in _STAFF and one.from_at <= now and (one.until_at is None or now < one.until_at) for one in relations
    )


def is_alive(terms: SessionTerms, begun_at: int, seen_at: int, now: int) -> bool:
    """Return whether a session that began and was last used at these instants (UTC ms) still holds."""
    return now < begun_at + terms.absolute_ms and now < seen_at + terms.idle_ms
