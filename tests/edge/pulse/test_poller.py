"""What a cycle gets of a pulse output: the exact register, and a statement of whatever could not be counted."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from edge.bus_errors import NotConnectedError
from edge.metering.outcome import Failed, PollOutcome, Taken
from edge.pulse.count_file import CountFile
from edge.pulse.poller import KEEP_PULSES, Hardware, PulsePoller, count_pulses
from edge.pulse.register import describe_pulses
from protocol.counts import read_value
from protocol.messages import Instant, Latest, MeterEventKind, TimeQuality
from simulators.pulses import MS, SimulatedContacts
from tests.edge.pulse.making import OLD_METER

if TYPE_CHECKING:
    from pathlib import Path

    from edge.pulse.gpio import GpioLines
    from protocol.messages import MeterDescriptor

START_WH = 41_877_200
BEGAN_MS = 1_790_000_000_000


@dataclass
class _World:
    """A chip whose line has a pulse output, and the time both live by."""

    folder: Path
    now_ns: int = 0
    output: SimulatedContacts | None = None
    refusal: NotConnectedError | None = None
    opened: list[SimulatedContacts] = field(default_factory=list)

    def now(self) -> Instant:
        return Instant(BEGAN_MS + self.now_ns // MS, self.now_ns // MS, TimeQuality.SYNCHRONISED)

    def open_lines(self, lines: GpioLines) -> SimulatedContacts:
        assert lines.offsets == {"y": 17}
        if self.refusal is not None:
            raise self.refusal
        self.output = SimulatedContacts(chance=random.Random(1), bounce_ns=10 * MS, bounces_max=3)  # noqa: S311 - a seed, for replay
        self.opened.append(self.output)
        return self.output

    def poller(self, *, runtime: bool = True, last: tuple[int, int] | None = None) -> PulsePoller:
        copy = self.folder / "runtime" if runtime else None
        hardware = Hardware(self.open_lines, lambda: self.now_ns)
        return PulsePoller(OLD_METER, CountFile(self.folder / "count", copy), self.now, last, hardware)

    async def pulse(self, pulses: int) -> None:
        """Let the meter give so many pulses, half a second apart, and the reader see them."""
        assert self.output is not None
        for _ in range(pulses):
            self.output.pulse(self.now_ns, 100 * MS)
            self.now_ns += 500 * MS
        for _ in range(3):
            await asyncio.sleep(0)


def _energy_wh(outcome: PollOutcome) -> Fraction:
    assert isinstance(outcome.result, Taken), outcome.result
    descriptor = outcome.result.descriptor
    value = read_value(outcome.result.counts[0], descriptor.registers[0], descriptor.ratio)
    assert value is not None
    return value


async def test_the_register_grows_from_where_it_began(tmp_path: Path) -> None:
    """The first reading is what the display showed; each pulse adds its energy, exactly."""
    world = _World(tmp_path)
    poller = world.poller()
    first = await poller.poll()
    assert _energy_wh(first) == START_WH
    assert first.events == ()
    await world.pulse(7)
    assert _energy_wh(await poller.poll()) == START_WH + 7 * Fraction(18, 10)
    await poller.close()
    assert [output.is_open for output in world.opened] == [False]


async def test_a_start_goes_on_from_the_count_that_was_kept(tmp_path: Path) -> None:
    """After a stop the register stands where it stood, and the time when nobody counted is stated once."""
    world = _World(tmp_path)
    poller = world.poller()
    await poller.poll()
    await world.pulse(10)
    await poller.close()
    stopped_ms = world.now().wall_ms
    world.now_ns += 3_600_000 * MS
    again = world.poller()
    outcome = await again.poll()
    assert _energy_wh(outcome) == START_WH + 18
    [event] = outcome.events
    assert (event.kind, event.meter, event.at) == (MeterEventKind.PULSES_LOST, 5, world.now().wall_ms)
    assert event.before is not None
    assert event.before[0] == stopped_ms
    await world.pulse(1)
    later = await again.poll()
    assert (_energy_wh(later), later.events) == (START_WH + Fraction(198, 10), ())
    await again.close()


async def test_a_killed_program_loses_no_pulse_that_it_saw(tmp_path: Path) -> None:
    """With memory-backed storage a count that was never polled is there after a kill; without, what was polled is."""
    world = _World(tmp_path)
    killed = world.poller()
    await killed.poll()
    await world.pulse(4)
    world.now_ns += 1000 * MS
    await killed.poll()
    await world.pulse(3)
    # A kill closes nothing and keeps nothing; pulses settle with the next edge, so the third may be pending.
    assert world.output is not None
    asyncio.get_running_loop().remove_reader(world.output.fileno())
    with_copy = await world.poller().poll()
    assert _energy_wh(with_copy) == START_WH + 7 * Fraction(18, 10)
    asyncio.get_running_loop().remove_reader(world.output.fileno())
    (tmp_path / "runtime").unlink()
    after_a_power_cut = await world.poller(runtime=False).poll()
    asyncio.get_running_loop().remove_reader(world.output.fileno())
    assert _energy_wh(after_a_power_cut) >= START_WH + 4 * Fraction(18, 10)


async def test_many_pulses_are_kept_between_polls(tmp_path: Path) -> None:
    """However long nobody polls, at most so many pulses are on the card's debt."""
    world = _World(tmp_path)
    poller = world.poller(runtime=False)
    await poller.poll()
    await world.pulse(KEEP_PULSES + 5)
    kept = CountFile(tmp_path / "count").read("41877.2 kWh + 1.8 Wh")
    assert kept is not None
    assert kept.pulses >= KEEP_PULSES
    await poller.close()


