"""A cycle is judged by what the journal holds, and remembered when the journal holds it too."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from edge.judging import Judging, terms_of
from edge.metering.judge import MeterTerms
from edge.metering.outcome import Taken
from edge.profiles import load_profile
from edge.settings import MeterSettings
from protocol.messages import MeterEvent, MeterEventKind
from protocol.records import STATUS_GOOD, STATUS_SUSPECT
from tests.edge.making import BOOT, MINUTE_MS, failed, good, instant, journal_in_memory

TERMS = {1: MeterTerms(power_w_max=Fraction(60_000))}
SHARK = MeterSettings(
    name="field", index=1, bus="lan", unit=1, profile="eig.shark-100", generated="energy_received", power_w_max=5000
)


def status_of(result: object) -> int:
    """Return the status of a poll that gave a reading."""
    assert isinstance(result, Taken)
    return result.status


def test_what_was_not_kept_is_not_remembered() -> None:
    """A cycle that the journal did not take is judged again as if it had not been."""
    judging = Judging(TERMS, BOOT, {})
    first = judging.begin()
    first.judge([good(1, 0, 100)])
    judging.keep(first)
    for _ in range(2):
        cycle = judging.begin()
        (outcome,) = cycle.judge([good(1, 1, 5000)])
        assert status_of(outcome.result) == STATUS_SUSPECT
        assert [event.kind for event in outcome.events] == ["suspect"]
        assert cycle.doubted == [1]


def test_the_second_look_of_a_cycle_knows_the_first() -> None:
    """A doubted reading that returns at once is good; both are in the cycle, and a failure changes nothing."""
    judging = Judging(TERMS, BOOT, {})
    cycle = judging.begin()
    cycle.judge([good(1, 0, 100)])
    looks = cycle.judge([good(1, 1, 5000), failed(2, 1), good(1, 1, 101)])
    assert [status_of(look.result) for look in looks if look.meter == 1] == [STATUS_SUSPECT, STATUS_GOOD]
    assert cycle.changed[1].counts == {0: 101}
    assert 2 not in cycle.changed


def test_a_journal_takes_the_memory_over_a_restart() -> None:
    """An agent that starts anew judges its first reading by the last of the agent before."""
    journal = journal_in_memory()
    cycle = Judging(TERMS, BOOT, journal.memories()).begin()
    journal.record(instant(0).wall_ms, cycle.judge([good(1, 0, 100)]), MINUTE_MS)
    again = journal_in_memory(journal.image(), minute=1)
    (outcome,) = Judging(TERMS, BOOT, again.memories()).begin().judge([good(1, 1, 0)])
    assert status_of(outcome.result) == STATUS_SUSPECT


def test_the_terms_of_a_meter_come_from_its_settings_and_its_map() -> None:
    """Which registers may fall and how much a meter forgets says its map; the greatest power, who installed it."""
    profile = load_profile(SHARK.profile)
    assert terms_of(SHARK, profile) == MeterTerms(Fraction(5000), 0, frozenset(), is_partial=True)
    both = MeterSettings(
        name="field", index=1, bus="lan", unit=1, profile="eig.shark-100",
        generated="energy_received", consumed="energy_net",
    )  # fmt: skip
    assert terms_of(both, profile) == MeterTerms(None, 0, frozenset({1}), is_partial=False)


def test_what_a_driver_told_once_is_stated_when_the_journal_takes_it() -> None:
    """A cycle that the journal did not take hands on what came with its polls; what was taken is stated once."""
    judging = Judging(TERMS, BOOT, {})
    lost = MeterEvent(1, instant(0).wall_ms, MeterEventKind.PULSES_LOST)
    judging.begin().judge([replace(good(1, 0, 100), events=(lost,))])
    again = judging.begin()
    looks = again.judge([good(2, 1, 7), good(1, 1, 101), good(1, 1, 101)])
    assert [look.events for look in looks] == [(), (lost,), ()]
    judging.keep(again)
    assert judging.begin().judge([good(1, 2, 102)])[0].events == ()
