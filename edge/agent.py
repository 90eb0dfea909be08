"""The agent's composition root: builds the parts and runs them under one task group.

Two tasks share one journal. *Polling* reads every meter at each interval edge, journals the cycle in one commit and
seals what is due; it never waits for the network. *Custody* offers sealed blocks to the hub and lets go on receipt.
"""

from __future__ import annotations

import asyncio
import logging
import os
from importlib.metadata import version
from typing import TYPE_CHECKING

from edge.bus import open_bus
from edge.clock import STEP_MS
from edge.custody import Custodian, CustodySettings
from edge.journal import Author, open_journal
from edge.keys import load_hub_key, load_signing_key
from edge.metering.outcome import Failed
from edge.metering.schedule import edges_due
from edge.poll import MeterPoller, poll_all
from edge.profiles import load_profile
from protocol.custody.sender import RetryPolicy
from protocol.identity import derive_device_id, format_device_id
from protocol.messages import ClockEvent, TimeQuality

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.config import AgentConfig
    from protocol.messages import Instant

CLOCK_SOURCE_UNSTATED = 0
DRAIN_SECONDS = 10.0
"""How long a graceful stop waits for the hub's receipt of what it sealed last; the journal keeps the rest."""
CUSTODY_RESTART_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Agent:
    """One device's agent. `run` ends when `stop` is set: polling stops, what is open is sealed and offered."""

    def __init__(self, config: AgentConfig, clock: Clock, stop: asyncio.Event) -> None:
        key = load_signing_key(config.key_path)
        hub_key = load_hub_key(config.hub_key)
        author = Author(derive_device_id(key.spki), key, version("meterline"))
        self._config = config
        self._clock = clock
        self._stop = stop
        self._interval_ms = config.interval_seconds * 1000
        self._seal_ms = config.seal_seconds * 1000
        self._last_seen: Instant | None = None
        self._journal = open_journal(config.journal_path, author, clock.boot_id, clock.now(), os.urandom)
        self._buses = {bus.name: open_bus(bus) for bus in config.buses}
        self._pollers = [
            MeterPoller(meter, load_profile(meter.profile), self._buses[meter.bus], clock.now)
            for meter in config.meters
        ]
        self._author = author
        self._custody_settings = CustodySettings(
            broker=config.broker,
            hub_key=hub_key,
            retry=RetryPolicy(base_ms=config.resend_seconds * 1000, max_ms=config.resend_seconds_max * 1000),
            retention_days=config.retention_days,
        )
        self._custodian: Custodian | None = None

    async def run(self) -> None:
        """Poll, seal and keep custody until `stop` is set."""
        _log.info(
            "device %s reads %d meters every %d s; its hub is reached through %s:%d",
            format_device_id(self._author.device),
            len(self._pollers),
            self._config.interval_seconds,
            self._config.broker.host,
            self._config.broker.port,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                custody = tasks.create_task(self._keep_custody(), name="custody")
                await self._poll_until_stopped()
                self._seal()
                await self._drain()
                custody.cancel()
        finally:
            for bus in self._buses.values():
                await bus.close()
            self._journal.close()

    async def _keep_custody(self) -> None:
        """Keep custody going. A fault of ours there is logged in full but never stops polling: it starts anew."""
        while True:
            task = asyncio.create_task(self._run_custody(), name="custodian")
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                await asyncio.wait({task})
            _log.critical("custody failed; polling goes on, and custody starts anew", exc_info=task.exception())
            await asyncio.sleep(CUSTODY_RESTART_SECONDS)

    async def _run_custody(self) -> None:
        self._custodian = Custodian(self._custody_settings, self._journal, self._author, self._clock)
        await self._custodian.run()

    async def _drain(self) -> None:
        """Give the hub a moment to acknowledge what was sealed last, if it can be reached at all."""
        if self._custodian is None or not self._custodian.online:
            return
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._custodian.settled.wait()
        except TimeoutError:
            _log.info("stopping while the hub has not acknowledged everything; the journal keeps it for the next start")

    async def _poll_until_stopped(self) -> None:
        """Poll at every interval edge; a cycle that has begun is finished, so that no reading is thrown away."""
        while not self._stop.is_set():
            due = edges_due(self._last_edge(), self._clock.now().wall_ms, self._interval_ms)
            if due.edge_ms is None:
                await self._sleep_until(due.wake_at)
            else:
                await self._poll_cycle(due.edge_ms)

    async def _sleep_until(self, wall_ms: int) -> None:
        """Return at `wall_ms`, or when the agent is told to stop."""
        sleep = asyncio.create_task(self._clock.sleep_until(wall_ms), name="sleep")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({sleep, stop}, return_when=asyncio.FIRST_COMPLETED)
            if sleep.done():
                sleep.result()
        finally:
            sleep.cancel()
            stop.cancel()

    def _last_edge(self) -> int | None:
        edges = self._journal.last_edges()
        return max((edges[meter.index] for meter in self._config.meters if meter.index in edges), default=None)

    async def _poll_cycle(self, edge_at: int) -> None:
        """Read all meters, one bus beside the other, and take what came of it into the journal in one commit."""
        self._watch_clock(self._clock.now())
        outcomes = await poll_all(self._pollers)
        self._journal.record(edge_at, outcomes, self._interval_ms)
        for outcome in outcomes:
            if isinstance(outcome.result, Failed):
                _log.warning("meter %d gave no reading: %s", outcome.meter, outcome.result.note)
        if self._journal.has_open_before(edge_at - edge_at % self._seal_ms):
            self._seal()

    def _seal(self) -> None:
        while (seq := self._journal.seal(self._clock.now())) is not None:
            if self._custodian is not None:
                self._custodian.sealed(seq)

    def _watch_clock(self, now: Instant) -> None:
        """State before the readings that follow that the wall clock was stepped, or became or ceased to be verified."""
        last, self._last_seen = self._last_seen, now
        if last is None:
            return
        old_offset_ms = last.wall_ms - last.boottime_ms
        new_offset_ms = now.wall_ms - now.boottime_ms
        is_verified, was_verified = (instant.quality is not TimeQuality.UNKNOWN for instant in (now, last))
        if abs(new_offset_ms - old_offset_ms) >= STEP_MS or is_verified != was_verified:
            self._journal.state(
                ClockEvent(now.boottime_ms, old_offset_ms, new_offset_ms, CLOCK_SOURCE_UNSTATED, error_ms=0)
            )
