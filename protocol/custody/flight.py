"""How long an offered block may go unanswered before it counts as lost."""

from __future__ import annotations

from dataclasses import dataclass

_DOUBLINGS_MAX = 32


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a sender is, in ms.

    An unanswered offer is repeated after `base_ms`, doubling up to `max_ms`, of which the caller's jitter takes off up
    to one half. `hello_ms` is how long to wait for any receipt before asking with a new hello, `refused_ms` how long
    after a refusal, or after a receipt that R3 forbids to believe.
    """

    base_ms: int = 30_000
    max_ms: int = 900_000
    hello_ms: int = 600_000
    refused_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Flight:
    """A block that was offered: when last, how often, and when it counts as lost."""

    offered_ms: int
    tries: int
    lost_ms: int


def take_off(before: Flight | None, now_ms: int, jitter: float, policy: RetryPolicy) -> Flight:
    """Return the flight of a block offered at `now_ms`, given its last flight if it counts as lost.

    `jitter` in 0..1 spreads the repetition over the second half of its time-out. The first half is kept, unlike in
    "full" jitter, so that a healthy link with a slow receipt sees no repetition.
    """
    assert 0 <= jitter <= 1, jitter
    tries = before.tries + 1 if before else 1
    timeout_ms = min(policy.max_ms, policy.base_ms << min(tries - 1, _DOUBLINGS_MAX))
    return Flight(offered_ms=now_ms, tries=tries, lost_ms=now_ms + timeout_ms - int(jitter * timeout_ms) // 2)
