"""What the hub does by the clock: a job in a thread of its own, round after round; no trouble of the world ends it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from hub.clock import monotonic_seconds
from hub.counting import Counting
from hub.errors import StoreUnavailableError
from hub.sentences import SentenceLimit

if TYPE_CHECKING:
    from collections.abc import Callable

_STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class Job(Protocol):
    """What is done by the clock. `name` says in a few words what waits while the store cannot be used."""

    @property
    def name(self) -> str:
        """What it is about, as a sentence may call it."""
        ...

    @property
    def every_seconds(self) -> float:
        """How long to wait between two rounds."""
        ...

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Do a round and return whether there is more to do at once; may raise StoreUnavailableError."""
        ...


class Scheduler:
    """A thread that runs a job's rounds from `start` to `stop`."""

    def __init__(self, job: Job, counting: Counting | None = None) -> None:
        self._job = job
        self._counting = counting or Counting()
        self._sentences = SentenceLimit()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"hub-{job.name}", daemon=True)

    def start(self) -> None:
        """Begin with a first round; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done just now; what was not finished is done again after a restart."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopping.is_set():
            is_more = False
            try:
                with self._counting.job(self._job.name):
                    is_more = self._job.run(self._stopping.is_set)
            except StoreUnavailableError as error:
                if self._sentences.is_due("store", monotonic_seconds()):
                    log.warning("%s; %s waits until it works again", error, self._job.name)
            self._stopping.wait(0 if is_more else self._job.every_seconds)
