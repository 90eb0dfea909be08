"""One meter, poll by poll: what is asked, what comes of it, and that the world's failures are outcomes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from edge.bus_errors import BadReplyError, BusError, BusyError, ExceptionReplyError, NoReplyError, NotConnectedError
from edge.cycle import Cycle
from edge.metering.errors import ProfileError
from edge.metering.outcome import Failed, PollOutcome, Taken
from edge.metering.profile import IdentityQuestion
from edge.metering.words import Span
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings
from protocol.messages import Instant, MeterDescriptor, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.metering.profile import MeterProfile
    from edge.settings import BusKind
    from protocol.messages import Register

FORMAT_AT = 0x7535
WATTNODE = MeterSettings(
    name="roof", index=3, bus="line", unit=7, profile="ccs.wattnode-modbus", generated="energy_in_nr", ratio=(5, 1)
)
SHARK = MeterSettings(
    name="field", index=1, bus="lan", unit=1, profile="eig.shark-100",
    generated="energy_received", consumed="energy_delivered",
)  # fmt: skip
SUNSPEC = MeterSettings(name="barn", index=2, bus="lan", unit=1, profile="sunspec.meter-203", generated="energy_export")


def text(content: str, words: int) -> list[int]:
    """Return a text as words, padded with NULs."""
    octets = content.encode("ascii").ljust(2 * words, b"\0")
    return [int.from_bytes(octets[place : place + 2], "big") for place in range(0, 2 * words, 2)]


def image(blocks: Mapping[int, list[int]]) -> dict[int, int]:
    """Return the words of some blocks by address."""
    return {address + offset: word for address, block in blocks.items() for offset, word in enumerate(block)}


def wattnode_words() -> dict[int, int]:
    """Return a WattNode at 32.0 kWh with serial number 74565."""
    return image({1008: [0, 0x4480], 1204: [0, 0, 0x0140, 0], 1602: [200], 1700: [0x2345, 1], 1706: [203, 17]})


def shark_words() -> dict[int, int]:
    """Return the real solar plant's Shark."""
    identity = [*text("E141 Shark 100", 8), *text("0052684833", 8), 3, *text("0047", 2)]
    ratios, flags = [0x0501, 400, 1, 1, 0], [0]
    energies = [0xFFE9, 0xA638, 0, 700, 0xFFE9, 0xA8F5, 0x16, 0x5C84]
    blocks = {0: identity, 0x3F9: [0xC970, 0x9B74], 0x44B: energies, 0x752F: ratios, FORMAT_AT: [0x3362], 0x753E: flags}
    return image(blocks)


def sunspec_words() -> dict[int, int]:
    """Return an Elkor WattsOn-Mark II at 22.1 kWh; its common model has length 65."""
    common = [1, 65, *text("Elkor", 16), *text("W2-M1-mA-DL", 16), *[0] * 8, *text("11.12", 8), *text("14870", 16), 9]
    meter = [203, 105, *[0] * 36, 0, 221, *[0] * 6, 0, 3, *[0] * 6, 2, *[0] * 52]
    return image({40000: [0x5375, 0x6E53, *common, *meter, 0xFFFF, 0]})


WORDS = {WATTNODE.profile: wattnode_words, SHARK.profile: shark_words, SUNSPEC.profile: sunspec_words}
IDENTITY_REQUESTS = {WATTNODE.profile: 4, SHARK.profile: 6, SUNSPEC.profile: 5}
"""Requests of a first poll beyond those of a steady one: walk, identity, power, and the Shark's look at its format."""


