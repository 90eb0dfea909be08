"""The edge reads meters that are served by libraries of others, over every wire they offer."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from edge.bus import open_bus
from edge.metering.outcome import Failed, Taken
from edge.settings import RtuLine, TcpEndpoint
from tests.judges.servers import HERE, build_libmodbus_server, find_node, running, write_words
from tests.judges.sites import NOON, UNIT, make_meter, make_poller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from edge.settings import BusSettings
    from simulators.meter import SimulatedMeter

PROFILES = ["ccs.wattnode-modbus", "eig.shark-100", "sunspec.meter-203"]


async def _judge(meter: SimulatedMeter, settings: BusSettings) -> None:
    """Poll a served meter some times and compare with what was served."""
    bus = open_bus(settings)
    poller = make_poller(meter, bus)
    try:
        for _ in range(3):
            result = (await poller.poll()).result
            assert isinstance(result, Taken), result
            sign = meter.generated.sign
            bits = 16 * meter.generated.words
            assert result.counts == {0: sign * meter.count_at(NOON.now_ms) % (1 << bits)}
            assert result.descriptor.serial == "4711"
    finally:
        await bus.close()


@pytest.mark.parametrize("profile_id", PROFILES)
async def test_the_edge_reads_a_libmodbus_server(tmp_path: Path, profile_id: str) -> None:
    """Identity, scale and register come through libmodbus's TCP server as they were put there."""
    meter = make_meter(profile_id)
    write_words(meter, tmp_path / "words", NOON.now_ms)
    server = build_libmodbus_server(tmp_path)
    async with running([str(server), "tcp", "0", str(UNIT), str(tmp_path / "words")]) as port:
        await _judge(meter, TcpEndpoint(name="bus", host="127.0.0.1", port=port))


async def test_the_edge_reads_a_libmodbus_server_on_a_line(tmp_path: Path) -> None:
    """The same over RTU frames: libmodbus at one end of a pair of pseudo-terminals, the edge at the other."""
    meter = make_meter("ccs.wattnode-modbus")
    write_words(meter, tmp_path / "words", NOON.now_ms)
    server = build_libmodbus_server(tmp_path)
    async with (
        _wire(tmp_path) as (near, far),
        running([str(server), "rtu", str(far.resolve()), str(UNIT), str(tmp_path / "words")]),
    ):
        await _judge(meter, RtuLine(name="bus", port=str(near), silence_ms=5))


@pytest.mark.parametrize("profile_id", PROFILES)
async def test_the_edge_reads_a_modbus_serial_server(tmp_path: Path, profile_id: str) -> None:
    """The npm package modbus-serial serves, and refuses addresses that are not there with exception 2."""
    meter = make_meter(profile_id)
    write_words(meter, tmp_path / "words", NOON.now_ms)
    command = [find_node(), str(HERE / "modbus_serial_server.js"), str(UNIT), str(tmp_path / "words")]
    async with running(command) as port:
        await _judge(meter, TcpEndpoint(name="bus", host="127.0.0.1", port=port))


async def test_another_meter_behind_a_foreign_server_is_refused(tmp_path: Path) -> None:
    """What answers as another model gives no reading, whoever serves it."""
    write_words(make_meter("eig.shark-100"), tmp_path / "words", NOON.now_ms)
    server = build_libmodbus_server(tmp_path)
    async with running([str(server), "tcp", "0", str(UNIT), str(tmp_path / "words")]) as port:
        bus = open_bus(TcpEndpoint(name="bus", host="127.0.0.1", port=port))
        result = (await make_poller(make_meter("ccs.wattnode-modbus"), bus).poll()).result
        await bus.close()
    assert isinstance(result, Failed)
    assert result.cause == "identity"


@asynccontextmanager
async def _wire(folder: Path) -> AsyncIterator[tuple[Path, Path]]:
    """Connect two pseudo-terminals for the block; yields their names."""
    socat = shutil.which("socat")
    if socat is None:
        pytest.skip("socat is not installed: the edge is not judged against libmodbus on a line")
    near, far = folder / "near", folder / "far"
    ends = [f"PTY,link={end},raw,echo=0" for end in (near, far)]
    process = await asyncio.create_subprocess_exec(socat, *ends)
    try:
        async with asyncio.timeout(20):
            while not (near.exists() and far.exists()):
                await asyncio.sleep(0.02)
        yield near, far
    finally:
        process.terminate()
        await process.wait()
