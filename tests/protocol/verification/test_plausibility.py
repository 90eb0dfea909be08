"""Level 3: what cannot have happened fails it, what should be explained is named, and what is usual is silent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import wire
from protocol.identity import BootId
from protocol.messages import (
    Block,
    ClockEvent,
    Frame,
    Gap,
    GapCause,
    GenesisReason,
    PollErrors,
    Readings,
    TimeQuality,
)
from protocol.verification import Finding, Level, Report, Severity, Terms, arrange, verify
from protocol.verification.instants import utc
from protocol.verification.series import never_falls
from tests.protocol.logs import BOOTED_AT, GENERATED, MIDNIGHT, RESEALED, STEP, Log, meter, readings, whole_log
from tests.protocol.strategies import blocks, ratio_terms, registers

OTHER_BOOT = BootId(b"BOOT")


def check(*logs: Log) -> Report:
    """Verify the blocks of these logs."""
    return verify(arrange([raw for log in logs for raw in log.blocks]), Terms())


def seen(report: Report) -> list[Finding]:
    """Return the findings of level 3 that are more than notes."""
    return [one for one in report.findings if one.level is Level.PLAUSIBILITY and one.severity is not Severity.NOTE]


def log_of(*frames: Frame) -> Log:
    """Return a log of one meter, each frame in a block of its own."""
    log = Log()
    log.seal(meter())
    for frame in frames:
        log.seal(frame)
    return log


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(1, 5))
def test_a_register_that_only_rises_is_plausible(steps: list[int], per_block: int) -> None:
    """Whatever the increments, a rising register read on time has no findings."""
    counts = [sum(steps[: place + 1]) for place in range(len(steps))]
    log = Log()
    log.seal(meter())
    for place in range(0, len(counts), per_block):
        log.seal(readings(counts[place : place + per_block], place))
    assert check(log).findings == ()


@pytest.mark.parametrize("split", [True, False])
def test_a_register_that_falls_cannot_be(*, split: bool) -> None:
    """A drop in the middle of the range is an error, within a block and across two."""
    log = log_of(readings([2_000_000, 2_000_100]), readings([5], 2)) if split else log_of(readings([2_000_000, 5]))
    (finding,) = seen(check(log))
    assert finding.severity is Severity.ERROR
    assert "register 1-0:2.8.0 fell from" in finding.message
    assert finding.place is not None
    assert finding.place.seq == (2 if split else 1)


@pytest.mark.parametrize(
    ("counts", "is_rollover"),
    [
        ([2**32 - 10, 20], True),
        ([2**32 - 10**8, 2**32 - 10**8 + 10**7, 5 * 10**6 - 10**8 + 2**32, 5], False),
        ([2**32 - 3 * 10**7, 2**32 - 10**7, 10**7], True),
        ([2**32 - 3 * 10**7, 2**32 - 10**7, 10**9], False),
        ([2**32 - 10**8, 5], False),
    ],
)
def test_a_rollover_explains_a_drop_only_at_a_likely_rate(counts: list[int], *, is_rollover: bool) -> None:
    """A step over the modulus is a rollover if small, or no more than four times as fast as was seen before."""
    report = check(log_of(readings(counts)))
    assert report.verified is is_rollover
    assert any("rolled over" in finding.message for finding in report.findings) is is_rollover


def test_a_fall_by_more_than_the_modulus_is_no_rollover() -> None:
    """A register beyond its own modulus that falls by more than that has not rolled over."""
    short = meter(register=replace(GENERATED, rollover_counts=1000))
    log = Log()
    log.seal(short, readings([5000, 5000, 5], of=short))
    assert not check(log).verified


def test_without_time_between_there_is_no_rate() -> None:
    """Readings whose clocks stand still give no rate by which a rollover could be told."""
    fast = replace(readings([2**32 - 10**8, 2**32 - 10**7, 10**7]), read_at=(MIDNIGHT,) * 3, offset_ms=(0, -1, -2))
    assert not check(log_of(fast)).verified


def test_counters_that_may_fall_are_let_fall() -> None:
    """Only time integrals that count one way are held to it (IEC 62056-6-1, D = 8)."""
    assert never_falls("1-0:2.8.0")
    assert never_falls("1.8.1")
    assert not any(never_falls(obis) for obis in ("1-0:16.8.0", "1-0:2.7.0", "energy", "2.8"))
    power = meter(register=replace(GENERATED, obis="1-0:2.7.0"))
    log = Log()
    log.seal(power)
    log.seal(readings([9, 1], of=power))
    assert check(log).findings == ()


def test_a_pattern_that_is_no_number_is_named() -> None:
    """A float that is not a number is a warning, and the next number is compared with the last."""
    floating = meter(register=replace(GENERATED, kind="f"))
    log = Log()
    log.seal(floating)
    log.seal(readings([0x41200000, 0x7FC00000, 0x41300000, 0x40000000], of=floating))
    named, fell = seen(check(log))
    assert "is no number of 32 bits and kind f" in named.message
    assert "fell from 11 Wh" in fell.message


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (meter("WN-2"), "meter 0 was CCS WNC WN-1 and is CCS WNC WN-2"),
        (meter(""), "without serial number"),
        (meter(ratio=(2, 1)), "ratio of meter 0 changed from 1:1 to 2:1"),
        (meter(firmware="2"), "firmware of meter 0 changed"),
        (meter(register=replace(GENERATED, scale_exponent=1)), "1-0:2.8.0 scale exponent 0 is now 1"),
        (meter(register=replace(GENERATED, rollover_counts=104)), "rollover counts 4294967296 is now 104"),
        (replace(meter(), registers={0: GENERATED, 1: replace(GENERATED, obis="1-0:1.8.0")}), "register 1 was added"),
    ],
)
def test_a_changed_meter_is_worth_a_look(changed: object, words: str) -> None:
    """Another serial number, ratio, firmware or scale is a warning that fails nothing, told once."""
    assert isinstance(changed, type(meter()))
    log = log_of(readings([100, 101]))
    log.seal(changed, readings([102, 103], 2, of=changed))
    log.seal(changed)
    report = check(log)
    assert report.verified
    (finding,) = seen(report)
    assert words in finding.message


def test_a_later_epoch_that_states_the_same_again_changes_nothing() -> None:
    """Descriptors that an epoch repeats are no news; one that comes back within an epoch is."""
    one, two = meter(), meter(ratio=(2, 1))
    log = log_of(readings([1]))
    log.seal(two, readings([2], 1, of=two))
    log.seal(one, readings([3], 2))
    log.seal(two, readings([4], 3, of=two))
    assert len(seen(check(log))) == 3 + 1, "three changes, and a value that fell when the ratio went back"
    again = log.successor(1)
    again.seal(one, two, boot=2, boot_id=OTHER_BOOT)
    again.seal(readings([2], 1, of=two), flags=RESEALED)
    assert len(seen(check(log, again))) == 3 + 1


def test_a_register_may_not_fall_under_cover_of_its_scale() -> None:
    """Values are compared across a change of scale, and not across a change of unit."""
    finer = meter(register=replace(GENERATED, scale_exponent=-1))
    other = meter(register=replace(GENERATED, unit="varh"))
    for changed, errors in ((finer, 1), (other, 0)):
        log = log_of(readings([100, 101]))
        log.seal(changed, readings([102], 2, of=changed))
        assert len([one for one in seen(check(log)) if one.severity is Severity.ERROR]) == errors
    log.seal(meter(), readings([50], 3))
    assert any("fell from 101 Wh" in one.message for one in seen(check(log))), "back in its unit it is compared again"


def test_time_runs_forward_within_a_boot() -> None:
    """A reading at or before the one before it in the same boot cannot be."""
    for start in (1, 0):
        (finding, *_) = seen(check(log_of(readings([1, 2]), readings([3], start))))
        assert "in the time since boot is not after" in finding.message


def test_boots_follow_one_another() -> None:
    """A later boot restarts the time since boot; an earlier one cannot come after it."""
    log = log_of(readings([1, 2]))
    booted = BOOTED_AT + 3_000_000
    log.seal(readings([3, 4], 2, booted_at=booted), boot=2, boot_id=OTHER_BOOT)
    assert seen(check(log)) == []
    log.seal(readings([5], 4), boot=1)
    (finding,) = seen(check(log))
    assert finding.message == "boot 1 stands after boot 2 in the log"


def test_all_meters_follow_into_the_next_boot() -> None:
    """After a reboot one meter is read after the other, or a boot later: each boot is one for all of them."""
    second = replace(meter("WN-2"), meter=1)
    booted = BOOTED_AT + 3_000_000

    def both(counts: list[int], start: int, booted_at: int = BOOTED_AT) -> tuple[Readings, ...]:
        first = readings(counts, start, booted_at=booted_at)
        return first, replace(first, meter=1, descriptor=wire.describe(second))

    log = Log()
    log.seal(meter(), second, *both([1, 2], 0))
    log.seal(*both([3, 4], 2, booted), boot=2, boot_id=OTHER_BOOT)
    log.seal(readings([5, 6], 4, booted_at=booted + 1), boot=3, boot_id=BootId(b"3333"))
    log.seal(*both([7, 8], 6, booted + 1), boot=3, boot_id=BootId(b"3333"))
    report = check(log)
    assert report.verified
    assert [one for one in seen(report) if one.severity is Severity.ERROR] == []
    log.seal(readings([9], 8, booted_at=booted + 2), boot=3, boot_id=BootId(b"4444"))
    assert "two boots are both numbered 3 in the log" in [one.message for one in seen(check(log))]


def test_a_later_boot_is_not_read_earlier() -> None:
    """Where both clocks were synchronised, a reading dated before one of an earlier boot is worth a look."""
    for quality, words in (
        (TimeQuality.SYNCHRONISED, "though both clocks were synchronised"),
        (TimeQuality.INFORMATIVE, ""),
    ):
        log = log_of(readings([1, 2, 3], 50))
        back = readings([4, 5, 6], 10, booted_at=BOOTED_AT - 40 * STEP, quality=quality)
        log.seal(back, boot=2, boot_id=OTHER_BOOT)
        report = check(log)
        assert report.verified
        assert any("in a later boot" in one.message and words in one.message for one in seen(report)) is bool(words)


def test_only_what_is_sealed_again_is_of_another_boot() -> None:
    """A block that was not sealed again cannot hold readings of another boot than its own."""
    (finding, *_) = seen(check(log_of(readings([1, 2]), readings([3], 2, boot_id=OTHER_BOOT))))
    assert (finding.severity, "of another boot" in finding.message) == (Severity.ERROR, True)


@pytest.mark.parametrize(
    ("event", "is_stated"),
    [
        (None, False),
        (ClockEvent(4_000_000 + STEP, BOOTED_AT, BOOTED_AT + 60_000, 2, 0), True),
        (ClockEvent(4_000_000 + STEP, BOOTED_AT, BOOTED_AT + 90_000, 2, 0), False),
        (ClockEvent(1, BOOTED_AT, BOOTED_AT + 60_000, 2, 0), False),
    ],
)
def test_a_clock_moves_only_with_a_word(event: ClockEvent | None, *, is_stated: bool) -> None:
    """A step of the wall clock between two readings needs a clock event that says so; a drift of a second does not."""
    log = log_of(readings([1]))
    if event is not None:
        log.seal(event)
    log.seal(readings([2], 1, booted_at=BOOTED_AT + 60_000))
    log.seal(readings([3], 2, booted_at=BOOTED_AT + 61_000))
    report = check(log)
    assert report.verified
    assert ["moved by 60000 ms" in one.message for one in seen(report)] == ([] if is_stated else [True])


@pytest.mark.parametrize(
    ("frame", "is_explained"),
    [
        (Gap(0, MIDNIGHT + 8 * STEP, MIDNIGHT + 20 * STEP, GapCause.EDGE_OFF), True),
        (PollErrors(0, MIDNIGHT + 8 * STEP, MIDNIGHT + 19 * STEP, {"timeout": 12}), True),
        (Gap(0, MIDNIGHT + 12 * STEP, MIDNIGHT + 20 * STEP, GapCause.EDGE_OFF), False),
        (Gap(1, MIDNIGHT + 8 * STEP, MIDNIGHT + 20 * STEP, GapCause.EDGE_OFF), False),
        (Gap(0, MIDNIGHT, MIDNIGHT + STEP, GapCause.EDGE_OFF), False),
    ],
)
def test_time_without_readings_is_accounted_for_or_named(frame: Frame, *, is_explained: bool) -> None:
    """A hole is silent but for a note if the log says why; else it is named with its edges."""
    log = log_of(readings(list(range(8))), frame, readings([9, 10, 11], 20))
    report = check(log)
    assert report.verified
    assert any("in 1 stretch of time" in finding.message for finding in report.findings) is is_explained
    messages = [finding.message for finding in seen(report)]
    assert [utc(MIDNIGHT + 7 * STEP) in message for message in messages] == ([] if is_explained else [True])


def test_another_interval_is_no_hole() -> None:
    """Where a meter is read less often from some time on, that becomes what is usual."""
    log = log_of(readings(list(range(30))), readings([100 + row for row in range(30)], 11, step_ms=3 * STEP))
    assert seen(check(log)) == []


def test_several_statements_account_for_several_holes() -> None:
    """Statements are held against the hole they lie in, in order of time."""
    first = Gap(0, MIDNIGHT + 4 * STEP, MIDNIGHT + 10 * STEP, GapCause.EDGE_OFF)
    second = Gap(0, MIDNIGHT + 14 * STEP, MIDNIGHT + 20 * STEP, GapCause.OPERATOR)
    log = log_of(readings([1, 2, 3, 4]), second, first, readings([5, 6, 7, 8], 10), readings([9, 10], 20))
    assert seen(check(log)) == []


def test_what_was_not_shown_is_not_missing() -> None:
    """A hole where blocks are left out of the file is not held against the device."""
    log = whole_log()
    part = verify(arrange([*log.blocks[:5], *log.blocks[9:]]), Terms())
    assert seen(part) == []
    assert verify(arrange([log.blocks[0], *log.blocks[9:]]), Terms()).verified


def test_readings_without_a_verified_clock_are_not_missing() -> None:
    """A stretch whose wall clock nobody vouched for is neither a hole nor counted into the span."""
    lost = readings([11, 12], 0, booted_at=0, quality=TimeQuality.UNKNOWN)
    lost = replace(lost, read_at=(5_000_000 + 10 * STEP, 5_000_000 + 11 * STEP))
    stated = ClockEvent(BOOTED_AT, 0, BOOTED_AT, 2, 0)
    log = log_of(readings(list(range(10))))
    log.seal(lost, boot=2, boot_id=OTHER_BOOT)
    log.seal(stated, readings([13, 14], 12), boot=3, boot_id=BootId(b"3333"))
    report = check(log)
    assert seen(report) == []
    assert report.counts.from_at == MIDNIGHT
    only = check(log_of(lost))
    assert (only.counts.from_at, only.counts.to_at) == (None, None)


def resealed(log: Log, first: int, *, counts: list[int] | None = None) -> Log:
    """Return the epoch after a rollback to before block `first`: its blocks sealed again, then new readings."""
    again = log.successor(first - 1, GenesisReason.ROLLBACK)
    again.seal(meter(), boot=2, boot_id=OTHER_BOOT)
    for hour in range(first - 1, len(log.blocks) - 1):
        values = counts or [1000 + 10 * (4 * hour + row) for row in range(4)]
        again.seal(readings(values, 4 * hour), flags=RESEALED)
    return again


def test_what_was_sealed_again_counts_once_and_must_be_the_same() -> None:
    """Readings repeated in a later epoch are told apart from new ones; another value for one of them is an error."""
    log = whole_log()
    again = resealed(log, 21)
    again.seal(readings([1960, 1970], 96, booted_at=BOOTED_AT + 1000), boot=2, boot_id=OTHER_BOOT)
    report = check(log, again)
    assert report.verified
    assert seen(report) == []
    assert report.counts.readings == 98
    assert any("16 readings" in finding.message for finding in report.findings)
    third = again.successor(3, GenesisReason.FORK, epoch=type(again.epoch)(b"epoch..3"))
    third.seal(meter(), boot=3, boot_id=BootId(b"3333"))
    third.seal(readings([1800, 1810, 1820, 1830], 80, boot_id=None), flags=RESEALED)
    assert check(log, again, third).counts.readings == 98
    false = check(log, resealed(log, 24, counts=[1920, 1930, 1940, 1999]))
    (finding,) = seen(false)
    assert finding.message == (
        "block 1 tells again of meter 0 at 2016-07-01T23:45:00Z, "
        "and not what block 24 of epoch 65706f63682e2e31 sealed at first"
    )


def test_one_false_block_is_told_once() -> None:
    """However many epochs repeat a reading wrongly, and however many rows of it, each block is named once."""
    log = whole_log()
    false = resealed(log, 24, counts=[1, 2, 3, 4])
    messages = [one.message for one in seen(check(log, false)) if "tells again" in one.message]
    assert len(messages) == 1


@pytest.mark.parametrize("flags", [0, RESEALED])
def test_whatever_tells_a_reading_again_must_tell_the_same(flags: int) -> None:
    """A later epoch cannot give a reading another count or a better clock, whether or not its block owns up to it."""
    log = log_of(readings([1, 2, 3], quality=TimeQuality.INFORMATIVE))
    for counts, quality, is_same in (
        ([1, 2, 3], TimeQuality.INFORMATIVE, True),
        ([1, 2, 4], TimeQuality.INFORMATIVE, False),
        ([1, 2, 3], TimeQuality.SYNCHRONISED, False),
    ):
        again = log.successor(0, GenesisReason.ROLLBACK)
        again.seal(meter(), boot=2, boot_id=OTHER_BOOT)
        again.seal(readings(counts, quality=quality), flags=flags)
        again.seal(readings([5], 3), flags=flags)
        report = check(log, again)
        assert report.holds(Level.PLAUSIBILITY) is is_same
        assert report.counts.readings == 4


def test_one_boot_may_go_on_in_the_next_epoch() -> None:
    """An epoch that begins while the device runs tells new readings of the same boot, which repeat none."""
    log = whole_log()
    after = log.successor(24, GenesisReason.OPERATOR)
    after.seal(meter())
    after.seal(readings([1960, 1970], 96))
    report = check(log, after)
    assert report.findings == ()
    assert report.counts.readings == 98


def test_a_record_of_another_boot_carries_its_boot() -> None:
    """A row that names its own boot is compared within that boot, and says nothing of the block's."""
    log = log_of(readings([1, 2]))
    log.seal(readings([3], 2, boot_id=OTHER_BOOT), boot=3, boot_id=BootId(b"3333"), flags=RESEALED)
    log.seal(readings([4], 3, boot_id=OTHER_BOOT), boot=3, boot_id=BootId(b"3333"), flags=RESEALED)
    assert seen(check(log)) == []


