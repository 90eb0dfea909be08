"""When a message that was not taken is tried again: soon at first, then ever more rarely, for five days."""

from __future__ import annotations

import hashlib

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
WAITS_MS = (
    5_000,
    *(minutes * _MINUTE_MS for minutes in (5, 30)),
    *(hours * _HOUR_MS for hours in (2, 5, 10, 14, 20, 24)),
)
"""How long after each try the next one is, the last of them from then on."""
GIVE_UP_MS = 5 * 24 * _HOUR_MS
JITTER_SHARE = 10
"""A wait is up to a tenth longer: what failed together is not tried together again."""


def next_try_at(event: str, tries: int, tried_at: int | None) -> int:
    """Return from when (UTC ms) a message is tried again that was tried so often, and last at `tried_at`.

    The jitter follows from `event`, the message's id, so that asking twice gives one answer.
    """
    if tried_at is None:
        return 0
    wait = WAITS_MS[min(tries, len(WAITS_MS)) - 1]
    drawn = int.from_bytes(hashlib.sha256(f"{event} {tries}".encode()).digest()[:4], "big")
    return tried_at + wait + drawn % (wait // JITTER_SHARE + 1)
