"""The machine's clock: how far it is trusted, and that nobody sleeps through a step of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import HOLDOVER_MS_MAX, Discipline, LinuxKernel, SystemClock, read_instance
from edge.metering.schedule import STEP_MS, edges_due
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from pathlib import Path

STEERED = Discipline(state=0, status=0x2001, error_us=20_000)
DRIFTED = Discipline(state=0, status=0x2001, error_us=1_000_000)
UNKNOWN, SYNCHRONISED, HOLDOVER = TimeQuality.UNKNOWN, TimeQuality.SYNCHRONISED, TimeQuality.HOLDOVER
START_MS = 1_700_000_000_000


@dataclass
class FakeKernel:
    """A kernel whose time a test moves: `boottime` and `offset` (wall minus boottime) in ms."""

    boottime: int = 60_000
    offset: int = START_MS
    says: Discipline = STEERED
    slept: list[float] = field(default_factory=list)
    steps: dict[int, int] = field(default_factory=dict)

    def boot_id(self) -> bytes:
        """Return the boot id of a machine that was never started."""
        return bytes(range(16))

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.boottime + self.offset

    def boottime_ms(self) -> int:
        """Return the boottime."""
        return self.boottime

    def discipline(self) -> Discipline:
        """Return what the test says."""
        return self.says

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and set the clock if the script `steps` (number of the sleep: ms) says so."""
        self.boottime += round(seconds * 1000)
        self.offset += self.steps.get(len(self.slept), 0)
        self.slept.append(seconds)


def test_the_boot_id_is_the_head_of_the_kernel_s() -> None:
    """The four bytes of the wire begin the sixteen of the kernel."""
    clock = SystemClock(FakeKernel())
    assert clock.kernel_boot_id == bytes(range(16))
    assert clock.boot_id == bytes(range(4))


@pytest.mark.parametrize(
    ("says", "quality"),
    [
        (STEERED, SYNCHRONISED),
        (Discipline(0, 0x2001, 999_999), SYNCHRONISED),
        (Discipline(1, 0x2011, 20_000), SYNCHRONISED),
        (DRIFTED, UNKNOWN),
        (Discipline(5, 0x2001, 20_000), UNKNOWN),
        (Discipline(0, 0x2041, 20_000), UNKNOWN),
        (Discipline(-1, 0, 0), UNKNOWN),
    ],
)
def test_a_clock_is_synchronised_if_the_kernel_says_so(says: Discipline, quality: TimeQuality) -> None:
    """It must be steered, in no state of error, and sure to a second; a pending leap second is no error."""
    instant = SystemClock(FakeKernel(says=says)).now()
    assert (instant.wall_ms, instant.boottime_ms, instant.quality) == (START_MS + 60_000, 60_000, quality)


@given(away=st.integers(0, HOLDOVER_MS_MAX - 1), slew=st.integers(1 - STEP_MS, STEP_MS - 1))
def test_a_clock_that_was_synchronised_holds_over(away: int, slew: int) -> None:
    """For less than 7 days without a time server, and moved by less than a second, it is still good."""
    kernel = FakeKernel()
    clock = SystemClock(kernel)
    clock.now()
    kernel.boottime, kernel.offset, kernel.says = kernel.boottime + away, kernel.offset + slew, DRIFTED
    assert clock.now().quality is HOLDOVER


def test_half_an_hour_without_a_time_server_is_not_the_end_of_trust() -> None:
    """The kernel's bound grows by 500 us a second; beyond its limit the clock holds over."""
    kernel = FakeKernel()
    clock = SystemClock(kernel)
    qualities = []
    for quarter in range(5):
        kernel.boottime = 60_000 + quarter * 900_000
        kernel.says = Discipline(0, 0x2001, 20_000 + quarter * 900 * 500)
        qualities.append(clock.now().quality)
    assert qualities == [SYNCHRONISED] * 3 + [HOLDOVER] * 2


@pytest.mark.parametrize(("away", "step"), [(HOLDOVER_MS_MAX, 0), (1, STEP_MS), (1, -STEP_MS)])
def test_holdover_ends_with_age_or_a_step(away: int, step: int) -> None:
    """After 7 days, or once somebody set the clock, it is unknown until it is synchronised again."""
    kernel = FakeKernel()
    clock = SystemClock(kernel)
    clock.now()
    kernel.boottime, kernel.offset, kernel.says = kernel.boottime + away, kernel.offset + step, DRIFTED
    assert clock.now().quality is UNKNOWN
    kernel.offset -= step
    assert clock.now().quality is UNKNOWN
    kernel.says = STEERED
    assert clock.now().quality is SYNCHRONISED
    kernel.says = DRIFTED
    assert clock.now().quality is HOLDOVER


def test_the_seven_days_begin_anew_with_each_synchronised_instant() -> None:
    """A time server heard now and then keeps the clock good for ever, also with its own steps."""
    kernel = FakeKernel()
    clock = SystemClock(kernel)
    for _ in range(3):
        kernel.says, kernel.offset = STEERED, kernel.offset + 5000
        assert clock.now().quality is SYNCHRONISED
        kernel.says, kernel.boottime = DRIFTED, kernel.boottime + HOLDOVER_MS_MAX - 1
        assert clock.now().quality is HOLDOVER