@dataclass(eq=False)
class FakeBus:
    """A bus that answers from a meter's words; a test breaks it by adding failures or hooks."""

    words: dict[int, int]
    kind: BusKind = "rtu"
    connections: int = 1
    asked: list[tuple[int, Span]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    before_read: Callable[[Span], None] = lambda _: None

    async def read(self, unit: int, span: Span, *, timeout_seconds: float, silence_ms: int = 0) -> tuple[int, ...]:
        """Answer as a meter does, with exception 2 beyond its map."""
        assert timeout_seconds > 0
        assert silence_ms >= 0
        self.asked.append((unit, span))
        self.before_read(span)
        if self.failures:
            raise self.failures.pop(0)
        addresses = range(span.address, span.address + span.count)
        if not all(address in self.words for address in addresses):
            message = "the meter refused"
            raise ExceptionReplyError(message, 2)
        return tuple(self.words[address] for address in addresses)

    async def report_server_id(self, unit: int, *, timeout_seconds: float, silence_ms: int = 0) -> bytes:
        """Answer that the function is unknown."""
        del unit, timeout_seconds, silence_ms
        message = "the meter refused"
        raise ExceptionReplyError(message, 1)

    async def read_device_identification(
        self, unit: int, *, timeout_seconds: float, silence_ms: int = 0
    ) -> dict[int, bytes]:
        """Answer as a meter of this maker does."""
        del unit, timeout_seconds, silence_ms
        return {0: b"Continental Control Systems", 1: b"WNC"}


class SystemExitLike(BaseException):
    """Something that is meant to end the program."""


class Ticks:
    """A clock that ticks 10 ms each time it is looked at."""

    def __init__(self) -> None:
        self.wall_ms = 900_000

    def __call__(self) -> Instant:
        """Return the next tick."""
        self.wall_ms += 10
        return Instant(self.wall_ms, self.wall_ms - 800_000, TimeQuality.SYNCHRONISED)


def poller_of(settings: MeterSettings, bus: FakeBus, identify_every: int = 1000) -> MeterPoller:
    """Return a poller of a meter on a fake bus."""
    settings = replace(settings, identify_every_polls=identify_every)
    return MeterPoller(settings, load_profile(settings.profile), bus, Ticks())


def watch(bus: FakeBus, poller: MeterPoller) -> list[int]:
    """Return when each request from now on is asked, UTC ms; each takes a tick more for being watched."""
    asked_at: list[int] = []
    bus.before_read = lambda _: asked_at.append(poller._now().wall_ms)
    return asked_at


def taken(outcome: PollOutcome) -> Taken:
    """Return the reading of an outcome that must be one."""
    assert isinstance(outcome.result, Taken), outcome.result
    return outcome.result


def failed(outcome: PollOutcome) -> Failed:
    """Return the failure of an outcome that must be one."""
    assert isinstance(outcome.result, Failed), outcome.result
    return outcome.result


def register(descriptor: MeterDescriptor, number: int) -> Register:
    """Return one register of a descriptor."""
    return descriptor.registers[number]


async def test_a_wattnode_is_read_and_described() -> None:
    """Its count, its description and its configuration come out as its map says."""
    result = taken(await poller_of(WATTNODE, FakeBus(wattnode_words())).poll())
    assert result.counts == {0: 320}
    descriptor = result.descriptor
    assert (descriptor.meter, descriptor.unit_id, descriptor.bus, descriptor.ratio) == (3, 7, "rtu", (5, 1))
    assert (descriptor.serial, descriptor.model, descriptor.firmware) == ("74565", "203", "17")
    assert descriptor.note == "ct_amps=200"
    energy = register(descriptor, 0)
    assert (energy.scale_exponent, energy.unit, energy.rollover_counts) == (2, "Wh", 10**9)
    assert (energy.address, energy.word_order, energy.kind, energy.obis) == (1206, "little", "s", "1-0:2.8.0")


async def test_a_shark_gives_both_registers_with_their_signs() -> None:
    """Generated is register 0, consumed 1; the format word's scale and digits are in both."""
    result = taken(await poller_of(SHARK, FakeBus(shark_words(), kind="tcp")).poll())
    assert result.counts == {0: 0xFFE9A638, 1: 700}
    received, delivered = register(result.descriptor, 0), register(result.descriptor, 1)
    assert (received.sign, received.scale_exponent, received.rollover_counts, received.obis) == (
        (-1, 4, 10**8, "1-0:2.8.0")
    )
    assert (delivered.sign, delivered.address, delivered.obis) == (1, 0x44D, "1-0:1.8.0")
    assert result.descriptor.serial == "0052684833"


async def test_a_sunspec_meter_is_found_and_read() -> None:
    """The walk, not the profile, says where its registers are."""
    result = taken(await poller_of(SUNSPEC, FakeBus(sunspec_words(), kind="tcp")).poll())
    assert result.counts == {0: 221}
    energy = register(result.descriptor, 0)
    assert (energy.address, energy.scale_exponent, energy.kind) == (40107, 2, "u")
    assert (result.descriptor.make, result.descriptor.serial) == ("Elkor", "14870")


def label_only() -> MeterProfile:
    """Return a WattNode's energy as a map of which nothing can be known but by the label."""
    whole = load_profile(WATTNODE.profile)
    return replace(whole, points=(whole.point("energy_in_nr"),), identity=(), is_label_only=True)


async def test_a_meter_without_a_serial_number_has_that_of_its_label() -> None:
    """What the installer typed from the label describes a meter that cannot say who it is."""
    settings = replace(WATTNODE, serial="L-4711")
    bus = FakeBus(wattnode_words())
    result = taken(await MeterPoller(settings, label_only(), bus, Ticks()).poll())
    assert result.descriptor.serial == "L-4711"
    assert len(bus.asked) == 1


async def test_a_meter_that_refuses_its_identity_raises_the_question_of_its_profile() -> None:
    """A meter of another make refuses the words that the model is known by; the sentence asks for the likely cause."""
    result = (await poller_of(WATTNODE, FakeBus(shark_words())).poll()).result
    assert result == Failed("exception-2", "the meter refused; is ccs.wattnode-modbus the profile of this meter?")


def test_a_label_that_nobody_read_is_asked_for() -> None:
    """A meter that cannot say its serial number is refused until the configuration does."""
    with pytest.raises(ProfileError, match="tells no serial number; set serial to the one on its label"):
        MeterPoller(WATTNODE, label_only(), FakeBus(wattnode_words()), Ticks())


async def test_a_meter_is_asked_who_it_is_before_it_is_read() -> None:
    """An answer that is not the model's is the wrong meter, and no word of it is read."""
    whole = load_profile(WATTNODE.profile)
    bus = FakeBus(wattnode_words())
    profile = replace(whole, questions=(IdentityQuestion(43, "WNC"),))
    assert isinstance((await MeterPoller(WATTNODE, profile, bus, Ticks()).poll()).result, Taken)
    bus.asked.clear()
    profile = replace(whole, questions=(IdentityQuestion(17, "WNC"),))
    assert failed(await MeterPoller(WATTNODE, profile, bus, Ticks()).poll()).cause == "identity"
    assert bus.asked == []


async def test_a_base_that_refuses_is_passed_over() -> None:
    """A SunSpec map at the last base is found behind the exceptions of the others."""
    words = {address + 10_000: word for address, word in sunspec_words().items()}
    result = taken(await poller_of(SUNSPEC, FakeBus(words)).poll())
    assert register(result.descriptor, 0).address == 50107


async def test_a_meter_that_is_busy_is_not_taken_for_another() -> None:
    """A gateway that has no time for the walk is the cause itself; only a base that is not there is passed over."""
    bus = FakeBus(sunspec_words(), failures=[ExceptionReplyError("busy", 6)])
    result = (await poller_of(SUNSPEC, bus).poll()).result
    assert result == Failed("exception-6", "busy")


@pytest.mark.parametrize(("settings", "requests"), [(WATTNODE, 1), (SHARK, 2), (SUNSPEC, 1)])
async def test_a_steady_poll_is_one_request_or_two_with_a_witness(settings: MeterSettings, requests: int) -> None:
    """After first contact a poll costs one request, the Shark's one more, and keeps the very same descriptor."""
    bus = FakeBus(WORDS[settings.profile]())
    poller = poller_of(settings, bus)
    first = taken(await poller.poll())
    assert len(bus.asked) == IDENTITY_REQUESTS[settings.profile] + requests
    for _ in range(3):
        bus.asked.clear()
        assert taken(await poller.poll()).descriptor is first.descriptor
        assert len(bus.asked) == requests
        assert {unit for unit, _ in bus.asked} == {settings.unit}


CAUSES = [
    (NoReplyError("silence"), "timeout"),
    (NotConnectedError("unplugged"), "not-connected"),
    (BadReplyError("noise"), "bad-reply"),
    (ExceptionReplyError("refused", 4), "exception-4"),
    (BusyError("chatter"), "busy"),
]


@pytest.mark.parametrize(("error", "cause"), CAUSES)
async def test_a_failing_bus_is_an_outcome_with_its_cause(error: BusError, cause: str) -> None:
    """No failure of the bus leaves the poller; each has its own cause, and its sentence."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus)
    await poller.poll()
    bus.failures = [error] * 2
    outcome = await poller.poll()
    assert failed(outcome) == Failed(cause, str(error))
    assert outcome.meter == 3
    assert outcome.before.wall_ms < outcome.after.wall_ms
    assert not poller.answered


GARBLED = [
    NoReplyError("silence"),
    BadReplyError("noise"),
    *(ExceptionReplyError("later", code) for code in (5, 6, 11)),
]


@pytest.mark.parametrize("error", GARBLED)
@pytest.mark.parametrize("settings", [WATTNODE, SHARK, SUNSPEC])
async def test_one_bad_moment_costs_no_reading(settings: MeterSettings, error: BusError) -> None:
    """A meter that answered last time is read once more within the poll; its instants are those of the good read."""
    bus = FakeBus(WORDS[settings.profile]())
    poller = poller_of(settings, bus)
    first = await poller.poll()
    asked_at = watch(bus, poller)
    bus.failures = [error]
    outcome = await poller.poll()
    assert taken(outcome).descriptor is taken(first).descriptor
    assert outcome.after.wall_ms - outcome.before.wall_ms == 20
    assert asked_at[0] < outcome.before.wall_ms < asked_at[-1]
    assert poller.answered


@pytest.mark.parametrize("error", GARBLED)
async def test_a_second_bad_moment_is_the_outcome(error: BusError) -> None:
    """A poll reads a meter twice at most; if both fail it is the second read that is told."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus)
    await poller.poll()
    asked_at = watch(bus, poller)
    bus.failures = [BadReplyError("other noise"), error]
    outcome = await poller.poll()
    assert failed(outcome) == Failed(str(error.cause), str(error))
    first_at, second_at = asked_at
    assert first_at < outcome.before.wall_ms < second_at < outcome.after.wall_ms


async def test_a_meter_that_was_not_there_has_one_try() -> None:
    """At first contact, and as long as it does not answer, a meter is asked once: it does not keep others waiting."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus)
    for _ in range(3):
        bus.failures = [NoReplyError("silence")]
        bus.asked.clear()
        failed(await poller.poll())
        assert len(bus.asked) == 1
    taken(await poller.poll())


@pytest.mark.parametrize(
    "error", [NotConnectedError("unplugged"), BusyError("chatter"), ExceptionReplyError("refused", 4)]
)
async def test_what_would_only_happen_again_is_not_tried_again(error: BusError) -> None:
    """A port that is away, a line that is never silent and a meter that refuses are asked once."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus)
    await poller.poll()
    bus.asked.clear()
    bus.failures = [error]
    failed(await poller.poll())
    assert len(bus.asked) == 1


async def test_a_fault_of_ours_in_one_poll_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks in one meter's poll is its outcome, in the log in full; the others are read, and it is again."""
    bus = FakeBus(wattnode_words())
    pollers = [poller_of(replace(WATTNODE, index=index, unit=index), bus) for index in (1, 2, 3)]
    cycle = Cycle(pollers, Ticks(), seconds_max=30.0)
    await cycle.poll_edge()

    def break_down(_: Span) -> None:
        if bus.asked[-1][0] == 2:
            bus.failures = [ZeroDivisionError("nobody\nforesaw this")]

    bus.before_read = break_down
    one, two, three = await cycle.poll_edge()
    taken(one)
    taken(three)
    failure = failed(two)
    assert failure.cause == "bad-reply"
    assert failure.note == (
        "the poll broke off by a fault of this program, ZeroDivisionError('nobody\\nforesaw this');"
        " please report it with the log"
    )
    assert two.before.wall_ms < two.after.wall_ms
    assert not pollers[1].answered
    [entry] = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert entry.getMessage() == "the poll of meter 2 broke off"
    assert "break_down" not in caplog.text
    assert "in _glance" in caplog.text
    bus.before_read = lambda _: None
    bus.asked.clear()
    assert [isinstance(outcome.result, Taken) for outcome in await cycle.poll_edge()] == [True] * 3
    assert (2, Span(3, 1700, 2)) in bus.asked


async def test_a_poll_that_is_given_up_ends_at_once() -> None:
    """Cancelling a poll cancels what it waits for, and is no outcome."""
    bus = FakeBus(wattnode_words())
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang(*_: object, **__: object) -> tuple[int, ...]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ()

    poller = MeterPoller(WATTNODE, load_profile(WATTNODE.profile), bus, Ticks())
    bus.read = hang  # type: ignore[method-assign]  # a meter that never comes to an end
    polling = asyncio.create_task(poller.poll())
    await started.wait()
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    assert ended.is_set()


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExitLike()])
async def test_what_must_end_the_program_is_no_outcome(error: BaseException) -> None:
    """Only an Exception becomes an outcome; what is meant to get through gets through."""
    bus = FakeBus(wattnode_words(), failures=[error])
    with pytest.raises(type(error)):
        await poller_of(WATTNODE, bus).poll()


