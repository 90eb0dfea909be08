"""The hub's jobs by the clock: mails that are due, what devices read and is reported, and what a window still lacks."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from hub.alerting.listening import Listening
from hub.alerting.observing_hub import EndFacts
from hub.alerting.telling import Way
from hub.clock import monotonic_seconds
from hub.counting import Counting, Missing
from hub.exchange.certificates import read_expiries, read_next_update
from hub.fleet.hearing import Link
from hub.pacing import Pace
from hub.sentences import SentenceLimit
from hub.services.draw_board import draw_board
from hub.services.draw_missing import draw_missing
from hub.services.evaluate_alerts import HubSigns, evaluate_alerts, find_last_look
from hub.services.queue_dispatches import queue_dispatches
from hub.services.queue_notices import find_turn, queue_notices
from hub.services.read_reporting import current_window
from hub.services.read_thresholds import load_thresholds
from hub.services.report_devices import report_devices
from hub.services.send_dispatches import Doors, send_dispatches
from hub.services.send_notices import send_notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.clock import Now
    from hub.config import HubSettings
    from hub.exchange.mail import SmtpMailer
    from hub.exchange.webhooks import Webhooks
    from hub.rules.reminders import Turn
    from hub.sealing import Sealer
    from hub.services.queue_notices import Sources
    from hub.store.database import Database

EVERY_SECONDS = 180.0
REPORT_EVERY_SECONDS = 60.0
REPORT_REST = 3
"""A quarter of the time goes into it: a window is open for days, and of all systems most report in its last ones."""
MISSING_REST = 4
"""There is an hour for what takes a minute at 100,000 systems."""
QUEUE_AGAIN_SECONDS = 3600.0
"""How long what was found due stands, unless another occasion begins: to look costs as much as there are systems."""
LOOK_EVERY_SECONDS = 60.0
LOOK_SHARE = 50
"""Looking at what a window lacks costs as much as there are systems: it is done for a fiftieth of the time at most."""
TELL_EVERY_SECONDS = 10.0
WARNINGS_MAX = 10

log = logging.getLogger(__name__)


class MailJob:
    """Queues the mails that are due, and sends what waits."""

    name = "mail"

    def __init__(  # noqa: PLR0913 - by what it sends
        self,
        database: Database,
        mailer: SmtpMailer,
        sources: Sources,
        now: Now,
        every_seconds: float = EVERY_SECONDS,
        *,
        counting: Counting | None = None,
    ) -> None:
        self.every_seconds = every_seconds
        self._counting = counting or Counting(now)
        self._database = database
        self._mailer = mailer
        self._sources = sources
        self._now = now
        self._sentences = SentenceLimit()
        self._queued_for: Turn | None = None
        self._queue_again_at = 0.0

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Queue and send a round; return whether there is more to send at once."""
        queued = self._queue()
        with self._mailer as mailer:
            sending = send_notices(self._database, mailer, self._now, is_stopping)
        self._counting.count_notifications(Way.MAIL, sending.results.items())
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


class DeviceReportJob:
    """Reports the months of systems whose devices have read what reports them."""

    name = "automatic reporting"

    def __init__(self, database: Database, now: Now, every_seconds: float = REPORT_EVERY_SECONDS) -> None:
        self.every_seconds = every_seconds
        self._database = database
        self._now = now

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Report what can be reported now; return that there is no more."""
        for one in report_devices(self._database, self._now(), Pace(is_stopping, REPORT_REST)):
            if one.answer is not None:
                outcome = one.answer.judgement.outcome
                log.info("meter %s of system %s is reported for %s: %s", one.serial, one.system, one.month, outcome)
        return False


class BoardJob:
    """Draws the window board, and counts the systems that lack the month of the open window for who watches the hub."""

    name = "window"

    def __init__(self, database: Database, counting: Counting, now: Now) -> None:
        self.every_seconds = LOOK_EVERY_SECONDS
        self._database = database
        self._counting = counting
        self._now = now

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Look once; return that there is no more."""
        began, now = monotonic_seconds(), self._now()
        missing = draw_board(self._database, now, is_stopping)
        _, is_open = current_window(now)
        self._counting.missing = Missing(missing if is_open else None)
        self.every_seconds = max(LOOK_EVERY_SECONDS, LOOK_SHARE * (monotonic_seconds() - began))
        return False


