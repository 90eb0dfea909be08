"""The agent's composition root: builds the parts and runs them under one task group.

Three tasks share one journal. *Polling* reads every meter at each interval edge, journals the cycle in one commit and
seals what is due; it never waits for the network. *Custody* offers sealed blocks to the hub and lets go on receipt.
*Commands* does what the hub ordered beside the interval edges, and watches over a configuration on trial.
"""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from edge.author import load_author
from edge.bus import open_bus
from edge.clock import read_instance
from edge.commands import Clerk, ClerkTerms, open_log
from edge.custody import Custodian, Desk, DeskTerms, Moment, SystemChance
from edge.cycle import Cycle
from edge.health import HealthWatch
from edge.journal import JournalDamagedError, JournalError, set_aside
from edge.judging import Judging, terms_of
from edge.keys import load_hub_key
from edge.metering.outcome import Failed
from edge.metering.schedule import STEP_MS, Due, edges_due
from edge.notify import ServiceManager
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.pulse import count_pulses
from edge.space import HOUR_MS, SpaceWatch, Thrift, is_polled
from protocol.custody.sender import RetryPolicy
from protocol.identity import format_device_id
from protocol.messages import ClockEvent, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge.clock import Clock
    from edge.commands import RepollOrder
    from edge.config import AgentConfig
    from protocol.messages import Instant

