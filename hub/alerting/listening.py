"""Since when the hub hears devices, and until when it did before that: what it could not hear says nothing of them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Listening:
    """Since when the hub listens, and until when it did before (UTC ms); None where it never did, or nobody knows.

    After a start, or once its broker is there again, devices need time to bring what they hold: until then each is
    judged as of the end of what was heard before. So one that was silent stays so, and one that was not begins nothing.
    """

    since: int
    before: int | None = None

    def judged_at(self, at: int, settling_ms: int) -> int | None:
        """Return as of when it is told at `at` who is silent; None where nothing can be told yet."""
        return at if at - self.since >= settling_ms else self.before

    def break_off(self, at: int, last_at: int | None, settling_ms: int) -> Listening:
        """Return how it listens from `at` on, when it hears nothing; `last_at` is its last look at which it did.

        A break before all had the time to come back goes on with the one before it.
        """
        is_settled = last_at is not None and last_at - self.since >= settling_ms
        return replace(self, since=at, before=last_at if is_settled else self.before)
