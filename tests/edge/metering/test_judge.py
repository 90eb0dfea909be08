"""A poll is judged by all that is remembered of its meter: status, events in words and numbers, and nothing altered."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from edge.metering.judge import Judgement, MeterTerms, describe_scale, judge, limits_of
from edge.metering.memory import MeterMemory, read_memory, write_memory
from edge.metering.outcome import Beside, Failed, PollOutcome, Stranger, Taken
from protocol import wire
from protocol.identity import BootId
from protocol.messages import Instant, MeterDescriptor, MeterEvent, Register, TimeQuality
from protocol.records import STATUS_GOOD, STATUS_HELD, STATUS_STALE, STATUS_SUSPECT

if TYPE_CHECKING:
    from collections.abc import Sequence

BOOT = BootId(b"boot")
QUARTER_MS = 900_000
TERMS = MeterTerms(power_w_max=Fraction(80_000))
"""At 80 kW and a quarter more, a register of 100 Wh counts 250 in a quarter of an hour."""
GENERATED = Register("1-0:2.8.0", "Wh", 2, 32, "u", 10**9, 3, 1206, "little")
CONSUMED = replace(GENERATED, obis="1-0:1.8.0", address=1204)
METER = MeterDescriptor(
    1, "Maker", "Model", "S1", "1.0", (1, 1), "rtu", 1, {0: GENERATED, 1: CONSUMED}, note="ct_amps=200, pt=1"
)


def outcome(quarter: int, result: Taken | Failed, quality: TimeQuality = TimeQuality.SYNCHRONISED) -> PollOutcome:
    """Return a poll after so many quarters of an hour."""
    at = Instant(quarter * QUARTER_MS, quarter * QUARTER_MS, quality)
    return PollOutcome(1, at, at, result)


def poll(quarter: int, *counts: int, meter: MeterDescriptor = METER, beside: Beside | None = None) -> PollOutcome:
    """Return a poll that gave these counts."""
    return outcome(quarter, Taken(dict(enumerate(counts)), meter, beside=beside or Beside()))


def follow(*polls: PollOutcome, terms: MeterTerms = TERMS, memory: MeterMemory | None = None) -> list[Judgement]:
    """Return the judgement of each poll in turn; the memory in between goes through its text, as in the journal."""
    judgements = []
    for each in polls:
        judgement = judge(memory, each, terms, BOOT)
        judgements.append(judgement)
        memory = judgement.outcome.memory or memory
        memory = None if memory is None else read_memory(write_memory(memory))
    return judgements


def events(judgements: Sequence[Judgement]) -> list[MeterEvent]:
    """Return all that was stated, each of which a statement can hold."""
    stated = [event for judgement in judgements for event in judgement.outcome.events]
    for event in stated:
        assert wire.decode_frame(wire.encode_frame(event)) == event
    return stated


def kinds(judgements: Sequence[Judgement]) -> list[tuple[str, int | None]]:
    """Return what was stated of which register."""
    return [(event.kind, event.register) for event in events(judgements)]


def statuses(judgements: Sequence[Judgement]) -> list[int]:
    """Return the status of each poll that gave a reading."""
    results = [judgement.outcome.result for judgement in judgements]
    return [result.status for result in results if isinstance(result, Taken)]


def test_a_healthy_meter_has_nothing_to_state() -> None:
    """Counts that grow as the site can grow are good, and come through as they were read."""
    judgements = follow(poll(0, 100, 5), poll(1, 350, 5), poll(2, 350, 8))
    assert events(judgements) == []
    assert statuses(judgements) == [STATUS_GOOD] * 3
    assert [judgement.outcome.result for judgement in judgements] == [
        each.result for each in (poll(0, 100, 5), poll(1, 350, 5), poll(2, 350, 8))
    ]


def test_each_register_is_judged_by_itself() -> None:
    """One register held and the other doubted give one reading with both bits, and one event each."""
    judgements = follow(poll(0, 100, 500), poll(1, 99, 5_000_000), poll(2, 101, 501))
    assert statuses(judgements) == [STATUS_GOOD, STATUS_HELD | STATUS_SUSPECT, STATUS_GOOD]
    assert kinds(judgements) == [("rollback", 0), ("suspect", 1)]
    assert events(judgements)[1].before == (0, 500)
    assert events(judgements)[1].after == (QUARTER_MS, 5_000_000)
    assert [judgement.wants_reread for judgement in judgements] == [False, True, False]


def test_more_than_the_site_can_make_is_doubted_and_no_less() -> None:
    """The limit is the stated power with its margin over the time between and a minute, and one count."""
    assert statuses(follow(poll(0, 0), poll(1, 267))) == [STATUS_GOOD, STATUS_GOOD]
    assert statuses(follow(poll(0, 0), poll(1, 268))) == [STATUS_GOOD, STATUS_SUSPECT]
    assert statuses(follow(poll(0, 0), poll(1, 268), terms=MeterTerms())) == [STATUS_GOOD, STATUS_GOOD]


def test_a_register_that_may_fall_falls() -> None:
    """A net register has no roll-back."""
    terms = replace(TERMS, falling=frozenset({0}))
    assert statuses(follow(poll(0, 100), poll(1, 50), terms=terms)) == [STATUS_GOOD, STATUS_GOOD]


def test_an_exchange_is_stated_with_the_readings_of_both_meters() -> None:
    """Another serial number begins anew, and its other firmware is no change."""
    other = replace(METER, serial="S2", firmware="9.9", note="ct_amps=100")
    judgements = follow(poll(0, 100, 5), poll(1, 7, 2, meter=other))
    assert kinds(judgements) == [("exchange", 0), ("exchange", 1)]
    event = events(judgements)[0]
    assert (event.was, event.now, event.before, event.after) == ("S1", "S2", (0, 100), (QUARTER_MS, 7))
    assert statuses(judgements) == [STATUS_GOOD, STATUS_GOOD]


def test_a_change_of_scale_says_what_changed() -> None:
    """The event holds the part of the scale that is another, whatever else the scale says."""
    for other, was, now in (
        (replace(METER, registers={0: replace(GENERATED, scale_exponent=1)}), "10^2 Wh", "10^1 Wh"),
        (replace(METER, registers={0: GENERATED}, ratio=(5, 1)), "ratio 1/1", "ratio 5/1"),
        (replace(METER, registers={0: replace(GENERATED, sign=-1)}), "10^2 Wh", "-10^2 Wh"),
    ):
        (event,) = events(follow(poll(0, 100), poll(1, 100, meter=other)))
        assert (event.kind, event.was, event.now) == ("scale-change", was, now)


def test_firmware_and_configuration_are_stated_with_both_readings() -> None:
    """A change of either is an event for each register; what was not known before is none."""
    newer = replace(METER, firmware="1.1", note="ct_amps=400, pt=1")
    judgements = follow(poll(0, 100, 5), poll(1, 110, 5, meter=newer), poll(2, 120, 5, meter=newer))
    assert kinds(judgements) == [
        ("firmware-change", 0), ("firmware-change", 1), ("configuration-change", 0), ("configuration-change", 1),
    ]  # fmt: skip
    event = events(judgements)[2]
    assert (event.was, event.now, event.before, event.after) == (
        "ct_amps=200", "ct_amps=400", (0, 100), (QUARTER_MS, 110),
    )  # fmt: skip
    silent = replace(METER, firmware="", note=None)
    assert events(follow(poll(0, 100, meter=silent), poll(1, 101), poll(2, 102, meter=silent))) == []
    assert events(follow(poll(0, 100), poll(1, 101, 5, meter=newer)))[-1].register == 0


def test_a_long_change_is_cut_to_what_a_statement_holds() -> None:
    """However much of the configuration changes, the event can be sealed."""
    old, new = (replace(METER, note=", ".join(f"{letter}{n}=1" for n in range(30))) for letter in "ab")
    assert len(events(follow(poll(0, 1, meter=old), poll(1, 1, meter=new)))) == 1


def test_another_meter_in_place_of_the_expected_one_is_stated_once() -> None:
    """It gives no reading, each new stranger one event for each register, with what could be read of it."""
    intruder = Failed("identity", "not S1", Stranger("S1", "S2", {0: 7}))
    third = replace(intruder, stranger=Stranger("S1", "S3", {}))
    judgements = follow(poll(0, 100, 5), outcome(1, intruder), outcome(2, intruder), outcome(3, third), poll(4, 101, 5))
    assert kinds(judgements) == [("exchange", 0), ("exchange", 1), ("exchange", 0), ("exchange", 1)]
    first, second = events(judgements)[:2]
    assert (first.was, first.now, first.before, first.after) == ("S1", "S2", (0, 100), (QUARTER_MS, 7))
    assert (second.before, second.after) == ((0, 5), None)
    assert statuses(judgements) == [STATUS_GOOD, STATUS_GOOD]
    (alone,) = events(follow(outcome(0, intruder)))
    assert (alone.before, alone.after) == (None, (0, 7))


def test_a_failure_changes_no_memory() -> None:
    """A poll that gave nothing leaves what is remembered as it was."""
    (judgement,) = follow(outcome(0, Failed("timeout", "silence")))
    assert judgement == Judgement(outcome(0, Failed("timeout", "silence")))


def test_a_stale_meter_is_marked_while_it_is_stale() -> None:
    """The bit stands on each reading between the two events."""
    stopped, moving = (Beside(witnesses={"tick": tick}) for tick in (1, 2))
    judgements = follow(
        poll(0, 100, beside=stopped), poll(1, 100, beside=stopped), poll(2, 100, beside=stopped),
        poll(3, 100, beside=moving),
    )  # fmt: skip
    assert statuses(judgements) == [STATUS_GOOD, STATUS_STALE, STATUS_STALE, STATUS_GOOD]
    assert kinds(judgements) == [("stale", None), ("moving", None)]


def test_witnesses_are_not_carried_from_meter_to_meter() -> None:
    """The tick of a new meter is not compared with that of the old one."""
    stopped = Beside(witnesses={"tick": 1})
    other = replace(METER, serial="S2")
    assert kinds(follow(poll(0, 7, beside=stopped), poll(1, 7, meter=other, beside=stopped))) == [("exchange", 0)]


def test_energy_is_compared_with_power_in_watt_hours() -> None:
    """A register of 100 Wh and a power in W agree; a power a thousandth does not."""
    for power_w, expected in ((40_000, []), (40, [("inconsistent", None)])):
        course = [poll(n, 100 * n, beside=Beside(power_w=Fraction(power_w))) for n in range(40)]
        assert kinds(follow(*course)) == expected


@pytest.mark.parametrize(
    ("power_w", "power_w_max", "stated"),
    [(8000, 80_000, ["stale"]), (7999, 80_000, []), (8000, None, [])],
)
def test_a_power_that_may_be_consumption_owes_no_generation(
    power_w: int, power_w_max: int | None, stated: list[str]
) -> None:
    """Where one direction alone is counted, only a power that the site must generate is held against the register."""
    terms = MeterTerms(None if power_w_max is None else Fraction(power_w_max), is_partial=True)
    course = [poll(n, 100, beside=beside) for n in range(9) for beside in (Beside(Fraction(power_w)),)]
    assert [kind for kind, _ in kinds(follow(*course, terms=terms))] == stated
    assert kinds(follow(poll(0, 100), poll(1, 100), terms=terms)) == []


def test_a_pattern_that_is_no_number_is_suspect_and_remembers_nothing() -> None:
    """It is journaled as it was read, and the register goes on from where it was."""
    bcd = replace(METER, registers={0: replace(GENERATED, kind="bcd")})
    judgements = follow(poll(0, 0x100, meter=bcd), poll(1, 0xFFF, meter=bcd), poll(2, 0x101, meter=bcd))
    assert statuses(judgements) == [STATUS_GOOD, STATUS_SUSPECT, STATUS_GOOD]
    assert events(judgements) == []
    assert statuses(follow(poll(0, 0xFFF, meter=bcd))) == [STATUS_SUSPECT]


@pytest.mark.parametrize("quality", [TimeQuality.UNKNOWN, TimeQuality.INFORMATIVE, TimeQuality.SYNCHRONISED])
def test_only_a_synchronised_clock_tells_the_time_between_boots(quality: TimeQuality) -> None:
    """After a boot the limit of power holds only if both clocks could be trusted."""
    first = outcome(0, Taken({0: 0}, METER), quality)
    later = outcome(1, Taken({0: 5000}, METER), quality)
    memory = judge(None, first, TERMS, BOOT).outcome.memory
    (judgement,) = [judge(memory, later, TERMS, BootId(b"next"))]
    is_trusted = quality is TimeQuality.SYNCHRONISED
    assert statuses([judgement]) == [STATUS_SUSPECT if is_trusted else STATUS_GOOD]


@pytest.mark.parametrize(
    ("kind", "width_bits", "magnitude", "step"),
    [
        ("u", 32, Fraction(10**9), Fraction(1)),
        ("f", 32, Fraction(1_048_576), Fraction(1, 8)),
        ("f", 32, Fraction(8_390_000_000), Fraction(512)),
        ("f", 32, Fraction(1, 3), Fraction(1, 1 << 23)),
        ("f", 64, Fraction(1 << 53), Fraction(2)),
    ],
)
def test_a_float_counts_in_steps_that_grow(kind: str, width_bits: int, magnitude: Fraction, step: Fraction) -> None:
    """The smallest step of a float register is the distance of neighbouring floats of its size, 1 for integers."""
    register = replace(GENERATED, kind=kind, width_bits=width_bits)
    assert limits_of(register, (1, 1), TERMS, (Fraction(0), -magnitude)).quantum == step


def test_a_float_has_a_modulus_only_if_its_map_says_so() -> None:
    """The width of a float is no place where it wraps."""
    bare = replace(GENERATED, kind="f", rollover_counts=1 << 32)
    assert limits_of(bare, (1, 1), TERMS, (Fraction(1),)).modulus is None
    assert limits_of(replace(bare, rollover_counts=10**6), (1, 1), TERMS, (Fraction(1),)).modulus == 10**6


def test_a_scale_says_all_that_bears_on_a_count() -> None:
    """Each property of a register that changes what its count means changes the text."""
    other = replace(GENERATED, unit="varh", kind="s", word_order="big", address=9, rollover_counts=7)
    assert describe_scale(other, (5, 2)) == "10^2 varh, ratio 5/2, s32 big, at 3/9, wraps at 7"
