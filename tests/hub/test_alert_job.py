"""A hub that did not listen for a while: silence goes on over it, and none is made up by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.alerting.rules import Code
from hub.counting import Counting
from hub.jobs import AlertJob
from hub.services.accept_blocks import accept_blocks
from hub.store import alerts
from tests.hub.making import NOW, TERMS, made_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.database import Database

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Running:
    """A hub that looks now and then, by a clock and a broker that the test has."""

    def __init__(self, database: Database, at: int) -> None:
        self.database = database
        self.at = at
        self.is_deaf = False
        self.start()

    def start(self) -> None:
        """Begin anew, as after a restart."""
        counting = Counting(lambda: self.at)
        counting.watch_broker(lambda: not self.is_deaf)
        self._job = AlertJob(self.database, counting, lambda: self.at)

    def look_until(self, at: int, every_ms: int = 10 * MINUTE_MS) -> None:
        """Look until then, the last time just then."""
        while self.at < at:
            self.at = min(at, self.at + every_ms)
            self._job.run(lambda: False)

    def silent_since(self) -> list[int]:
        """Return since when the open alerts of silent devices are seen."""
        with self.database.read() as connection:
            found = [one.episode for one in alerts.list_open(connection)]
        return [one.since_at for one in found if one.code is Code.DEVICE_SILENT]


@pytest.fixture
def running(registered: Database) -> Running:
    """Return a hub that has looked for half a day since its device was last heard."""
    accept_blocks(registered, made_log([5, 9]).arrivals(), TERMS, NOW)
    running = Running(registered, NOW - HOUR_MS)
    running.look_until(NOW + 12 * HOUR_MS, HOUR_MS)
    return running


def restart(running: Running, until: int) -> None:
    """Be off until then."""
    running.at = until
    running.start()


def lose_the_broker(running: Running, until: int) -> None:
    """Look without a broker until then."""
    running.is_deaf = True
    running.look_until(until, HOUR_MS)
    running.is_deaf = False


BREAKS = pytest.mark.parametrize("pause", [restart, lose_the_broker])


@BREAKS
def test_a_silence_goes_on_over_a_break(running: Running, pause: Callable[[Running, int], None]) -> None:
    """It is one alert, neither over nor told of again, however long the hub heard nothing."""
    running.look_until(NOW + DAY_MS + HOUR_MS, HOUR_MS)
    (since,) = running.silent_since()
    pause(running, NOW + 3 * DAY_MS)
    running.look_until(NOW + 3 * DAY_MS + 3 * HOUR_MS)
    assert running.silent_since() == [since]


@BREAKS
def test_a_break_makes_no_silence(running: Running, pause: Callable[[Running, int], None]) -> None:
    """Devices have two hours to come back; one that does not is silent then."""
    back = NOW + 3 * DAY_MS
    pause(running, back)
    running.look_until(back + 2 * HOUR_MS - MINUTE_MS)
    assert running.silent_since() == []
    running.look_until(back + 2 * HOUR_MS + MINUTE_MS)
    assert len(running.silent_since()) == 1


@BREAKS
def test_a_break_so_soon_after_another_gives_time_again(
    running: Running, pause: Callable[[Running, int], None]
) -> None:
    """What lost its broker an hour after a start has heard nobody yet of whom it could tell."""
    back = NOW + 3 * DAY_MS
    pause(running, back)
    running.look_until(back + HOUR_MS)
    lose_the_broker(running, back + 2 * HOUR_MS)
    running.look_until(back + 4 * HOUR_MS - MINUTE_MS)
    assert running.silent_since() == []
    running.look_until(back + 4 * HOUR_MS + MINUTE_MS)
    assert len(running.silent_since()) == 1