async def test_after_a_failure_the_meter_is_identified_before_it_is_believed() -> None:
    """Who was away may come back as another: identity is read again before the energy."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus)
    first = taken(await poller.poll())
    bus.failures = [NoReplyError("silence")] * 2
    failed(await poller.poll())
    bus.words |= {1700: 0x9999}
    second = taken(await poller.poll())
    assert second.descriptor == replace(first.descriptor, serial=str(0x19999))
    assert poller.answered


async def test_an_unchanged_meter_keeps_its_descriptor_through_a_failure() -> None:
    """Identifying the same meter again makes no new descriptor."""
    bus = FakeBus(shark_words())
    poller = poller_of(SHARK, bus)
    first = taken(await poller.poll())
    bus.failures = [NoReplyError("silence")] * 2
    failed(await poller.poll())
    assert taken(await poller.poll()).descriptor is first.descriptor


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (WATTNODE, {1706: 208}),
        (SHARK, {4: 0x7878}),
        (SUNSPEC, {40069: 204}),
        (SUNSPEC, {40000: 0}),
    ],
)
async def test_the_wrong_meter_gives_no_value(settings: MeterSettings, wrong: dict[int, int]) -> None:
    """Another model, or no SunSpec: cause identity, and no energy asked for."""
    bus = FakeBus(WORDS[settings.profile]() | wrong)
    outcome = await poller_of(settings, bus).poll()
    assert failed(outcome).cause == "identity"
    assert Span(3, 1206, 2) not in [span for _, span in bus.asked]


async def test_the_expected_serial_number_is_accepted() -> None:
    """A meter with the configured serial number is read."""
    taken(await poller_of(replace(WATTNODE, serial="74565"), FakeBus(wattnode_words())).poll())


async def test_a_new_connection_is_identified_again_within_the_poll() -> None:
    """If the bus had to connect anew for the energy, the reading waits until the meter behind it is known."""
    bus = FakeBus(wattnode_words(), kind="tcp")
    poller = poller_of(WATTNODE, bus)
    await poller.poll()

    def reconnect(span: Span) -> None:
        if span.address == 1206 and bus.connections == 1:
            bus.connections = 2
            bus.words |= {1700: 0x9999}

    bus.before_read = reconnect
    assert taken(await poller.poll()).descriptor.serial == str(0x19999)


async def test_a_bus_that_reconnects_all_the_time_gives_no_reading() -> None:
    """Attempts are bounded: a connection that never holds is unstable."""
    bus = FakeBus(wattnode_words())

    def reconnect(_: Span) -> None:
        bus.connections += 1

    bus.before_read = reconnect
    assert failed(await poller_of(WATTNODE, bus).poll()).cause == "unstable"


async def test_identity_is_looked_at_on_the_stated_cadence() -> None:
    """A meter that never fails is identified again after the stated number of polls, and an exchange is seen."""
    bus = FakeBus(wattnode_words())
    poller = poller_of(WATTNODE, bus, identify_every=3)
    serials = []
    for number in range(7):
        if number == 1:
            bus.words |= {1700: 0x9999}
        serials.append(taken(await poller.poll()).descriptor.serial)
    assert serials == ["74565"] * 3 + [str(0x19999)] * 4


async def test_a_changed_scale_is_a_new_descriptor() -> None:
    """Counts come with the scale of their own poll, in SunSpec and with a witness."""
    for settings, address, word, exponent in ((SUNSPEC, 40123, 1, 1), (SHARK, FORMAT_AT, 0x3332, 1)):
        bus = FakeBus(WORDS[settings.profile]())
        poller = poller_of(settings, bus)
        first = taken(await poller.poll()).descriptor
        bus.words[address] = word
        second = taken(await poller.poll()).descriptor
        assert second != first
        assert register(second, 0).scale_exponent == exponent
        assert taken(await poller.poll()).descriptor is second


async def test_a_scale_that_does_not_hold_still_gives_no_reading() -> None:
    """A format word that differs at every look ends in the cause unstable."""
    bus = FakeBus(shark_words())

    def spin(span: Span) -> None:
        if span.address == FORMAT_AT:
            bus.words[FORMAT_AT] ^= 0x0001

    bus.before_read = spin
    assert failed(await poller_of(SHARK, bus).poll()).cause == "unstable"


@pytest.mark.parametrize(("word", "cause"), [(0x8000, "not-available"), (200, "bad-reply")])
async def test_a_scale_that_is_none_gives_no_reading(word: int, cause: str) -> None:
    """A scale factor that is not implemented, or impossible, leaves the counts without meaning."""
    bus = FakeBus(sunspec_words() | {40123: word})
    assert failed(await poller_of(SUNSPEC, bus).poll()).cause == cause


@pytest.mark.parametrize("settings", [WATTNODE, SHARK, SUNSPEC])
async def test_the_instants_enclose_the_energy_and_nothing_else(settings: MeterSettings) -> None:
    """Before and after are one tick apart around the request with the energy, however many requests a poll makes."""
    bus = FakeBus(WORDS[settings.profile]())
    poller = poller_of(settings, bus)
    for _ in range(2):
        outcome = await poller.poll()
        assert outcome.after.wall_ms - outcome.before.wall_ms == 10


async def test_a_name_that_is_no_energy_point_is_refused_at_once() -> None:
    """A configuration that cannot work fails before the first poll."""
    for wrong in (replace(WATTNODE, generated="power"), replace(WATTNODE, consumed="powder")):
        with pytest.raises(ProfileError, match="no energy point"):
            poller_of(wrong, FakeBus({}))


def refuse(bus: FakeBus, joined: Span) -> None:
    """Let the meter refuse one span, as some do with a request that touches two of their tables."""

    def answer(span: Span) -> None:
        if span == joined:
            message = "the meter refused"
            raise ExceptionReplyError(message, 2)

    bus.before_read = answer


async def test_a_meter_that_refuses_joined_requests_is_read_part_by_part_and_that_is_remembered() -> None:
    """Exception 2 on a joined span costs one more try once; from then on no request is joined and none refused."""
    bus = FakeBus(shark_words(), kind="tcp")
    refuse(bus, Span(3, 0x44B, 8))
    poller = poller_of(SHARK, bus)
    result = taken(await poller.poll())
    assert result.counts == {0: 0xFFE9A638, 1: 700}
    for _ in range(2):
        bus.asked.clear()
        assert taken(await poller.poll()).descriptor is result.descriptor
        assert [span for _, span in bus.asked] == [Span(3, 0x44B, 2), Span(3, 0x44D, 2), Span(3, FORMAT_AT, 1)]


async def test_a_scale_word_that_is_read_apart_becomes_a_witness() -> None:
    """Without its joined request the scale is read around the energy, and a change in between is not passed over."""
    bus = FakeBus(sunspec_words(), kind="tcp")
    refuse(bus, Span(3, 40107, 17))
    poller = poller_of(SUNSPEC, bus)
    assert register(taken(await poller.poll()).descriptor, 0).scale_exponent == 2
    bus.asked.clear()
    changes = iter([1])

    def change(span: Span) -> None:
        if span.address == 40123:
            bus.words[40123] = next(changes, bus.words[40123])

    bus.before_read = change
    assert register(taken(await poller.poll()).descriptor, 0).scale_exponent == 1
    assert [span.address for _, span in bus.asked] == [40107, 40123, 40107, 40123]


async def test_a_meter_that_lacks_a_word_is_not_split_for_ever() -> None:
    """If the parts are refused too, that is the outcome, and joined requests are tried again the next time."""
    bus = FakeBus({address: word for address, word in shark_words().items() if address != 0x44D})
    poller = poller_of(SHARK, bus)
    assert failed(await poller.poll()).cause == "exception-2"
    bus.words = shark_words()
    bus.asked.clear()
    taken(await poller.poll())
    assert Span(3, 0x44B, 8) in [span for _, span in bus.asked]