async def test_the_journal_stands_in_for_a_lost_file(tmp_path: Path) -> None:
    """If the count's file is gone or unreadable, the newest journaled reading is where counting goes on."""
    world = _World(tmp_path)
    poller = world.poller(runtime=False)
    await poller.poll()
    await world.pulse(20)
    outcome = await poller.poll()
    assert isinstance(outcome.result, Taken)
    await poller.close()
    (tmp_path / "count").unlink()
    (tmp_path / "count").mkdir()
    again = world.poller(runtime=False, last=(outcome.read_at, outcome.result.counts[0]))
    assert _energy_wh(await again.poll()) == START_WH + 36
    await again.close()


async def test_a_new_start_reading_begins_a_new_count(tmp_path: Path) -> None:
    """Whoever changes the start reading says what the display shows now: earlier pulses are in it already."""
    world = _World(tmp_path)
    poller = world.poller(runtime=False)
    await poller.poll()
    await world.pulse(20)
    await poller.close()
    assert CountFile(tmp_path / "count").read("50000 kWh + 1.8 Wh") is None


async def test_a_line_that_cannot_be_had_is_a_failed_poll(tmp_path: Path) -> None:
    """The cause and the sentence are journaled, and the next poll tries again."""
    world = _World(tmp_path, refusal=NotConnectedError("there is no GPIO chip /dev/gpiochip0; correct chip"))
    poller = world.poller()
    outcome = await poller.poll()
    assert outcome.result == Failed("not-connected", "there is no GPIO chip /dev/gpiochip0; correct chip")
    assert not poller.answered
    world.refusal = None
    assert _energy_wh(await poller.poll()) == START_WH
    assert poller.answered
    await poller.close()


async def test_a_line_that_cannot_be_had_for_long_leaves_one_statement(tmp_path: Path) -> None:
    """However often it was tried in vain, the time when nobody counted is stated once, with the first reading."""
    world = _World(tmp_path)
    poller = world.poller()
    await poller.poll()
    await poller.close()
    stopped_ms = world.now().wall_ms
    again = world.poller()
    world.refusal = NotConnectedError("there is no GPIO chip /dev/gpiochip0; correct chip")
    for _ in range(5):
        world.now_ns += 60_000 * MS
        assert isinstance((await again.poll()).result, Failed)
    world.refusal = None
    [event] = (await again.poll()).events
    assert (event.before, event.at) == ((stopped_ms, START_WH * 5), world.now().wall_ms)
    await again.close()


async def test_a_bounce_that_was_not_read_yet_is_no_pulse(tmp_path: Path) -> None:
    """A program that was busy when a contact bounced hears all of it before it believes the first edge."""
    world = _World(tmp_path)
    poller = world.poller()
    await poller.poll()
    assert world.output is not None
    world.output.begin_spike(world.now_ns)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.output.end_spike(world.now_ns + 2 * MS)
    world.now_ns += 300 * MS
    assert _energy_wh(await poller.poll()) == START_WH
    await poller.close()


async def test_a_line_that_goes_away_is_opened_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the chip costs the edges of that time, which are stated; the register goes on."""
    world = _World(tmp_path)
    poller = world.poller()
    await poller.poll()
    await world.pulse(5)
    await poller.poll()
    assert world.output is not None

    def fail() -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(world.output, "read", fail)
    await world.pulse(1)
    outcome = await poller.poll()
    assert _energy_wh(outcome) == START_WH + 9
    assert [event.kind for event in outcome.events] == [MeterEventKind.PULSES_LOST]
    assert len(world.opened) == 2
    await poller.close()


async def test_a_line_that_goes_away_while_it_is_opened_is_a_failed_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chip that answers the opening and nothing after it costs a reading, never the other meters."""
    world = _World(tmp_path)

    def fail(_output: SimulatedContacts) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(SimulatedContacts, "stand", fail)
    outcome = await world.poller().poll()
    assert outcome.result == Failed(
        "not-connected", "the lines of /dev/gpiochip0 cannot be read: No such device; check the chip"
    )
    assert [output.is_open for output in world.opened] == [False]