async def test_a_sleeper_wakes_at_its_instant_in_short_spans() -> None:
    """It looks at the clock twice a minute at least and returns when it is time, at once if it was."""
    kernel = FakeKernel()
    clock = SystemClock(kernel, kernel.sleep)
    await clock.sleep_until(kernel.wall_ms() + 75_500)
    assert kernel.slept == [30, 30, 15.5]
    await clock.sleep_until(kernel.wall_ms())
    await clock.sleep_until(kernel.wall_ms() - 10**9)
    assert len(kernel.slept) == 3


async def test_a_step_forward_wakes_a_sleeper_early() -> None:
    """A clock set past the instant ends the sleep at the next look."""
    kernel = FakeKernel(steps={1: 3_600_000})
    await SystemClock(kernel, kernel.sleep).sleep_until(kernel.wall_ms() + 900_000)
    assert kernel.slept == [30, 30]


async def test_a_step_back_wakes_a_sleeper_to_plan_anew() -> None:
    """A clock set back by half an hour does not make a quarter of an hour's sleep last three."""
    kernel = FakeKernel(steps={1: -1_740_000})
    clock = SystemClock(kernel, kernel.sleep)
    until = kernel.wall_ms() + 900_000
    await clock.sleep_until(until)
    assert kernel.slept == [30, 30]
    await clock.sleep_until(until)
    assert kernel.wall_ms() == until


async def test_a_small_correction_wakes_nobody() -> None:
    """A clock moved back by less than a second is waited for."""
    kernel = FakeKernel(steps={0: 1 - STEP_MS})
    until = kernel.wall_ms() + 60_000
    await SystemClock(kernel, kernel.sleep).sleep_until(until)
    assert kernel.wall_ms() == until


def test_the_machine_s_own_kernel_answers() -> None:
    """The system calls work as they are called: times move on, and adjtimex gives one of its six states."""
    kernel = LinuxKernel()
    assert len(kernel.boot_id()) == 16
    assert 0 <= kernel.discipline().state <= 5
    assert kernel.discipline().error_us >= 0
    before = kernel.boottime_ms()
    clock = SystemClock()
    assert clock.boot_id == kernel.boot_id()[:4]
    assert before <= clock.now().boottime_ms <= kernel.boottime_ms()


def test_an_instance_is_the_hardware(tmp_path: Path) -> None:
    """Another board or card is another instance; the machine's id stands in where neither can be read."""
    assert read_instance(tmp_path) == b""
    sources = {
        "etc/machine-id": b"0123",
        "proc/device-tree/serial-number": b"10000000abcdef\0",
        "sys/block/mmcblk0/device/cid": b"27504853",
    }
    seen = set[bytes]()
    for name, content in sources.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
        seen.add(read_instance(tmp_path))
    (tmp_path / "etc/machine-id").write_bytes(b"copied with the card")
    assert read_instance(tmp_path) in seen
    assert {len(instance) for instance in seen} == {8}
    assert len(seen) == len(sources)


async def test_a_clock_that_learns_the_year_wakes_a_sleeper() -> None:
    """A machine that booted in 2016 and is told the year sleeps for no ten years, and not until the old edge."""
    kernel = FakeKernel(offset=START_MS - 7 * 365 * 86_400_000, steps={0: 7 * 365 * 86_400_000})
    await SystemClock(kernel, kernel.sleep).sleep_until(kernel.wall_ms() + 900_000)
    assert kernel.slept == [30]


async def test_a_suspended_machine_s_sleeper_finds_that_time_went_on() -> None:
    """Boottime and wall clock go on while the machine is suspended; at the next look the edge has passed."""
    kernel = FakeKernel()

    async def sleep(seconds: float) -> None:
        await kernel.sleep(seconds)
        kernel.boottime += 7_200_000

    await SystemClock(kernel, sleep).sleep_until(kernel.wall_ms() + 900_000)
    assert kernel.slept == [30]


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(-(10**10), 10**10)), max_size=6), st.integers(0, 899_999))
async def test_no_step_of_the_clock_keeps_a_schedule_waiting(steps: list[tuple[int, int]], phase: int) -> None:
    """However the wall clock is set, no undisturbed hour goes by without a poll every quarter of it."""
    kernel = FakeKernel(offset=START_MS + phase, steps=dict(steps))
    clock = SystemClock(kernel, kernel.sleep)
    last_edge: int | None = None
    polled_at: list[int] = []
    while kernel.boottime < 60_000 + 8 * 3_600_000:
        due = edges_due(last_edge, kernel.wall_ms(), 900_000)
        if due.edge_ms is None:
            await clock.sleep_until(due.wake_at)
        else:
            last_edge = due.edge_ms
            polled_at.append(kernel.boottime)
            kernel.boottime += 1000
    # A step costs at most the interval in which it fell, the grace of the edge that it passed, and the look itself.
    waits = [later - earlier for earlier, later in itertools.pairwise([60_000, *polled_at, kernel.boottime])]
    assert max(waits) <= (len(steps) + 1) * 900_000 + 30_000
    assert len(polled_at) >= 32 - 2 * len(steps) - 1