def test_a_register_goes_on_into_the_next_epoch() -> None:
    """The first new reading of an epoch is compared with the last of the one before."""
    log = whole_log()
    for start, counts, errors in (
        (96, [5], 1),
        (96, [5000], 0),
        (50, [1500], 0),
        (95, [5, 6, 7], 1),
        (94, [1940, 1950, 1960], 0),
        (95, [9, 5, 6], 1),
    ):
        after = log.successor(24, GenesisReason.DATABASE_LOST)
        after.seal(meter(), readings(counts, start, booted_at=BOOTED_AT + 1), boot=1, boot_id=OTHER_BOOT)
        found = [one for one in seen(check(log, after)) if one.severity is Severity.ERROR]
        assert len(found) == errors


def test_an_epoch_that_names_no_predecessor_goes_on_or_not() -> None:
    """Whatever a later epoch says of the one before, a hole between them is judged only if nothing is left out."""
    log = whole_log()
    for changes, names_hole in (
        ({"predecessor": None}, True),
        ({}, True),
        ({"predecessor": (log.epoch, 40, log.successor(0).predecessor[2])}, False),  # type: ignore[index]
    ):
        after = log.successor(24, GenesisReason.DATABASE_LOST, **changes)
        after.seal(meter(), readings([5000, 5001], 200, booted_at=BOOTED_AT + 1), boot=1, boot_id=OTHER_BOOT)
        assert any("has no reading from" in one.message for one in seen(check(log, after))) is names_hole