async def test_a_line_that_is_gone_at_the_end_is_not_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop keeps what was counted, whatever the chip says, and ends."""
    world = _World(tmp_path)
    poller = world.poller(runtime=False)
    await poller.poll()
    await world.pulse(5)
    assert world.output is not None
    world.output.pulse(world.now_ns, 100 * MS)

    def fail() -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(world.output, "read", fail)
    world.refusal = NotConnectedError("there is no GPIO chip /dev/gpiochip0; correct chip")
    await poller.close()
    assert [output.is_open for output in world.opened] == [False]
    kept = CountFile(tmp_path / "count").read("41877.2 kWh + 1.8 Wh")
    assert kept is not None
    assert kept.pulses == 5


async def test_a_look_shows_the_register_and_tells_nothing(tmp_path: Path) -> None:
    """Before the first poll there is nothing to show; what has to be stated waits for the poll that is journaled."""
    world = _World(tmp_path)
    before = world.poller()
    await before.poll()
    await before.close()
    poller = world.poller()
    assert (await poller.look()).result == Failed("not-connected", "the lines are not open")
    await poller.poll()
    assert world.output is not None
    world.output.pulse(world.now_ns, 100 * MS)
    world.output.pulse(world.now_ns + 200 * MS, 100 * MS)
    world.output.drop(2)
    await world.pulse(4)
    look = await poller.look()
    assert START_WH < _energy_wh(look) <= START_WH + 6 * Fraction(18, 10)
    assert look.events == ()
    assert [event.kind for event in (await poller.poll()).events] == [MeterEventKind.PULSES_LOST]
    await poller.close()


async def test_edges_that_the_kernel_dropped_are_stated_once(tmp_path: Path) -> None:
    """No pulse is invented for them, and the event comes with the reading that follows."""
    world = _World(tmp_path)
    poller = world.poller()
    await poller.poll()
    assert world.output is not None
    world.output.pulse(world.now_ns, 100 * MS)
    world.output.pulse(world.now_ns + 200 * MS, 100 * MS)
    world.output.drop(2)
    world.now_ns += 500 * MS
    await world.pulse(1)
    outcome = await poller.poll()
    [event] = outcome.events
    assert event.note is not None
    assert event.note.startswith("the kernel dropped ")
    assert _energy_wh(outcome) <= START_WH + 3 * Fraction(18, 10)
    assert (await poller.poll()).events == ()
    await poller.close()


async def test_each_meter_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are kept in the state directory under the meter's number, copies in systemd's runtime directory."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    [counter] = count_pulses([OLD_METER], tmp_path, _World(tmp_path).now, {}, {})
    assert (counter.settings, counter.bus_name) == (OLD_METER, "pulses of meter 5")
    await counter.close()


@pytest.mark.parametrize(
    ("before", "pulses"),
    [
        pytest.param(describe_pulses(OLD_METER), 20, id="the same count goes on"),
        pytest.param(describe_pulses(replace(OLD_METER, serial="4712")), 20, id="also under another label"),
        pytest.param(describe_pulses(replace(OLD_METER, start_kwh=Decimal(5))), 0, id="another start reading"),
        pytest.param(describe_pulses(replace(OLD_METER, wh_per_pulse=Decimal(1))), 0, id="another worth of a pulse"),
        pytest.param(replace(describe_pulses(OLD_METER), bus="rtu"), 0, id="a meter that was read until now"),
        pytest.param(None, 0, id="nobody knows what was counted"),
    ],
)
async def test_only_a_count_on_the_same_basis_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: MeterDescriptor | None, pulses: int
) -> None:
    """What the journal holds on another basis is a number of something else: counting begins at the start reading."""
    world = _World(tmp_path)
    monkeypatch.setattr("edge.pulse.poller.LINUX", Hardware(world.open_lines, lambda: world.now_ns))
    latest = {5: Latest(BEGAN_MS - 1000, {0: 5 * START_WH + 20 * 9})}
    [counter] = count_pulses([OLD_METER], tmp_path, world.now, latest, {} if before is None else {5: before})
    assert _energy_wh(await counter.poll()) == START_WH + pulses * Fraction(18, 10)
    await counter.close()
