"""The agent as a whole: what stands still when something breaks, and what must not."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import edge.agent
import edge.custody.custodian
from edge.agent import Agent, Ending
from edge.config import load_config
from edge.health import HEALTH_NAME, LOOKS_KEPT
from edge.journal import read_journal_summary
from edge.keys import ensure_signing_key, public_pem
from edge.metering.outcome import PollOutcome, Taken
from edge.poll import MeterPoller
from edge.uplink import UplinkError
from protocol import wire
from protocol.messages import ClockEvent, Instant, MeterEvent, Readings, TimeQuality
from protocol.records import STATUS_GOOD, STATUS_SUSPECT
from simulators.broker import start_broker
from simulators.clock import ClockServer, SimulatedClock
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.site import SYSTEMS, SimulatedSite
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

START_MS = 1_467_356_400_000
STEPS = 40


@asynccontextmanager
async def running(
    folder: Path, broker_port: int, *, health_seconds: int = 0
) -> AsyncIterator[tuple[Agent, ClockServer, asyncio.Task[Ending]]]:
    """Run an agent under a simulated clock over a simulated site; yields before the first cycle."""
    series = MeasuredSeries(
        starts_at=tuple(START_MS + n * STEP_MS for n in range(STEPS)), power=(1000,) * STEPS, decimals=0
    )
    (folder / "edge").mkdir()
    key = ensure_signing_key(folder / "edge" / "signing-key.pem")
    (folder / "hub-key.pem").write_bytes(public_pem(key))
    clock = ClockServer(START_MS, START_MS + STEPS * STEP_MS)
    await clock.start()
    async with SimulatedSite(SYSTEMS, lambda _system: MeasuredSun(series, Decimal(1)), clock, folder) as site:
        site.write_config(
            folder / "edge.toml", uplink=f"mqtt://127.0.0.1:{broker_port}", seal_seconds=3600, resend_seconds=1
        )
        path = folder / "edge.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("health_seconds = 0", f"health_seconds = {health_seconds}"), encoding="utf-8")
        stop = asyncio.Event()
        agent = Agent(load_config(folder / "edge.toml"), await SimulatedClock.connect("127.0.0.1", clock.port), stop)
        task = asyncio.create_task(agent.run())
        try:
            yield agent, clock, task
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await task
    await clock.stop()


async def test_a_fault_in_custody_does_not_stop_polling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When our own code fails while offering blocks, every cycle is still polled, and the fault is told."""
    monkeypatch.setattr(edge.agent, "TASK_RESTART_SECONDS", 0.05)
    with start_broker("auto", 0, tmp_path) as broker:
        async with running(tmp_path, broker.port) as (agent, clock, _):

            def break_down(seq: int) -> bytes:
                message = f"no block {seq} today"
                raise RuntimeError(message)

            monkeypatch.setattr(agent._journal, "block", break_down)
            clock.pause()
            async with asyncio.timeout(20):
                while True:
                    if caplog.text.count("custody failed") >= 2:
                        break
                    await asyncio.sleep(0.02)
                clock.resume()
                await clock.finished.wait()
        assert "no block 0 today" in caplog.text
    assert [meter.polls for meter in read_journal_summary(tmp_path / "edge" / "journal.db").meters] == [STEPS + 1] * 4


async def test_tls_files_that_went_bad_stop_no_polling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Files that cannot be used are told in one sentence, without our own code's traces, and every edge is polled."""

    def refuse(*_: object) -> None:
        message = "TLS cannot be used with tls_ca = ca.pem"
        raise UplinkError(message)

    monkeypatch.setattr(edge.custody.custodian, "open_uplink", refuse)
    async with running(tmp_path, 1) as (_, clock, _task):
        async with asyncio.timeout(20):
            await clock.finished.wait()
    told = [record for record in caplog.records if "ca.pem" in record.getMessage()]
    assert told
    assert all(record.exc_info is None for record in told)
    assert [meter.polls for meter in read_journal_summary(tmp_path / "edge" / "journal.db").meters] == [STEPS + 1] * 4


