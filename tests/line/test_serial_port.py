"""A serial port that is not our own pseudo-terminal: it goes away, as a USB adapter does, and comes back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from edge.bus import BackOff, open_bus
from edge.clock import SystemClock
from edge.metering.outcome import Failed, Taken
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings, RtuLine
from simulators.bus import RtuBus
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PROFILE = "ccs.wattnode-modbus"
SERIES = MeasuredSeries(starts_at=(0, STEP_MS), power=(4_000_000, 4_000_000), decimals=0)
WAIT_SECONDS = 20


class Noon:
    """An instant after the series, so that the register stands still."""

    now_ms = 10 * STEP_MS


@asynccontextmanager
async def adapter(port: Path, line: Path) -> AsyncIterator[None]:
    """Plug in an adapter: `port` appears and carries bytes to and from `line`; it vanishes at the end."""
    socat = shutil.which("socat")
    assert socat is not None
    process = subprocess.Popen([socat, f"PTY,link={port},raw,echo=0", f"OPEN:{line},raw,echo=0,nonblock"])
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                if port.exists():
                    break
                await asyncio.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
async def test_a_port_that_vanishes_and_returns(tmp_path: Path) -> None:
    """Without its port a meter gives a cause, not a value; when the port is back, the same register is read again."""
    profile = load_profile(PROFILE)
    meter = SimulatedMeter(profile, MeasuredSun(SERIES), MeterSetup(unit=7, serial="4711"))
    port, line = tmp_path / "port", tmp_path / "line"
    settings = MeterSettings(name="m", index=1, bus="b", unit=7, profile=PROFILE, generated="energy_in_nr")
    async with RtuBus({7: meter}, Noon(), line):
        back_off = BackOff(first_seconds=0.01, max_seconds=0.01)
        bus = open_bus(RtuLine(name="b", port=str(port), silence_ms=0, timeout_seconds=0.3), back_off)
        poller = MeterPoller(settings, profile, bus, SystemClock().now)
        missing = (await poller.poll()).result
        assert isinstance(missing, Failed)
        assert missing.cause == "not-connected"
        assert str(port) in missing.note
        for _ in range(2):
            async with adapter(port, line):
                await asyncio.sleep(0.05)
                taken = (await poller.poll()).result
                assert isinstance(taken, Taken), taken
                assert taken.counts == {0: meter.count_at(Noon.now_ms)}
                assert taken.descriptor.serial == "4711"
            await asyncio.sleep(0.05)
            gone = (await poller.poll()).result
            assert isinstance(gone, Failed)
        await bus.close()