def test_instants_beyond_the_calendar_are_numbers() -> None:
    """Milliseconds appear where there are any; what RFC 3339 cannot write is a number of milliseconds."""
    assert utc(MIDNIGHT) == "2016-07-01T00:00:00Z"
    assert utc(MIDNIGHT + 5) == "2016-07-01T00:00:00.005Z"
    assert utc(2**48).startswith("281474976710656 ms")
    assert utc(-1).startswith("-1 ms")


@settings(max_examples=60)
@given(st.lists(blocks, min_size=1, max_size=6), st.data())
def test_whatever_a_device_seals_gets_a_report(drawn: list[Block], data: st.DataObject) -> None:
    """Nothing that a device really signed makes the verifier stumble, and the order of blocks makes no difference."""
    meters = [
        replace(meter(), registers={0: data.draw(registers)}, ratio=data.draw(st.tuples(ratio_terms, ratio_terms)))
    ]
    log = Log()
    raws = []
    for seq, block in enumerate(drawn):
        frames = (log.genesis(), *meters, *block.frames) if seq == 0 else block.frames
        odd = tuple(
            replace(frame, meter=0, descriptor=wire.describe(meters[0])) if isinstance(frame, Readings) else frame
            for frame in frames
        )
        epoch = Log.epoch if data.draw(st.booleans()) else block.epoch
        raws.append(wire.seal_block(replace(block, device=Log.device, epoch=epoch, seq=seq, frames=odd), log.signer))
    report = verify(arrange(raws), Terms())
    assert report == verify(arrange(reversed(raws)), Terms())
    assert report.counts.blocks == len(raws)
