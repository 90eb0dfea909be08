"""What the hub does by the clock: every few minutes it queues the mails that are due, and sends what waits."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hub.clock import monotonic_seconds
from hub.errors import StoreUnavailableError
from hub.sentences import SentenceLimit
from hub.services.queue_notices import find_turn, queue_notices
from hub.services.send_notices import send_notices

if TYPE_CHECKING:
    from hub.clock import Now
    from hub.exchange.mail import SmtpMailer
    from hub.rules.reminders import Turn
    from hub.services.queue_notices import Sources
    from hub.store.database import Database

EVERY_SECONDS = 180.0
QUEUE_AGAIN_SECONDS = 3600.0
"""How long what was found due stands, unless another occasion begins: to look costs as much as there are systems."""
WARNINGS_MAX = 10
_STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class Scheduler:
    """A thread that queues and sends mail from `start` to `stop`."""

    def __init__(
        self,
        database: Database,
        mailer: SmtpMailer,
        sources: Sources,
        now: Now,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._database = database
        self._mailer = mailer
        self._sources = sources
        self._now = now
        self._every_seconds = every_seconds
        self._sentences = SentenceLimit()
        self._queued_for: Turn | None = None
        self._queue_again_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="hub-scheduler", daemon=True)

    def start(self) -> None:
        """Begin with a first round; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the mail that is being sent; one whose answer is not awaited is sent once more after a restart."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopping.is_set():
            is_more = False
            try:
                is_more = self._run_once()
            except StoreUnavailableError as error:
                self._say("store", f"{error}; mail waits until it works again")
            self._stopping.wait(0 if is_more else self._every_seconds)

    def _run_once(self) -> bool:
        """Queue and send a round; return whether there is more to send at once."""
        queued = self._queue()
        with self._mailer as mailer:
            sending = send_notices(self._database, mailer, self._now, self._stopping.is_set)
        for warning in sending.warnings[:WARNINGS_MAX]:
            log.warning("%s", warning)
        if len(sending.warnings) > WARNINGS_MAX:
            log.warning("and %d mails more: see `meter-hub notices list`", len(sending.warnings) - WARNINGS_MAX)
        if sending.trouble:
            self._say(
                "server", f"the mail server {self._mailer.settings.server} does not take mail now: {sending.trouble}"
            )
        log.info("%d mails queued, %d sent, %d to be tried again", queued, sending.sent, sending.later)
        return sending.is_more

    def _queue(self) -> int:
        """Queue what is due, where an occasion has begun or the last look was long ago; return how many were new."""
        now = self._now()
        turn = find_turn(self._sources, now)
        if turn is None or (turn == self._queued_for and monotonic_seconds() < self._queue_again_at):
            return 0
        queued = queue_notices(self._database, self._sources, self._mailer.settings.pages_url, now)
        self._queued_for, self._queue_again_at = turn, monotonic_seconds() + QUEUE_AGAIN_SECONDS
        return queued

    def _say(self, subject: str, sentence: str) -> None:
        if self._sentences.is_due(subject, monotonic_seconds()):
            log.warning("%s", sentence)
