"""Long work that a person begins on a page: one piece at a time, beside the pages, with progress to look at.

It lives with the process: a hub that ends leaves the work undone, and the services are such that what was not finished
counts nothing and is begun again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, HubError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.clock import Now

    Step = Callable[[int], object]

_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chore:
    """A piece of work: `done` of `total` steps, and once it has ended what came of it.

    `page` is where it is begun and looked at, `unit` what its steps are, in the plural. `ended_at` (UTC ms) is None
    while it goes on; `problem` is empty unless it failed.
    """

    page: str
    unit: str
    name: str
    actor: str
    total: int
    done: int = 0
    begun_at: int = 0
    ended_at: int | None = None
    result: str = ""
    problem: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended_at is None


class Chores:
    """What is being done now, and what was done last."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._chore: Chore | None = None
        self._thread: threading.Thread | None = None

    @property
    def latest(self) -> Chore | None:
        """The work that goes on, or that ended last; None since the hub began."""
        return self._chore

    def latest_of(self, page: str) -> Chore | None:
        """Return the latest work, if it is looked at on this page; None otherwise."""
        chore = self._chore
        return chore if chore is not None and chore.page == page else None

    def begin(self, chore: Chore, work: Callable[[Step], str]) -> Chore:
        """Begin a piece of work and return at once; raises AlreadyRegisteredError while one goes on.

        `work` is told how to report steps that are done, and returns in a sentence what came of it.
        """
        with self._lock:
            before = self._chore
            if before is not None and before.goes_on:
                message = f"{before.name} goes on, begun by {before.actor}: wait until it has ended"
                raise AlreadyRegisteredError(message)
            begun = self._chore = replace(chore, begun_at=self._now())
            self._thread = threading.Thread(target=self._work, args=(work,), name="hub-chore", daemon=True)
            self._thread.start()
        return begun

    def wait(self, seconds: float = _STOP_SECONDS) -> None:
        """Wait until what goes on has ended, but no longer than this."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self, work: Callable[[Step], str]) -> None:
        result, problem = "", "The hub met a bug; its log has the details."
        try:
            result, problem = work(self._step), ""
        except HubError as error:
            problem = str(error)
        finally:
            self._change(ended_at=self._now(), result=result, problem=problem)

    def _step(self, done: int) -> None:
        chore = self._chore
        assert chore is not None, "only what goes on has steps"
        self._change(done=chore.done + done)

    def _change(self, **changes: object) -> None:
        with self._lock:
            assert self._chore is not None, "only what was begun changes"
            self._chore = replace(self._chore, **changes)  # type: ignore[arg-type]