async def test_a_stepped_clock_is_stated_before_the_readings_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wall clock that moves against boottime leaves a clock event in the chain; an undisturbed one leaves none."""
    async with running(tmp_path, 1) as (agent, clock, _):
        clock.pause()
        true_now = agent._clock.now
        stepped_from = START_MS + 10 * STEP_MS

        def now() -> Instant:
            instant = true_now()
            if instant.wall_ms < stepped_from:
                return instant
            return Instant(instant.wall_ms, instant.boottime_ms - 5000, TimeQuality.SYNCHRONISED)

        monkeypatch.setattr(agent._clock, "now", now)
        clock.resume()
        async with asyncio.timeout(20):
            await clock.finished.wait()
        raws = [agent._journal.block(seq) for seq in range(12)]
    frames = [frame for raw in raws if raw is not None for frame in wire.read_block(raw)[0].frames]
    events = [frame for frame in frames if isinstance(frame, ClockEvent)]
    assert [event.new_offset_ms - event.old_offset_ms for event in events] == [5000]
    first_after = frames[frames.index(events[0]) + 1]
    assert isinstance(first_after, Readings)
    assert first_after.read_at[-1] >= stepped_from


async def test_health_is_looked_at_every_minute_and_journaled_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between edges every meter is asked once a minute; the journal has a poll for each edge and no more."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    async with running(tmp_path, 1, health_seconds=60) as (agent, clock, _):
        async with asyncio.timeout(60):
            await clock.finished.wait()
        health = dict(agent._health.meters)
        numbers = agent._health.numbers()
    assert [meter.polls for meter in read_journal_summary(tmp_path / "edge" / "journal.db").meters] == [STEPS + 1] * 4
    assert sorted(health) == [1, 2, 3, 4]
    assert all(len(meter.looks) == LOOKS_KEPT for meter in health.values())
    assert numbers == {"meters_silent": 0, "polls_failed": 0}
    shown = json.loads((tmp_path / HEALTH_NAME).read_text(encoding="utf-8"))
    assert sorted(shown["meters"]) == ["1", "2", "3", "4"]
    assert {name: bus["quality_permille"] for name, bus in shown["buses"].items()} == dict.fromkeys(
        shown["buses"], 1000
    )
    assert sum(bus["requests"] for bus in shown["buses"].values()) > 4 * LOOKS_KEPT


async def test_a_doubted_register_is_read_once_more_in_its_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A register that shows zero once is journaled as it was, marked and stated, and followed by the better look."""
    polls = 0
    true_poll = MeterPoller.poll

    async def poll(poller: MeterPoller) -> PollOutcome:
        nonlocal polls
        outcome = await true_poll(poller)
        polls += poller.settings.index == 1
        if poller.settings.index != 1 or polls != 10 or not isinstance(outcome.result, Taken):
            return outcome
        return replace(outcome, result=replace(outcome.result, counts={0: 0}))

    monkeypatch.setattr(MeterPoller, "poll", poll)
    async with running(tmp_path, 1) as (agent, clock, _):
        async with asyncio.timeout(20):
            await clock.finished.wait()
        raws = [agent._journal.block(seq) for seq in range(12)]
    frames = [frame for raw in raws if raw is not None for frame in wire.read_block(raw)[0].frames]
    mine = [frame for frame in frames if isinstance(frame, Readings) and frame.meter == 1]
    statuses = [status for frame in mine for status in frame.status]
    assert statuses[8:12] == [STATUS_GOOD, STATUS_SUSPECT, STATUS_GOOD, STATUS_GOOD]
    assert set(statuses[:8] + statuses[12:]) == {STATUS_GOOD}
    before, wrong, again = [count for frame in mine for count in frame.registers[0]][8:11]
    assert wrong == 0 < before <= again
    (event,) = [frame for frame in frames if isinstance(frame, MeterEvent)]
    assert (event.meter, event.kind, event.register) == (1, "suspect", 0)