class MissingJob:
    """Keeps which systems lack months of the last quarters."""

    name = "missing production"

    def __init__(self, database: Database, now: Now) -> None:
        self.every_seconds = LOOK_EVERY_SECONDS
        self._database = database
        self._now = now

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Look at what is due; return that there is no more."""
        draw_missing(self._database, self._now(), Pace(is_stopping, MISSING_REST))
        return False


class AlertJob:
    """Lets alerts begin, go on and end by what the hub sees, and draws the fleet board by the same look."""

    name = "alerts"

    def __init__(self, database: Database, counting: Counting, now: Now, settings: HubSettings | None = None) -> None:
        self.every_seconds = LOOK_EVERY_SECONDS
        self._database = database
        self._counting = counting
        self._now = now
        self._certificates = () if settings is None else settings.certificates
        self._crl = None if settings is None else settings.crl
        self._began_at = now()
        self._listening: Listening | None = None
        self._looked_at: int | None = None
        self._told = counting.came

    def run(self, is_stopping: Callable[[], bool]) -> bool:  # noqa: ARG002 - one look is not divided
        """Look once; return that there is no more."""
        began = monotonic_seconds()
        came = self._counting.came
        self._counting.certificates = read_expiries(self._certificates)
        self._counting.crl = None if self._crl is None else read_next_update(self._crl)
        growth = self._counting.growth()
        now, is_deaf = self._now(), self._counting.is_deaf()
        listening = self._listen(now, is_deaf=is_deaf)
        signs = HubSigns(
            came=came - self._told,
            ingest_lag_ms=self._counting.lag_ms(),
            ends=self._ends(),
            is_deaf=is_deaf,
            bytes_per_day=None if growth is None else growth.bytes_per_day,
            heard_until=listening.before,
        )
        evaluated = evaluate_alerts(self._database, listening.since, now, signs)
        self._looked_at = now
        self._told = came
        self._counting.fleet = evaluated.fleet
        self._counting.links = {link.value: evaluated.links.get(link, 0) for link in Link}
        self._counting.versions = evaluated.versions
        self._counting.sums = evaluated.sums
        self._counting.strangers = evaluated.strangers
        self._counting.note_size(self._database.size_bytes())
        if evaluated.fired or evaluated.ended:
            log.info("%d alerts fire now, %d are over", evaluated.fired, evaluated.ended)
        self.every_seconds = max(LOOK_EVERY_SECONDS, LOOK_SHARE * (monotonic_seconds() - began))
        return False

    def _listen(self, now: int, *, is_deaf: bool) -> Listening:
        """Return since when devices are heard, at a look; the first one goes on from the last of the hub before it."""
        if self._listening is None:
            self._listening = Listening(self._began_at, find_last_look(self._database))
        if is_deaf:
            with self._database.read() as connection:
                settling_ms = load_thresholds(connection, now).ms("device_silent_settling_minutes")
            self._listening = self._listening.break_off(now, self._looked_at, settling_ms)
        return self._listening

    def _ends(self) -> tuple[EndFacts, ...]:
        certificates = tuple(EndFacts(one.use, one.until) for one in self._counting.certificates)
        crl = self._counting.crl
        return certificates if crl is None else (*certificates, EndFacts(crl.use, crl.until, is_list=True))


class TellJob:
    """Tells channels of alerts, and sends people the links that they asked for."""

    name = "telling"

    def __init__(  # noqa: PLR0913, PLR0917 - by what it tells
        self,
        database: Database,
        mailer: SmtpMailer | None,
        webhooks: Webhooks,
        sealer: Sealer,
        now: Now,
        every_seconds: float = TELL_EVERY_SECONDS,
        *,
        counting: Counting | None = None,
    ) -> None:
        self.every_seconds = every_seconds
        self._counting = counting or Counting(now)
        self._database = database
        self._mailer = mailer
        pages_url = "" if mailer is None else mailer.settings.pages_url
        self._doors = Doors(mailer, webhooks, sealer, pages_url)
        self._now = now

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Queue what is new and deliver a round; return whether there is more to deliver at once."""
        queue_dispatches(self._database, self._now())
        with contextlib.ExitStack() as ends:
            if self._mailer is not None:
                ends.enter_context(self._mailer)
            delivery = send_dispatches(self._database, self._doors, self._now, is_stopping)
        for way, results in delivery.results.items():
            self._counting.count_notifications(way, results.items())
        for warning in delivery.warnings[:WARNINGS_MAX]:
            log.warning("%s", warning)
        return delivery.is_more
