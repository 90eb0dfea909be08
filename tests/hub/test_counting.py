"""What is counted of jobs and writes: success is told, failure is not taken for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub import counting as counting_module
from hub import jobs as module
from hub.counting import Counting, Growth, JobFailure, Missing
from hub.errors import StoreUnavailableError
from hub.jobs import LOOK_EVERY_SECONDS, LOOK_SHARE, BoardJob
from hub.scheduler import Scheduler
from tests.hub.making import NOW
from tests.hub.notice_making import Clock
from tests.hub.programs import wait_until
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.database import Database

JOB = {"job": "work"}
HOUR_MS = 3_600_000
REOPENED = "2023-11-10T00:00:00-05:00"


class Work:
    """A job whose rounds fail as often as it is told to."""

    name = "work"
    every_seconds = 0.01

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.rounds = 0

    def run(self, is_stopping: Callable[[], bool]) -> bool:
        """Fail, or be done."""
        assert not is_stopping()
        self.rounds += 1
        if self.rounds <= self.failures:
            message = "the disk is full"
            raise StoreUnavailableError(message)
        return False


def last_success(counting: Counting) -> float | None:
    """Return when the job last ended well, None before it ever did."""
    return counting.registry.get_sample_value("meterline_job_last_success_timestamp_seconds", JOB)


def test_only_a_round_that_ended_well_is_a_success() -> None:
    """A job that fails for ever has no time of success, and an alert on that time fires."""
    counting, job = Counting(lambda: NOW), Work(failures=1_000_000)
    scheduler = Scheduler(job, counting)
    scheduler.start()
    wait_until(lambda: job.rounds > 2, "some rounds")
    assert last_success(counting) is None
    job.failures = 0
    wait_until(lambda: last_success(counting) == NOW / 1000, "a round that ended well")
    scheduler.stop()
    took = counting.registry.get_sample_value("meterline_job_last_duration_seconds", JOB)
    assert took is not None
    assert took >= 0


def test_a_write_that_failed_is_not_measured(database: Database) -> None:
    """Nor one of which nobody wants to be told."""
    told: list[float] = []
    with database.write():
        pass
    database.tell_writes(told.append)
    with database.beside().write():
        pass
    with pytest.raises(ZeroDivisionError), database.write():
        _ = 1 // 0
    assert len(told) == 1


def test_a_job_that_fails_says_since_when_and_why() -> None:
    """From the first round in a row that failed, until one ends well."""
    clock = Clock(NOW)
    counting, wanted = Counting(clock), []
    for why in ("the disk is full", "the disk is gone"):
        with pytest.raises(StoreUnavailableError), counting.job("mail"):
            raise StoreUnavailableError(why)
        wanted.append(dict(counting.failing))
        clock.at += 1000
    assert wanted == [{"mail": JobFailure(NOW, "the disk is full")}, {"mail": JobFailure(NOW, "the disk is gone")}]
    with counting.job("mail"):
        pass
    assert counting.failing == {}


def test_commits_are_kept_as_the_middle_and_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that ended well, the last thousand."""
    counting, seconds = Counting(), iter([0.0, 0.5, 1.0, 1.1, 2.0, 2.3])
    assert counting.commits() is None
    monkeypatch.setattr(counting_module, "monotonic_seconds", lambda: next(seconds))
    for _ in range(3):
        with counting.batch():
            pass
    found = counting.commits()
    assert found is not None
    assert (found.number, round(found.middle_seconds, 3), round(found.longest_seconds, 3)) == (3, 0.3, 0.5)


def test_growth_is_known_after_a_day_and_forgets_what_is_older_than_a_week() -> None:
    """One number an hour, so that a log that comes and goes does not count as growth."""
    clock = Clock(NOW)
    counting = Counting(clock)
    assert counting.growth() is None
    for hours in range(24):
        counting.note_size(1000 * hours)
        clock.at += HOUR_MS // 2
        counting.note_size(77_777_777)
        clock.at += HOUR_MS // 2
    assert counting.growth() is None
    counting.note_size(24_000)
    assert counting.growth() == Growth(NOW, 24_000)
    for hours in range(25, 250):
        clock.at += HOUR_MS
        counting.note_size(2000 * hours)
    assert counting.growth() == Growth(NOW + (249 - 7 * 24) * HOUR_MS, 48_000)


def test_two_hubs_count_apart() -> None:
    """Nothing is counted in a place that they share."""
    one, other = Counting(), Counting()
    one.count_receipts(5)
    values = [each.registry.get_sample_value("meterline_receipts_total") for each in (one, other)]
    assert values == [5, 0]


def test_looking_at_a_window_takes_a_fiftieth_of_the_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many systems there are; between two windows nothing is missing that could still be reported."""
    clock, counting = Clock(), Counting()
    clock.at = JAN.ends_at - 8 * 3_600_000
    for name in (SYSTEM, OTHER):
        add_system(database, name)
        add_meter(database, f"PV-{name[-1]}", name)
    enter(database, 2, JAN, 400_000)
    job = BoardJob(database, counting, clock)
    ticks = iter((0.0, 0.5, 0.5, 30.5))
    monkeypatch.setattr(module, "monotonic_seconds", lambda: next(ticks))
    assert not job.run(lambda: False)
    assert (counting.missing, job.every_seconds) == (Missing(1), LOOK_EVERY_SECONDS)
    job.run(lambda: False)
    assert job.every_seconds == LOOK_SHARE * 30
    monkeypatch.undo()
    clock.at = JAN.ends_at + 15 * 86_400_000
    job.run(lambda: False)
    assert counting.missing == Missing(None)
