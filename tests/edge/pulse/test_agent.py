"""A pulse output through the whole agent: counted, journaled, sealed and described."""

from __future__ import annotations

import asyncio
import random
from operator import sub
from typing import TYPE_CHECKING

from edge.agent import Agent
from edge.config import load_config
from edge.keys import ensure_signing_key, public_pem
from edge.pulse import poller
from protocol import wire
from protocol.messages import MeterDescriptor, MeterEvent, MeterEventKind, Readings
from simulators.clock import ClockServer, SimulatedClock
from simulators.pulses import MS, SimulatedContacts
from tests.edge.pulse.test_config import HEAD, PULSE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from edge.pulse.gpio import GpioLines
    from protocol.messages import Frame

START_MS = 1_467_356_400_000
HOURS = 3
PULSES = 5


class _Meter:
    """A meter that gives five pulses before each look at its lines' clock, as `Hardware` wants it."""

    def __init__(self, clock: ClockServer) -> None:
        self.outputs: list[SimulatedContacts] = []
        self._clock = clock
        self._pulsed_ns = 0

    def open_lines(self, _lines: GpioLines) -> SimulatedContacts:
        """Return the lines, newly opened."""
        chance = random.Random(3)  # noqa: S311 - a seed, for replay
        self.outputs.append(SimulatedContacts(chance=chance, bounce_ns=5 * MS, bounces_max=2))
        return self.outputs[-1]

    def monotonic_ns(self) -> int:
        """Return this moment; what was pulsed until then is read with the next."""
        now_ns = self._clock.now_ms * MS
        if now_ns > self._pulsed_ns and self.outputs:
            for pulse in range(PULSES):
                self.outputs[-1].pulse(now_ns + pulse * 200 * MS, 100 * MS)
            self._pulsed_ns = now_ns
        return now_ns


async def _live(folder: Path, from_ms: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Frame], _Meter]:
    """Run an agent for some hours and return what is in the chain afterwards, and the meter it counted."""
    clock = ClockServer(from_ms, from_ms + HOURS * 3_600_000)
    await clock.start()
    meter = _Meter(clock)
    monkeypatch.setattr(poller, "LINUX", poller.Hardware(meter.open_lines, meter.monotonic_ns))
    stop = asyncio.Event()
    agent = Agent(load_config(folder / "edge.toml"), await SimulatedClock.connect("127.0.0.1", clock.port), stop)
    task = asyncio.create_task(agent.run())
    async with asyncio.timeout(20):
        await clock.finished.wait()
        raws = [agent._journal.block(seq) for seq in range(20)]
        stop.set()
        await task
    await clock.stop()
    return [frame for raw in raws if raw is not None for frame in wire.read_block(raw)[0].frames], meter


async def test_counts_are_readings_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed under a descriptor of class pulse; a second life goes on from the first and states when nobody counted."""
    (tmp_path / "state").mkdir()
    (tmp_path / "hub.pem").write_bytes(public_pem(ensure_signing_key(tmp_path / "state" / "signing-key.pem")))
    (tmp_path / "edge.toml").write_text(HEAD + PULSE, encoding="utf-8")
    _, first = await _live(tmp_path, START_MS, monkeypatch)
    frames, second = await _live(tmp_path, START_MS + 2 * HOURS * 3_600_000, monkeypatch)
    [descriptor] = [frame for frame in frames if isinstance(frame, MeterDescriptor)]
    assert (descriptor.bus, descriptor.serial, descriptor.registers[0].function_code) == ("pulse", "4711", 0)
    counts = [count for frame in frames if isinstance(frame, Readings) for count in frame.registers[0]]
    assert counts[0] == 41_877_200 * 5
    assert set(map(sub, counts[1:], counts)) <= {0, PULSES * 9}
    assert counts[-1] - counts[0] >= (2 * HOURS * 4 - 3) * PULSES * 9
    assert [frame.kind for frame in frames if isinstance(frame, MeterEvent)] == [MeterEventKind.PULSES_LOST]
    assert [output.is_open for output in (*first.outputs, *second.outputs)] == [False, False]
