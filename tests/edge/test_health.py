"""Health between interval edges: in memory, bounded, never in the way of an edge, never evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.health import (
    HEALTH_NAME,
    LOOKS_KEPT,
    ROOM_MS_MIN,
    Health,
    HealthWatch,
    LookSummary,
    read_health,
    runtime_folder,
)
from edge.metering.outcome import Beside, Taken
from edge.metering.tally import BusTally
from tests.edge.making import MINUTE_MS, START_MS, failed, good

QUARTER_MS = 15 * MINUTE_MS


@given(st.integers(0, QUARTER_MS - 1), st.integers(0, 20 * MINUTE_MS))
def test_no_look_stands_in_the_way_of_an_edge(phase: int, slowest: int) -> None:
    """A look begins on a whole minute, and only if one as slow as the slowest, twice over, ends before the edge."""
    watch = HealthWatch(MINUTE_MS)
    watch.take([good(1, 0, 5)], slowest)
    edge = START_MS + QUARTER_MS
    look_at = watch.next_look(START_MS + phase, edge)
    soonest = START_MS + (phase // MINUTE_MS + 1) * MINUTE_MS
    assert look_at == (soonest if soonest + max(ROOM_MS_MIN, 2 * slowest) <= edge else None)


def test_one_slow_look_does_not_end_all_looking() -> None:
    """A look that once took longer than half an interval is tried again some intervals later."""
    watch = HealthWatch(MINUTE_MS)
    watch.take([good(1, 0, 5)], 4 * QUARTER_MS)
    edges = (START_MS + number * QUARTER_MS for number in range(1, 10))
    looks = [watch.next_look(edge - QUARTER_MS, edge) for edge in edges]
    assert looks[0] is None
    assert looks[-1] is not None


def test_it_can_be_switched_off() -> None:
    """With an interval of 0 nobody looks, and the state says nothing of it."""
    watch = HealthWatch(0)
    assert watch.next_look(START_MS, START_MS + QUARTER_MS) is None
    assert watch.numbers() == {}


def test_a_silent_meter_is_counted_until_it_answers() -> None:
    """The state says how many meters are silent now, and how many of the last hour's polls failed."""
    watch = HealthWatch(MINUTE_MS)
    watch.take([good(1, 0, 5), failed(2, 0)], 100)
    assert watch.numbers() == {"meters_silent": 1, "polls_failed": 1}
    watch.take([failed(1, 1), good(2, 1, 7)], 100)
    assert watch.numbers() == {"meters_silent": 1, "polls_failed": 2}
    assert (watch.meters[1].counts, watch.meters[1].is_silent) == ({0: 5}, True)


def test_what_is_remembered_is_bounded() -> None:
    """After a week of looks a meter has an hour of them."""
    watch = HealthWatch(MINUTE_MS)
    for minute in range(7 * 24 * 60):
        watch.take([failed(1, minute)], 1)
    assert len(watch.meters[1].looks) == LOOKS_KEPT == watch.meters[1].failures


def test_whoever_looks_at_the_device_finds_it(tmp_path: Path) -> None:
    """The file says of each meter when it was asked last, what came of it and its power, and of each bus its tally."""
    tally = BusTally(requests=4, replies=3, timeouts=1, delay_ms=61, delay_ms_max=40)
    watch = HealthWatch(MINUTE_MS, tmp_path, "barn", lambda: {"line": tally})
    outcome = good(1, 2, 5)
    assert isinstance(outcome.result, Taken)
    taken = replace(
        outcome.result,
        beside=Beside(power_w=Fraction(2501, 2)),
        descriptor=replace(outcome.result.descriptor, ratio=(40, 1)),
    )
    watch.take([replace(outcome, result=taken), failed(2, 2, "exception-4")], 1)
    at = START_MS + 2 * MINUTE_MS
    expected = Health(
        {
            1: LookSummary(at, None, "", failures=0, looks=1, counts={0: 5}, power_w=50_020),
            2: LookSummary(at, "exception-4", "no reply", failures=1, looks=1, counts={}, power_w=None),
        },
        {"line": tally},
    )
    assert read_health(tmp_path, "barn") == expected
    shown = json.loads((tmp_path / HEALTH_NAME).read_text(encoding="utf-8"))
    assert (shown["buses"]["line"]["quality_permille"], shown["buses"]["line"]["delay_ms_mean"]) == (750, 20)
    assert [path.name for path in tmp_path.iterdir()] == [HEALTH_NAME]


def test_a_meter_that_answers_again_has_no_complaint(tmp_path: Path) -> None:
    """The sentence of a failure goes with it; a power that was not read this time is not shown from before."""
    watch = HealthWatch(MINUTE_MS, tmp_path)
    watch.take([failed(1, 0)], 1)
    watch.take([good(1, 1, 5)], 1)
    health = read_health(tmp_path, "")
    assert health is not None
    assert health.meters[1] == LookSummary(
        START_MS + MINUTE_MS, None, "", failures=1, looks=2, counts={0: 5}, power_w=None
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"device": "barn"}',
        '{"device": "mill", "meters": {}, "buses": {}}',
        '{"device": "barn", "meters": {"1": {"looks": 3}}, "buses": {}}',
        '{"device": "barn", "meters": {"1": {"looks": 3, "counts": {}}}, "buses": {}}',
        '{"device": "barn", "meters": {}, "buses": {"line": {}}}',
        '{"device": "barn", "meters": {}, "buses": 1}',
    ],
)
def test_health_of_others_is_none(tmp_path: Path, text: str) -> None:
    """No file, one of another device or one of another version of the agent shows nothing, and breaks nothing."""
    assert read_health(tmp_path, "barn") is None
    (tmp_path / HEALTH_NAME).write_text(text, encoding="utf-8")
    assert read_health(tmp_path, "barn") is None


def test_the_first_runtime_directory_is_ours() -> None:
    """Of a list of systemd the first is taken; without one nothing is shown."""
    assert runtime_folder({"RUNTIME_DIRECTORY": "/run/meter-edge:/run/more"}) == Path("/run/meter-edge")
    assert runtime_folder({}) is None


def test_a_runtime_directory_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """The looks go on, and are in the state all the same."""
    watch = HealthWatch(MINUTE_MS, tmp_path / "gone")
    watch.take([failed(2, 2)], 1)
    assert watch.numbers()["meters_silent"] == 1
