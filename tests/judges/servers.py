"""Modbus servers that are not ours, started for a test: libmodbus built from C here, modbus-serial under Node.js."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.libmodbus import NotBuildableError, build
from simulators.image import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from simulators.meter import SimulatedMeter

HERE = Path(__file__).parent
START_SECONDS_MAX = 20


def build_libmodbus_server(folder: Path) -> Path:
    """Return the C server, built in `folder`; skips the test that asks where compiler or library are missing."""
    try:
        return build("server", folder)
    except NotBuildableError as error:
        pytest.skip(str(error))


def find_node() -> str:
    """Return where Node.js is; skips the test that asks if it, or the package modbus-serial, is not installed."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "modbus-serial").is_dir():
        pytest.skip("modbus-serial is not installed: run npm ci --omit=optional in tests/judges to judge by it")
    return node


def write_words(meter: SimulatedMeter, path: Path, at_ms: int) -> None:
    """Write every word of a simulated meter as it stands at `at_ms`, one "address word" in a line."""
    lines = []
    for address in range(ADDRESSES):
        words = meter.read(meter.profile.function_code, address, 1, at_ms)
        if isinstance(words, tuple):
            lines.append(f"{address} {words[0]}\n")
    path.write_text("".join(lines), encoding="ascii")


@asynccontextmanager
async def running(command: Sequence[str]) -> AsyncIterator[int]:
    """Run a server until the end of the block; yields the port it says it is ready on."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            said = (await process.stdout.readline()).decode().split()
        assert said[:1] == ["ready"], f"{command[0]} did not start: {said}"
        yield int(said[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
