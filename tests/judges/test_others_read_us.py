"""Programs that are not ours read our simulated meters, and find what we say is there."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from sunspec2.modbus import client

from edge.profiles import load_profile, profile_ids
from simulators.bus import RtuBus, TcpBus
from tests.judges.sites import NOON, UNIT, make_meter

if TYPE_CHECKING:
    from pathlib import Path

    from simulators.meter import SimulatedMeter

SECONDS_MAX = 20
FIRST, COUNT = 1200, 8
SUNSPEC = [name for name in profile_ids() if load_profile(name).sunspec is not None]


async def _mbpoll(*arguments: str) -> dict[int, int]:
    """Return the words that mbpoll prints, by address."""
    mbpoll = shutil.which("mbpoll")
    if mbpoll is None:
        pytest.skip("mbpoll is not installed: the simulated bus is not judged by it")
    process = await asyncio.create_subprocess_exec(
        mbpoll, "-1", "-q", "-0", "-t", "4:hex", "-a", str(UNIT), *arguments, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS_MAX):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed
    return {int(at): int(word, 16) for at, word in re.findall(rb"\[(\d+)\]:\s+0x([0-9A-F]{4})", printed)}


def _expected(meter: SimulatedMeter) -> dict[int, int]:
    words = meter.read(3, FIRST, COUNT, NOON.now_ms)
    assert isinstance(words, tuple)
    return dict(enumerate(words, start=FIRST))


async def test_mbpoll_reads_a_meter_over_tcp() -> None:
    """The words that a libmodbus client sees are those of the simulated meter."""
    meter = make_meter("ccs.wattnode-modbus")
    async with TcpBus({UNIT: meter}, NOON) as bus:
        found = await _mbpoll("-m", "tcp", "-p", str(bus.port), "-r", str(FIRST), "-c", str(COUNT), "127.0.0.1")
    assert found == _expected(meter)
    assert any(found.values())


async def test_mbpoll_reads_a_meter_on_a_line(tmp_path: Path) -> None:
    """The same over RTU frames on a serial port."""
    meter = make_meter("ccs.wattnode-modbus")
    async with RtuBus({UNIT: meter}, NOON, tmp_path / "line"):
        line = str((tmp_path / "line").resolve())
        found = await _mbpoll("-m", "rtu", "-b", "19200", "-P", "none", "-r", str(FIRST), "-c", str(COUNT), line)
    assert found == _expected(meter)


async def test_mbpoll_is_refused_what_the_meter_lacks() -> None:
    """An address that the model does not have is an exception for others too."""
    meter = make_meter("ccs.wattnode-modbus")
    async with TcpBus({UNIT: meter}, NOON) as bus:
        with pytest.raises(AssertionError):
            await _mbpoll("-m", "tcp", "-p", str(bus.port), "-r", "5000", "-c", "2", "127.0.0.1")


@pytest.mark.parametrize("profile_id", SUNSPEC)
async def test_pysunspec_finds_the_models_and_the_energy(profile_id: str) -> None:
    """SunSpec's own client discovers the map and scales the register to the energy that the meter measured."""
    meter = make_meter(profile_id)
    sunspec = meter.profile.sunspec
    assert sunspec is not None
    async with TcpBus({UNIT: meter}, NOON) as bus:

        def scan() -> tuple[object, object]:
            device = client.SunSpecModbusClientDeviceTCP(slave_id=UNIT, ipaddr="127.0.0.1", ipport=bus.port, timeout=5)
            # Some maps begin where the specification has no base.
            device.base_addr_list = list(sunspec.bases)
            try:
                device.scan()
                name = "TotWhExp" if "export" in meter.generated.name else "TotWhImp"
                return device.common[0].SN.value, getattr(device.models[sunspec.model][0], name).cvalue
            finally:
                device.close()

        async with asyncio.timeout(SECONDS_MAX):
            serial, energy = await asyncio.to_thread(scan)
    assert serial == "4711"
    assert energy == meter.register_wh_at(NOON.now_ms)
