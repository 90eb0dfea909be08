"""Ports that move, vanish, come back as another, or never were: what a bus says, and that no meter is mistaken."""

from __future__ import annotations

import asyncio
import errno
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from edge.bus import Bus, NoReplyError, NotConnectedError, open_bus
from edge.bus.serial_line import why_port_shut
from edge.clock import SystemClock
from edge.metering.outcome import Failed, Stranger, Taken
from edge.metering.words import Span
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import AsciiLine, MeterSettings, RtuLine
from tests.edge.fake_meter import AT_ONCE, FakeMeter, Reply, WattNode, framed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SHORT = 0.15
BOUND = 10.0


@asynccontextmanager
async def plugged(*meters: FakeMeter) -> AsyncIterator[None]:
    """Run some meters, each on a pseudo-terminal of its own."""
    for meter in meters:
        await meter.start()
    try:
        yield
    finally:
        for meter in meters:
            await meter.stop()


def point(link: Path, meter: FakeMeter) -> None:
    """Let the link lead to a meter's terminal, as the kernel does when an adapter is there again."""
    link.unlink(missing_ok=True)
    link.symlink_to(str(meter.port))


def poller_over(link: Path, serial: str | None = None) -> tuple[MeterPoller, Bus]:
    """Return a poller of the WattNode behind the link, and its bus."""
    settings = MeterSettings(
        name="roof", index=1, bus="line", unit=1, profile="ccs.wattnode-modbus", generated="energy_in_nr", serial=serial
    )
    bus = open_bus(RtuLine(name="line", port=str(link), silence_ms=0, timeout_seconds=SHORT), AT_ONCE)
    return MeterPoller(settings, load_profile(settings.profile), bus, SystemClock().now), bus


async def poll(poller: MeterPoller) -> Taken | Failed:
    """Return what one poll gave, within the bound that every wait of these tests has."""
    async with asyncio.timeout(BOUND):
        return (await poller.poll()).result


def last_look(meter: WattNode) -> int:
    """Return which of its requests was the last for the energy: the one that counts."""
    return max(place for place, address in enumerate(meter.asked) if address == 1206)


async def test_an_adapter_that_comes_back_as_another_device_is_read_again(tmp_path: Path) -> None:
    """Port 0 became port 1: the link leads there, and the meter is identified before its energy is believed."""
    link, old, new = tmp_path / "adapter", WattNode(33333, 320), WattNode(33333, 321)
    poller, bus = poller_over(link)
    async with plugged(new):
        async with plugged(old):
            point(link, old)
            first = await poll(poller)
        link.unlink()
        away = await poll(poller)
        point(link, new)
        back = await poll(poller)
        await bus.close()
    assert isinstance(first, Taken)
    assert isinstance(away, Failed)
    assert away.cause == "not-connected"
    assert isinstance(back, Taken)
    assert (first.counts, back.counts) == ({0: 320}, {0: 321})
    assert back.descriptor is first.descriptor
    assert new.asked.index(1700) < last_look(new)


async def test_another_meter_behind_the_port_is_refused(tmp_path: Path) -> None:
    """What the wrong meter said before it was known is thrown away; what it shows once it is known is no reading."""
    link, old, new = tmp_path / "adapter", WattNode(11111, 320), WattNode(22222, 9)
    poller, bus = poller_over(link, serial="11111")
    async with plugged(new):
        async with plugged(old):
            point(link, old)
            assert isinstance(await poll(poller), Taken)
        point(link, new)
        result = await poll(poller)
        await bus.close()
    assert isinstance(result, Failed)
    assert result.cause == "identity"
    assert "'22222', not '11111'" in result.note
    assert result.stranger == Stranger("11111", "22222", {0: 9})
    assert new.asked.index(1700) < last_look(new)


async def test_an_adapter_exchanged_while_its_port_was_shut_counts_as_new(tmp_path: Path) -> None:
    """After a time-out the port is opened anew; if the link leads elsewhere by then, all is identified again."""
    link, old, new = tmp_path / "adapter", WattNode(11111, 320), WattNode(22222, 9)
    poller, bus = poller_over(link)
    async with plugged(old, new):
        point(link, old)
        first = await poll(poller)
        old.script = lambda *_: None
        with pytest.raises(NoReplyError):
            await read(bus, unit=99)
        point(link, new)
        second = await poll(poller)
        await bus.close()
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    assert (first.descriptor.serial, second.descriptor.serial) == ("11111", "22222")
    assert new.asked.index(1700) < last_look(new)


async def test_a_noise_octet_costs_two_more_requests_and_no_reading(tmp_path: Path) -> None:
    """A garbled reply is never repaired: it is counted, the second gives the reading, and a third proves it timely."""
    link, meter = tmp_path / "adapter", WattNode(33333, 320)
    poller, bus = poller_over(link)
    async with plugged(meter):
        point(link, meter)
        first = await poll(poller)
        requests = len(meter.bodies)
        meter.words[1206] = 321
        answer = meter.answer
        meter.script = lambda number, body: (
            Reply(b"", frame=b"\x00" + framed("rtu", answer(body).body)) if number == requests + 1 else answer(body)
        )
        second = await poll(poller)
        await bus.close()
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    assert (first.counts, second.counts) == ({0: 320}, {0: 321})
    assert meter.asked[requests:] == [1206, 1206, 1206]
    assert (bus.tally.requests, bus.tally.replies, bus.tally.strangers) == (requests + 3, requests + 2, 1)


async def read(bus: Bus, unit: int = 1) -> tuple[int, ...]:
    """Read two words."""
    async with asyncio.timeout(BOUND):
        return await bus.read(unit, Span(3, 10, 2), timeout_seconds=SHORT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "is a folder; correct port"),
        ("file", "is no serial port; correct port"),
        ("dangling", "there is no serial port"),
        ("missing", "there is no serial port"),
        ("/dev/null", "is no serial port; correct port"),
    ],
)
async def test_each_kind_of_port_that_is_none_has_its_sentence(tmp_path: Path, name: str, words: str) -> None:
    """One line names the bus, the path, what is wrong with it, and which ports there are."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    bus = open_bus(RtuLine(name="roof", port=str(tmp_path / name)), AT_ONCE)
    with pytest.raises(NotConnectedError) as failure:
        await read(bus)
    text = str(failure.value)
    assert text.startswith("roof: ")
    for part in (str(tmp_path / name), words, "ports found: "):
        assert part in text
    assert "\n" not in text
    assert bus.tally.shut == 1


def test_a_format_that_the_port_lacks_says_so_of_ascii_too() -> None:
    """The default format of an ASCII line has seven bits; its settings can say otherwise."""
    assert AsciiLine(name="a", port="p").format == "7E1"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_of_another_user_says_what_to_do(number: int) -> None:
    """Permission is a matter of a group."""
    assert "add the user to the group dialout" in why_port_shut("/dev/ttyUSB0", OSError(number, "denied"))