CLOCK_SOURCE_UNSTATED = 0
CLOCK_SOURCE_NTP = 2
"""Who steers the kernel's clock where it says that somebody does."""
DAY_MS = 86_400_000
DRAIN_SECONDS = 10.0
"""How long a graceful stop waits for the hub's receipt of what it sealed last; the journal keeps the rest."""
TASK_RESTART_SECONDS = 10.0
JOURNAL_RETRY_SECONDS = 30
"""How soon a cycle is tried again that the journal could not take, while it is still worth it."""
TRIAL_WATCH_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why an agent ended: it was told to stop, a command wants it anew, or its journal has to be salvaged."""

    STOPPED = "stopped"
    RESTART = "restart"
    SALVAGE = "salvage"


async def run_agents(
    config: AgentConfig, clock: Clock, stop: asyncio.Event, manager: ServiceManager | None = None
) -> None:
    """Run one agent after another until `stop` is set. The configuration file is not read again in between."""
    while (ending := await Agent(config, clock, stop, manager).run()) is not Ending.STOPPED:
        if ending is Ending.SALVAGE:
            # A medium that damages whatever is written must not be salvaged to without a pause.
            await asyncio.sleep(TASK_RESTART_SECONDS)
        _log.info("the agent starts anew")


class Agent:
    """One device's agent. `run` ends when `stop` is set: polling stops, what is open is sealed and offered.

    `config` is what the file says; the agent runs under what the hub made of it by command. `manager` is told of every
    committed cycle. Raises KeyFileError and JournalError.
    """

    def __init__(
        self, config: AgentConfig, clock: Clock, stop: asyncio.Event, manager: ServiceManager | None = None
    ) -> None:
        author = load_author(config.key_path, config.journal_path)
        hub_key = load_hub_key(config.hub_key)
        command_key = None
        if config.command_key is not None:
            command_key = load_hub_key(config.command_key, "meter-hub key --command")
        self._clock = clock
        self._stop = stop
        self._manager = manager or ServiceManager({})
        self._restart = asyncio.Event()
        self._work = asyncio.Event()
        self._last_seen: Instant | None = None
        log = open_log(config, author, clock, self._moment().steady_ms, os.urandom)
        self._author, self._journal, self._config = log.author, log.journal, log.config
        self._interval_ms = log.config.interval_seconds * 1000
        self._seal_ms = log.config.seal_seconds * 1000
        self._buses = {bus.name: open_bus(bus) for bus in log.config.buses}
        self._counters = count_pulses(
            log.config.pulses, log.config.state_dir, clock.now, self._journal.latest(), self._journal.descriptors()
        )
        pollers = [
            MeterPoller(meter, load_profile(meter.profile), self._buses[meter.bus], clock.now)
            for meter in log.config.meters
        ]
        self._cycle = Cycle([*pollers, *self._counters], clock.now, seconds_max=log.config.interval_seconds / 2)
        self._judging = Judging(
            {meter.index: terms_of(meter, load_profile(meter.profile)) for meter in log.config.meters},
            clock.boot_id,
            log.journal.memories(),
        )
        self._terms = DeskTerms(
            hub_key=hub_key,
            command_key=command_key,
            retry=RetryPolicy(base_ms=log.config.resend_seconds * 1000, max_ms=log.config.resend_seconds_max * 1000),
            retention_ms=log.config.retention_days * DAY_MS,
        )
        clerk_terms = ClerkTerms(
            base=config, config=log.config, command_key=command_key, kernel_boot_id=clock.kernel_boot_id
        )
        self._clerk = Clerk(self._journal, self._author, clerk_terms, self._work.set)
        self._custodian: Custodian | None = None
        self._desk: Desk | None = None
        runtime = os.environ.get("RUNTIME_DIRECTORY")
        self._health = HealthWatch(log.config.health_seconds * 1000, Path(runtime) if runtime else None)
        self._space = SpaceWatch(log.config.state_dir, log.config.disk_reserve_mib << 20)

    async def run(self) -> Ending:
        """Poll, seal, keep custody and do what is ordered, until `stop` is set or a command wants the agent anew."""
        _log.info(
            "device %s reads %d meters every %d s; its hub is reached through %s:%d",
            format_device_id(self._author.device),
            len(self._config.meters),
            self._config.interval_seconds,
            self._config.uplink.host,
            self._config.uplink.port,
        )
        self._manager.ready(f"reading {len(self._config.everything_read)} meters", self._interval_ms)
        is_damaged = False
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._keep_going("custody", self._run_custody), name="custody"),
                    tasks.create_task(self._keep_going("commands", self._run_commands), name="commands"),
                ]
                await self._poll_until_ended()
                if self._stop.is_set():
                    self._manager.stopping()
                self._seal_last()
                if self._stop.is_set():
                    await self._drain()
                for task in beside:
                    task.cancel()
        except* JournalDamagedError as damage:
            _log.error("%s", damage.exceptions[0])
            is_damaged = True
        finally:
            for bus in self._buses.values():
                await bus.close()
            for counter in self._counters:
                await counter.close()
            self._journal.close()
        if is_damaged:
            set_aside(self._config.journal_path, self._clock.now())
            return Ending.SALVAGE
        return Ending.STOPPED if self._stop.is_set() else Ending.RESTART

    async def _keep_going(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep a task going beside polling. A fault of ours there is logged in full but never stops polling."""
        while True:
            task = asyncio.ensure_future(run())
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                await asyncio.wait({task})
            error = task.exception()
            if isinstance(error, JournalDamagedError):
                raise error
            if isinstance(error, JournalError):
                _log.error("%s waits for the journal: %s", name, error)
            else:
                _log.critical("%s failed; polling goes on, and %s starts anew", name, name, exc_info=error)
            await asyncio.sleep(TASK_RESTART_SECONDS)

    # Custody.

    async def _run_custody(self) -> None:
        desk = Desk(
            self._journal,
            self._author,
            self._terms,
            SystemChance(),
            self._clock.kernel_boot_id,
            instance=read_instance(),
            commands=self._clerk,
            health=lambda: {"config_version": self._clerk.config_version, **self._health.numbers()},
        )
        self._clerk.custody = self._desk = desk
        self._custodian = Custodian(desk, self._config.uplink, self._author.device, self._clock)
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

    # Commands.

    async def _run_commands(self) -> None:
        """Do what commands want of the agent, and see to it that a trial ends in time, whatever custody does."""
        while True:
            self._work.clear()
            self._clerk.watch(self._moment())
            while (order := self._clerk.next_repoll()) is not None:
                await self._repoll(order)
            if self._clerk.restart_wanted:
                self._restart.set()
            try:
                async with asyncio.timeout(TRIAL_WATCH_SECONDS if self._clerk.on_trial else None):
                    await self._work.wait()
            except TimeoutError:
                continue

    async def _repoll(self, order: RepollOrder) -> None:
        """Read one meter beside the interval edges, behind a cycle that is under way."""
        outcome = await self._cycle.poll_meter(order.meter)
        self._watch_clock(outcome.before)
        cycle = self._judging.begin()
        (judged,) = cycle.judge([outcome])
        self._clerk.repolled(order, judged)
        self._judging.keep(cycle)
        if self._custodian is not None:
            self._custodian.wake()

    def _moment(self) -> Moment:
        return Moment(int(asyncio.get_running_loop().time() * 1000), self._clock.now())

    # Polling.

    async def _poll_until_ended(self) -> None:
        """Poll at every interval edge; a cycle that has begun is finished, so that no reading is thrown away."""
        while not (self._stop.is_set() or self._restart.is_set()):
            try:
                due = self._next_due()
                if due.edge_ms is None:
                    await self._wait(due.wake_at)
                else:
                    await self._poll_cycle(due.edge_ms)
            except JournalDamagedError:
                raise
            except JournalError as error:
                # What the journal did not take was not read: the same edge is tried again while it is still worth it.
                _log.error("polling waits for the journal: %s", error)
                await self._sleep_until(self._clock.now().wall_ms + JOURNAL_RETRY_SECONDS * 1000)

    def _next_due(self) -> Due:
        """Return which interval edge to poll now, if any, and when to look again; on a full disk edges are left out."""
        due = edges_due(self._last_edge(), self._clock.now().wall_ms, self._interval_ms)
        if due.edge_ms is None or is_polled(self._make_room(), due.edge_ms):
            return due
        self._journal.skip_from(due.edge_ms)
        self._manager.expect("the disk is full: polls are left out", HOUR_MS)
        return Due(None, due.wake_at)

    def _make_room(self) -> Thrift:
        """Let go of what is safe at the hub if room is scarce, and return how sparing to be."""
        thrift = self._space.look(self._journal.room())
        if thrift is Thrift.NORMAL:
            return thrift
        if self._desk is None:
            self._journal.release(self._clock.now(), 0)
        else:
            self._desk.make_room(self._moment())
        return self._space.look(self._journal.room())

    async def _wait(self, edge_at: int) -> None:
        """Wait for the next interval edge, at most until the meters' health has been looked at once on the way."""
        look_at = self._health.next_look(self._clock.now().wall_ms, edge_at)
        await self._sleep_until(edge_at if look_at is None else look_at)
        began = self._clock.now()
        is_over = self._stop.is_set() or self._restart.is_set()
        if is_over or look_at is None or began.wall_ms < look_at or not self._health.has_room(began.wall_ms, edge_at):
            return
        # A pulse counter has nobody to ask, and keeps its count durably whenever it is polled.
        outcomes = await self._cycle.poll_between([meter.index for meter in self._config.meters])
        # What happened to a meter is told once, to whoever asks it next, and belongs in the log.
        for event in (event for outcome in outcomes for event in outcome.events):
            self._journal.state(event)
        self._health.take(outcomes, self._clock.now().boottime_ms - began.boottime_ms)

    async def _sleep_until(self, wall_ms: int) -> None:
        """Return at `wall_ms`, or when the agent is to end."""
        sleep = asyncio.create_task(self._clock.sleep_until(wall_ms), name="sleep")
        ends = [asyncio.create_task(event.wait()) for event in (self._stop, self._restart)]
        try:
            await asyncio.wait({sleep, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if sleep.done():
                sleep.result()
        finally:
            for task in (sleep, *ends):
                task.cancel()

    def _last_edge(self) -> int | None:
        edges = self._journal.last_edges()
        return max((edges[meter.index] for meter in self._config.everything_read if meter.index in edges), default=None)

    async def _poll_cycle(self, edge_at: int) -> None:
        """Read all meters, one bus beside the other, and take what came of it into the journal in one commit.

        A meter whose reading is doubted is read once more, behind the others.
        """
        self._watch_clock(self._clock.now())
        outcomes = await self._cycle.poll_edge()
        cycle = self._judging.begin()
        judged = cycle.judge(outcomes)
        again = [await self._cycle.poll_meter(meter) for meter in cycle.doubted]
        outcomes = (*judged, *cycle.judge(again))
        self._journal.record(edge_at, outcomes, self._interval_ms, is_sparing=self._space.thrift.is_skipping)
        self._judging.keep(cycle)
        latest = {outcome.meter: outcome.result for outcome in outcomes}
        failures = [(meter, result) for meter, result in latest.items() if isinstance(result, Failed)]
        for meter, failure in failures:
            _log.warning("meter %d gave no reading: %s", meter, failure.note)
        spacing_ms = HOUR_MS if self._space.thrift.is_skipping else self._interval_ms
        read, at = len(latest) - len(failures), datetime.fromtimestamp(edge_at // 1000, UTC)
        self._manager.committed(f"{read} of {len(latest)} meters read at {at:%Y-%m-%d %H:%M} UTC", spacing_ms)
        if self._journal.has_open_before(edge_at - edge_at % self._seal_ms):
            self._seal()

    def _seal_last(self) -> None:
        """Seal what is open when polling has ended; what cannot be sealed now is sealed at the next start."""
        try:
            self._seal()
        except JournalDamagedError:
            raise
        except JournalError as error:
            _log.error("what is open stays so until the next start: %s", error)

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
            is_steered = now.quality is TimeQuality.SYNCHRONISED
            source = CLOCK_SOURCE_NTP if is_steered else CLOCK_SOURCE_UNSTATED
            self._journal.state(ClockEvent(now.boottime_ms, old_offset_ms, new_offset_ms, source, error_ms=0))
