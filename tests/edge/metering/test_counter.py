"""The counter decision row by row; `test_counter_machine.py` has the rest."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from edge.metering.counter import (
    SIGHTINGS_TO_CONFIRM,
    CounterLimits,
    CounterMemory,
    CounterSighting,
    CounterVerdict,
    ReadingTime,
    SeenCount,
    decide,
    elapsed_ms,
)
from protocol.records import STATUS_GOOD, STATUS_HELD, STATUS_SUSPECT, MeterEventKind

QUARTER_MS = 900_000
LIMITED = CounterLimits(Fraction(1), modulus=1_000_000, counts_per_ms_max=Fraction(100, QUARTER_MS))
BLIND = replace(LIMITED, counts_per_ms_max=None)
NET = CounterLimits(Fraction(1), is_monotonic=False)


def sighting(count: int, quarter: int, *, boot: str = "a", is_trusted: bool = True, **more: object) -> CounterSighting:
    """Return the register at `count` after so many quarters of an hour."""
    at = ReadingTime(quarter * QUARTER_MS, quarter * QUARTER_MS, boot, is_trusted)
    return replace(CounterSighting(SeenCount(count, Fraction(count), at)), **more)  # type: ignore[arg-type]


def follow(limits: CounterLimits, *sightings: CounterSighting) -> list[CounterVerdict]:
    """Return the verdict on each of these sightings in turn."""
    memory: CounterMemory | None = None
    verdicts = []
    for each in sightings:
        verdicts.append(decide(memory, each, limits))
        memory = verdicts[-1].memory
    return verdicts


def follow_counts(limits: CounterLimits, *counts: int) -> list[CounterVerdict]:
    """Return the verdict on each of these counts, a quarter of an hour apart."""
    return follow(limits, *(sighting(count, quarter) for quarter, count in enumerate(counts)))


def decisions(verdicts: list[CounterVerdict]) -> list[str]:
    """Return what was decided after the beginning."""
    return [str(verdict.decision) for verdict in verdicts[1:]]


def kinds(verdicts: list[CounterVerdict]) -> list[str]:
    """Return what was to be stated."""
    return [str(verdict.event.kind) for verdict in verdicts if verdict.event is not None]


@pytest.mark.parametrize(
    ("limits", "counts", "decided", "stated"),
    [
        pytest.param(LIMITED, [50, 150], ["accept"], [], id="what the site can generate is accepted"),
        pytest.param(LIMITED, [50, 50], ["accept"], [], id="nothing generated is accepted"),
        pytest.param(LIMITED, [0, 0, 1], ["accept", "accept"], [], id="a new meter at zero is no fault"),
        pytest.param(LIMITED, [999_950, 40], ["rollover"], ["rollover"], id="over the modulus by what is possible"),
        pytest.param(
            LIMITED,
            [999_950, 0, 30],
            ["doubt", "rollover"],
            ["suspect", "rollover"],
            id="over it to zero, seen to grow",
        ),
        pytest.param(
            LIMITED,
            [999_950, 0, 0, 0, 0],
            ["doubt", "doubt", "doubt", "rollover"],
            ["suspect", "rollover"],
            id="over it to zero, seen to stay",
        ),
        pytest.param(LIMITED, [50, 49, 49, 50], ["hold", "hold", "accept"], ["rollback"], id="back by rounding"),
        pytest.param(LIMITED, [50, 0, 60], ["doubt", "accept"], ["suspect"], id="zero once"),
        pytest.param(LIMITED, [50, 700_000, 60], ["doubt", "accept"], ["suspect"], id="a spike once"),
        pytest.param(
            LIMITED, [50, 0, 49, 51], ["doubt", "hold", "accept"], ["suspect", "rollback"], id="zero, then held"
        ),
        pytest.param(
            LIMITED,
            [50, 700_000, 300_000, 60],
            ["doubt", "doubt", "accept"],
            ["suspect"],
            id="two spikes are stated once",
        ),
        pytest.param(
            LIMITED,
            [50, 5000, 5000, 5100, 5150, 5200],
            ["doubt", "doubt", "doubt", "confirm", "accept"],
            ["suspect", "confirmed"],
            id="a jump that stays",
        ),
        pytest.param(
            LIMITED,
            [50, 160, 200, 240, 280],
            ["doubt", "doubt", "doubt", "confirm"],
            ["suspect", "confirmed"],
            id="a small jump is not believed for its age",
        ),
        pytest.param(
            LIMITED,
            [500_000, 10, 20, 30, 40],
            ["doubt", "doubt", "doubt", "confirm"],
            ["suspect", "confirmed"],
            id="a drop without a witness is no reset",
        ),
        pytest.param(
            replace(LIMITED, modulus=None), [999_950, 40], ["doubt"], ["suspect"], id="no modulus, no rollover"
        ),
        pytest.param(LIMITED, [2_000_000, 40], ["doubt"], ["suspect"], id="a modulus that is not the meter's"),
        pytest.param(
            replace(LIMITED, save_interval_ms=QUARTER_MS),
            [500, 400, 399],
            ["hold", "doubt"],
            ["rollback", "suspect"],
            id="back by what the meter had not saved, and no more",
        ),
        pytest.param(BLIND, [50, 400_000], ["accept"], [], id="blind: half of the range is growth"),
        pytest.param(BLIND, [50, 600_000], ["doubt"], ["suspect"], id="blind: more is not"),
        pytest.param(BLIND, [950_000, 40_000], ["rollover"], ["rollover"], id="blind: a tenth over the end"),
        pytest.param(BLIND, [850_000, 40_000], ["doubt"], ["suspect"], id="blind: more is no rollover"),
        pytest.param(BLIND, [1000, 0, 1001], ["doubt", "accept"], ["suspect"], id="blind: zero once"),
        pytest.param(NET, [50, -5000], ["accept"], [], id="net, blind: falls are energy"),
        pytest.param(NET, [-5000, 0, -5001], ["doubt", "accept"], ["suspect"], id="net, blind: zero once"),
        pytest.param(NET, [1, 0], ["accept"], [], id="net, blind: zero by a step"),
        pytest.param(
            replace(NET, counts_per_ms_max=Fraction(100, QUARTER_MS)),
            [50, 0, -100, -5000],
            ["accept", "accept", "doubt"],
            ["suspect"],
            id="net: no faster than the site",
        ),
    ],
)
def test_rows_of_the_table(limits: CounterLimits, counts: list[int], decided: list[str], stated: list[str]) -> None:
    """Each course of counts is decided as the table says, and each thing is stated once."""
    verdicts = follow_counts(limits, *counts)
    assert decisions(verdicts) == decided
    assert kinds(verdicts) == stated


def test_the_status_of_a_reading_is_that_of_its_decision() -> None:
    """Held and doubted readings are marked, all others are good; only a new doubt asks for another look."""
    verdicts = follow_counts(LIMITED, 50, 49, 0, 0, 60)
    assert [verdict.status for verdict in verdicts] == [
        STATUS_GOOD,
        STATUS_HELD,
        STATUS_SUSPECT,
        STATUS_SUSPECT,
        STATUS_GOOD,
    ]
    assert [verdict.wants_reread for verdict in verdicts] == [False, False, True, False, False]


@pytest.mark.parametrize("limits", [LIMITED, BLIND])
def test_a_reset_needs_its_witness_and_several_sightings(limits: CounterLimits) -> None:
    """A register near zero whose meter was restarted is reset when it was seen often enough, with both readings."""
    course = [sighting(500_000, 0), sighting(0, 1, is_restarted=True), *(sighting(0, 2 + n) for n in range(3))]
    verdicts = follow(limits, *course)
    assert decisions(verdicts) == ["doubt"] * (SIGHTINGS_TO_CONFIRM - 1) + ["reset"]
    event = verdicts[-1].event
    assert event is not None
    assert (event.before, event.after) == (course[0].seen, course[1].seen)
    assert not verdicts[-1].gained
    assert verdicts[-1].memory == CounterMemory(course[-1].seen)


def test_a_restart_alone_changes_nothing() -> None:
    """A meter that was restarted and goes on is accepted, and the restart is forgotten."""
    verdicts = follow(LIMITED, sighting(50, 0), sighting(60, 1, is_restarted=True))
    assert decisions(verdicts) == ["accept"]
    assert not verdicts[-1].memory.is_restarted


def test_a_restarted_meter_with_a_large_count_is_not_reset() -> None:
    """What a register cannot have counted from zero is a jump, whatever the witness says."""
    course = [sighting(500_000, 0), *(sighting(200_000, 1 + n, is_restarted=True) for n in range(4))]
    assert decisions(follow(LIMITED, *course))[-1] == "confirm"


def test_near_its_end_a_witness_decides_between_rollover_and_reset() -> None:
    """Without a limit of power, a register that was near its end is no rollover if its meter was restarted."""
    course = [sighting(950_000, 0), *(sighting(10, 1 + n, is_restarted=True) for n in range(4))]
    assert decisions(follow(BLIND, *course)) == ["doubt", "doubt", "doubt", "reset"]


def test_an_exchange_begins_anew_with_both_serials() -> None:
    """Another serial number ends whatever was held or doubted; what is not read changes nothing."""
    verdicts = follow(
        LIMITED,
        sighting(500, 0, serial="A"),
        sighting(0, 1, serial=""),
        sighting(77, 2, serial="B"),
        sighting(78, 3, serial=""),
    )
    assert decisions(verdicts) == ["doubt", "exchange", "accept"]
    event = verdicts[2].event
    assert event is not None
    assert (event.was, event.now, event.before.raw, event.after.raw) == ("A", "B", 500, 77)
    assert verdicts[3].memory.serial == "B"


def test_a_change_of_scale_begins_anew() -> None:
    """Counts before and after a change of scale are not compared."""
    verdicts = follow(LIMITED, sighting(500, 0, serial="A", scale="x1"), sighting(50, 1, scale="x10"))
    assert decisions(verdicts) == ["scale-change"]
    event = verdicts[1].event
    assert event is not None
    assert (event.kind, event.was, event.now) == (MeterEventKind.SCALE_CHANGE, "x1", "x10")
    assert verdicts[1].memory.serial == "A"
    assert not verdicts[1].gained


@pytest.mark.parametrize(
    ("later", "elapsed"),
    [
        (ReadingTime(5, 900, "a", is_trusted=False), 800),
        (ReadingTime(5000, 7, "b", is_trusted=True), 4000),
        (ReadingTime(5000, 7, "b", is_trusted=False), None),
        (ReadingTime(5, 7, "b", is_trusted=True), None),
    ],
)
def test_time_passes_by_boottime_or_by_trusted_clocks(later: ReadingTime, elapsed: int | None) -> None:
    """Within a boot the wall clock does not matter; across boots only trusted clocks that run forward count."""
    assert elapsed_ms(ReadingTime(1000, 100, "a", is_trusted=True), later) == elapsed


def test_without_a_known_time_the_range_is_the_limit() -> None:
    """After a boot with an unknown clock, growth is judged as without a limit of power."""
    verdicts = follow(LIMITED, sighting(50, 0), sighting(5000, 1, boot="b", is_trusted=False))
    assert decisions(verdicts) == ["accept"]


def soon(count: int, quarter: int, after_ms: int) -> CounterSighting:
    """Return the register so many ms after a quarter of an hour."""
    at_ms = quarter * QUARTER_MS + after_ms
    return CounterSighting(SeenCount(count, Fraction(count), ReadingTime(at_ms, at_ms, "a", is_trusted=True)))


def test_two_looks_in_a_moment_may_see_what_the_meter_shows_once_a_minute() -> None:
    """A meter that shows its count anew only now and then moves it by all of that time at once; more is doubted."""
    at_full_power = follow(LIMITED, sighting(50, 0), sighting(150, 1), soon(156, 1, 400), soon(160, 1, 60_000))
    assert decisions(at_full_power) == ["accept", "accept", "accept"]
    assert decisions(follow(LIMITED, sighting(50, 0), soon(60, 0, 400))) == ["doubt"]
