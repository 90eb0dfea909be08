"""How long to wait after wrong passwords: longer each time, but nobody is ever locked out by another's guesses."""

from __future__ import annotations

FREE_FAILURES = 4
FIRST_WAIT_MS = 2_000
WAIT_MS_MAX = 15 * 60_000
FORGET_MS = 24 * 3_600_000
"""Failures older than this count no more."""
ADDRESS_FAILURES_MAX = 50
"""From one address in `ADDRESS_SPAN_MS`, over all accounts."""
ADDRESS_SPAN_MS = 15 * 60_000


def wait_ms(failures: int, last_at: int, now: int) -> int:
    """Return for how long an account is not asked again after so many failures, the last of them at `last_at`."""
    if failures < FREE_FAILURES:
        return 0
    pause = min(WAIT_MS_MAX, FIRST_WAIT_MS << min(failures - FREE_FAILURES, 20))
    return max(0, last_at + pause - now)


def address_wait_ms(failures: int, oldest_at: int, now: int) -> int:
    """Return for how long an address is not asked again after so many failures since `oldest_at` within the span."""
    if failures < ADDRESS_FAILURES_MAX:
        return 0
    return max(0, oldest_at + ADDRESS_SPAN_MS - now)
