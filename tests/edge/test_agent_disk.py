"""The agent and its disk: a full one costs readings in a stated order, a damaged journal costs none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge.agent import Ending, run_agents
from edge.journal import JournalDamagedError, JournalFullError, JournalUnavailableError, read_journal_summary
from protocol import wire
from protocol.messages import Gap, GapCause, Readings
from simulators.measured import STEP_MS
from tests.edge.test_agent import START_MS, STEPS, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from edge.agent import Agent
    from protocol.messages import Frame

MIB = 1 << 20
HOUR_STEPS = 3_600_000 // STEP_MS


def frames_of(agent: Agent) -> list[Frame]:
    """Return what the current epoch says, block by block."""
    raws = [agent._journal.block(seq) for seq in range(200)]
    return [frame for raw in raws if raw is not None for frame in wire.read_block(raw)[0].frames]


def polled_steps(frames: list[Frame], meter: int) -> set[int]:
    """Return the steps at which a meter was read."""
    readings = [frame for frame in frames if isinstance(frame, Readings) and frame.meter == meter]
    return {(at - START_MS) // STEP_MS for frame in readings for at in frame.read_at}


async def finished(clock_finished: asyncio.Event) -> None:
    """Wait until the simulated time is over."""
    async with asyncio.timeout(60):
        await clock_finished.wait()


async def test_a_disk_that_fills_costs_the_readings_between_hours_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Coarse, then no polling, then all again by itself; every edge that was left out is in a gap that says why."""
    async with running(tmp_path, 1) as (agent, clock, _):
        clock.pause()

        def free(_folder: Path) -> int:
            step = (agent._clock.now().wall_ms - START_MS) // STEP_MS
            return (24 if 8 <= step < 18 else 1 if 18 <= step < 26 else 900) * MIB

        agent._space._free = free
        clock.resume()
        await finished(clock.finished)
        agent._seal()
        frames = frames_of(agent)
    first = -(-START_MS // 3_600_000) * 3_600_000
    hourly = {step for step in range(8, 18) if (START_MS + step * STEP_MS - first) % 3_600_000 == 0}
    polled = set(range(8)) | hourly | set(range(26, STEPS + 1))
    gaps = [frame for frame in frames if isinstance(frame, Gap)]
    for meter in (gap.meter for gap in gaps):
        assert polled_steps(frames, meter) == polled
        left_out = {
            step
            for gap in gaps
            if gap.meter == meter
            for step in range((gap.from_at - START_MS) // STEP_MS, (gap.to_at - START_MS) // STEP_MS)
        }
        assert left_out == set(range(STEPS + 1)) - polled
    assert {gap.cause for gap in gaps} == {GapCause.DISK_FULL}
    for sentence in ("only the edge of each hour", "polling stops", "there is room again"):
        assert caplog.text.count(sentence) == 1


async def test_a_cycle_that_finds_no_room_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the journal cannot take a cycle, nothing else stops, and the same edge is polled once there is room."""
    async with running(tmp_path, 1) as (agent, clock, _):
        clock.pause()
        take, refusals = agent._journal.record, [JournalFullError("no room"), JournalUnavailableError("a bad sector")]

        def refuse(edge_at: int, *rest: object, **named: object) -> None:
            if edge_at >= START_MS + 5 * STEP_MS and refusals:
                raise refusals.pop()
            take(edge_at, *rest, **named)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(agent._journal, "record", refuse)
        clock.resume()
        await finished(clock.finished)
    assert "no room" in caplog.text
    assert "a bad sector" in caplog.text
    assert [meter.polls for meter in read_journal_summary(tmp_path / "edge" / "journal.db").meters] == [STEPS + 1] * 4


async def test_damage_found_while_running_is_salvaged_and_polling_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent sets the journal aside, ends for a new one, and that one goes on without losing a reading."""
    monkeypatch.setattr("edge.agent.TASK_RESTART_SECONDS", 0.05)
    async with running(tmp_path, 1) as (agent, clock, task):
        clock.pause()
        config, simulated = agent._config, agent._clock
        take: Callable[..., None] = agent._journal.record

        def stumble(edge_at: int, *rest: object, **named: object) -> None:
            if edge_at >= START_MS + 12 * STEP_MS:
                message = "database disk image is malformed"
                raise JournalDamagedError(message)
            take(edge_at, *rest, **named)

        monkeypatch.setattr(agent._journal, "record", stumble)
        clock.resume()
        async with asyncio.timeout(60):
            assert await task is Ending.SALVAGE
        [aside] = (tmp_path / "edge").glob("journal-corrupt-*.db")
        assert aside.stat().st_size > 0
        stop = asyncio.Event()
        again = asyncio.create_task(run_agents(config, simulated, stop))
        await finished(clock.finished)
        stop.set()
        await again
    summary = read_journal_summary(tmp_path / "edge" / "journal.db")
    assert len(summary.salvages) == 1
    assert aside.name in summary.salvages[0]
    assert [meter.polls for meter in summary.meters] == [STEPS + 1] * 4
